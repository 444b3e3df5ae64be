"""Many sites: the cheapest boxes per kind of site, and the bill for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.planner.question.demand import camera_counts
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.rank import Solution, cheapest, deployment_tco
from advisor.planner.search.study import Study
from advisor.records.plan import Price, Tco
from advisor.records.scenario import Scenario, SiteGroup

from .options import configured_load


@dataclass(frozen=True)
class SitesPlan:
    """Rows and total of the plan, and what is bought."""

    rows: tuple[dict[str, Any], ...] = ()
    """One per kind of site."""
    total: dict[str, Any] = field(default_factory=dict)
    paid: dict[str, Price] = field(default_factory=dict)
    """Platforms that are bought anywhere, with the price of one site's boxes: for warnings."""


@dataclass(frozen=True)
class _Answer:
    """The boxes of each site of one kind."""

    site: SiteGroup
    solution: Solution
    price: Price
    """Of the boxes of one site."""
    price_per_site: float
    tco: Tco
    tco_per_site: float

    @property
    def platform(self) -> str:
        return self.solution.candidate.platform.id

    @property
    def boxes(self) -> int:
        """Boxes that are bought per site."""
        return self.solution.judged.count + self.solution.deployment.case.spare_boxes

    @property
    def total_price(self) -> float:
        return self.price_per_site * self.site.count

    @property
    def total_tco(self) -> float:
        return self.tco_per_site * self.site.count

    @property
    def energy_kwh_per_year(self) -> float:
        """Of all sites of the kind, at the median."""
        return self.tco.energy_kwh_per_year.p50 * self.site.count


def site_counts(scenario: Scenario, site: SiteGroup) -> dict[str, int]:
    """Cameras per group at one site; groups that it does not name have none there."""
    return {name: site.cameras.get(name, 0) for name in camera_counts(scenario)}


def largest_case(scenario: Scenario) -> LoadCase:
    """Return the case of the scenario's own cameras, or of its kind of site with most frames per second."""
    if not scenario.sites:
        return LoadCase.of(scenario)
    rates = {group.group: group.fps for group in scenario.cameras}

    def frames(counts: Mapping[str, int]) -> float:
        return sum(rates[name] * count for name, count in counts.items())

    return LoadCase.of(scenario, counts=max((site_counts(scenario, site) for site in scenario.sites), key=frames))


def plan_sites(study: Study, candidates: Sequence[Candidate]) -> SitesPlan:
    """Cheapest boxes per kind of site, and the bill for all; kinds with equal cameras are planned once."""
    scenario = study.scenario
    if not scenario.sites:
        return SitesPlan()
    solved: dict[tuple[int, ...], Solution | None] = {}
    answers: list[tuple[SiteGroup, _Answer | None]] = []
    for site in scenario.sites:
        counts = site_counts(scenario, site)
        key = tuple(counts.values())
        if key not in solved:
            solved[key] = cheapest(study.for_case(LoadCase.of(scenario, counts=counts)), candidates)
        solution = solved[key]
        answers.append((site, None if solution is None else _answer(site, solution)))
    paid = {answer.platform: answer.price for _, answer in answers if answer is not None}
    rows = tuple(_row(site, sum(site_counts(scenario, site).values()), answer) for site, answer in answers)
    return SitesPlan(rows, _bill(answers, scenario.money.currency), paid)


def _answer(site: SiteGroup, solution: Solution) -> _Answer:
    deployment = solution.deployment
    price = deployment.study.price(solution.candidate, deployment.count)
    tco = deployment_tco(deployment)
    assert price.value is not None  # it was ranked by its cost
    assert tco.value is not None
    return _Answer(site, solution, price, price.value, tco, tco.value)


def _row(site: SiteGroup, cameras: int, answer: _Answer | None) -> dict[str, Any]:
    """One kind of site; without an answer all that would describe it is None."""
    row: dict[str, Any] = {"site": site.name, "sites": site.count, "cameras": cameras}
    if answer is None:
        answered = (
            "platform", "boxes_per_site", "price_per_site", "price", "tco_per_site", "tco", "energy_kwh_per_year",
            "config",
        )  # fmt: skip
        return row | dict.fromkeys(answered)
    return row | {
        "platform": answer.platform,
        "boxes_per_site": answer.boxes,
        "price_per_site": answer.price_per_site,
        "price": answer.total_price,
        "currency": answer.price.currency,
        "tco_per_site": answer.tco_per_site,
        "tco": answer.total_tco,
        "energy_kwh_per_year": answer.energy_kwh_per_year,
        "config": configured_load(answer.solution.deployment)[0].model_dump(mode="json"),
    }


def _bill(answers: Sequence[tuple[SiteGroup, _Answer | None]], currency: str) -> dict[str, Any]:
    """Sum over all sites; no sum where a site has no answer."""
    solved = [answer for _, answer in answers if answer is not None]
    complete = len(solved) == len(answers)
    boxes: dict[str, int] = {}
    for answer in solved:
        boxes[answer.platform] = boxes.get(answer.platform, 0) + answer.boxes * answer.site.count
    return {
        "sites": sum(site.count for site, _ in answers),
        "boxes": sum(boxes.values()) if complete else None,
        "boxes_per_platform": boxes,
        "price": sum(answer.total_price for answer in solved) if complete else None,
        "tco": sum(answer.total_tco for answer in solved) if complete else None,
        "energy_kwh_per_year": sum(answer.energy_kwh_per_year for answer in solved) if complete else None,
        "currency": currency,
        "unsolved": [site.name for site, answer in answers if answer is None],
    }
