from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.checks import FailedCheck
from advisor.planner.search.joint import JointBelief
from advisor.planner.search.judgement import Feasible
from advisor.planner.search.search import judge
from advisor.planner.search.simulate import SimulatedOutcome
from advisor.planner.search.study import Study
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario

from .parts import WORK_S, outcome

BOX = candidate("box", 4, 300.0)


@dataclass(frozen=True)
class ScriptedBelief:
    """Draws that a script decides: the platform in one is called ``DRAWN``."""

    ruled: FailedCheck | None
    asked: list[int] = field(default_factory=list)
    model: ClassVar[Any] = SimpleNamespace(variant=("MEDIAN", "all", None))

    def ruled_out(self, rank: int) -> FailedCheck | None:
        self.asked.append(rank)
        return self.ruled

    def at(self, rank: int) -> tuple[str, str]:
        return "DRAWN", "DRAWN"


@dataclass(frozen=True, eq=False)
class Scripted(Study):
    """A study whose simulations come from two lists, one item per run: at the median, and in the joint draw."""

    outcomes: Sequence[SimulatedOutcome] = ()
    drawn: Sequence[SimulatedOutcome] = ()
    scripted: ScriptedBelief = field(default_factory=lambda: ScriptedBelief(None))

    def run(self, model: Any, *_: Any, draw: int = 0, **__: Any) -> SimulatedOutcome:
        self.counters.simulated += 1
        return (self.drawn if model == "DRAWN" else self.outcomes)[draw]

    def belief(self, *_: Any) -> JointBelief:
        return cast(JointBelief, self.scripted)


GOOD, NEAR = outcome(), outcome(p95_ms=290.0)
SLOW = outcome(p95_ms=310.0, failed=("latency_p95",))


def assess(
    *outcomes: SimulatedOutcome,
    drawn: Sequence[SimulatedOutcome] = (GOOD,),
    ruled: FailedCheck | None = None,
    only_whether: bool = False,
    **margin: float,
) -> tuple[SimulatedOutcome, FailedCheck | None, int, list[int]]:
    """Outcome that decides, what fails, simulations that this took, and the draws that were asked for."""
    shop = scenario(margin=margin)
    belief = ScriptedBelief(ruled)
    study = Scripted(
        inputs([BOX], shop=shop), LoadCase.of(shop), only_whether=only_whether,
        outcomes=outcomes, drawn=drawn, scripted=belief,
    )  # fmt: skip
    decisive, failed = study.assess(cast(Any, "MEDIAN"), cast(Any, None), study.case.required(1))
    return decisive, failed, study.counters.simulated, belief.asked


def at_median(*outcomes: SimulatedOutcome) -> tuple[SimulatedOutcome, str | None, int]:
    """Outcome that decides, check that fails, and simulations, where nothing fails but at the median."""
    decisive, failed, simulated, asked = assess(*outcomes)
    assert failed is None or (failed.at_median and asked == [])
    return decisive, None if failed is None else failed.check, simulated - len(asked)


def test_equal_simulations_and_equal_draws_are_made_once() -> None:
    shop = scenario()
    study = Study.of(inputs([BOX], shop=shop))
    judged = judge(study, BOX, 1)
    assert isinstance(judged, Feasible)
    deployment, made = judged.deployment, study.counters.simulated
    model, setup, load = deployment.model, deployment.setup, deployment.required
    assert study.run(model, setup, load, MEDIAN) is judged.outcome
    assert study.assess(model, setup, load) == (judged.outcome, None)
    assert study.counters.simulated == made
    # Another load, quantile or draw is another simulation, and so is the platform as it is in one draw.
    study.run(model, setup, deployment.nominal, MEDIAN, draw=1)
    study.run(model, setup, load, PESSIMISTIC)
    drawn, drawn_setup = study.belief(model, setup, load).at(0)
    study.run(drawn, drawn_setup, load, MEDIAN)
    assert study.counters.simulated == made + 3


def test_away_from_the_limits_one_run_at_the_median_decides() -> None:
    assert at_median(GOOD) == (GOOD, None, 1)
    assert at_median(SLOW) == (SLOW, "latency_p95", 1)
    far = outcome(cpu=0.9)
    assert at_median(far) == (far, "cpu", 1)


def test_near_a_limit_every_run_must_meet_the_slo() -> None:
    assert at_median(NEAR, GOOD, GOOD) == (NEAR, None, 3)
    assert at_median(NEAR, GOOD, SLOW) == (SLOW, "latency_p95", 3)
    assert at_median(NEAR, SLOW, GOOD) == (SLOW, "latency_p95", 2)


def test_headroom_is_required_of_the_mean_over_the_runs_at_the_median() -> None:
    over, under = outcome(cpu=0.715), outcome(cpu=0.68)
    assert at_median(over, under, under) == (over, None, 3)
    assert at_median(over, over, under) == (over, "cpu", 3)


def test_in_the_joint_draw_the_slo_is_required_and_no_headroom() -> None:
    busy = outcome(cpu=0.95)  # more than the 70 % that may be busy at the median
    assert assess(GOOD, drawn=[busy])[:3] == (GOOD, None, 2)
    decisive, failed, simulated, _ = assess(GOOD, drawn=[SLOW])
    assert (decisive, simulated) == (SLOW, 2)
    assert failed is not None
    assert (failed.check, failed.at_median) == ("latency_p95", False)
    assert failed.reason == "at 90 % confidence p95 latency is 310 ms, 300 ms are allowed"
    # Near a limit each of three runs of the draw must hold.
    assert assess(GOOD, drawn=[NEAR, GOOD, GOOD])[:3] == (GOOD, None, 4)
    assert assess(GOOD, drawn=[NEAR, GOOD, SLOW])[0] is SLOW


