from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.planner.answer.rejected import Miss, RejectedPlatforms, list_rejected
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.judgement import Feasible
from advisor.planner.search.rank import Solution, cheapest
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.model import ModelWork
from advisor.records.plan import Rejected
from tests.planner.fakes import TODAY, best_of, camera, candidate, inputs, scenario, work

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_just_fails_is_judged_cheaper_and_exact() -> None:
    result = plan(inputs(BOXES, shop=scenario(candidates={"max_boxes": 1})))
    assert result.recommended is not None
    assert result.just_fails is not None
    assert result.just_fails.platform == "box-2"
    assert result.just_fails.capacity_exact
    assert result.just_fails.price is not None
    assert (result.just_fails.price.value or 0) < (result.recommended.price.value or 0)


def test_too_few_of_the_recommended_box_may_be_what_just_fails() -> None:
    result = plan(inputs([candidate("small", 4, 100.0)], shop=scenario(margin={"headroom_pct": 60.0})))
    best = best_of(result)
    assert (best.platform, best.count) == ("small", 2)
    assert result.just_fails is not None
    assert (result.just_fails.platform, result.just_fails.count) == ("small", 1)
    assert result.just_fails.check == "cpu"


def test_a_platform_of_unknown_memory_is_refused_with_the_need() -> None:
    known = candidate("mystery", 16, 50.0)
    unknown = Candidate(known.platform, known.machine.model_copy(update={"memory_bytes": None}))
    result = plan(inputs([unknown, *BOXES]))
    refused = next(item for item in result.rejected if item.platform == "mystery")
    assert refused.check == "memory"
    assert "unknown" in refused.reason


def test_a_budget_below_one_service_time_is_said_before_missing_cores() -> None:
    shop = scenario(cameras=[camera(400)], slo={"camera_fps": 15.0, "latency_p95_ms": 5.0, "window_s": 20.0})
    miss = plan(inputs(BOXES, shop=shop)).nearest_misses[0]
    assert miss.check == "latency_p95"
    assert "the budget is 5 ms" in miss.reason


def test_a_camera_that_one_core_cannot_decode_is_said() -> None:
    shop = scenario(cameras=[camera(1) | {"resolution": "7680x4320", "fps": 60.0}])
    result = plan(inputs(BOXES, shop=shop))
    assert result.recommended is None
    assert result.nearest_misses[0].check == "camera_fps"
    assert "sub-stream" in result.nearest_misses[0].reason


def test_two_thousand_cameras_are_too_many_and_the_misses_are_named() -> None:
    result = plan(inputs(BOXES, shop=scenario(cameras=[camera(2_000)])))
    assert result.recommended is None
    assert result.nearest_misses[0].platform == "box-16"
    assert "not even 4 boxes" in result.nearest_misses[0].reason
    assert len(result.nearest_misses) == 3


def test_without_evidence_nothing_can_be_told() -> None:
    def nothing_runs(stage: str, runtime: str, precision: str, batch: int) -> ModelWork | None:
        return None if stage == "reid" else work(stage, runtime, precision, batch)

    result = plan(replace(inputs(BOXES), works=nothing_runs))
    assert result.recommended is None
    assert result.nothing_known
    assert not plan(inputs(BOXES, shop=scenario(margin={"headroom_pct": 99.0}))).nothing_known
    assert all(item.check == "evidence" for item in result.rejected)
    assert "cannot tell" in result.rejected[0].reason
    assert "`sizer bench`" in result.rejected[0].reason


def rejected(boxes: list[Candidate], **changes: object) -> tuple[RejectedPlatforms, Solution | None, Study]:
    """What is listed when only the cheapest solution is shown."""
    study = Study.of(inputs(boxes, shop=scenario(**changes)))
    chosen = cheapest(study, boxes)
    shown = [] if chosen is None else [chosen]
    return list_rejected(study, boxes, shown, shown), chosen, study


def by_id(listed: RejectedPlatforms) -> dict[str, Rejected]:
    return {item.platform: item for item in listed.rejected}


def test_what_is_shown_is_not_rejected_and_all_else_is() -> None:
    listed, chosen, _ = rejected(BOXES)
    assert chosen is not None
    assert chosen.candidate.platform.id == "box-4"
    assert set(by_id(listed)) == {"box-2", "box-8", "box-16"}
    assert listed.nearest == ()


def test_a_dearer_box_is_not_judged_and_counted_as_such() -> None:
    listed, _, study = rejected(BOXES, candidates={"max_boxes": 1})
    assert [name for name, item in by_id(listed).items() if item.check == "cost"] == ["box-8", "box-16"]
    assert listed.not_judged == 2
    assert study.counters.judged_by_simulation == 1  # the recommendation
    assert by_id(listed)["box-8"].reason.startswith("dearer than the recommendation")


def test_a_cheaper_box_says_how_many_of_it_could_do_and_what_they_cost() -> None:
    listed, _, _ = rejected([candidate("small", 2, 300.0), candidate("large", 8, 500.0)])
    (small,) = listed.rejected
    assert small.check == "cpu"
    assert small.reason.endswith("; it takes 2 boxes or more, 600 USD at least")
    assert small.predicted is not None


