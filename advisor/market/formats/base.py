"""What every form of price list gives: offers as written, and the lines that were refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from advisor.market.text_table import TextTable
from advisor.records.base import OfferKind, PriceBasis
from advisor.records.offer import Availability, Condition, Trust


@dataclass(frozen=True)
class ListOptions:
    """What a file may leave to whoever imports it."""

    today: dt.date
    """No price is of a later day."""
    currency: str | None = None
    """Of prices that name none."""
    observed: str | None = None
    """Day of prices that carry none."""
    source: str | None = None
    """Where the list comes from; None: its name."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Heading of the file -> field of sizer's own form."""


@dataclass(frozen=True)
class ListedOffer:
    """One price as the list says it, before it is known which product is meant."""

    line: int
    title: str
    price: float
    currency: str
    observed: str
    product: str | None = None
    """Id of a product, where the list names one."""
    vendor: str = ""
    mpn: str | None = None
    gtin: str | None = None
    kind: OfferKind = "offer"
    trust: Trust = "read"
    condition: Condition = "new"
    availability: Availability | None = None
    basis: PriceBasis | None = None
    source: str = ""
    memory_bytes: float | None = None
    storage_bytes: float | None = None
    note: str = ""


@dataclass(frozen=True)
class RefusedLine:
    """A line that was not taken, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class PriceList:
    """A list that was read."""

    offers: tuple[ListedOffer, ...]
    refused: tuple[RefusedLine, ...]


class PriceFormat(Protocol):
    """One form of price list."""

    name: str
    title: str
    """For people."""

    def recognises(self, headings: tuple[str, ...]) -> bool:
        """Whether a table with these headings is of this form."""
        ...

    def read(self, table: TextTable, options: ListOptions) -> PriceList:
        """Read the table; lines that cannot be taken are refused one by one."""
        ...
