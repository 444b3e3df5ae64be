from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.setup import set_up
from advisor.planner.search.simulate import (
    build_spec,
    evaluate,
    failed_check,
    far_over,
    near_a_limit,
    with_mean_utilisation,
)
from advisor.records.base import Interval
from advisor.records.machine import MachineSpec
from tests.planner.fakes import FakeCost, FakePredictor, scenario

from .parts import WORK_S, choice, outcome, platform_model

SHOP = scenario()  # 15 FPS, p95 300 ms, drops 1 %, headroom 30 %


@pytest.mark.parametrize(
    ("changes", "check", "closeness"),
    [
        ({}, None, None),
        ({"failed": ("camera_fps", "drops", "latency_p95"), "camera_fps": 12.0}, "camera_fps", 0.8),
        ({"failed": ("drops", "latency_p95"), "drops_pct": 4.0}, "drops", 0.96),
        ({"failed": ("latency_p95",), "p95_ms": 400.0}, "latency_p95", 0.75),
        ({"failed": ("latency_p95",), "p95_ms": None}, "latency_p95", 0.0),
        ({"failed": ("queue_growth",)}, "queue_growth", 0.0),
        ({"cpu": 0.7}, None, None),
        ({"cpu": 0.875}, "cpu", 0.8),
        ({"bandwidth": 0.875}, "memory_bandwidth", 0.8),
        ({"bandwidth": None}, None, None),
        ({"failed": ("latency_p95",), "p95_ms": 400.0, "cpu": 0.9}, "latency_p95", 0.75),
    ],
)
def test_the_slo_is_named_before_the_headroom(
    changes: dict[str, object], check: str | None, closeness: float | None
) -> None:
    failed = failed_check(SHOP, outcome(**changes))
    assert (None if failed is None else failed.check) == check
    assert (None if failed is None else failed.closeness) == (None if closeness is None else pytest.approx(closeness))


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({}, False),
        ({"p95_ms": 239.0}, False),
        ({"p95_ms": 241.0}, True),
        ({"drops_pct": 0.49}, False),
        ({"drops_pct": 0.51}, True),
        ({"cpu": 0.67}, False),
        ({"cpu": 0.69}, True),
        ({"bandwidth": 0.69}, True),
        # Half of the drops that are allowed, and one frame in 60 s that the window may cut.
        ({"camera_fps": 15.0 * 0.995 - 1.0 / 60.0 + 0.001}, False),
        ({"camera_fps": 15.0 * 0.995 - 1.0 / 60.0 - 0.001}, True),
    ],
)
def test_what_another_draw_might_turn_is_near_a_limit(changes: dict[str, object], near: bool) -> None:
    assert near_a_limit(SHOP, outcome(**changes), 0.7) is near


def test_where_no_headroom_is_asked_for_the_whole_resource_is_the_limit() -> None:
    for busy, near in ((0.69, False), (0.96, False), (0.98, True)):
        assert near_a_limit(SHOP, outcome(cpu=busy), 1.0) is near
        assert near_a_limit(SHOP, outcome(bandwidth=busy), 1.0) is near


def test_far_over_is_beyond_what_a_draw_changes() -> None:
    assert not far_over(SHOP, outcome(cpu=0.72))
    assert far_over(SHOP, outcome(cpu=0.73))
    assert far_over(SHOP, outcome(bandwidth=0.73))


def test_utilisation_is_averaged_over_draws() -> None:
    first, second = outcome(cpu=0.6, bandwidth=0.2, p95_ms=50.0), outcome(cpu=0.8, bandwidth=0.4, p95_ms=70.0)
    mean = with_mean_utilisation([first, second])
    assert (mean.cpu, mean.bandwidth, mean.p95_ms) == (pytest.approx(0.7), pytest.approx(0.3), 50.0)
    assert with_mean_utilisation([first, outcome(bandwidth=None)]).bandwidth is None


