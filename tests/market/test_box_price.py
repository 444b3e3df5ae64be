from __future__ import annotations

import datetime as dt
import statistics

import pytest

from advisor.market.box_price import DISK_PER_GB, PASSED_ON, box_price
from advisor.market.memory_price import MemorySeries
from advisor.records.offer import MemoryPrice, Offer
from advisor.records.plan import OLD_PRICE_DAYS
from advisor.store.market_files import shipped_memory_prices, shipped_offers

GIB = 2**30
AS_OF = dt.date(2026, 11, 29)


def offer(price: float, day: str, memory_gb: float | None = 16, **more: object) -> Offer:
    values: dict[str, object] = {
        "product": "box", "price": price, "currency": "USD", "observed": day, "kind": "street", "trust": "list",
        "source": f"list {day}", "storage_bytes": 512e9,
        "memory_bytes": None if memory_gb is None else memory_gb * GIB, **more,
    }  # fmt: skip
    return Offer.model_validate(values)


def series(*points: tuple[str, float]) -> MemorySeries:
    return MemorySeries(
        [
            MemoryPrice(observed=dt.date.fromisoformat(day), price_per_gb=price, currency="USD", item="kit",
                        source="list", trust="read")
            for day, price in points
        ],
        "USD",
    )  # fmt: skip


RISE = series(("2025-07-01", 3.0), ("2026-06-01", 12.0))


def test_memory_moves_evenly_in_its_logarithm_and_stands_still_outside() -> None:
    assert RISE.at(dt.date(2024, 1, 1)).value == pytest.approx(3.0)
    assert RISE.at(dt.date(2027, 1, 1)).value == pytest.approx(12.0)
    middle = dt.date(2025, 7, 1) + (dt.date(2026, 6, 1) - dt.date(2025, 7, 1)) / 2
    assert RISE.at(middle).value == pytest.approx(6.0, rel=0.01)


def test_weak_prices_of_memory_count_where_a_month_has_no_other() -> None:
    weak = MemoryPrice(
        observed=dt.date(2026, 6, 2), price_per_gb=99.0, currency="USD", item="x", source="say", trust="weak"
    )
    strong = weak.model_copy(update={"price_per_gb": 12.0, "trust": "read"})
    assert MemorySeries([weak, strong], "USD").at(AS_OF).value == pytest.approx(12.0)
    assert MemorySeries([weak], "USD").at(AS_OF).value == pytest.approx(99.0)


