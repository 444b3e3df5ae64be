"""How sure it is that boxes hold: the share of the joint draws of what is believed of them in which they do."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from advisor.planner.search.joint import DRAWS
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.threads import in_threads
from advisor.records.base import Evidence, Interval

STEP = 64
"""Draws to which a bisection is taken."""
WINDOW, APART = 150, 10
"""Draws on each side of what the bisection finds among which some hold and some fail, and from one that is simulated to
the next: latency is no smooth function of the draw, and with bisection alone one draw would decide for many. Each
stands for 1 % of all draws, as much as a thousand draws know of a share of 0.9."""
SETTLED = 6
"""So many in a row with one outcome, and what lies beyond them in the order is taken to have it, too: were one in three
of those different, such a row would come by chance once in eleven times, and the share be wrong by 5 % at most. Four
in a row, which come once in five, ended a count too soon where the latency of two cameras binds: 0.89 for 0.83."""
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
    draws, and from there outwards they are counted: evenly spaced ones are simulated until all hold on the one side
    and none on the other (:data:`SETTLED`). ``feasible``: it was judged to hold at the confidence asked for, so that it
    is at least that.
    """
    model, setup = deployment.model, deployment.setup
    key = ("probability", *model.like, model.machine.memory_bytes, deployment.count, deployment.case.key, setup.key)
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
    samples = math.ceil((end - start) / APART)
    sampled = [math.ceil(draws) for draws in np.linspace(start, end, 2 * samples + 1)[1::2]]
    split = bisect_left(sampled, middle)
    sides = (sampled[:split][::-1], True), (sampled[split:], False)
    failing, holding = in_threads(lambda side: _out_of_order(side[0], hold, expected=side[1]), sides)
    held = split - failing + holding
    return _within_reach((start + held / samples * (end - start)) / DRAWS)


def _out_of_order(ranks: Sequence[int], hold: Callable[[int], bool], *, expected: bool) -> int:
    """Number of draws with another outcome than the order lets expect, from the nearest one outwards."""
    others = in_row = 0
    for draws in ranks:
        if hold(draws) is expected:
            in_row += 1
            if in_row == SETTLED:
                break
        else:
            others += 1
            in_row = 0
    return others


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
