"""Product data as shops give them to Google Merchant Center: a table, or RSS 2.0 and Atom with the ``g:`` names.

Source: Google Merchant Center Help, "Product data specification" (attributes id, title, price, availability,
condition, brand, gtin, mpn, link, sale_price).
"""

from __future__ import annotations

from xml.etree import ElementTree

from advisor.errors import InputError
from advisor.market.text_table import TableRow, TextTable

from .base import ListOptions, PriceList
from .rows import by_heading, read_rows

NAMES = {
    "title": "title", "brand": "vendor", "price": "price", "availability": "availability", "condition": "condition",
    "gtin": "gtin", "mpn": "mpn", "link": "source_url",
}  # fmt: skip
_SALE = ("sale_price", "sale price")


class GoogleMerchantFormat:
    """``price`` holds amount and currency (``199.00 USD``); a ``sale_price`` takes its place, as a deal."""

    name = "google-merchant"
    title = "Google Merchant product data"

    def recognises(self, headings: tuple[str, ...]) -> bool:
        """With id, title, price, and availability or link, and no handle."""
        folded = {heading.casefold() for heading in headings}
        return {"id", "title", "price"} <= folded and bool(folded & {"availability", "link"})

    def read(self, table: TextTable, options: ListOptions) -> PriceList:
        """Read all rows."""

        def fields(row: TableRow) -> dict[str, str]:
            cells = by_heading(row, NAMES)
            sale = next((cell for heading, cell in row.cells.items() if heading.casefold() in _SALE and cell), "")
            return {**cells, "price": sale, "price_kind": "deal"} if sale else {**cells, "price_kind": "list"}

        return read_rows(table, options, fields)


def table_of_xml(data: bytes, name: str) -> TextTable:
    """Items of an RSS or Atom feed as rows; their order counts as the line.

    Raises
    ------
    InputError
        Not well-formed, with a document type (which could make it grow without bound), or without items.
    """
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
        raise InputError(f"{name}: has a document type, which product feeds do not have; remove it")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError as error:
        raise InputError(f"{name}: is no well-formed XML ({error}); export it again") from error
    items = [node for node in root.iter() if _local(node.tag) in {"item", "entry"}]
    if not items:
        raise InputError(f"{name}: holds no item; export the product data as RSS 2.0, Atom or text")
    rows = []
    for index, item in enumerate(items, 1):
        cells = {_local(node.tag).casefold(): (node.text or node.get("href") or "").strip() for node in item}
        rows.append(TableRow(index, cells))
    headings = tuple(dict.fromkeys(heading for row in rows for heading in row.cells))
    return TextTable(name, "xml", "", headings, tuple(rows), ())


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]
