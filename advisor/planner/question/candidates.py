"""Which platforms of the catalogue may be recommended at all; the others are excluded, each with its reason."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

from advisor.errors import CatalogueError, Inconclusive, Infeasible, nearest
from advisor.records.base import Sourced
from advisor.records.device import RUNTIME_DEVICES, DeviceSpec
from advisor.records.scenario import Scenario

from .inputs import Candidate
from .money import price_of

EVIDENCE = "evidence"
"""Check of boxes of which nothing is known that would decide."""
SLOTS = "slots"
"""Check of boxes that cannot take the device that is added: no limit of the scenario, so none to relax."""
DEVICES = "candidates.devices"
"""Check of boxes without any device that a stage may run on."""


@dataclass(frozen=True)
class ExcludedCandidate:
    """A candidate that a filter of the scenario or a limit of the site excludes."""

    candidate: Candidate
    check: str
    """The filter or limit, or :data:`EVIDENCE` where nothing tells whether the box keeps it."""
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
    Inconclusive
        No candidate is left, and of none is known whether it keeps the site's limit.
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
        if checks and set(checks) == {EVIDENCE}:
            raise Inconclusive(
                f"scenario {scenario.scenario}: none of {len(excluded)} candidates can be judged: {excluded[0].reason}"
            )
        worst = max(sorted(set(checks)), key=checks.count) if checks else "catalogue"
        example = next((item.reason for item in excluded if item.check == worst), "the catalogue is empty")
        raise Infeasible(
            f"scenario {scenario.scenario}: all {len(excluded)} candidates are filtered out, most by {worst} "
            f"(for example: {example}); relax candidates or site"
        )
    return tuple(admitted), tuple(excluded)


def wall_power_w(stated: Sourced) -> tuple[float, float]:
    """Range of the most that boxes of one kind draw at the wall [W]."""
    if stated.low is None or stated.high is None:
        return stated.value, stated.value
    return stated.low, stated.high


def at_site(scenario: Scenario, candidate: Candidate) -> Candidate:
    r"""The box as it may be set at the site: with a power limit that keeps the site's, where its maker's may not.

    Wall power is linear in the package's, so a site's :math:`W` allows it :math:`P_l + (W - W_l) (P_h - P_l) / (W_h -
    W_l)` between the ends l and h of both ranges. The box is then as fast as that allows. Derived here. A box whose
    range ends below the limit, or begins above it, or whose package power has no range, is returned as it is.
    """
    limit_w, platform = scenario.site.max_power_w, candidate.platform
    wall, package = platform.max_power_w, platform.sustained_power_w
    if limit_w is None or wall is None or package is None or package.low is None or package.high is None:
        return candidate
    least_w, most_w = wall_power_w(wall)
    if not least_w <= limit_w < most_w:
        return candidate
    allowed_w = package.low + (limit_w - least_w) * (package.high - package.low) / (most_w - least_w)
    machine = candidate.machine.model_copy(
        update={
            "sustained_power_w": min(package.value, allowed_w),
            "sustained_power_low_w": package.low,
            "sustained_power_high_w": allowed_w,
        }
    )
    note = (
        f"{platform.id}: holds {limit_w:g} W at the wall only if its sustained power limit is set to "
        f"{math.floor(allowed_w):g} W or less (boxes of the kind are sold with {package.low:g} to {package.high:g} W); "
        "it is as fast as that allows"
    )
    devices = tuple(_at_most(device, allowed_w) for device in candidate.devices)
    return replace(candidate, machine=machine, notes=(*candidate.notes, note), devices=devices)


def _at_most(device: DeviceSpec, allowed_w: float) -> DeviceSpec:
    """Device of a chip whose box may draw no more than that; what is added has a limit of its own."""
    if device.kind not in RUNTIME_DEVICES or device.power_w is None:
        return device
    return device.model_copy(update={"power_w": min(device.power_w, allowed_w)})


def excluding_limit(scenario: Scenario, candidate: Candidate, today: dt.date) -> tuple[str, str] | None:
    """Name of the limit that excludes a candidate, and the reason in words; None where none does."""
    platform, machine = candidate.platform, candidate.machine
    filters = scenario.candidates
    if candidate.lacks is not None:
        return SLOTS, candidate.lacks
    without = _without_device(scenario, candidate)
    if without is not None:
        return DEVICES, without
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
                EVIDENCE,
                f"cannot tell: its wall power is unknown and the site allows {limit_w:g} W; a meter would settle that",
            )
        least_w, most_w = wall_power_w(platform.max_power_w)
        if least_w > limit_w:
            drawn = f"{most_w:g} W" if least_w == most_w else f"{least_w:g} to {most_w:g} W, as its maker sets it,"
            return "site.max_power_w", f"draws up to {drawn} at the wall, the site allows {limit_w:g} W"
    price = price_of(platform, 1, scenario, today, at_hand=candidate.at_hand)
    if filters.max_price is not None and price.per_box is not None and price.per_box > filters.max_price:
        return "candidates.max_price", f"costs {price.per_box:,.0f} {price.currency}, above {filters.max_price:,.0f}"
    return None


def _without_device(scenario: Scenario, candidate: Candidate) -> str | None:
    """Say which stage may only run on devices that the box lacks; None where there is none, or nobody listed them.

    Of this machine those devices alone are known that were measured, which says nothing of the others.
    """
    if candidate.machine.id == "this":
        return None
    own = {RUNTIME_DEVICES.get(device.kind, device.id) for device in candidate.devices} | {"CPU"}
    for stage in scenario.stages:
        names = (stage.device,) if stage.device is not None else scenario.candidates.devices or ("CPU",)
        if own.isdisjoint(names):
            return f"stage {stage.id} may run on {' or '.join(names)} alone, and the catalogue lists none of it"
    return None
