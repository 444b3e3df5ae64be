"""Prices, energy and total cost of ownership.

Formulas: energy per year [kWh] = wall power [W] x 8.76 for a box that runs all hours (8,760 h / 1,000); here the power
of the active hours and of the idle rest are weighted. TCO = price + energy x lifetime + licences + storage.
"""

from __future__ import annotations

import datetime as dt

from advisor.records.base import Interval, Sourced
from advisor.records.plan import OLD_PRICE_DAYS, Price, Tco
from advisor.records.platform import Platform
from advisor.records.scenario import Money, Scenario

HOURS_PER_YEAR = 8760.0
PRICE_SPREAD = {"quoted": 0.0, "measured": 0.0, "vendor": 0.1, "published": 0.1, "assumed": 0.2}
"""Share of a price, by its kind, within which P10 and P90 of what is really paid are taken to lie, unless the price
itself says so. Assumed: a quotation is paid as it is, a list price is not what a shop asks, and an assumed one is a sum
of estimates."""


def price_of(
    platform: Platform, count: int, scenario: Scenario, today: dt.date, *, at_hand: int | None = None
) -> Price:
    """Price of ``count`` boxes at each site in the scenario's currency; an override in the scenario goes first.

    ``at_hand``: boxes that the price of the platform stands for, at all sites together; that of more of them is
    unknown. None: it is what each box costs.
    """
    money = scenario.money
    override = scenario.candidates.prices.get(platform.id)
    if override is not None:
        rate = 1.0 if override.currency in {None, money.currency} else money.usd_rate or 1.0
        quoted, basis = money.brought(override.value * rate, override.basis)
        return Price(
            value=quoted * count,
            currency=money.currency,
            kind="quoted",
            source=override.source,
            date=override.date.isoformat(),
            stale=(today - override.date).days > OLD_PRICE_DAYS,
            per_box=quoted,
            low=quoted * count,
            high=quoted * count,
            basis=basis,
        )
    listed: Sourced | None = platform.price_usd
    more = at_hand is not None and count * max(1, sum(site.count for site in scenario.sites)) > at_hand
    if listed is None or more:
        source = f"only {at_hand} at hand, and no price of another" if more else "no price in the catalogue"
        return Price(
            value=None, currency=money.currency, kind="unknown", source=source, date=None, stale=False, per_box=None,
        )  # fmt: skip
    rate = money.usd_rate or 1.0
    spread = PRICE_SPREAD[listed.kind]
    low = listed.value * (1.0 - spread) if listed.low is None else listed.low
    high = listed.value * (1.0 + spread) if listed.high is None else listed.high
    per_box = listed.value * rate
    return Price(
        value=per_box * count,
        currency=money.currency,
        kind=listed.kind,
        source=listed.source,
        date=listed.date.isoformat(),
        stale=(today - listed.date).days > OLD_PRICE_DAYS,
        per_box=per_box,
        low=low * rate * count,
        high=high * rate * count,
        basis=platform.price_basis,
        offer_kind=platform.offer_kind,
    )


def active_fraction(scenario: Scenario) -> float:
    """Share of the day in which the average source is active."""
    weighted = [(group.count, group.active_hours) for group in scenario.cameras]
    weighted += [(1, group.active_hours) for group in scenario.requests]
    total = sum(count for count, _ in weighted)
    if total == 0:
        return 1.0
    return sum(count * hours for count, hours in weighted) / total / 24.0


def total_cost(price: Price, count: int, money: Money, busy_w: Interval, idle_w: Interval, active: float) -> Tco:
    """TCO of ``count`` boxes over the lifetime; None where the price is unknown.

    Parameters
    ----------
    busy_w, idle_w : Interval
        Wall power of one box while the cameras are active, and while they are not [W].
    active : float
        Share of the hours in which they are, 0 to 1.
    """

    def average_w(busy: float, idle: float) -> float:
        return count * (busy * active + idle * (1.0 - active))

    wall = Interval(
        p10=average_w(busy_w.p10, idle_w.p10),
        p50=average_w(busy_w.p50, idle_w.p50),
        p90=average_w(busy_w.p90, idle_w.p90),
    )
    energy = wall.scaled(HOURS_PER_YEAR / 1000.0)
    yearly = energy.scaled(money.electricity_per_kwh)
    licences = money.licence_per_box * count
    storage = money.storage_per_box * count
    value = None
    if price.value is not None:
        value = price.value + yearly.p50 * money.lifetime_years + licences + storage
    return Tco(
        value=value,
        currency=money.currency,
        lifetime_years=money.lifetime_years,
        energy_kwh_per_year=energy,
        energy_cost_per_year=yearly,
        licences=licences,
        storage=storage,
        wall_w=wall,
    )
