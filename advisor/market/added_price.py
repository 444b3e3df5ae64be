"""What devices that are added to a box cost on a day: of those sold as the part that fits, the cheapest.

One chip is sold as a module for an M.2 socket, on a HAT of a Raspberry Pi, on a card or for a USB port, at prices of
their own (a Hailo-8 at 110 and 179 USD), so a price is one of a chip in a form.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from advisor.records.base import OfferKind, Sourced
from advisor.records.offer import Offer, Product, ProductForm

from .box_price import box_price
from .memory_price import MemorySeries

_NO_MEMORY = MemorySeries((), "USD")


@dataclass(frozen=True)
class AddedPrice:
    """Price of a part that is added, in USD; ``price`` has its ends (P10 and P90), source and day."""

    price: Sourced
    kind: OfferKind


AddedPrices = Mapping[tuple[str, ProductForm], AddedPrice]
"""By id of the accelerator and form of the part."""


def added_prices(products: Iterable[Product], offers: Iterable[Offer], as_of: dt.date) -> AddedPrices:
    """Prices as of a day, from offers in USD; a product of several chips names none and is left out."""
    of_product: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        # Memory and disk are part of the module: nothing is exchanged.
        of_product[offer.product].append(offer.model_copy(update={"memory_bytes": None, "storage_bytes": None}))
    found: dict[tuple[str, ProductForm], AddedPrice] = {}
    for product in products:
        if product.accelerator is None:
            continue
        asked = box_price(of_product[product.id], 0.0, 0.0, as_of, _NO_MEMORY)
        key = product.accelerator, product.form_factor
        if asked is None or (key in found and found[key].price.value <= asked.value):
            continue
        offer = asked.offer
        old = f", {asked.age_days} days old" if asked.is_old else ""
        price = Sourced(
            value=round(asked.value, 2), low=round(asked.low, 2), high=round(asked.high, 2), kind="published",
            source=f"{offer.kind} price of {product.full_name}, {offer.observed}{old}: {offer.source}",
            date=offer.observed_until,
        )  # fmt: skip
        found[key] = AddedPrice(price, offer.kind)
    return found
