"""Which platforms of the catalogue may be recommended at all; the others are excluded, each with its reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from advisor.errors import CatalogueError, Infeasible, nearest
from advisor.records.scenario import Scenario

from .inputs import Candidate
from .money import price_of


@dataclass(frozen=True)
class ExcludedCandidate:
    """A candidate that a filter of the scenario or a limit of the site excludes."""

    candidate: Candidate
    check: str
    reason: str


def admit(
    scenario: Scenario, candidates: tuple[Candidate, ...], today: dt.date, *, named: bool = False
) -> tuple[tuple[Candidate, ...], tuple[ExcludedCandidate, ...]]:
    """Split candidates by the scenario's filters and the site's limits.

    ``named``: the user named these candidates, so that it is no error when all of them are excluded.

    Raises
    ------
    CatalogueError
        A price override names a platform that is not in the catalogue.
    Infeasible
        No candidate is left, with the filter that removed most.
    """
    platforms = {candidate.platform.id for candidate in candidates}
    for name in scenario.candidates.prices:
        if len(candidates) > 1 and name not in platforms:
            raise CatalogueError(
                f"scenario {scenario.scenario}: candidates.prices.{name}: no such platform{nearest(name, platforms)} "
                "(list them with `sizer catalog list`)"
            )
    admitted: list[Candidate] = []
    excluded: list[ExcludedCandidate] = []
    for candidate in candidates:
        limit = excluding_limit(scenario, candidate, today)
        if limit is None:
            admitted.append(candidate)
        else:
            excluded.append(ExcludedCandidate(candidate, *limit))
    if not admitted and not named:
        checks = [item.check for item in excluded]
        worst = max(sorted(set(checks)), key=checks.count) if checks else "catalogue"
        example = next((item.reason for item in excluded if item.check == worst), "the catalogue is empty")
        raise Infeasible(
            f"scenario {scenario.scenario}: all {len(excluded)} candidates are filtered out, most by {worst} "
            f"(for example: {example}); relax candidates or site"
        )
    return tuple(admitted), tuple(excluded)


def excluding_limit(scenario: Scenario, candidate: Candidate, today: dt.date) -> tuple[str, str] | None:
    """Name of the limit that excludes a candidate, and the reason in words; None where none does."""
    platform, machine = candidate.platform, candidate.machine
    filters = scenario.candidates
    if filters.vendors and (machine.vendor or "").lower() not in {name.lower() for name in filters.vendors}:
        return "candidates.vendors", f"vendor {machine.vendor or 'unknown'} is not among {', '.join(filters.vendors)}"
    if filters.form_factor and platform.form_factor not in filters.form_factor:
        return (
            "candidates.form_factor",
            f"form factor {platform.form_factor} is not among {', '.join(filters.form_factor)}",
        )
    if scenario.site.fanless and not platform.fanless:
        return "site.fanless", "it has a fan and the site asks for none"
    limit_w = scenario.site.max_power_w
    if limit_w is not None:
        if platform.max_power_w is None:
            return (
                "site.max_power_w",
                f"cannot tell: its wall power is unknown and the site allows {limit_w:g} W; a meter would settle that",
            )
        if platform.max_power_w.value > limit_w:
            return (
                "site.max_power_w",
                f"draws up to {platform.max_power_w.value:g} W at the wall, the site allows {limit_w:g} W",
            )
    price = price_of(platform, 1, scenario, today)
    if filters.max_price is not None and price.per_box is not None and price.per_box > filters.max_price:
        return "candidates.max_price", f"costs {price.per_box:,.0f} {price.currency}, above {filters.max_price:,.0f}"
    return None
