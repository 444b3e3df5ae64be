"""What each layer of safety costs: the cheapest boxes for today's load, then with growth, headroom and confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Solution, cheapest
from advisor.planner.search.study import Study
from advisor.records.plan import LadderStep
from advisor.records.scenario import Margin

EVEN_PCT = 50.0
"""Confidence of a box that is as likely to hold as not."""


def ladder(study: Study, candidates: Sequence[Candidate], chosen: Solution) -> tuple[LadderStep, ...]:
    """Cheapest boxes layer by layer; the last one is the recommendation."""
    steps = []
    floor = 0.0
    for layer, margin in _layers(study.scenario.margin):
        if margin == study.scenario.margin:
            solution: Solution | None = chosen
        else:
            eased = study.for_scenario(study.scenario.model_copy(update={"margin": margin}))
            eased = replace(eased, only_whether=True)
            solution = cheapest(eased, candidates, floor=floor)
            floor = floor if solution is None else solution.cost  # what did not suffice does not with more asked for
        steps.append(_step(layer, solution))
    return tuple(steps)


def _layers(margin: Margin) -> Iterator[tuple[str, Margin]]:
    """Each layer's words with the margin up to it; those that the scenario does not ask for are left out."""
    current = margin.model_copy(
        update={"headroom_pct": 0.0, "confidence_pct": EVEN_PCT, "growth_cameras": 0, "growth_requests_pct": 0.0}
    )
    yield "today's load, at the median", current
    if margin.growth_cameras or margin.growth_requests_pct:
        current = current.model_copy(
            update={"growth_cameras": margin.growth_cameras, "growth_requests_pct": margin.growth_requests_pct}
        )
        grown = (
            f"{margin.growth_cameras} more {'camera' if margin.growth_cameras == 1 else 'cameras'}"
            if margin.growth_cameras
            else f"{margin.growth_requests_pct:g} % more requests"
        )
        yield f"with growth ({grown})", current
    if margin.headroom_pct:
        current = current.model_copy(update={"headroom_pct": margin.headroom_pct})
        yield f"with {margin.headroom_pct:g} % headroom at the median", current
    if margin.confidence_pct > EVEN_PCT:
        current = current.model_copy(update={"confidence_pct": margin.confidence_pct})
        yield f"with {margin.confidence_pct:g} % confidence in the SLO", current


def _step(layer: str, solution: Solution | None) -> LadderStep:
    if solution is None:
        return LadderStep(layer=layer, platform=None, count=0, price=None)
    study, count = solution.deployment.study, solution.judged.count
    return LadderStep(
        layer=layer,
        platform=solution.candidate.platform.id,
        count=count + study.case.spare_boxes,
        price=study.price(solution.candidate, count).value,
    )
