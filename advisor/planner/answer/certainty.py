"""How sure it is that boxes hold: the share of the joint draws of what is believed of them in which they do."""

from __future__ import annotations

import math

from advisor.planner.search.joint import DRAWS
from advisor.planner.search.judgement import Deployment
from advisor.records.base import Evidence

STEP = 4
"""Draws to which a bisection is taken: less than half a per cent."""
LEAST, MOST = 0.01, 0.99
"""Probabilities beyond these are not told apart from 0 and 1: no table of outcomes reaches so far."""


def probability_of_holding(deployment: Deployment, *, feasible: bool) -> float:
    """Probability that the configuration meets the SLO with growth: the share of the joint draws in which it does.

    The draws are ordered by a closed form; from which place in that order on they fail is bisected by simulating draws.
    ``feasible``: it was judged to hold at the confidence asked for, from where the bisection starts.
    """
    key = ("probability", deployment.model.id, deployment.model.placement, deployment.count, deployment.case.key,
           tuple(sorted((name, config.model_dump_json()) for name, config in deployment.setup.configs.items())),
           deployment.setup.decode_workers)  # fmt: skip
    return deployment.study.once(key, lambda: _share_that_holds(deployment, feasible=feasible))


def _share_that_holds(deployment: Deployment, *, feasible: bool) -> float:
    study, load = deployment.study, deployment.required
    belief = study.belief(deployment.model, deployment.setup, load)

    def hold(draws: int) -> bool:
        """Whether the first so many draws hold: the last of them decides."""
        return study.in_draw(belief, load, draws - 1)[1] is None

    asked = math.ceil(deployment.scenario.margin.confidence * DRAWS)
    low, high = (asked, belief.possible) if feasible else (0, belief.possible)
    if high <= low or hold(high):
        low = max(low, high)
    while high - low > STEP:
        middle = (low + high) // 2
        low, high = (middle, high) if hold(middle) else (low, middle)
    return min(max(low / DRAWS, LEAST), MOST)


def confidence(probability: float, evidence: Evidence) -> str:
    """Word for a probability; never high where nothing but a data sheet speaks for the platform."""
    if probability < 0.5:
        return "unlikely"
    word = "high" if probability >= 0.97 else "good" if probability >= 0.88 else "moderate"
    if evidence in {Evidence.SPEC, Evidence.UNKNOWN} and word == "high":
        word = "good"
    return word
