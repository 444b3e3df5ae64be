"""Each closed form at its edge: just enough is admitted, a little less is refused with figure and limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.bounds import admitted, bound, lasting, out_of_cores, slow_decode
from advisor.planner.search.checks import FailedCheck
from advisor.planner.search.combinations import Combinations
from advisor.planner.search.costs import load_facts
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.space import stage_batches
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario

from .parts import WORK_S


def judged(
    shop: Scenario, cores: int = 16, count: int = 1, **machine: object
) -> tuple[FailedCheck | None, Combinations, PlatformModel]:
    box = candidate("box", cores, 300.0)
    box = Candidate(box.platform, box.machine.model_copy(update=machine))
    model = PlatformModel(inputs([box], FakePredictor(WORK_S), shop), box)
    load = LoadCase.of(shop).required(count)
    facts = load_facts(shop, load, stage_batches)
    table = Combinations(model, shop, facts, PESSIMISTIC)
    left = lasting(model, shop, table)
    found = admitted(model, shop, table, left, PESSIMISTIC)
    failed = slow_decode(model, shop, load, PESSIMISTIC)
    if failed is not None or len(found.certain):
        return failed, table, model
    shortest_s = table.least_path_s(PESSIMISTIC), table.least_path_s(MEDIAN)
    least_cores = float(table.median_cores().min())
    failed = out_of_cores(model, shop, load, least_cores, shortest_s, count=count, decode_z=PESSIMISTIC)
    failed = failed or bound(model, shop, table, PESSIMISTIC, count=count, holds_at_median=found.any_at_median)
    return failed, table, model


SLOWER = 1.2
"""P90 over P50 of every part of the fakes."""


def slo(latency_p95_ms: float) -> dict[str, object]:
    return {"camera_fps": 15.0, "latency_p95_ms": latency_p95_ms, "window_s": 20.0}


def test_enough_of_everything_is_admitted() -> None:
    failed, table, model = judged(scenario())
    assert failed is None
    assert len(lasting(model, scenario(), table))


def test_the_cores_must_leave_the_headroom_at_the_median_and_suffice_at_the_confidence() -> None:
    _, table, _ = judged(scenario())
    demand = float(table.demand(PESSIMISTIC).min())
    median = demand / SLOWER
    # Half of them free at the median is the harder demand; a tenth free is less than the 1.2 of the confidence.
    for headroom_pct, cores, expected in (
        (50.0, median * 2.01, None), (50.0, median * 1.99, ("cpu", True)),
        (10.0, demand * 1.01, None), (10.0, demand * 0.99, ("cpu", False)), (10.0, median * 1.1, ("cpu", True)),
    ):  # fmt: skip
        failed, _, _ = judged(scenario(margin={"headroom_pct": headroom_pct}), quota_cores=cores)
        assert (None if failed is None else (failed.check, failed.at_median)) == expected
    for headroom_pct, cores, closeness in ((50.0, median, 0.5), (0.0, demand / 1.1, 1.0 / 1.1)):
        failed, _, _ = judged(scenario(margin={"headroom_pct": headroom_pct}), quota_cores=cores)
        assert failed is not None
        assert failed.closeness == pytest.approx(closeness)
        assert "per box" not in failed.reason


def test_of_several_boxes_each_is_looked_at() -> None:
    failed, _, _ = judged(scenario(margin={"headroom_pct": 0.0}), quota_cores=0.1, count=2)
    assert failed is not None
    assert "per box" in failed.reason


def test_one_frame_must_keep_the_budget_alone() -> None:
    _, table, _ = judged(scenario())
    shortest_ms = float(table.least_path_s(PESSIMISTIC)) * 1000.0
    assert judged(scenario(slo=slo(shortest_ms * 1.001)))[0] is None
    failed, _, _ = judged(scenario(slo=slo(shortest_ms * 0.8)))
    assert failed is not None
    assert failed.check == "latency_p95"
    assert failed.closeness == pytest.approx(0.8)
    # A factor of 1.2 lies between the confidence asked for and the median.
    assert failed.at_median
    nearer, _, _ = judged(scenario(slo=slo(shortest_ms * 0.85)))
    assert nearer is not None
    assert not nearer.at_median
    assert nearer.rank > failed.rank


def test_latency_is_named_before_cores_since_more_boxes_do_not_help() -> None:
    _, table, _ = judged(scenario())
    failed, _, _ = judged(scenario(slo=slo(float(table.least_path_s(PESSIMISTIC)) * 500.0)), quota_cores=0.1)
    assert failed is not None
    assert failed.check == "latency_p95"


def test_memory_must_suffice_and_be_known() -> None:
    _, table, _ = judged(scenario())
    need = float(table.memory.min())
    assert judged(scenario(), memory_bytes=need * 1.01)[0] is None
    for memory_bytes, closeness in ((need * 0.5, 0.5), (None, 0.0)):
        failed, _, _ = judged(scenario(), memory_bytes=memory_bytes)
        assert failed is not None
        assert failed.check == "memory"
        assert failed.closeness == pytest.approx(closeness)


def test_traffic_must_leave_the_headroom_of_the_bandwidth() -> None:
    _, table, _ = judged(scenario())
    # The headroom is kept of what its cores attain at the median.
    least = float(table.traffic.min()) / 0.7
    assert judged(scenario(), memory_bandwidth_bytes_per_s=least * 1.01)[0] is None
    assert judged(scenario(), memory_bandwidth_bytes_per_s=None)[0] is None
    failed, _, _ = judged(scenario(), memory_bandwidth_bytes_per_s=least / 2)
    assert failed is not None
    assert (failed.check, failed.closeness) == ("memory_bandwidth", pytest.approx(0.5))


def test_one_camera_must_not_send_faster_than_a_core_decodes() -> None:
    # 8 ms for 1920 x 1080, 1.2 times that at 90 % confidence, and 1 % of the frames may be lost.
    frame_s = 1.2 * 0.008
    for share, check in ((1.0, None), (1.1, ("camera_fps", False)), (1.3, ("camera_fps", True))):
        camera = {"group": "a", "count": 1, "resolution": "1920x1080", "fps": share / frame_s, "bitrate_kbps": 4000.0}
        shop = scenario(cameras=[camera], slo={"latency_p95_ms": 300.0, "window_s": 20.0})
        failed, _, _ = judged(shop)
        assert (None if failed is None else (failed.check, failed.at_median)) == check
    # A camera of which there is none is not looked at.
    none = scenario(cameras=[camera | {"count": 0}, dict(scenario().cameras[0].model_dump(), count=1)])
    assert judged(none)[0] is None


def test_limits_that_no_combination_keeps_together_are_said_so() -> None:
    # One thread keeps the cores, sixteen keep the budget, nothing both.
    _, table, _ = judged(scenario())
    demand, path_s = table.demand(PESSIMISTIC), table.path_s(PESSIMISTIC)
    few, many = demand.argmin(), path_s.argmin()
    assert path_s[few] > path_s[many]
    budget_ms = float(path_s[many] + 1e-6) * 1000.0
    headroom_pct = 100.0 * (1.0 - float(demand[few]) / SLOWER * 1.0001 / 16.0)
    failed, _, _ = judged(scenario(slo=slo(budget_ms), margin={"headroom_pct": headroom_pct}))
    assert failed is not None
    assert failed.reason == "no configuration meets latency, memory and headroom at once"
    assert failed.at_median == (table.path_s(MEDIAN)[few] > path_s[many])


def test_what_fails_at_the_median_is_told_before_what_fails_at_the_confidence_alone() -> None:
    """A box whose device is four times too slow is no box of which too little is known."""
    shop = scenario(margin={"headroom_pct": 10.0})
    _, table, model = judged(shop)
    demand = float(table.demand(PESSIMISTIC).min())
    machine = model.machine.model_copy(update={"quota_cores": demand * 0.99})
    given = replace(model.candidate, machine=machine)
    slow = PlatformModel(inputs([given], FakePredictor(WORK_S), shop), given)
    load = LoadCase.of(shop).required(1)
    facts = load_facts(shop, load, stage_batches)
    table = Combinations(slow, shop, facts, PESSIMISTIC)

    def failed() -> FailedCheck:
        found = admitted(slow, shop, table, lasting(slow, shop, table), PESSIMISTIC)
        assert not len(found.certain)
        return bound(slow, shop, table, PESSIMISTIC, count=1, holds_at_median=found.any_at_median)

    alone = failed()
    assert (alone.check, alone.at_median) == ("cpu", False)
    table.device_load = np.full(len(table), 4.0)
    assert failed().at_median


def test_boxes_without_the_cores_at_the_median_fail_at_the_median_whatever_is_told_of_them() -> None:
    shop = scenario(cameras=[{**camera(1), "resolution": "3840x2160", "fps": 200.0}])
    model = PlatformModel(inputs([candidate("box", 1, 300.0)], FakePredictor(WORK_S), shop), candidate("box", 1, 300.0))
    load = LoadCase.of(shop).required(1)
    failed = out_of_cores(model, shop, load, 9.0, (0.01, 0.01), count=1, decode_z=PESSIMISTIC)
    assert failed is not None
    assert failed.at_median
