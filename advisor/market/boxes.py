"""Boxes as a plan knows them, with prices of a day: products with each of their memories, and classes of boxes.

A product is sold under a name; how such boxes are built beside that (power limit, memory channels, wall power) is taken
from the class of the catalogue with its chip. A class stays a sum of assumptions, of which memory follows its price.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from advisor.records.base import Sourced
from advisor.records.offer import Offer, Product
from advisor.records.platform import Platform

from .box_price import KIND_SPREAD, PASSED_ON, BoxPrice, box_price
from .memory_price import MemorySeries, PerGigabyte

GIB = 2**30
BAREBONE_MEMORY_GB = (8, 16, 32)
"""Memory that a box sold without any is planned with."""
STORAGE_BYTES = 512e9
"""Disk that each box is priced with: that of the classes of mini PCs."""
SPREAD_OF_CLASS = KIND_SPREAD["assumed"]
_FORMS = {"mini-pc": "mini-pc", "desktop": "desktop", "workstation": "workstation", "server": "server",
          "industrial": "fanless", "board": "board", "kit": "board"}  # fmt: skip


_BOX_ID = re.compile(r"(?P<product>.+)-with-(?P<memory_gb>[0-9]{1,4})-gb")


@dataclass(frozen=True)
class Unplannable:
    """A product that cannot be a candidate."""

    product: Product
    reason: str


@dataclass(frozen=True)
class MarketBoxes:
    """What a market adds to a catalogue."""

    platforms: tuple[Platform, ...]
    """Products with each memory, then classes whose memory was brought to the day."""
    unplannable: tuple[Unplannable, ...]


def market_boxes(
    classes: Sequence[Platform],
    products: Iterable[Product],
    offers: Iterable[Offer],
    memory: MemorySeries,
    as_of: dt.date,
) -> MarketBoxes:
    """Boxes with prices as of a day, in USD; offers in other currencies have been converted before.

    Parameters
    ----------
    classes : sequence of Platform
        Generic boxes of the catalogue, and the user's own.
    """
    of_product: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        of_product[offer.product].append(offer)
    of_chip: dict[str, list[Platform]] = defaultdict(list)
    for platform in classes:
        if platform.measured_fingerprint is None:
            of_chip[platform.processor].append(platform)
    found: list[Platform] = []
    unplannable: list[Unplannable] = []
    for product in products:
        if product.accelerator is not None or product.form_factor not in _FORMS:
            continue
        fault = _fault(product, of_product, of_chip)
        made = () if fault else _boxes(product, of_chip[str(product.processor)], of_product[product.id], memory, as_of)
        if made:
            found += made
        else:
            unplannable.append(Unplannable(product, fault or "no price of it that may decide was seen by that day"))
    exchanged = [repriced(platform, memory, as_of) for platform in classes] if memory.known else []
    exchanged += [as_sold(platform, found) for platform in classes]
    return MarketBoxes((*found, *(box for box in exchanged if box is not None)), tuple(unplannable))


def _fault(
    product: Product, of_product: Mapping[str, Sequence[Offer]], of_chip: Mapping[str, Sequence[Platform]]
) -> str | None:
    if product.processor is None:
        return f"its chip ({product.processor_text.value}) is not in the catalogue"
    if not of_chip.get(product.processor):
        return f"no class of boxes with a {product.processor_text.value} says how such boxes are built"
    if not of_product.get(product.id):
        return "no price of it is known"
    return None


def _boxes(
    product: Product, classes: Sequence[Platform], offers: Sequence[Offer], memory: MemorySeries, as_of: dt.date
) -> list[Platform]:
    """One platform for each memory that the product can have and has a price with."""
    wanted = _FORMS[product.form_factor]
    fitting = [item for item in classes if item.form_factor == wanted] or list(classes)
    seen = {option.value for option in product.memory_options_bytes}
    seen |= {offer.memory_bytes for offer in offers if offer.memory_bytes is not None and offer.trust != "weak"}
    sizes = {size for size in seen if size > 0}
    if 0 in seen and memory.known:
        sizes |= {float(gb * GIB) for gb in BAREBONE_MEMORY_GB}
    if not sizes:
        sizes = {min(item.memory_bytes.value for item in fitting)}
    made = []
    for size in sorted(sizes):
        price = box_price(offers, size, STORAGE_BYTES, as_of, memory)
        if price is not None:
            made.append(_platform(product, _nearest(fitting, size), size, price))
    return made


def named_box(name: str, classes: Sequence[Platform], products: Mapping[str, Product]) -> Platform | None:
    """A product with one of its memories by the id that plans give it, without a price; None where it is none."""
    match = _BOX_ID.fullmatch(name)
    product = None if match is None else products.get(match["product"])
    if match is None or product is None:
        return None
    wanted = _FORMS.get(product.form_factor)
    same_chip = [item for item in classes if item.processor == product.processor and item.measured_fingerprint is None]
    fitting = [item for item in same_chip if item.form_factor == wanted] or same_chip
    size = float(match["memory_gb"]) * GIB
    return None if not fitting else _platform(product, _nearest(fitting, size), size, None)


def _nearest(fitting: Sequence[Platform], memory_bytes: float) -> Platform:
    return min(fitting, key=lambda item: (abs(item.memory_bytes.value - memory_bytes), item.id))


def _platform(product: Product, like: Platform, memory_bytes: float, price: BoxPrice | None) -> Platform:
    gigabytes = round(memory_bytes / GIB)
    stated = next((item for item in product.memory_options_bytes if item.value == memory_bytes), None)
    memory = stated or like.memory_bytes.model_copy(
        update={"value": memory_bytes, "source": "memory that a box sold without any is planned with"}
    )
    chip = "" if product.processor_text.value in product.full_name else f" ({product.processor_text.value})"
    return like.model_copy(
        update={
            "id": f"{product.id}-with-{gigabytes}-gb",
            "name": f"{product.full_name}{chip}, {gigabytes} GB",
            "product": product.id,
            "form_factor": _FORMS.get(product.form_factor, like.form_factor),
            "fanless": _is_fanless(product, like),
            "memory_bytes": memory,
            "storage_bytes": like.memory_bytes.model_copy(
                update={"value": STORAGE_BYTES, "source": "disk that products are priced with"}
            ),
            "price_usd": None if price is None else _sourced(price),
            "price_basis": None if price is None else price.offer.basis,
            "offer_kind": None if price is None else price.offer.kind,
            "price_breakdown": (),
            "memory_usd_per_gb": None,
            "notes": f"power, memory channels and wall power as assumed of the class {like.id}",
        }
    )


def _is_fanless(product: Product, like: Platform) -> bool:
    """As stated, else as classes of its own form are: a board is not without a fan since an industrial box is."""
    if product.fanless is not None:
        return product.fanless
    return like.fanless and like.form_factor == _FORMS.get(product.form_factor)


def _sourced(price: BoxPrice) -> Sourced:
    offer = price.offer
    held = (
        ""
        if offer.memory_bytes is None
        else f" with {offer.memory_bytes / GIB:g} GB"
        if offer.memory_bytes
        else " without memory"
    )
    changed = ", brought to the price of memory on the day" if price.memory_exchanged else ""
    old = f", {price.age_days} days old" if price.is_old else ""
    more = f"; {price.others} further price{'s' * (price.others > 1)} in the interval" if price.others else ""
    more += ", with tax and without it" if price.mixes_tax else ""
    return Sourced(
        value=round(price.value, 2),
        low=round(price.low, 2),
        high=round(price.high, 2),
        kind="published",
        source=f"{offer.kind} price of {offer.observed}{held}{changed}{old}: {offer.source}{more}",
        date=offer.observed_until,
    )


def as_sold(platform: Platform, products: Iterable[Platform]) -> Platform | None:
    """A class of boards with the price of the product that it is; None: no such product has a price.

    A board with its chip has one maker, so that a sum of assumptions is no other box than the one with an offer.
    """
    if platform.form_factor != "board" or not platform.price_breakdown or platform.measured_fingerprint is not None:
        return None
    same = [
        item for item in products
        if item.processor == platform.processor and item.memory_bytes.value == platform.memory_bytes.value
        and item.price_usd is not None
    ]  # fmt: skip
    if not same:
        return None
    sold = min(same, key=lambda item: (0.0 if item.price_usd is None else item.price_usd.value, item.id))
    return platform.model_copy(
        update={"price_usd": sold.price_usd, "price_basis": sold.price_basis, "offer_kind": sold.offer_kind}
    )


def repriced(platform: Platform, memory: MemorySeries, as_of: dt.date) -> Platform | None:
    """A class of boxes whose memory costs what it costs on a day; None where its price says nothing of memory."""
    price, included = platform.price_usd, platform.memory_usd_per_gb
    if price is None or included is None:
        return None
    per_gb: PerGigabyte = memory.at(as_of)
    gigabytes = platform.memory_bytes.value / GIB
    least, median, most = sorted(share * gigabytes * (per_gb.value - included.value) for share in PASSED_ON)
    value = price.value + median
    spread = SPREAD_OF_CLASS * price.value
    return platform.model_copy(
        update={
            "price_usd": price.model_copy(
                update={
                    "value": round(value, 2),
                    "low": round(max(value - hypot(spread, median - least), 0.0), 2),
                    "high": round(value + hypot(spread, most - median), 2),
                    "source": f"{price.source}; since memory costs {per_gb.value:.2f} USD/GB instead of "
                    f"{included.value:g} (price of {per_gb.observed}), {median:+.0f} USD",
                }
            )
        }
    )
