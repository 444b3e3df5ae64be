"""Why not the others: what fails, what was dearer, and the cheaper box that only just fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Winner, boxes_needed, least_cost, most_boxes, price
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.simulate import WARMUP_S
from advisor.records.plan import Rejected

from .options import make_rejected
from .predicted_load import SHORT_S

NEAREST = 3
SAME_FOR_EVERY_BOX = frozenset({"latency_p95", "camera_fps", "evidence"})
"""Checks that more boxes may not help against: then one box is what is reported."""
FEW = 8
"""So many candidates are all predicted with a simulated capacity."""
MOST_PREDICTED = 150
"""Of a larger catalogue only the nearest misses are predicted, so that time does not go into the hopeless."""

FRAMES_OF_MISSES = 2_000_000
"""Frames that all predictions of misses together may simulate per belief: some seconds."""


@dataclass(frozen=True)
class Misses:
    """Everything that is not shown as an option."""

    rejected: tuple[Rejected, ...]
    nearest: tuple[Rejected, ...]
    just_fails: Rejected | None
    not_judged: int
    doubtful: tuple[tuple[Candidate, int], ...]
    """What fails and might not if more were known of it, nearest miss first, with the most boxes of interest: those
    that are cheaper than the recommendation; without one, as many as are permitted."""


@dataclass(frozen=True)
class _Miss:
    judged: Judgement
    reason: str
    cost: float


def list_misses(
    searcher: Searcher,
    candidates: Sequence[Candidate],
    ask: Ask,
    found: Sequence[Winner],
    shown: set[str],
    chosen: Winner | None,
) -> Misses:
    """Give every candidate that is not shown its reason; nearest misses first where nothing holds."""
    holds = {winner.judged.model.id for winner in found}
    misses = [
        _miss(searcher, candidate, ask, holds, chosen) for candidate in candidates if candidate.platform.id not in shown
    ]
    failing = [
        item
        for item in misses
        if not item.judged.feasible and item.judged.setup is not None and item.judged.check != "cost"
    ]
    failing.sort(key=lambda item: -item.judged.closeness)
    cheaper = failing
    if chosen is not None:
        fewer = [miss for winner in found if (miss := _fewer(searcher, winner, ask, chosen)) is not None]
        cheaper = [item for item in (*failing, *fewer) if item.cost < chosen.cost]
        cheaper.sort(key=lambda item: -item.judged.closeness)
    just = cheaper[0] if cheaper and chosen is not None else None
    limit = most_boxes(ask)
    close = {id(item) for item in failing[:NEAREST]} if chosen is None else set()
    if just is not None:
        close.add(id(just))
    if len(candidates) <= FEW:
        close |= {id(item) for item in misses}
    most = _affordable(searcher, ask)
    worth = {id(item) for item in sorted(misses, key=lambda item: -item.judged.closeness)[:most]}
    records = {
        id(item): make_rejected(
            searcher, item.judged, ask, exact=id(item) in close, predict=id(item) in worth, reason=item.reason
        )
        for item in (*misses, *((just,) if just is not None else ()))
    }
    ordered = misses
    if chosen is None:
        ordered = sorted(misses, key=lambda item: -item.judged.closeness)
    return Misses(
        rejected=tuple(records[id(item)] for item in ordered),
        nearest=tuple(records[id(item)] for item in failing[:NEAREST]) if chosen is None else (),
        just_fails=None if just is None else records[id(just)],
        not_judged=sum(item.judged.check == "cost" for item in misses),
        doubtful=tuple(
            (item.judged.model.candidate, limit if chosen is None else item.judged.count) for item in cheaper
        ),
    )


def _affordable(searcher: Searcher, ask: Ask) -> int:
    """Number of misses that are predicted: fewer where one prediction alone means millions of frames."""
    load = ask.nominal(1)
    seconds = WARMUP_S + min(SHORT_S, searcher.duration_s(ask.scenario, load))
    frames = seconds * sum(group.fps * load.counts.get(group.group, 0) for group in ask.scenario.cameras)
    return MOST_PREDICTED if frames <= 0 else max(NEAREST, min(MOST_PREDICTED, int(FRAMES_OF_MISSES / frames)))


def _miss(searcher: Searcher, candidate: Candidate, ask: Ask, holds: set[str], chosen: Winner | None) -> _Miss:
    """Judge what was left, at the most boxes that would still be cheaper than the recommendation."""
    limit = most_boxes(ask)
    single = least_cost(searcher, candidate, 1, ask)
    if candidate.platform.id in holds:
        return _not_needed(searcher, candidate, ask)
    if math.isinf(single):
        judged = searcher.judge(candidate, 1, ask)
        unknown = "its price is unknown: give one in candidates.prices to have it ranked"
        if judged.feasible:
            return _Miss(judged, f"holds, but {unknown}", single)
        return _Miss(judged, f"{judged.reason}; {unknown}", single)
    if chosen is None:
        judged = searcher.judge(candidate, limit, ask)
        one = searcher.judge(candidate, 1, ask)
        if limit > 1 and not judged.feasible and one.check == "cpu":
            return _Miss(one, f"{one.reason}; not even {limit} boxes (candidates.max_boxes) suffice", single)
        return _Miss(one, "", single)
    count = 1
    while count < limit and least_cost(searcher, candidate, count + 1, ask) < chosen.cost:
        count += 1
    needed = boxes_needed(searcher, candidate, ask)
    if needed is not None and needed <= count and single >= chosen.cost:
        return _not_needed(searcher, candidate, ask)
    judged = searcher.judge(candidate, count, ask)
    if count > 1 and judged.check in SAME_FOR_EVERY_BOX:
        alone = searcher.judge(candidate, 1, ask)
        if (alone.check, alone.reason) == (judged.check, judged.reason):
            return _Miss(alone, "", single)
    if judged.feasible:  # with TCO: its own configuration costs more than the bound
        return _not_needed(searcher, candidate, ask)
    cost = least_cost(searcher, candidate, count, ask)
    return _Miss(judged, _with_more_boxes(searcher, candidate, judged, ask, needed), cost)


def _fewer(searcher: Searcher, winner: Winner, ask: Ask, chosen: Winner) -> _Miss | None:
    """Describe the most boxes of a platform that holds which are too few of it and cheaper than the recommendation."""
    candidate = winner.judged.model.candidate
    for count in range(winner.judged.count - 1, 0, -1):
        cost = least_cost(searcher, candidate, count, ask)
        if cost < chosen.cost:
            judged = searcher.judge(candidate, count, ask)
            return None if judged.feasible or judged.setup is None else _Miss(judged, "", cost)
    return None


def _not_needed(searcher: Searcher, candidate: Candidate, ask: Ask) -> _Miss:
    """Describe a platform that is dearer than what is shown; it is not simulated, so whether it holds is not said."""
    count = boxes_needed(searcher, candidate, ask) or 1
    reason = "dearer than the recommendation and its alternatives; not judged further"
    return _Miss(searcher.sketch(candidate, count, ask), reason, least_cost(searcher, candidate, count, ask))


def _with_more_boxes(searcher: Searcher, candidate: Candidate, judged: Judgement, ask: Ask, needed: int | None) -> str:
    """Reason of the failure, and what the number of boxes that could do would cost."""
    boxes = f"{judged.count} boxes: " if judged.count > 1 else ""
    scenario = ask.scenario
    if needed is None:
        if judged.check != "cpu" or most_boxes(ask) == 1:
            return boxes + judged.reason
        return f"{boxes}{judged.reason}; not even {most_boxes(ask)} boxes (candidates.max_boxes) suffice"
    if needed <= judged.count:
        return boxes + judged.reason
    paid = price(searcher, candidate, needed, scenario)
    return f"{boxes}{judged.reason}; it takes {needed} boxes or more, {paid.value:,.0f} {paid.currency} at least"
