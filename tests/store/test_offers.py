from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from advisor.records.offer import Offer
from advisor.store.market_files import load_products, offers_sha256, shipped_memory_prices, shipped_offers
from advisor.store.offers import OfferStore

MONDAY = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
TUESDAY = MONDAY + dt.timedelta(days=1)


def offer(price: float, product: str = "beelink-eq14", day: str = "2026-11-20") -> Offer:
    return Offer(
        product=product, price=price, currency="USD", observed=day, kind="offer", trust="read", source="shop.example",
        memory_bytes=16 * 2.0**30, storage_bytes=512e9,
    )  # fmt: skip


def test_what_is_recorded_is_known(url: str) -> None:
    with OfferStore(url) as store:
        changes = store.record([offer(229.0), offer(159.0, "gmktec-nucbox-g3")], MONDAY)
        assert (len(changes.added), changes.corrected, changes.unchanged) == (2, (), 0)
        assert store.known() == (offer(229.0), offer(159.0, "gmktec-nucbox-g3"))
    with OfferStore(url) as store:
        again = store.record([offer(229.0)], TUESDAY)
        assert (again.added, again.corrected, again.unchanged) == ((), (), 1)


def test_a_correction_leaves_what_was_known_before_to_be_asked_for(url: str) -> None:
    with OfferStore(url) as store:
        store.record([offer(229.0)], MONDAY)
        changes = store.record([offer(239.0), offer(199.0, day="2026-11-24")], TUESDAY)
        assert changes.corrected == ((offer(229.0), offer(239.0)),)
        assert changes.added == (offer(199.0, day="2026-11-24"),)
        assert store.known(MONDAY - dt.timedelta(seconds=1)) == ()
        assert store.known(MONDAY) == (offer(229.0),)
        assert store.known(TUESDAY) == store.known() == (offer(239.0), offer(199.0, day="2026-11-24"))
        # The same moment in another zone.
        assert store.known(MONDAY.astimezone(dt.timezone(dt.timedelta(hours=9)))) == (offer(229.0),)


def test_looking_changes_nothing(url: str) -> None:
    with OfferStore(url) as store:
        assert len(store.changes([offer(229.0)]).added) == 1
        assert store.known() == ()


def test_the_last_line_of_a_list_counts(url: str) -> None:
    with OfferStore(url) as store:
        store.record([offer(229.0), offer(219.0)], MONDAY)
        assert store.known() == (offer(219.0),)


@pytest.mark.parametrize("change", [
    {"product": "other-box"}, {"observed": "2026-11"}, {"kind": "list"}, {"source": "other.example"},
    {"condition": "used"}, {"currency": "EUR"}, {"memory_bytes": None}, {"storage_bytes": 0.0},
])  # fmt: skip
def test_what_makes_another_offer(change: dict[str, object]) -> None:
    assert offer(229.0).model_copy(update=change).key != offer(229.0).key


@pytest.mark.parametrize(("observed", "first", "last"), [
    ("2026", dt.date(2026, 1, 1), dt.date(2026, 12, 31)), ("2024-02", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
    ("2026-12", dt.date(2026, 12, 1), dt.date(2026, 12, 31)),
    ("2026-11-20", dt.date(2026, 11, 20), dt.date(2026, 11, 20)),
])  # fmt: skip
def test_a_price_of_a_month_may_be_of_each_of_its_days(observed: str, first: dt.date, last: dt.date) -> None:
    found = offer(1.0, day=observed)
    assert (found.observed_from, found.observed_until) == (first, last)


def test_what_ships_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    products, offers, memory = load_products(), shipped_offers(), shipped_memory_prices()
    assert {item.product for item in offers} == set(products)
    readable = {item.product for item in offers if item.trust != "weak" and item.source.startswith("http")}
    assert len(readable) >= 90
    assert len(products) >= 130
    assert len(offers) == 168
    assert len(memory) == 13
    assert all(item.source.startswith("http") for item in memory if item.trust == "read")
    assert all(item.trust == "weak" or "without an address" not in item.source for item in offers)


def test_the_hash_of_offers_does_not_depend_on_their_order() -> None:
    offers, memory = shipped_offers(), shipped_memory_prices()
    assert offers_sha256(offers, memory) == offers_sha256(offers[::-1], memory[::-1])
    assert offers_sha256(offers, memory) != offers_sha256(offers[1:], memory)
