r"""What a product costs with a given memory and disk on a given day, from offers of other days and other memory.

Memory that is added or left out counts in full; memory that an offer held already follows the price of memory in part,
since makers buy earlier and for less than shops ask:

.. math:: p(t) = p_o + \pi \, m_o (c(t) - c(t_o)) + (m - m_o) \, c(t) + (d - d_o) \, s

with the memory m and disk d [GB], the price of memory c (:mod:`.memory_price`), of disks s, and the share
:math:`\pi` of :data:`PASSED_ON`. Offers that do not say what memory they hold are taken as they are. The value rests on
the newest offers that are not weak; its interval holds what such offers of the :data:`RECENT_DAYS` before come to, the
uncertainty of the kind of price, of the memory exchanged, and of its age. Weak offers and sold-out ones widen it and
never decide. Source: derived here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from advisor.records.offer import Offer
from advisor.records.plan import OLD_PRICE_DAYS

from .memory_price import MemorySeries

GIB = 2**30
KIND_SPREAD: Mapping[str, float] = {
    "offer": 0.0, "deal": 0.05, "street": 0.1, "list": 0.1, "msrp": 0.15, "estimate": 0.25, "assumed": 0.2,
}  # fmt: skip
"""Share of a price within which P10 and P90 of what is paid on its day lie, by kind; assumed."""
DRIFT_PER_YEAR = 0.15
"""Share by which P10 and P90 of the price of a box without its memory move apart per year of age; assumed."""
RECENT_DAYS = 180
PASSED_ON = (0.1, 0.5, 1.6)
"""Share of a change in the price of memory that shows in the price of a box that holds it: least, median,
and what six stay below, of seven products of ``profiles/offers`` seen on both sides of the rise of autumn 2025."""
DISK_PER_GB = 0.07
"""Price of a disk [USD/GB]; assumed, 35 USD for 512 GB."""
LEAST_SHARE = 0.2
"""Share of its price that a box keeps without memory and disk: memory at retail can exceed what a maker paid for it."""
NEW = "new"
SOLD_OUT = "out_of_stock"


@dataclass(frozen=True)
class BoxPrice:
    """Price of one product, in the currency of its offers."""

    value: float
    low: float
    high: float
    """P10 and P90 of what is paid."""
    currency: str
    offer: Offer
    """That the value rests on."""
    memory_exchanged: bool
    """Whether the offer was for other memory, or memory of another day."""
    age_days: int
    others: int
    """Further offers that the interval holds."""
    mixes_tax: bool
    """Whether some of these prices are with tax and others without."""

    @property
    def is_old(self) -> bool:
        """Whether it is older than :data:`OLD_PRICE_DAYS`."""
        return self.age_days > OLD_PRICE_DAYS


def box_price(
    offers: Iterable[Offer], memory_bytes: float, storage_bytes: float, as_of: dt.date, memory: MemorySeries,
) -> BoxPrice | None:  # fmt: skip
    """Price of a product as of a day; None where no offer that may decide was seen until then.

    Parameters
    ----------
    offers : iterable
        Of the one product; those in other currencies than US dollars, of used boxes and of later days are left out.
    memory_bytes, storage_bytes : float
        What the box is to have.
    memory : MemorySeries
        In US dollars, too; with an empty series memory is not exchanged, and only offers of this memory count.
    """
    seen = [
        offer
        for offer in offers
        if offer.currency == "USD" and offer.condition == NEW and offer.observed_from <= as_of
        and (memory.known or offer.memory_bytes in {None, memory_bytes})
    ]  # fmt: skip
    deciding = [offer for offer in seen if offer.trust != "weak" and offer.availability != SOLD_OUT]
    if not deciding:
        return None
    latest = max(offer.observed_until for offer in deciding)
    # Among the latest prices one of the same memory needs no exchange.
    newest = max(
        (offer for offer in deciding if (latest - offer.observed_until).days <= RECENT_DAYS),
        key=lambda offer: (
            offer.memory_bytes == memory_bytes, offer.observed_until, offer.trust == "read", -offer.price, offer.key,
        ),
    )  # fmt: skip
    value, low, high = _brought(newest, memory_bytes, storage_bytes, as_of, memory)
    recent = [
        offer for offer in seen
        if offer is not newest and (newest.observed_until - offer.observed_until).days <= RECENT_DAYS
    ]  # fmt: skip
    for offer in recent:
        other, _, _ = _brought(offer, memory_bytes, storage_bytes, as_of, memory)
        low, high = min(low, other), max(high, other)
    age = max((as_of - newest.observed_until).days, 0)
    bases = {offer.basis for offer in (newest, *recent)}
    exchanged = newest.memory_bytes not in {None, memory_bytes} or (age > 0 and bool(newest.memory_bytes))
    return BoxPrice(
        value, low, high, "USD", newest, exchanged and memory.known, age, len(recent), {"net", "gross"} <= bases
    )


def _brought(
    offer: Offer, memory_bytes: float, storage_bytes: float, as_of: dt.date, memory: MemorySeries
) -> tuple[float, float, float]:
    """Value, P10 and P90 of an offer brought to a day, a memory and a disk."""
    years = max((as_of - offer.observed_until).days - OLD_PRICE_DAYS, 0) / 365.25
    doubts = [KIND_SPREAD[offer.kind] * offer.price, DRIFT_PER_YEAR * years * offer.price]
    value, below, above = offer.price, 0.0, 0.0
    if offer.memory_bytes is not None and memory.known:
        gone, coming = memory.at(min(offer.observed_until, as_of)), memory.at(as_of)
        change = offer.memory_bytes / GIB * (coming.value - gone.value)
        shares = sorted(share * change for share in PASSED_ON)
        added_gb = (memory_bytes - offer.memory_bytes) / GIB
        value += shares[1] + added_gb * coming.value
        below, above = shares[1] - shares[0], shares[2] - shares[1]
        doubts.append(abs(added_gb) * (coming.high - coming.low) / 2)
    if offer.storage_bytes is not None:
        value += (storage_bytes - offer.storage_bytes) / 1e9 * DISK_PER_GB
    value = max(value, LEAST_SHARE * offer.price)
    return value, max(value - math.hypot(below, *doubts), 0.0), value + math.hypot(above, *doubts)
