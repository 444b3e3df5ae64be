"""Ratio of two variants from rounds in which both were measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.records.comparison import Ratio
from advisor.records.measurement import PairedTurn

from .statistics import percentile


def paired_ratio(turns: Sequence[PairedTurn], baseline: Sequence[PairedTurn]) -> Ratio | None:
    """Median over rounds of the time per input over that of the baseline, with its interval; None without a pair.

    Notes
    -----
    Only turns of one round are divided by one another: what slows the machine down for a while is in both. The interval
    is that of the median by order statistics (:func:`.statistics.order_statistic_ranks`), whatever the distribution;
    six pairs are the fewest that have one at 95 %.
    """
    of_baseline = {turn.round: turn.time_s for turn in baseline}
    ratios = [turn.time_s / of_baseline[turn.round] for turn in turns if turn.round in of_baseline]
    if not ratios:
        return None
    median = percentile(ratios, 0.5)
    return Ratio(value=float(np.median(ratios)), lower=median.lower_s, upper=median.upper_s, pairs=len(ratios))


def pair_count(turns: Sequence[PairedTurn], baseline: Sequence[PairedTurn]) -> int:
    """Rounds in which both took their turn."""
    return len({turn.round for turn in turns} & {turn.round for turn in baseline})
