"""Which of the boxes that suffice is recommended, and which others cannot be told apart from it.

Neither a probability nor a price is known exactly. A box that misses the confidence asked for by less than the
reliability table can tell apart does not differ from one that meets it, and one whose price may be lower than that of
the cheapest may be the cheapest. Among them all, the least expected cost is recommended: cost and what a failure costs
times its probability. A box that misses the confidence asked for must win by more than the doubt about prices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.joint import DRAWS
from advisor.planner.search.judgement import Deployment, Failing, Feasible
from advisor.planner.search.rank import Solution, affordable, boxes_needed, deployment_cost, least_cost
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.plan import Tie

from .certainty import MOST, probability_of_holding
from .undecided import next_measurement

MAX_CONTENDERS = 8
"""Boxes with an overlapping price whose probability is worked out, cheapest first."""
MAX_TIES = 6


@dataclass(frozen=True, eq=False)
class Contender:
    """Boxes that may be recommended."""

    solution: Solution
    certain: bool
    """Whether they hold at the confidence asked for; else they miss it by less than can be told."""

    @property
    def deployment(self) -> Deployment:
        """The boxes as they were judged."""
        return self.solution.deployment

    @cached_property
    def probability(self) -> float:
        """Probability of holding; worked out only for those that may be chosen or listed."""
        return probability_of_holding(self.deployment, feasible=self.certain)

    @property
    def expected_cost(self) -> float:
        """Cost, and what a failure costs times its probability."""
        return self._expected_cost(self.probability)

    @property
    def least_expected_cost(self) -> float:
        """The same with the highest probability that is ever stated."""
        return self._expected_cost(MOST)

    def _expected_cost(self, probability: float) -> float:
        return self.solution.cost + (1.0 - probability) * cost_of_failure(self.deployment)

    @property
    def overlap(self) -> tuple[float, float]:
        """Cost if the price is at its P10, and at its P90."""
        price = self.deployment.study.price(self.solution.candidate, self.solution.judged.count)
        assert price.value is not None  # it was ranked by its cost
        low, high = price.low, price.high
        assert low is not None  # as the price is known
        assert high is not None
        return self.solution.cost + low - price.value, self.solution.cost + high - price.value


@dataclass(frozen=True, eq=False)
class Decision:
    """The boxes that are recommended, and what cannot be told apart from them."""

    chosen: Contender
    others: tuple[Contender, ...]


def cost_of_failure(deployment: Deployment) -> float:
    """What boxes that turn out too small cost beyond their price: as the scenario says, else one more of their kind."""
    stated = deployment.scenario.money.cost_of_failure
    if stated is not None:
        return stated
    return deployment.study.price(deployment.candidate, deployment.count).per_box or 0.0


def decide(study: Study, candidates: Sequence[Candidate], explored: Sequence[Solution]) -> Decision | None:
    """Choose among what holds (``explored``, cheapest first) and what cannot be told from it; None: nothing."""
    ceiling = explored[0].cost if explored else math.inf
    contenders = [*_nearly(study, candidates, ceiling), *_holding(explored)]
    if not contenders:
        return None
    chosen = _least_expected(contenders)
    return Decision(chosen, tuple(item for item in contenders if item is not chosen and not _pointless(item, chosen)))


def _least_expected(contenders: Sequence[Contender]) -> Contender:
    """Least expected cost; what misses the confidence asked for must win by more than prices can be wrong.

    Where the price decides and is a guess, the box that keeps what was asked for is the better guess.
    """

    def order(item: Contender) -> tuple[float, float, str]:
        return item.expected_cost, item.solution.cost, item.solution.candidate.platform.id

    def least(items: Iterable[Contender]) -> Contender | None:
        best: Contender | None = None
        for item in sorted(items, key=lambda item: item.least_expected_cost):
            if best is not None and item.least_expected_cost > best.expected_cost:
                break  # nor can any that follows be chosen
            best = item if best is None else min(best, item, key=order)
        return best

    certain = least(item for item in contenders if item.certain)
    nearly = least(item for item in contenders if not item.certain)
    if certain is None or nearly is None:
        return certain or nearly or contenders[0]
    doubt = certain.solution.cost - certain.overlap[0]
    return nearly if nearly.expected_cost < certain.expected_cost - doubt else certain


def list_ties(decision: Decision) -> tuple[Tie, ...]:
    """Records of what cannot be told apart from the recommendation, in ascending price."""
    nearest = sorted(decision.others, key=lambda item: item.expected_cost)[:MAX_TIES]
    return tuple(_record(item, decision.chosen) for item in sorted(nearest, key=lambda item: item.solution.cost))


def _holding(explored: Sequence[Solution]) -> list[Contender]:
    """What holds, as far as its price may be below that of the cheapest."""
    contenders: list[Contender] = []
    for solution in explored[:MAX_CONTENDERS]:
        contender = Contender(solution, certain=True)
        if not contenders or contender.overlap[0] <= contenders[0].overlap[1]:
            contenders.append(contender)
    return contenders


def _nearly(study: Study, candidates: Sequence[Candidate], ceiling: float) -> list[Contender]:
    """Cheaper boxes that hold at the median and miss the confidence asked for by less than can be told."""
    contenders = []
    for candidate in affordable(study, candidates, ceiling):
        deployment = _fewest_nearly(study, candidate, ceiling)
        if deployment is not None:
            solution = Solution(
                Feasible(deployment, deployment.run(deployment.required, 0.0)), deployment_cost(deployment)
            )
            contenders.append(Contender(solution, certain=False))
    return contenders


def _fewest_nearly(study: Study, candidate: Candidate, ceiling: float) -> Deployment | None:
    count = boxes_needed(study, candidate)
    while count is not None and count <= study.case.max_boxes and least_cost(study, candidate, count) < ceiling:
        judged = judge(study, candidate, count)
        if not isinstance(judged, Failing):
            return None  # it holds, so it is among what was explored, or costs more than that with its TCO
        deployment = near_miss(judged)
        if deployment is not None:
            return deployment if deployment_cost(deployment) < ceiling else None
        if judged.failed.check == "evidence":
            return None
        count += 1
    return None


def near_miss(judged: Failing) -> Deployment | None:
    """Return the boxes if they hold at a confidence that is less than asked for by no more than can be told apart."""
    deployment = judged.deployment
    if deployment is None or judged.failed.at_median:
        return None
    study, load = deployment.study, deployment.required
    least = deployment.scenario.margin.confidence - study.inputs.probability_resolution
    belief = study.belief(deployment.model, deployment.setup, load)
    holds = study.in_draw(belief, load, math.ceil(round(least * DRAWS, 6)) - 1)[1] is None
    return deployment if holds else None


def _pointless(item: Contender, chosen: Contender) -> bool:
    """Whether nothing speaks for it: the same processor for more money, or dearer without holding more surely."""
    if item.solution.cost <= chosen.solution.cost:
        return False
    same = item.solution.candidate.platform.processor == chosen.solution.candidate.platform.processor
    return same or item.overlap[0] > chosen.overlap[1]


def _record(item: Contender, chosen: Contender) -> Tie:
    deployment, study = item.deployment, item.deployment.study
    price = study.price(deployment.candidate, deployment.count)
    assert price.value is not None  # it was ranked by its cost
    saving = chosen.solution.cost - item.solution.cost
    return Tie(
        platform=deployment.candidate.platform.id,
        name=deployment.candidate.platform.name,
        count=deployment.count + deployment.case.spare_boxes,
        price=price.value,
        probability=item.probability,
        expected_cost=item.expected_cost,
        would_settle=_would_settle(item, saving, price.currency),
        saving=saving,
    )


def _would_settle(item: Contender, saving: float, currency: str) -> str:
    if saving <= 0:
        return "an offer for each (candidates.prices): their prices overlap"
    saves = f"it saves {saving:,.0f} {currency} if it holds"
    measurement = next_measurement(item.deployment)
    if measurement is None:
        return f"`sizer verify` on one of them: {saves}"
    return f"`sizer verify` on one of them, or `{measurement.command}` on it first: {saves}"