def test_without_a_solution_the_nearest_misses_come_first() -> None:
    boxes = [candidate(f"box-{n}", n, 100.0) for n in (1, 3, 2)]
    listed, chosen, _ = rejected(boxes, candidates={"max_boxes": 1}, cameras=[camera(16)])
    assert chosen is None
    assert [item.platform for item in listed.rejected] == ["box-3", "box-2", "box-1"]
    assert listed.nearest == listed.rejected
    assert [(box.platform.id, count) for box, count in listed.uncertain] == [("box-3", 1), ("box-2", 1), ("box-1", 1)]
    assert listed.just_fails is None


def test_what_just_fails_is_the_nearest_of_the_cheaper_ones() -> None:
    boxes = [candidate("one", 1, 250.0), candidate("two", 2, 200.0), candidate("four", 4, 340.0)]
    listed, _, _ = rejected(boxes, candidates={"max_boxes": 1})
    assert listed.just_fails is not None
    assert (listed.just_fails.platform, listed.just_fails.capacity_exact) == ("two", True)
    assert [box.platform.id for box, _ in listed.uncertain] == ["two", "one"]


def test_a_box_of_unknown_price_that_holds_is_said_to_hold() -> None:
    gift = candidate("gift", 8, None)
    listed, _, _ = rejected([gift, candidate("large", 8, 500.0)])
    (item,) = listed.rejected
    assert (item.check, item.price is not None and item.price.value) == ("cost", None)
    assert item.reason.startswith("holds, but its price is unknown")
    assert listed.not_judged == 0
    assert item.capacity_exact


def test_what_fails_one_check_by_a_little_and_is_far_too_small_is_not_the_nearest() -> None:
    """A small fanless box decodes a frame not quite in time, at 90 % alone, and has a fifth of the cores."""
    small, desktop = candidate("fanless", 1, 150.0), candidate("desktop", 3, 200.0)
    shop = scenario(
        cameras=[camera(8) | {"fps": 15.0}], candidates={"max_boxes": 1}, margin={"headroom_pct": 40.0},
        slo={"camera_fps": 15.0, "latency_p95_ms": 300.0, "drops_max_pct": 1.0, "window_s": 20.0},
    )  # fmt: skip
    study = Study.of(inputs([small, desktop, candidate("large", 16, 900.0)], shop=shop))
    far = judge(study, small, 1)
    assert not isinstance(far, Feasible)
    near_by_check = replace(far, failed=far.failed._replace(check="camera_fps", closeness=0.99, at_median=False))
    near = judge(study, desktop, 1)
    misses = [Miss.of(near_by_check), Miss.of(near)]
    assert max(misses, key=lambda miss: miss.nearness).candidate.platform.id == "desktop"


def test_more_of_what_is_at_hand_is_not_offered_and_what_would_have_it_compared_is_said() -> None:
    this = replace(candidate("this", 2, 0.0), at_hand=1)
    alone = plan(inputs([this]))
    assert (alone.recommended, alone.mix) == (None, None)
    (item,) = alone.rejected
    assert item.reason.endswith(
        "there is only 1 of it: give the price of one in candidates.prices.this to have more compared"
    )
    beside = plan(inputs([this, candidate("large", 16, 900.0)]))
    assert best_of(beside).platform == "large"
    (item,) = beside.rejected
    assert "it takes 2 boxes or more, and there is only 1 of it" in item.reason
    quoted = {"prices": {"this": {"value": 100.0, "date": TODAY, "source": "offer 17"}}}
    bought = best_of(plan(inputs([this], shop=scenario(candidates=quoted))))
    assert (bought.platform, bought.price.value) == ("this", 100.0 * bought.count)
    assert bought.count > 1


def test_the_spare_of_what_is_at_hand_has_no_price() -> None:
    this = replace(candidate("this", 8, 0.0), at_hand=1)
    result = plan(inputs([this], shop=scenario(margin={"redundancy": "n+1"})))
    assert result.recommended is None
    (item,) = result.unpriced
    assert item.reason.startswith("holds, but there is only 1 of it")
    assert item.count == 2


def test_no_more_than_is_at_hand_may_turn_out_to_hold() -> None:
    this = candidate("this", 2, 0.0)
    listed = {}
    for at_hand in (None, 1):
        found, _, _ = rejected([replace(this, at_hand=at_hand)], cameras=[camera(40)])
        listed[at_hand] = [boxes for _, boxes in found.uncertain]
    assert listed == {None: [4], 1: [1]}


@pytest.mark.parametrize(("cores", "check"), [(2, "cpu"), (8, "evidence")])
def test_a_box_of_unknown_power_that_is_too_small_is_a_no(cores: int, check: str) -> None:
    box = candidate("box", cores, 300.0)
    unknown = replace(box, platform=box.platform.model_copy(update={"max_power_w": None}))
    limits = {"site": {"max_power_w": 65.0}, "candidates": {"max_boxes": 1}}
    (item,) = plan(replace(inputs([unknown], shop=scenario(**limits)), named=True)).rejected
    assert item.check == check
    assert item.reason.startswith("needs" if check == "cpu" else "cannot tell: its wall power is unknown")
