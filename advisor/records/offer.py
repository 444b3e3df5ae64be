"""Products that can be bought, and what shops, lists and vendors ask for them on a day."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Literal

from pydantic import Field, field_validator

from .base import OfferKind, PositiveQuantity, PriceBasis, Quantity, Record, Sourced, SourcedText
from .platform import CatalogueId

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 code."""
ProductForm = Literal[
    "mini-pc", "desktop", "workstation", "server", "industrial", "board", "module", "kit", "accelerator-pcie",
    "accelerator-m2", "accelerator-hat", "accelerator-usb",
]  # fmt: skip
Trust = Literal["read", "list", "weak"]
"""Read: at the seller, maker or reviewer. List: in a secondary list that gives addresses. Weak: without an address;
such a price may widen an interval, never decide."""
Condition = Literal["new", "refurbished", "used"]
Availability = Literal["in_stock", "preorder", "backorder", "out_of_stock"]


class Product(Record):
    """One file under profiles/products: a thing with a maker and a name, not a class of boxes."""

    schema_: Annotated[Literal["sizer.product/1"], Field(alias="schema")] = "sizer.product/1"
    id: CatalogueId
    vendor: str
    name: str
    form_factor: ProductForm
    processor: CatalogueId | None = None
    """Of the catalogue; None: not in it, or the sources do not say which (``processor_text``)."""
    accelerator: CatalogueId | None = None
    """Of the catalogue, where the product is one."""
    processor_text: SourcedText
    """Chip as the source names it."""
    fanless: bool | None = None
    stated_power_w: Sourced | None = None
    """Power as a source states it; mostly the chip's TDP, so it is not taken for the limit that the box holds."""
    memory_options_bytes: tuple[Sourced, ...] = ()
    """Memory that it was seen sold with; a value of 0: without (barebone)."""
    igpu: SourcedText | None = None
    npu: SourcedText | None = None
    gtin: tuple[str, ...] = ()
    mpn: tuple[str, ...] = ()
    notes: str | None = None

    @property
    def full_name(self) -> str:
        """Vendor and name."""
        return self.name if self.name.startswith(self.vendor) else f"{self.vendor} {self.name}"


class Offer(Record):
    """One price of one product on one day, as a source states it."""

    product: CatalogueId
    price: PositiveQuantity
    currency: Currency
    observed: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]
    """Day, month or year of the price, as precisely as the source says."""
    kind: OfferKind
    trust: Trust
    source: Annotated[str, Field(min_length=3)]
    """Address, or the words by which the source can be found."""
    memory_bytes: Quantity | None = None
    """Memory in the price; 0: without; None: not stated."""
    storage_bytes: Quantity | None = None
    """Disk in the price; 0: without; None: not stated."""
    condition: Condition = "new"
    availability: Availability | None = None
    basis: PriceBasis | None = None
    """Without or with the tax of the country; None: not stated."""
    note: str = ""

    @field_validator("observed")
    @classmethod
    def _is_a_date(cls, text: str) -> str:
        year, month, day = (*map(int, text.split("-")), 1, 1)[:3]
        dt.date(year, month, day)  # ValueError: no such day
        return text

    @property
    def observed_from(self) -> dt.date:
        """First day that the price may be of."""
        year, month, day = (*map(int, self.observed.split("-")), 1, 1)[:3]
        return dt.date(year, month, day)

    @property
    def observed_until(self) -> dt.date:
        """Last day that the price may be of."""
        year, month, day = (*map(int, self.observed.split("-")), 0, 0)[:3]
        if day:
            return self.observed_from
        following = dt.date(year, month + 1, 1) if 0 < month < 12 else dt.date(year + 1, 1, 1)
        return following - dt.timedelta(days=1)

    @property
    def key(self) -> str:
        """Identity of what was offered by whom on which day: a second price under it corrects the first."""
        parts = (
            self.product, self.source, self.observed, self.kind, self.condition, self.currency,
            str(self.memory_bytes), str(self.storage_bytes),
        )  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class MemoryPrice(Record):
    """What one gigabyte of memory cost on a day, as a source states it."""

    observed: dt.date
    price_per_gb: PositiveQuantity
    currency: Currency
    item: str
    source: Annotated[str, Field(min_length=3)]
    trust: Trust
