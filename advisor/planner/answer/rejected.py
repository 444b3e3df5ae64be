"""Why not the others: what fails, what was dearer, and the cheaper box that only just fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.judgement import Deployment, Feasible, Judgement
from advisor.planner.search.rank import Solution, boxes_needed, least_cost
from advisor.planner.search.search import judge, least_deployment
from advisor.planner.search.simulate import WARMUP_S
from advisor.planner.search.study import Study
from advisor.records.base import Evidence, weakest
from advisor.records.plan import Rejected

from .predicted_load import SHORT_S, predict_load

NEAREST = 3
SAME_FOR_EVERY_BOX = frozenset({"latency_p95", "camera_fps", "evidence"})
"""Checks that more boxes may not help against: then one box is what is reported."""
FEW = 8
"""So many candidates are all predicted with a simulated capacity."""
MAX_PREDICTED = 150
"""Of a larger catalogue only the nearest misses are predicted, so that no time is spent on those far off."""
MAX_PREDICTED_FRAMES = 2_000_000
"""Frames that all predictions of misses together may simulate per quantile: some seconds."""
DEARER = "dearer than the recommendation and its alternatives; not judged further"
UNKNOWN_PRICE = "its price is unknown: give one in candidates.prices to have it ranked"


@dataclass(frozen=True, eq=False)
class Miss:
    """A platform that is not shown as an option, and the reason."""

    candidate: Candidate
    count: int
    check: str
    """The check that fails; ``cost`` where none is known to."""
    reason: str
    deployment: Deployment | None
    feasible: bool = False
    """It carries the case all the same."""
    closeness: float = 0.0
    """What there is over what is needed, 0 to 1, of the check that fails or of the CPU, whichever lacks more."""
    at_median: bool = True
    """Whether it fails at the median already, by that check or for want of CPU; else at the confidence alone."""
    cost: float = math.inf
    """Least cost of the boxes."""

    @property
    def fails(self) -> bool:
        """Whether a configuration is known that fails."""
        return self.check != "cost" and self.deployment is not None

    @classmethod
    def of(cls, judged: Judgement, reason: str = "", cost: float = math.inf) -> Miss:
        """Return the miss of a judged platform; ``reason`` empty: that of the failed check."""
        candidate, count = judged.model.candidate, judged.count
        if isinstance(judged, Feasible):
            return cls(candidate, count, "cost", reason, judged.deployment, feasible=True, cost=cost)
        failed = judged.failed
        reason = reason or _of_boxes(count) + failed.reason
        # A check that is failed first by a little says nothing of a CPU that is several times too small.
        cpu = math.inf if judged.deployment is None else _cpu_there_over_needed(judged.deployment)
        return cls(
            candidate, count, failed.check, reason, judged.deployment,
            closeness=min(failed.closeness, cpu), at_median=failed.at_median or cpu < 1.0, cost=cost,
        )  # fmt: skip

    @property
    def nearness(self) -> tuple[bool, float]:
        """Larger is nearer to holding."""
        return not self.at_median, self.closeness


def _cpu_there_over_needed(deployment: Deployment) -> float:
    """Cores that the headroom leaves over those that the load with growth keeps busy, by the utilisation law."""
    needed = deployment.cores(deployment.required, MEDIAN)
    usable = deployment.scenario.margin.usable_share * deployment.model.cores
    return usable / needed if needed > 0 else math.inf


@dataclass(frozen=True)
class RejectedPlatforms:
    """Everything that is not shown as an option."""

    rejected: tuple[Rejected, ...]
    nearest: tuple[Rejected, ...]
    just_fails: Rejected | None
    not_judged: int
    uncertain: tuple[tuple[Candidate, int], ...]
    """What fails and might not if more were known of it, nearest miss first, with the most boxes of interest: those
    that are cheaper than the recommendation; without one, as many as are permitted."""


def list_rejected(
    study: Study,
    candidates: Sequence[Candidate],
    solutions: Sequence[Solution],
    shown: Sequence[Solution],
) -> RejectedPlatforms:
    """Give every candidate that is not shown its reason; nearest misses first where nothing holds.

    ``solutions``: every platform that is known to hold; ``shown``: those among them that are options, the
    recommendation first.
    """
    chosen = shown[0] if shown else None
    listed = {solution.candidate.platform.id for solution in shown}
    solved = {solution.candidate.platform.id for solution in solutions}
    misses = [
        _miss(study, candidate, chosen, known_to_hold=candidate.platform.id in solved)
        for candidate in candidates
        if candidate.platform.id not in listed
    ]
    by_closeness = sorted(misses, key=lambda miss: miss.nearness, reverse=True)
    failing = [miss for miss in by_closeness if miss.fails]
    cheaper = failing if chosen is None else _cheaper(study, failing, solutions, chosen)
    just = cheaper[0] if cheaper and chosen is not None else None
    exact = set(failing[:NEAREST]) if chosen is None else set()
    if just is not None:
        exact.add(just)
    if len(candidates) <= FEW:
        exact.update(misses)
    predicted = exact.union(by_closeness[: _max_predicted(study)])
    records = {miss: rejected_record(study, miss, predict=miss in predicted, exact=miss in exact) for miss in misses}
    return RejectedPlatforms(
        rejected=tuple(records[miss] for miss in (misses if chosen is not None else by_closeness)),
        nearest=tuple(records[miss] for miss in failing[:NEAREST]) if chosen is None else (),
        just_fails=None if just is None else rejected_record(study, just, predict=True, exact=True),
        not_judged=sum(miss.check == "cost" and not miss.feasible for miss in misses),
        uncertain=tuple(
            (miss.candidate, _most(study, miss.candidate) if chosen is None else miss.count) for miss in cheaper
        ),
    )


def rejected_record(study: Study, miss: Miss, *, predict: bool, exact: bool) -> Rejected:
    """Describe a miss; ``predict``: with what it would look like, ``exact``: with a simulated capacity."""
    predicted = None
    evidence = Evidence.UNKNOWN
    if miss.deployment is not None and predict:
        predicted = predict_load(miss.deployment, exact=exact, feasible=miss.feasible).predicted
        evidence = weakest(list(predicted.evidence.values()))
    platform = miss.candidate.platform
    return Rejected(
        platform=platform.id,
        name=platform.name,
        reason=miss.reason,
        check=miss.check,
        predicted=predicted,
        price=study.price(miss.candidate, miss.count),
        evidence=evidence,
        count=miss.count + study.case.spare_boxes,
        capacity_exact=exact and predicted is not None,
    )


def _cheaper(study: Study, failing: Sequence[Miss], solutions: Sequence[Solution], chosen: Solution) -> list[Miss]:
    """Misses cheaper than the recommendation, nearest first: platforms that fail, and too few boxes of others."""
    fewer = [miss for solution in solutions if (miss := _too_few(study, solution, chosen)) is not None]
    cheaper = [miss for miss in (*failing, *fewer) if miss.cost < chosen.cost]
    return sorted(cheaper, key=lambda miss: miss.nearness, reverse=True)


def _max_predicted(study: Study) -> int:
    """Number of misses that are predicted: fewer where one prediction alone means millions of frames."""
    load = study.case.nominal(1)
    seconds = WARMUP_S + min(SHORT_S, study.duration_s(load))
    frames = seconds * sum(group.fps * load.counts.get(group.group, 0) for group in study.scenario.cameras)
    return MAX_PREDICTED if frames <= 0 else max(NEAREST, min(MAX_PREDICTED, int(MAX_PREDICTED_FRAMES / frames)))


def _miss(study: Study, candidate: Candidate, chosen: Solution | None, *, known_to_hold: bool) -> Miss:
    """Judge what was left, at the most boxes that would still be cheaper than the recommendation."""
    if known_to_hold:
        return _not_needed(study, candidate)
    if math.isinf(least_cost(study, candidate, 1)):
        return _without_price(study, candidate)
    if chosen is None:
        return _without_solution(study, candidate)
    return _with_solution(study, candidate, chosen)


def _without_price(study: Study, candidate: Candidate) -> Miss:
    judged = judge(study, candidate, 1)
    holds = "holds, but" if isinstance(judged, Feasible) else f"{judged.failed.reason};"
    at_hand = study.at_hand(candidate)
    return Miss.of(judged, f"{holds} {UNKNOWN_PRICE if at_hand is None else _only(candidate, at_hand)}")


def _most(study: Study, candidate: Candidate) -> int:
    """Most boxes of a platform that may carry the load: those permitted, of what is at hand no more than there are."""
    at_hand = study.at_hand(candidate)
    return study.case.max_boxes if at_hand is None else min(study.case.max_boxes, at_hand)


def fails_at_median(study: Study, candidate: Candidate) -> Miss | None:
    """One box of a platform of which no number that may be had carries the load even at the median; None: some may."""
    for count in (_most(study, candidate), 1):
        judged = judge(study, candidate, count)
        if isinstance(judged, Feasible) or judged.failed.check == "evidence" or not judged.failed.at_median:
            return None
    return Miss.of(judged)


def _only(candidate: Candidate, at_hand: int) -> str:
    """That more boxes than there are would have to be bought, and how to have them compared."""
    name = candidate.platform.id
    return f"there is only {at_hand} of it: give the price of one in candidates.prices.{name} to have more compared"


def _without_solution(study: Study, candidate: Candidate) -> Miss:
    """Describe one box of a platform where nothing carries the case."""
    limit, cost = study.case.max_boxes, least_cost(study, candidate, 1)
    judged, one = judge(study, candidate, limit), judge(study, candidate, 1)
    too_few = limit > 1 and not isinstance(judged, Feasible)
    if too_few and not isinstance(one, Feasible) and one.failed.check == "cpu":
        return Miss.of(one, _not_even(one.failed.reason, limit), cost)
    at_hand = study.at_hand(candidate)
    if at_hand is not None and isinstance(judged, Feasible) and not isinstance(one, Feasible):
        return Miss.of(one, f"{one.failed.reason}; {_only(candidate, at_hand)}", cost)
    return Miss.of(one, "", cost)


def _with_solution(study: Study, candidate: Candidate, chosen: Solution) -> Miss:
    """Describe the most boxes of a platform that are cheaper than the recommendation."""
    count = 1
    while count < study.case.max_boxes and least_cost(study, candidate, count + 1) < chosen.cost:
        count += 1
    needed = boxes_needed(study, candidate)
    if needed is not None and needed <= count and least_cost(study, candidate, 1) >= chosen.cost:
        return _not_needed(study, candidate)
    judged = judge(study, candidate, count)
    if isinstance(judged, Feasible):  # with TCO: its own configuration costs more than the bound
        return _not_needed(study, candidate)
    if count > 1 and judged.failed.check in SAME_FOR_EVERY_BOX:
        alone = judge(study, candidate, 1)
        if not isinstance(alone, Feasible) and alone.failed[:2] == judged.failed[:2]:
            return Miss.of(alone, "", least_cost(study, candidate, 1))
    reason = _with_more_boxes(study, candidate, count, judged.failed.check, judged.failed.reason)
    return Miss.of(judged, reason, least_cost(study, candidate, count))


def _too_few(study: Study, solution: Solution, chosen: Solution) -> Miss | None:
    """Describe the most boxes of a platform that holds which are too few of it and cheaper than the recommendation."""
    for count in range(solution.judged.count - 1, 0, -1):
        cost = least_cost(study, solution.candidate, count)
        if cost < chosen.cost:
            judged = judge(study, solution.candidate, count)
            if isinstance(judged, Feasible) or judged.deployment is None:
                return None
            return Miss.of(judged, "", cost)
    return None


def _not_needed(study: Study, candidate: Candidate) -> Miss:
    """Describe a platform that is dearer than what is shown; it is not simulated, so whether it holds is not said."""
    count = boxes_needed(study, candidate) or 1
    cost = least_cost(study, candidate, count)
    return Miss(candidate, count, "cost", DEARER, least_deployment(study, candidate, count), cost=cost)


def _with_more_boxes(study: Study, candidate: Candidate, count: int, check: str, reason: str) -> str:
    """Reason of the failure, and what the number of boxes that could do would cost."""
    needed = boxes_needed(study, candidate)
    if needed is None:
        if check != "cpu" or study.case.max_boxes == 1:
            return _of_boxes(count) + reason
        return _of_boxes(count) + _not_even(reason, study.case.max_boxes)
    if needed <= count:
        return _of_boxes(count) + reason
    price = study.price(candidate, needed)
    at_hand = study.at_hand(candidate)
    if price.value is None and at_hand is not None:
        return f"{_of_boxes(count)}{reason}; it takes {needed} boxes or more, and {_only(candidate, at_hand)}"
    return f"{_of_boxes(count)}{reason}; it takes {needed} boxes or more, {price.value:,.0f} {price.currency} at least"


def _of_boxes(count: int) -> str:
    return f"{count} boxes: " if count > 1 else ""


def _not_even(reason: str, limit: int) -> str:
    return f"{reason}; not even {limit} boxes (candidates.max_boxes) suffice"
