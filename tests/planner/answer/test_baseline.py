from __future__ import annotations

import pytest

from advisor.planner.answer.baseline import whole_cores
from advisor.planner.plan import plan
from tests.planner.fakes import candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_the_gain_over_openvinos_default_is_a_ratio_of_capacities() -> None:
    best = plan(inputs(BOXES, shop=scenario(accuracy={"precisions": ["f32", "int8"]}))).recommended
    assert best is not None
    throughput = next(item for item in best.gain_over_default if item.hint == "throughput")
    capacity = best.predicted.capacity_cameras
    assert capacity is not None
    assert throughput.capacity_cameras
    assert throughput.ratio == pytest.approx(capacity.p50 / throughput.capacity_cameras)
    assert throughput.ratio is not None
    assert throughput.ratio > 1.2  # int8 takes 0.4 of the time in the fake


def test_a_partition_gives_the_busiest_part_most_cores() -> None:
    assert whole_cores({"a": 2.0, "b": 1.0, "decode": 0.5}, 7) == {"a": 4.0, "b": 2.0, "decode": 1.0}
    assert whole_cores({"a": 1.0, "b": 1.0}, 1) is None


def test_the_partition_and_auto_are_named_baselines() -> None:
    best = plan(inputs(BOXES)).recommended
    assert best is not None
    gains = {item.hint: item for item in best.gain_over_default}
    assert set(gains) == {"throughput", "latency", "auto", "partition"}
    assert gains["auto"].capacity_cameras == gains["latency"].capacity_cameras
    assert gains["partition"].ratio is None or gains["partition"].ratio >= 1.0
