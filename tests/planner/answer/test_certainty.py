"""Probability of holding: bisected over the order of a closed form, against simulating draws wherever they come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from advisor.planner.answer.certainty import LEAST, MOST, confidence, probability_of_holding
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.joint import DRAWS
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.search import judge, least_deployment
from advisor.planner.search.study import Study
from advisor.records.base import Evidence, Interval
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario


def deployed(cores: int, shop: Scenario | None = None, spread: float = 1.2) -> Deployment:
    box = candidate("box", cores, 300.0)
    predictor = FakePredictor({"person": 0.02, "reid": 0.004}, spread)
    deployment = judge(Study.of(inputs([box], predictor, shop)), box, 1).deployment
    assert deployment is not None
    return deployment


def test_what_is_beyond_doubt_is_not_said_to_be_certain() -> None:
    assert probability_of_holding(deployed(16), feasible=True) == MOST
    assert probability_of_holding(deployed(1), feasible=False) == LEAST


@dataclass(frozen=True, eq=False)
class Threshold(Study):
    """A study in which so many draws hold, the first in order; it counts how many are asked for."""

    holds: int = 0

    def in_draw(self, belief: Any, load: Any, rank: int) -> Any:
        self.counters.simulated += 1
        return None, None if rank < self.holds else "fails"


@pytest.mark.parametrize("holds", [0, 3, 497, 871, 899, 996])
def test_the_draw_from_which_on_nothing_holds_is_found_to_one_percent(holds: int) -> None:
    given = inputs([candidate("box", 4, 300.0)])
    study = Threshold(given, LoadCase.of(given.scenario), holds=holds)
    deployment = least_deployment(study, given.candidates[0], 1)
    assert deployment is not None
    found = probability_of_holding(deployment, feasible=False)
    assert found == pytest.approx(min(max(holds / DRAWS, LEAST), MOST), abs=0.01)
    assert study.counters.simulated <= 1 + 4 + 30


def test_what_was_judged_to_hold_is_not_asked_for_again_and_never_below_the_confidence() -> None:
    given = inputs([candidate("box", 4, 300.0)])
    study = Threshold(given, LoadCase.of(given.scenario), holds=0)
    deployment = least_deployment(study, given.candidates[0], 1)
    assert deployment is not None
    found = probability_of_holding(deployment, feasible=True)
    assert 0.9 <= found <= 0.905
    assert study.counters.simulated <= 1 + 1 + 30


@dataclass(frozen=True, eq=False)
class Ragged(Study):
    """A study in which draws of the middle hold at random: a third of the 250 from the 600th on."""

    def in_draw(self, belief: Any, load: Any, rank: int) -> Any:
        holds = rank < 600 or (rank < 850 and np.random.default_rng(rank).random() < 1 / 3)
        return None, None if holds else "fails"


def test_where_draws_hold_out_of_order_they_are_counted() -> None:
    given = inputs([candidate("box", 4, 300.0)])
    deployment = least_deployment(Ragged(given, LoadCase.of(given.scenario)), given.candidates[0], 1)
    assert deployment is not None
    # Three standard errors of 25 draws, a third of which hold, for a quarter of all draws.
    assert probability_of_holding(deployment, feasible=False) == pytest.approx(0.6 + 0.25 / 3, abs=0.075)


def test_cores_alone_give_the_share_of_draws_that_have_enough_of_them() -> None:
    """With a budget of seconds only the load decides, and that is a sum of log-normal parts."""
    shop = scenario(
        slo={"latency_p95_ms": 5000.0, "window_s": 60.0, "drops_max_pct": 5.0}, margin={"headroom_pct": 0.0},
        activity={"objects_per_frame": {"person": {"mean": 0.0}}},
    )  # fmt: skip
    one = deployed(2, shop, spread=1.4)
    found = probability_of_holding(one, feasible=False)
    # Decode 0.96, person 0.8 and preparation 0.04 of two cores; independent errors.
    sigma = math.log(1.4) / 1.2816
    rng = np.random.default_rng(5)
    z = rng.standard_normal((3, 200_000))
    load = 0.96 * np.exp(sigma * z[0]) + 0.8 * np.exp(sigma * z[1]) + 0.04 * np.exp(sigma * z[2])
    # A little more than two cores may be asked for, as 5 % of the frames may be lost.
    assert np.mean(load <= 1.9) - 0.02 < found < np.mean(load <= 2.1) + 0.02


CASES = {
    "cores bind": (3, 2.0, scenario(margin={"headroom_pct": 0.0})),
    "latency binds": (
        4, 1.6, scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 75.0, "window_s": 20.0}),
    ),
    "both": (3, 1.5, scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 120.0, "window_s": 20.0})),
    "few cameras": (
        2, 1.8, scenario(cameras=[camera(2)], slo={"camera_fps": 15.0, "latency_p95_ms": 60.0, "window_s": 20.0}),
    ),
    "decode binds": (
        4, 1.6, scenario(cameras=[camera(1) | {"fps": 90.0, "resolution": "1920x1080"}],
                         slo={"latency_p95_ms": 200.0, "window_s": 20.0}),
    ),
    "objects bind": (
        8, 1.6, scenario(activity={"objects_per_frame": {"person": {"mean": 17.0}}}, margin={"headroom_pct": 0.0}),
    ),
}  # fmt: skip


def compare(name: str, step: int) -> tuple[float, float]:
    """Probability as bisected, and as the share of every ``step``-th draw, each simulated."""
    cores, spread, shop = CASES[name]
    one = deployed(cores, shop, spread)
    study, load = one.study, one.required
    belief = study.belief(one.model, one.setup, load)
    ranks = range(step // 2, DRAWS, step)
    counted = sum(study.in_draw(belief, load, rank)[1] is None for rank in ranks) / len(ranks)
    return probability_of_holding(one, feasible=False), counted


@pytest.mark.parametrize("name", ["cores bind", "few cameras", "both"])
def test_the_probability_is_the_share_of_draws_that_hold(name: str) -> None:
    estimated, counted = compare(name, 25)
    assert 0.05 < counted < 0.99  # else the case decides nothing
    assert estimated == pytest.approx(counted, abs=0.06)  # of 40 draws two are 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_probability_is_that_of_every_fourth_draw_to_three_percent(name: str) -> None:
    estimated, counted = compare(name, 4)
    assert 0.05 < counted < 0.99
    assert estimated == pytest.approx(counted, abs=0.03)


@pytest.mark.parametrize(
    ("probability", "evidence", "p10", "p90", "word"),
    [
        (0.49, Evidence.MEASURED, 0.3, 0.4, "unlikely"),
        (0.6, Evidence.MEASURED, 0.3, 0.4, "moderate"),
        (0.9, Evidence.MEASURED, 0.3, 0.4, "good"),
        (0.98, Evidence.MEASURED, 0.3, 0.4, "high"),
        (0.98, Evidence.SPEC, 0.3, 0.4, "good"),
        (0.98, Evidence.ANCHORED, 0.2, 0.41, "good"),  # wide
        (0.98, Evidence.ANCHORED, 0.2, 0.61, "moderate"),  # vague
        (0.91, Evidence.SPEC, 0.2, 0.41, "moderate"),  # a data sheet alone, and wide: 11 (5-20) cameras
        (0.98, Evidence.MEASURED, 0.0, 0.4, "high"),  # nothing to be wide of
    ],
)
def test_the_weakest_of_probability_evidence_and_width_gives_the_word(
    probability: float, evidence: Evidence, p10: float, p90: float, word: str
) -> None:
    load = Interval(p10=p10, p50=(p10 + p90) / 2, p90=p90)
    assert confidence(probability, evidence, load) == word
