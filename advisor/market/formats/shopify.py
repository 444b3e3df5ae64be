"""The product CSV of a Shopify shop, with the headings of either generation; a blank handle continues the product.

Source: Shopify Help Center, "Using CSV files to import and export products". The file names no currency.
"""

from __future__ import annotations

from dataclasses import replace

from advisor.market.text_table import TableRow, TextTable

from .base import ListOptions, PriceList
from .rows import by_heading, read_rows

NAMES = {
    "title": "title", "vendor": "vendor", "variant sku": "mpn", "sku": "mpn", "variant price": "price",
    "price": "price", "variant barcode": "gtin", "barcode": "gtin",
}  # fmt: skip
_HANDLES = ("handle", "url handle")
_OPTIONS = ("option1 value", "option2 value", "option3 value")
_PLAIN = "default title"
"""What Shopify calls the only variant of a product."""


class ShopifyFormat:
    """One row a variant: the title stands in a product's first row alone; rows without a price are pictures."""

    name = "shopify"
    title = "Shopify product CSV"

    def recognises(self, headings: tuple[str, ...]) -> bool:
        """With a handle and a price of variants."""
        folded = {heading.casefold() for heading in headings}
        return bool(folded & set(_HANDLES)) and bool(folded & {"variant price", "price"})

    def read(self, table: TextTable, options: ListOptions) -> PriceList:
        """Read all variants."""
        return read_rows(table, options, _variant, _whole(table))


def _whole(table: TextTable) -> list[TableRow]:
    """Rows with the handle, title, vendor and status of the product's first row."""
    found: list[TableRow] = []
    kept: dict[str, str] = {}
    handle = ""
    for row in table.rows:
        folded = {heading.casefold(): heading for heading in row.cells}
        own = next((row.cells[folded[name]] for name in _HANDLES if name in folded), "")
        if own and own != handle:
            handle, kept = own, {}
        cells = dict(row.cells)
        for name in ("title", "vendor", "status"):
            heading = folded.get(name)
            if heading is None:
                continue
            if cells[heading]:
                kept[name] = cells[heading]
            cells[heading] = kept.get(name, "")
        found.append(replace(row, cells=cells))
    return found


def _variant(row: TableRow) -> dict[str, str] | None:
    cells = by_heading(row, NAMES)
    folded = {heading.casefold(): cell for heading, cell in row.cells.items()}
    if not cells.get("price") or folded.get("status", "active").casefold() in {"archived", "draft"}:
        return None
    chosen = [folded[name] for name in _OPTIONS if folded.get(name) and folded[name].casefold() != _PLAIN]
    title = " ".join([cells.get("title", ""), *chosen]).strip()
    return {**cells, "title": title, "price_kind": "list"}
