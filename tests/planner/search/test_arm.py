"""Passes on Arm cores from what ncnn's tables answer."""

from __future__ import annotations

from math import log

import pytest

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.planner.search.arm import arm_estimates
from advisor.records.base import Evidence, Precision
from advisor.records.device import DeviceSpec

CORES = DeviceSpec(
    id="board-cpu", machine="board", chip="board", name="cores", kind="cpu", family="arm-cpu", cores=4.0,
    core_design="cortex-a76", clock_hz=2.4e9,
)  # fmt: skip


def known(precision: Precision, threads: int) -> DeviceAnswer | None:
    if precision != "f16":
        return None
    time_s = {1: 0.045, 4: 0.024}[threads]
    return DeviceAnswer(-log(time_s), (-0.06, 0.06), log(time_s), (-0.06, 0.06), Evidence.PUBLISHED, "a table")


def test_one_pass_at_a_time_on_one_or_four_cores() -> None:
    one, four = arm_estimates("board", "m", 1e6, CORES, ("f16", "int8"), known)
    assert [(item.config.runtime, item.config.streams, item.config.threads) for item in (one, four)] == [
        ("ncnn", 1, 1), ("ncnn", 1, 4),
    ]  # fmt: skip
    assert (one.core_s.p50, four.core_s.p50) == (pytest.approx(0.045), pytest.approx(4 * 0.024))
    assert four.latency_s.p10 < 0.024 < four.latency_s.p90
    assert four.evidence is Evidence.PUBLISHED


def test_no_more_cores_than_the_board_has() -> None:
    (only,) = arm_estimates("board", "m", 1e6, CORES.model_copy(update={"cores": 2.0}), ("f16",), known)
    assert only.config.threads == 1