def test_where_only_whether_it_holds_is_asked_the_confidence_decides_first() -> None:
    decisive, failed, simulated, _ = assess(GOOD, drawn=[SLOW], only_whether=True, headroom_pct=0.0)
    assert (decisive, simulated) == (SLOW, 1)
    assert failed is not None
    assert (failed.check, failed.at_median) == ("latency_p95", False)
    assert assess(GOOD, drawn=[GOOD], only_whether=True, headroom_pct=0.0)[:2] == (GOOD, None)
    slow, failed, *_ = assess(SLOW, drawn=[GOOD], only_whether=True, headroom_pct=0.0)
    assert (slow, failed is not None) == (SLOW, True)


def test_headroom_is_asked_at_the_median_first_and_no_closed_form_is_taken_for_a_run() -> None:
    decisive, failed, *_ = assess(SLOW, drawn=[SLOW], only_whether=True, headroom_pct=30.0)
    assert (decisive, failed is not None and failed.at_median) == (SLOW, True)
    ruled = FailedCheck("memory", "too little", 0.5)
    decisive, failed, simulated, _ = assess(GOOD, ruled=ruled, only_whether=True, headroom_pct=0.0)
    assert (decisive, simulated, failed is not None and failed.check) == (GOOD, 1, "memory")


@pytest.mark.parametrize(("drawn", "median", "holds"), [(SLOW, GOOD, False), (GOOD, SLOW, False), (GOOD, GOOD, True)])
def test_what_carries_is_what_fails_nothing(drawn: SimulatedOutcome, median: SimulatedOutcome, *, holds: bool) -> None:
    shop = scenario()
    study = Scripted(
        inputs([BOX], shop=shop), LoadCase.of(shop), outcomes=[median], drawn=[drawn], scripted=ScriptedBelief(None)
    )
    assert study.carries(cast(Any, "MEDIAN"), cast(Any, None), study.case.required(1)) is holds
    assert (assess(median, drawn=[drawn])[1] is None) is holds


def test_a_draw_that_a_closed_form_rules_out_is_not_simulated() -> None:
    ruled = FailedCheck("cpu", "it needs 5 cores and has 4", 0.8)
    decisive, failed, simulated, _ = assess(GOOD, ruled=ruled)
    assert (decisive, simulated) == (GOOD, 1)
    assert failed == FailedCheck("cpu", "at 90 % confidence it needs 5 cores and has 4", 0.8, at_median=False)


@pytest.mark.parametrize(("confidence_pct", "rank"), [(50.0, 499), (55.0, 549), (90.0, 899), (99.9, 998)])
def test_the_draw_judged_is_that_of_the_confidence(confidence_pct: float, rank: int) -> None:
    assert assess(GOOD, confidence_pct=confidence_pct)[3] == [rank]


def test_results_are_shared_within_a_scenario_and_never_between_scenarios() -> None:
    study = Study.of(inputs([BOX]))
    computed: list[str] = []

    def compute(name: str) -> str:
        computed.append(name)
        return name

    more = study.for_case(study.case.with_extra_cameras(2))
    other = study.for_scenario(scenario(margin={"headroom_pct": 10.0}))
    for asked, name in ((study, "first"), (more, "second"), (other, "third")):
        asked.once(("figure",), lambda name=name: compute(name))  # type: ignore[misc]
    assert computed == ["first", "third"]
    assert more.counters is study.counters is other.counters
    assert more.model(BOX) is study.model(BOX) is other.model(BOX)


def test_estimates_of_all_candidates_are_requested_in_one_call() -> None:
    calls: list[int] = []

    class Counting(FakePredictor):
        def service_many(self, requests: Any) -> Any:
            calls.append(len(requests))
            return super().service_many(requests)

    boxes = [BOX, candidate("hybrid", 4, 400.0, efficiency_cores=4)]
    study = Study.of(inputs(boxes, Counting(WORK_S)))
    study.prepare(boxes)
    assert len(calls) == 1
    table = study.table(study.model(BOX), study.case.required(1), PESSIMISTIC)
    assert table is not None
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("cameras", "window_s", "duration_s"),
    [(8, 20.0, 20.0), (8, 600.0, 60.0), (100, 60.0, 20.0), (10_000, 60.0, 10.0), (10_000, 4.0, 4.0), (0, 30.0, 30.0)],
)
def test_simulated_time_shrinks_with_the_number_of_frames(cameras: int, window_s: float, duration_s: float) -> None:
    camera = {"group": "a", "count": cameras, "resolution": "640x480", "fps": 15.0, "bitrate_kbps": 1000.0}
    study = Study.of(inputs([BOX], shop=scenario(cameras=[camera], slo={"latency_p95_ms": 99.0, "window_s": window_s})))
    assert study.duration_s(study.case.nominal(1)) == pytest.approx(duration_s)


def test_the_budget_shrinks_after_many_configurations_and_never_for_a_search_without_limit() -> None:
    study = Study.of(inputs([BOX]))
    model = study.model(BOX)
    assert study.tries_allowed(model) == study.max_tries
    study.counters.tried = 10_000
    assert 1 <= study.tries_allowed(model) <= study.max_tries // 4
    assert Study.of(inputs([BOX]), max_tries=10**9).tries_allowed(model) == 10**9


def test_the_spare_box_is_paid_for() -> None:
    study = Study.of(inputs([BOX], shop=scenario(margin={"redundancy": "n+1"})))
    assert study.price(BOX, 2).value == 900.0
