"""What a store holds, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advisor.records.offer import Offer

if TYPE_CHECKING:
    from advisor.store.browse import Page

MOST_ROWS = 200
"""Rows of one page at most."""


@dataclass(frozen=True)
class Part:
    """Which part of a list is wanted: pages count from 1."""

    page: int = 1
    rows: int = 50

    @property
    def offset(self) -> int:
        """Rows before it."""
        return (self.page - 1) * self.rows


def check_store(store_url: str | None) -> str:
    """Open a store once and return its name without secrets. StoreError where it cannot be opened."""
    from .context import open_store

    with open_store(store_url) as store:
        return store.name


def runs_page(store_url: str | None, part: Part, kind: str | None = None, scenario: str | None = None) -> Page:
    """Plans and verdicts, newest first."""
    from advisor.store.browse import StoreBrowser
    from advisor.store.paths import default_store_url

    with StoreBrowser(store_url or default_store_url()) as store:
        return store.runs_page(kind, scenario, part.rows, part.offset)


def measurements_page(
    store_url: str | None, part: Part, model: str | None = None, host: str | None = None, status: str | None = None
) -> Page:
    """Measurements, newest first, without their documents."""
    from advisor.store.browse import StoreBrowser
    from advisor.store.paths import default_store_url

    with StoreBrowser(store_url or default_store_url()) as store:
        return store.measurements_page(model, host, status, part.rows, part.offset)


def measurement_document(store_url: str | None, key: str) -> dict[str, Any]:
    """One measurement as values. StoreError where there is none of that key, or it is damaged."""
    import json

    from advisor.errors import StoreError
    from advisor.store.browse import StoreBrowser
    from advisor.store.paths import default_store_url

    with StoreBrowser(store_url or default_store_url()) as store:
        text = store.measurement_document(key)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise StoreError(f"measurement {key!r} is damaged ({error}); measure it again") from error
    if not isinstance(document, dict):
        raise StoreError(f"measurement {key!r} is damaged: it is no object; measure it again")
    return document


def offers_page(
    store_url: str | None, part: Part, chosen: str = "all", product: str | None = None
) -> tuple[list[Offer], int]:
    """Offers by product and day, and how many there are in all; ``product``: a part of its id."""
    from .market import known_offers

    known = known_offers(chosen, store_url=store_url)  # type: ignore[arg-type]  # checked by the caller
    found = [offer for offer in known if product is None or product.casefold() in offer.product]
    return found[part.offset : part.offset + part.rows], len(found)