def test_a_price_of_today_is_taken_as_it_is() -> None:
    found = box_price([offer(200.0, "2026-11-29")], 16 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((200.0, 180.0, 220.0))
    assert not found.is_old


def test_memory_that_a_box_held_follows_the_price_of_memory_in_part() -> None:
    found = box_price([offer(160.0, "2024-12-01")], 16 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert found.value == pytest.approx(160.0 + PASSED_ON[1] * 16 * (12.0 - 3.0))
    assert found.high > 160.0 + PASSED_ON[2] * 16 * 9.0 > found.value
    assert found.is_old


def test_memory_that_is_added_counts_in_full_and_so_does_the_disk() -> None:
    bare = offer(300.0, "2026-11-29", 0, storage_bytes=0.0)
    found = box_price([bare], 16 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert found.value == pytest.approx(300.0 + 16 * 12.0 + 512 * DISK_PER_GB)
    assert found.memory_exchanged


def test_an_offer_of_the_memory_asked_for_goes_before_one_that_needs_exchange() -> None:
    small, large = offer(240.0, "2026-11-20", 16), offer(300.0, "2026-11-10", 32)
    found = box_price([small, large], 32 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert found.offer is large


def test_weak_prices_widen_and_never_decide() -> None:
    strong, weak = offer(229.0, "2026-11-20"), offer(469.0, "2026-11-25", trust="weak")
    found = box_price([strong, weak], 16 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert found.value == pytest.approx(229.0)
    assert found.high == pytest.approx(469.0)
    assert box_price([weak], 16 * GIB, 512e9, AS_OF, RISE) is None


def test_what_is_sold_out_cannot_be_bought_at_its_price() -> None:
    gone, there = offer(99.0, "2026-11-25", availability="out_of_stock"), offer(229.0, "2026-11-20")
    found = box_price([gone, there], 16 * GIB, 512e9, AS_OF, RISE)
    assert found is not None
    assert found.value == pytest.approx(229.0)
    assert found.low == pytest.approx(99.0)
    assert box_price([gone], 16 * GIB, 512e9, AS_OF, RISE) is None


@pytest.mark.parametrize("left_out", [
    {"currency": "EUR"}, {"condition": "used"}, {"observed": "2026-12-01"},
])  # fmt: skip
def test_other_currencies_used_boxes_and_days_to_come_are_left_out(left_out: dict[str, str]) -> None:
    assert box_price([offer(200.0, "2026-11-20").model_copy(update=left_out)], 16 * GIB, 512e9, AS_OF, RISE) is None


def test_a_price_is_old_from_the_ninety_first_day_on() -> None:
    for days, old in ((OLD_PRICE_DAYS, False), (OLD_PRICE_DAYS + 1, True)):
        day = (AS_OF - dt.timedelta(days=days)).isoformat()
        found = box_price([offer(209.0, day)], 16 * GIB, 512e9, AS_OF, RISE)
        assert found is not None
        assert found.is_old is old


def test_age_widens() -> None:
    widths = []
    for day in ("2026-11-20", "2026-06-01", "2025-07-01"):
        found = box_price([offer(200.0, day, None)], 16 * GIB, 512e9, AS_OF, RISE)
        assert found is not None
        widths.append(found.high - found.low)
    assert widths[0] < widths[1] < widths[2]


def test_without_prices_of_memory_only_offers_of_that_memory_count() -> None:
    empty = MemorySeries([], "USD")
    assert not empty.known
    assert box_price([offer(200.0, "2026-11-20", 8)], 16 * GIB, 512e9, AS_OF, empty) is None
    found = box_price([offer(200.0, "2026-11-20", 16)], 16 * GIB, 512e9, AS_OF, empty)
    assert found is not None
    assert found.value == 200.0


def test_the_share_passed_on_is_that_of_the_shipped_prices() -> None:
    """Least, median and most over products with prices of the same memory before and after the rise."""
    memory = MemorySeries(shipped_memory_prices(), "USD")
    groups: dict[tuple[str, float, float | None], list[Offer]] = {}
    for item in shipped_offers():
        if item.trust != "weak" and item.currency == "USD" and item.memory_bytes:
            groups.setdefault((item.product, item.memory_bytes, item.storage_bytes), []).append(item)
    shares = []
    for (_, size, _), prices in groups.items():
        before = [item for item in prices if item.observed_until < dt.date(2025, 9, 1)]
        after = [item for item in prices if item.observed_from >= dt.date(2025, 12, 1)]
        if before and after:
            first, last = (max(part, key=lambda item: item.observed_until) for part in (before, after))
            change = size / GIB * (memory.at(last.observed_until).value - memory.at(first.observed_until).value)
            shares.append((last.price - first.price) / change)
    assert len(shares) == 7
    assert PASSED_ON[0] == pytest.approx(min(shares), abs=0.05)
    assert PASSED_ON[1] == pytest.approx(statistics.median(shares), abs=0.05)
    assert sum(share > PASSED_ON[2] for share in shares) <= 1


def test_prices_with_tax_and_without_it_in_one_interval_are_told() -> None:
    net, gross = offer(200.0, "2026-11-20", basis="net"), offer(230.0, "2026-11-28", basis="gross")
    mixed, alike = (box_price(found, 16 * GIB, 512e9, AS_OF, RISE) for found in ([net, gross], [gross, gross]))
    assert mixed is not None
    assert alike is not None
    assert (mixed.mixes_tax, alike.mixes_tax) == (True, False)
