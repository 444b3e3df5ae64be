"""How sure it is that boxes hold: the share of the joint draws of what is believed of them in which they do."""

from __future__ import annotations

import math

import numpy as np

from advisor.planner.search.joint import DRAWS
from advisor.planner.search.judgement import Deployment
from advisor.records.base import Evidence, Interval

STEP = 64
"""Draws to which a bisection is taken."""
WINDOW, SAMPLES = 150, 30
"""Draws on each side of what the bisection finds among which some hold and some fail, and how many of them are
simulated: latency is no smooth function of the draw, and with bisection alone one draw would decide for many."""
WORDS = ("unlikely", "moderate", "good", "high")
"""Confidence in words, least first."""
WIDE, VAGUE = 2.0, 3.0
"""P90 of the busy share over its P10 from which on a promise is at most good, and at most moderate.
Project assumption."""
LEAST, MOST = 0.01, 0.99
"""Probabilities beyond these are not told apart from 0 and 1: no table of outcomes reaches so far."""


def probability_of_holding(deployment: Deployment, *, feasible: bool) -> float:
    """Probability that the configuration meets the SLO with growth: the share of the joint draws in which it does.

    The draws are ordered by a closed form; from about which place in that order on they fail is bisected by simulating
    draws, and around it they are counted: evenly spaced ones are simulated. ``feasible``: it was judged to hold at the
    confidence asked for, so that it is at least that.
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

    low, high = (study.draws_asked, belief.possible) if feasible else (0, belief.possible)
    least, most = low, max(low, high)
    if high <= low or hold(high):
        return _within_reach(most / DRAWS)
    while high - low > STEP:
        middle = (low + high) // 2
        low, high = (middle, high) if hold(middle) else (low, middle)
    middle = (low + high) // 2
    start, end = max(least, middle - WINDOW), min(most, middle + WINDOW)
    sampled = np.linspace(start, end, 2 * SAMPLES + 1)[1::2]
    share = sum(hold(math.ceil(draws)) for draws in sampled) / SAMPLES
    return _within_reach((start + share * (end - start)) / DRAWS)


def _within_reach(probability: float) -> float:
    return min(max(probability, LEAST), MOST)


def confidence(probability: float, evidence: Evidence, load: Interval) -> str:
    """Word for how far a promise may be relied on: of probability, evidence and width the weakest decides.

    Parameters
    ----------
    probability : float
        That it holds: high from 0.97, good from 0.88, moderate from 0.5, else unlikely.
    evidence : Evidence
        Weakest class of what the prediction rests on; a data sheet alone is at most good.
    load : Interval
        Busy share of the CPU. P90 above twice P10 is at most good, above three times at most moderate; and above twice
        on a data sheet alone, too.
    """
    if probability < 0.5:
        return WORDS[0]
    by_probability = 3 if probability >= 0.97 else 2 if probability >= 0.88 else 1
    weak = evidence in {Evidence.SPEC, Evidence.UNKNOWN}
    width = load.p90 / load.p10 if load.p10 > 0 else 1.0
    by_width = 1 if width > VAGUE or (weak and width > WIDE) else 2 if width > WIDE else 3
    return WORDS[min(by_probability, by_width, 2 if weak else 3)]