def test_parents_come_first_and_stages_take_their_times_from_the_options() -> None:
    stages = [
        {"id": "reid", "model": "like:reid", "on": "person", "batch": {"max": 4}},
        {"id": "person", "model": "like:person", "every": "3 frames"},
    ]
    shop = scenario(stages=stages)
    model, load = platform_model(shop, cores=8), LoadCase.of(shop).nominal(1)
    setup = set_up(model, shop, choice(model, shop, reid=4), load, workers=3)
    spec = build_spec(model, shop, setup, load, PESSIMISTIC)
    person, reid = spec.stages
    assert (person.id, person.parent, reid.id, reid.parent) == ("person", None, "reid", 0)
    assert person.service_s == pytest.approx((0.0, 1.2 * 0.02))
    # A batch that was compiled for four takes its time whatever is in it.
    assert reid.service_s == pytest.approx((0.0, *[1.2 * 0.016] * 4))
    assert person.interval_frames == (3.0,) * 8
    assert (spec.decode_workers, spec.cores, len(spec.cameras)) == (3, 8.0, 8)
    assert spec.cameras[0].decode_core_s == pytest.approx(1.2 * 0.008)


def test_the_application_works_on_every_frame_and_on_the_objects_of_a_stage() -> None:
    shop = scenario(application={"overhead_ms_per_frame": 4.0, "overhead_ms_per_object": 2.0})
    model, load = platform_model(shop, cores=8), LoadCase.of(shop).nominal(1)
    spec = build_spec(model, shop, set_up(model, shop, choice(model, shop), load), load, PESSIMISTIC)
    assert [camera.application_core_s for camera in spec.cameras] == pytest.approx([1.2 * 0.004] * 8)
    person, reid = spec.stages
    assert reid.preprocess_core_s - person.preprocess_core_s == pytest.approx(1.2 * 0.002)
    nothing = scenario(application="none")
    plain = build_spec(model, nothing, set_up(model, nothing, choice(model, nothing), load), load, PESSIMISTIC)
    assert {camera.application_core_s for camera in plain.cameras} == {0.0}
    assert plain.stages[1].preprocess_core_s == pytest.approx(plain.stages[0].preprocess_core_s)


def test_a_simulated_run_is_held_against_the_slo() -> None:
    model, load = platform_model(SHOP, cores=8), LoadCase.of(SHOP).nominal(1)
    setup = set_up(model, SHOP, choice(model, SHOP), load)
    good = evaluate(model, SHOP, setup, load, MEDIAN, 1, 20.0)
    assert good.meets_slo
    assert good.camera_fps == pytest.approx(15.0, rel=0.01)
    overloaded = LoadCase.of(SHOP).with_total(100, 1)
    bad = evaluate(model, SHOP, setup, overloaded, MEDIAN, 1, 10.0)
    assert "camera_fps" in bad.failed
    assert bad.cpu > 0.95


def test_the_bandwidth_is_what_cores_attain_and_decoding_takes_its_part() -> None:
    model = platform_model(SHOP)
    load = LoadCase.of(SHOP).required(1)
    setup = set_up(model, SHOP, choice(model, SHOP), load)
    specs = {z: build_spec(model, SHOP, setup, load, z) for z in (-PESSIMISTIC, MEDIAN, PESSIMISTIC)}
    attained = [spec.memory_bandwidth_bytes_per_s for spec in specs.values()]
    assert attained == [pytest.approx(40e9 * factor) for factor in (1.2, 1.0, 1 / 1.2)]
    (group, *_) = SHOP.cameras
    assert specs[MEDIAN].cameras[0].decode_bytes == pytest.approx(3 * 1.5 * math.prod(group.size))
    runs = [evaluate(model, SHOP, setup, load, z, 1, 30.0) for z in specs]
    spread = runs[2].bandwidth / runs[0].bandwidth
    assert spread == pytest.approx(1.44, rel=0.03)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_of_a_pause_measured_on_the_model_decoding_costs_its_share_at_any_gap(share: float) -> None:
    pause = {"cold_s": Interval.exact(0.004)}
    raw = scenario(cameras=[{"group": "aisle", "count": 2, "resolution": "640x480", "codec": "raw", "fps": 15.0}])
    for shop, measured, always_s, after_a_gap_s in (
        (SHOP, True, share * 0.004, (1 - share) * 0.004),
        (SHOP, False, 0.0, 0.0),
        (raw, True, 0.0, 0.004),
    ):
        model = platform_model(shop)
        model.cold = replace(model.cold, decoded_share=share)
        chosen = choice(model, shop)
        if measured:
            chosen = {
                name: replace(option, estimate=option.estimate.model_copy(update=pause))
                for name, option in chosen.items()
            }
        load = LoadCase.of(shop).nominal(1)
        spec = build_spec(model, shop, set_up(model, shop, chosen, load), load, MEDIAN)
        for stage in spec.stages:
            option = chosen[stage.id]
            assert stage.cold_s == pytest.approx(after_a_gap_s)
            assert stage.service_s[1] == pytest.approx(option.alone_s(MEDIAN) + always_s)
            assert stage.core_s is not None
            assert stage.core_s[1] / stage.service_s[1] == pytest.approx(
                option.least_core_s(MEDIAN) / option.alone_s(MEDIAN)
            )


