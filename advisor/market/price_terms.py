"""What prices that are compared with each other do not have in common: tax in them, and what kind of price they are."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.records.plan import Plan, Price

FEW = 3
"""Boxes that are named of each kind."""


def with_price_warnings(plan: Plan) -> Plan:
    """The plan with what a reader of its comparison must know of the prices: tax first, kinds last."""
    first, last = ((text,) if text else () for text in (_tax(plan), _kinds(plan)))
    return plan.model_copy(update={"warnings": (*first, *plan.warnings, *last)})


def compared_prices(plan: Plan) -> dict[str, Price]:
    """Prices that decide what is recommended, by platform: of the boxes shown and of the cheaper one that fails."""
    options = [item for item in (plan.recommended, *plan.alternatives, plan.next_dearer) if item is not None]
    prices = {item.platform: item.price for item in options}
    if plan.recommended is not None and plan.just_fails is not None and plan.just_fails.price is not None:
        prices.setdefault(plan.just_fails.platform, plan.just_fails.price)
    return {name: price for name, price in prices.items() if price.value}


def _tax(plan: Plan) -> str:
    prices = compared_prices(plan)
    net, gross, unstated = (
        [platform for platform, price in prices.items() if price.basis == basis] for basis in ("net", "gross", None)
    )
    if net and gross:
        rest = f"; {_named(unstated)} does not say" if unstated else ""
        return (
            f"net and gross prices are compared: without tax {_named(net)}, with it {_named(gross)}{rest}; "
            "money.price_basis and money.tax_pct bring them to one basis"
        )
    if (net or gross) and unstated:
        word, stated = ("without tax", net) if net else ("with tax", gross)
        return (
            f"prices {word} ({_named(stated)}) are compared with ones that do not say whether they hold tax "
            f"({_named(unstated)})"
        )
    return ""


def _kinds(plan: Plan) -> str:
    found: dict[str, list[str]] = {}
    for platform, price in compared_prices(plan).items():
        if price.offer_kind is not None:  # others are quoted, or assumed and warned of
            found.setdefault(price.offer_kind, []).append(platform)
    if len(found) < 2:
        return ""
    listed = ", ".join(f"{kind} ({_named(names)})" for kind, names in found.items())
    return f"prices of different kinds are compared: {listed}; each interval is as wide as its kind"


def _named(platforms: Sequence[str]) -> str:
    more = f" and {len(platforms) - FEW} more" if len(platforms) > FEW else ""
    return ", ".join(platforms[:FEW]) + more
