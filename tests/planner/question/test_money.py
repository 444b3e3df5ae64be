from __future__ import annotations

import datetime as dt

import pytest

from advisor.planner.question.money import active_fraction, price_of, total_cost
from advisor.records.base import Interval
from advisor.records.scenario import Money
from tests.planner.fakes import TODAY, candidate, scenario


def flat(value: float) -> Interval:
    return Interval(p10=value, p50=value, p90=value)


def test_tco_by_hand() -> None:
    # 20 W for half the day, 10 W for the rest: 15 W on average = 131.4 kWh a year (8.76 x 15).
    price = price_of(candidate("box", 4, 300.0).platform, 1, scenario(), TODAY)
    money = Money(electricity_per_kwh=0.5, lifetime_years=4.0, licence_per_box=20.0, storage_per_box=30.0)
    tco = total_cost(price, 1, money, flat(20.0), flat(10.0), 0.5)
    assert tco.energy_kwh_per_year.p50 == pytest.approx(131.4)
    assert tco.value == pytest.approx(300.0 + 131.4 * 0.5 * 4 + 50.0)


def test_an_override_wins_and_goes_stale() -> None:
    shop = scenario(candidates={"prices": {"box": {"value": 250.0, "date": dt.date(2025, 1, 1), "source": "offer 17"}}})
    price = price_of(candidate("box", 4, 300.0).platform, 3, shop, TODAY)
    assert (price.value, price.per_box, price.kind, price.stale) == (750.0, 250.0, "quoted", True)


def test_catalogue_prices_are_converted() -> None:
    shop = scenario(money={"currency": "EUR", "usd_rate": 0.9})
    price = price_of(candidate("box", 4, 300.0).platform, 2, shop, TODAY)
    assert price.value == pytest.approx(540.0)
    assert price.currency == "EUR"


def test_an_unknown_price_stays_unknown() -> None:
    price = price_of(candidate("box", 4, None).platform, 1, scenario(), TODAY)
    assert price.value is None
    assert total_cost(price, 1, Money(), flat(20.0), flat(10.0), 1.0).value is None


def test_active_fraction_is_weighted_by_cameras() -> None:
    shop = scenario(
        cameras=[
            {"group": "a", "count": 3, "resolution": "640x480", "fps": 5.0, "active_hours": 12.0},
            {"group": "b", "count": 1, "resolution": "640x480", "fps": 5.0, "active_hours": 24.0},
        ],
        stages=[{"id": "person", "model": "x"}],
    )
    assert active_fraction(shop) == pytest.approx((3 * 12 + 24) / 4 / 24)


def test_a_quotation_in_usd_is_converted_and_any_third_currency_refused() -> None:
    money = {"currency": "EUR", "usd_rate": 0.9}
    quoted: dict[str, dict[str, object]] = {
        "box": {"value": 200.0, "currency": "USD", "date": "2026-11-01", "source": "offer 17"}
    }
    shop = scenario(money=money, candidates={"prices": quoted})
    price = price_of(candidate("box", 4, 999.0).platform, 2, shop, TODAY)
    assert price.value == pytest.approx(360.0)
    assert price.per_box == pytest.approx(180.0)
    assert price.currency == "EUR"
    quoted["box"]["currency"] = "CHF"
    with pytest.raises(ValueError, match=r"currency CHF differs from money\.currency EUR"):
        scenario(money=money, candidates={"prices": quoted})


def test_what_is_at_hand_has_its_price_and_more_of_it_none_unless_one_is_stated() -> None:
    box = candidate("this", 4, 0.0).platform
    assert price_of(box, 1, scenario(), TODAY, at_hand=1).value == 0.0
    more = price_of(box, 2, scenario(), TODAY, at_hand=1)
    assert (more.value, more.per_box, more.kind) == (None, None, "unknown")
    assert "only 1" in more.source
    shop = scenario(candidates={"prices": {"this": {"value": 250.0, "date": TODAY, "source": "offer 17"}}})
    assert price_of(box, 2, shop, TODAY, at_hand=1).value == 500.0


def test_one_box_at_hand_is_at_one_site_alone() -> None:
    camera = {"group": "a", "count": 1, "resolution": "640x480", "fps": 5.0}
    sites = [{"name": "town", "count": 2, "cameras": {"a": 1}}]
    shop = scenario(cameras=[camera], stages=[{"id": "person", "model": "x"}], sites=sites)
    assert price_of(candidate("this", 4, 0.0).platform, 1, shop, TODAY, at_hand=1).value is None