def test_what_takes_longer_of_cold_caches_and_of_other_passes_counts_and_not_both() -> None:
    model, load = platform_model(SHOP), LoadCase.of(SHOP).nominal(1)
    for cold_s, full_s in ((0.004, 0.030), (0.012, 0.030)):
        update = {"cold_s": Interval.exact(cold_s), "alone_s": Interval.exact(0.020), "full_s": Interval.exact(full_s)}
        chosen = {
            name: replace(option, estimate=option.estimate.model_copy(update=update))
            for name, option in choice(model, SHOP).items()
        }
        spec = build_spec(model, SHOP, set_up(model, SHOP, chosen, load), load, MEDIAN)
        for stage in spec.stages:
            assert stage.service_s[1] * (1.0 + stage.crowding) == pytest.approx(max(full_s, 0.020 + cold_s))


@pytest.mark.parametrize(("measured", "simulated"), [(None, 4.5), (3.1, 3.1)])
def test_key_frames_take_as_long_as_was_measured(measured: float | None, simulated: float) -> None:
    class Keyed(FakePredictor):
        def decode(self, *of: Any) -> FakeCost:
            return replace(super().decode(*of), key_factor=measured)

    load, model = LoadCase.of(SHOP).nominal(1), platform_model(SHOP, predictor=Keyed(WORK_S))
    setup = set_up(model, SHOP, choice(model, SHOP), load)
    for known in (model, model.at(SHOP, 0.5, 0.5, 0.5, 0.5)):
        assert {camera.key_factor for camera in build_spec(known, SHOP, setup, load, MEDIAN).cameras} == {simulated}


def test_decoders_that_slow_each_other_down_are_slowed_by_whatever_runs() -> None:
    class Crowded(FakePredictor):
        def decode(self, *of: Any) -> FakeCost:
            return replace(super().decode(*of), contention=0.2)

    load = LoadCase.of(SHOP).nominal(1)
    specs = []
    for predictor in (FakePredictor(WORK_S), Crowded(WORK_S)):
        model = platform_model(SHOP, predictor=predictor)
        specs.append(build_spec(model, SHOP, set_up(model, SHOP, choice(model, SHOP), load), load, MEDIAN))
    plain, crowded = specs
    assert (plain.crowded_by, crowded.crowded_by) == ("passes", "all")
    assert crowded.cameras[0].decode_core_s == plain.cameras[0].decode_core_s
    assert crowded.cameras[0].decode_crowding == pytest.approx(0.2, rel=0.01)
    assert plain.cameras[0].decode_crowding == 0.0


def test_work_is_stacked_on_busy_cores_as_often_as_was_measured() -> None:
    class Stacking(FakePredictor):
        def stacking(self, machine: MachineSpec) -> float:
            return 0.3

    load = LoadCase.of(SHOP).nominal(1)
    specs = []
    for predictor in (FakePredictor(WORK_S), Stacking(WORK_S)):
        model = platform_model(SHOP, predictor=predictor)
        specs.append(build_spec(model, SHOP, set_up(model, SHOP, choice(model, SHOP), load), load, MEDIAN))
    assert [spec.stacking for spec in specs] == [0.0, 0.3]
    assert replace(specs[1], stacking=0.0) == specs[0]
