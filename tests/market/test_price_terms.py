"""Net beside gross, list beside street: what a comparison says of its prices, and what a tax rate makes of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from advisor.market.price_terms import compared_prices, with_price_warnings
from advisor.planner.question.money import price_of
from advisor.records.candidates import PriceOverride
from advisor.records.plan import Plan
from advisor.records.scenario import Money
from advisor.report.layout import plain_text
from advisor.report.terminal import render_plan
from tests.planner.fakes import candidate, scenario
from tests.report.samples import shop_plan

TODAY = dt.date(2026, 11, 29)


def terms(plan: Plan, *sorts: tuple[str | None, str | None]) -> Plan:
    """The plan with so many options, whose prices are of this basis and kind of offer."""
    assert plan.recommended is not None
    options = [
        plan.recommended.model_copy(
            update={
                "platform": f"box-{number}",
                "price": plan.recommended.price.model_copy(update={"basis": basis, "offer_kind": kind}),
            }
        )
        for number, (basis, kind) in enumerate(sorts)
    ]
    update = {"recommended": options[0], "alternatives": tuple(options[1:]), "next_dearer": None, "just_fails": None}
    return plan.model_copy(update={**update, "warnings": ("known before",)})


def warnings(*sorts: tuple[str | None, str | None]) -> tuple[str, ...]:
    return with_price_warnings(terms(shop_plan(), *sorts)).warnings


def test_net_beside_gross_is_the_first_warning_and_on_the_first_screen() -> None:
    plan = with_price_warnings(terms(shop_plan(), ("net", "offer"), ("gross", "offer"), (None, "offer")))
    first, *others = plan.warnings
    assert first.startswith("net and gross prices are compared: without tax box-0, with it box-1; box-2 does not say")
    assert others == ["known before"]
    text = " ".join(plain_text(render_plan(plan), 110).split())
    assert "net and gross prices are compared" in text
    assert "offer net" in text
    assert "offer gross" in text


@pytest.mark.parametrize(("stated", "words"), [("net", "without tax (box-0)"), ("gross", "with tax (box-0)")])
def test_a_stated_basis_beside_an_unstated_one_is_said(stated: str, words: str) -> None:
    first = warnings((stated, "offer"), (None, "offer"))[0]
    assert f"prices {words} are compared with ones that do not say whether they hold tax (box-1)" in first


def test_kinds_that_differ_are_said_last() -> None:
    last = warnings((None, "street"), (None, "list"), (None, "street"))[-1]
    assert "prices of different kinds are compared: street (box-0, box-2), list (box-1)" in last


@pytest.mark.parametrize("sort", [(None, None), ("net", "list"), ("gross", "street")])
def test_prices_of_one_sort_are_no_warning(sort: tuple[str | None, str | None]) -> None:
    assert warnings(sort, sort, sort) == ("known before",)


def test_the_cheaper_box_that_fails_is_compared_too() -> None:
    plan = shop_plan()
    assert plan.just_fails is not None
    assert plan.just_fails.platform in compared_prices(plan)


@pytest.mark.parametrize(
    ("basis", "stated", "value"),
    [("gross", "net", 119.0), ("net", "gross", 100.0 / 1.19), ("gross", "gross", 100.0), ("gross", None, 100.0)],
)
def test_a_tax_rate_brings_stated_prices_to_the_basis_asked_for(basis: Any, stated: Any, value: float) -> None:
    price, now = Money(price_basis=basis, tax_pct=19.0).brought(100.0, stated)
    assert price == pytest.approx(value)
    assert now == (None if stated is None else basis)


def test_without_a_tax_rate_no_price_is_changed() -> None:
    assert Money().brought(100.0, "net") == (100.0, "net")


@pytest.mark.parametrize("half", [{"price_basis": "net"}, {"tax_pct": 19.0}])
def test_basis_and_tax_need_each_other(half: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="need each other"):
        Money.model_validate(half)


def test_a_quoted_price_is_brought_to_the_basis_too() -> None:
    box = candidate("box", 4, 300.0).platform
    quoted = PriceOverride(value=200.0, basis="net", date=TODAY, source="offer 17")
    asked = scenario(money={"price_basis": "gross", "tax_pct": 25.0})
    candidates = asked.candidates.model_copy(update={"prices": {"box": quoted}})
    price = price_of(box, 2, asked.model_copy(update={"candidates": candidates}), TODAY)
    assert price.value == pytest.approx(500.0)
    assert price.basis == "gross"
