"""What the commands on offers answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Record
from .offer import Offer, Product


class ImportedLine(Record):
    """What became of one line of a price list."""

    line: int
    title: str
    price: float
    currency: str
    observed: str
    outcome: Literal["new", "corrected", "unchanged", "uncertain", "unknown"]
    product: str | None = None
    matched_by: str | None = None
    score: float | None = None
    candidates: tuple[str, ...] = ()
    """Products that it may mean, where that is uncertain."""
    before: float | None = None
    """Price that it corrects."""


class RefusedEntry(Record):
    """A line that could not be taken."""

    line: int
    reason: str


class OfferImport(Record):
    """``sizer catalog offers import --json``."""

    schema_: Annotated[Literal["sizer.offer-import/1"], Field(alias="schema")] = "sizer.offer-import/1"
    sizer_version: str
    created: str
    file: str
    format: str
    dry_run: bool
    lines: tuple[ImportedLine, ...]
    refused: tuple[RefusedEntry, ...]
    new_products: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        """Lines with this outcome."""
        return sum(line.outcome == outcome for line in self.lines)


class OfferList(Record):
    """``sizer catalog offers list --json``."""

    schema_: Annotated[Literal["sizer.offers/1"], Field(alias="schema")] = "sizer.offers/1"
    sizer_version: str
    created: str
    known_at: str | None
    offers: tuple[Offer, ...]


class ProductReport(Record):
    """``sizer catalog offers show --json``."""

    schema_: Annotated[Literal["sizer.product-offers/1"], Field(alias="schema")] = "sizer.product-offers/1"
    sizer_version: str
    created: str
    product: Product
    offers: tuple[Offer, ...]
