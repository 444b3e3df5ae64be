from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.belief import PESSIMISTIC
from advisor.planner.search.simulate import SimulatedOutcome
from advisor.planner.search.study import Study
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario

from .parts import WORK_S, outcome

BOX = candidate("box", 4, 300.0)


@dataclass(frozen=True, eq=False)
class Scripted(Study):
    """A study whose simulations come from a list, one per draw."""

    outcomes: Sequence[SimulatedOutcome] = ()

    def run(self, *_: Any, draw: int = 0, **__: Any) -> SimulatedOutcome:
        self.counters.simulated += 1
        return self.outcomes[draw]


def assess(*outcomes: SimulatedOutcome) -> tuple[SimulatedOutcome, str | None, int]:
    """Outcome that decides, check that fails, and simulations that this took."""
    study = Scripted(inputs([BOX]), LoadCase.of(scenario()), outcomes=outcomes)
    decisive, failed = study.assess(cast(Any, None), cast(Any, None), study.case.required(1), PESSIMISTIC)
    return decisive, None if failed is None else failed.check, study.counters.simulated


GOOD, NEAR = outcome(), outcome(p95_ms=290.0)
SLOW = outcome(p95_ms=310.0, failed=("latency_p95",))


def test_away_from_the_limits_one_draw_decides() -> None:
    assert assess(GOOD) == (GOOD, None, 1)
    assert assess(SLOW) == (SLOW, "latency_p95", 1)
    far = outcome(cpu=0.9)
    assert assess(far) == (far, "cpu", 1)


def test_near_a_limit_every_draw_must_meet_the_slo() -> None:
    assert assess(NEAR, GOOD, GOOD) == (NEAR, None, 3)
    assert assess(NEAR, GOOD, SLOW) == (SLOW, "latency_p95", 3)
    assert assess(NEAR, SLOW, GOOD) == (SLOW, "latency_p95", 2)


def test_headroom_is_required_of_the_mean_over_the_draws() -> None:
    over, under = outcome(cpu=0.715), outcome(cpu=0.68)
    assert assess(over, under, under) == (over, None, 3)
    assert assess(over, over, under) == (over, "cpu", 3)


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
    assert study.tries_allowed() == study.max_tries
    study.counters.tried = 10_000
    assert 1 <= study.tries_allowed() <= study.max_tries // 4
    assert Study.of(inputs([BOX]), max_tries=10**9).tries_allowed() == 10**9


def test_the_spare_box_is_paid_for() -> None:
    study = Study.of(inputs([BOX], shop=scenario(margin={"redundancy": "n+1"})))
    assert study.price(BOX, 2).value == 900.0
