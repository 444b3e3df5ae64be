"""From cells by field to an offer; what all tabular forms share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from advisor.market.cells import (
    DISK_GB,
    MEMORY_GB,
    CellFault,
    DecimalMark,
    amount,
    currency_code,
    decimal_mark,
    gtin,
    observed,
    size_gb,
    word,
)
from advisor.market.text_table import TableRow, TextTable
from advisor.records.base import OfferKind, PriceBasis
from advisor.records.offer import Availability, Condition, Trust

from .base import ListedOffer, ListOptions, PriceList, RefusedLine

GIB = 2**30
KINDS = {"msrp": "msrp", "uvp": "msrp", "rrp": "msrp"} | {
    kind: kind for kind in ("offer", "list", "street", "deal", "estimate", "assumed")
}
CONDITIONS = {"new": "new", "neu": "new", "refurbished": "refurbished", "used": "used"}
AVAILABILITIES = {
    "in_stock": "in_stock", "instock": "in_stock", "available": "in_stock", "preorder": "preorder",
    "pre_order": "preorder", "backorder": "backorder", "out_of_stock": "out_of_stock", "outofstock": "out_of_stock",
    "sold_out": "out_of_stock",
}  # fmt: skip
_TAXES = ("vat", "tax", "mwst", "ust")
BASES = (
    {"net": "net", "netto": "net", "gross": "gross", "brutto": "gross"}
    | {f"{word}_{tax}": "net" for word in ("excl", "ex", "exkl", "zzgl", "plus") for tax in _TAXES}
    | {f"{word}_{tax}": "gross" for word in ("incl", "inc", "inkl") for tax in _TAXES}
)
"""Whether tax is in a price, as lists say it: ``excl. VAT``, ``inkl. MwSt``."""
TRUSTS = {"read": "read", "list": "list", "weak": "weak"}
_MEMORY = re.compile(r"(?<![\d.])(\d{1,4})\s*GB\s*(?:DDR\d|LPDDR\d\w?|RAM|memory)", re.IGNORECASE)
_PAIR = re.compile(r"(?<![\d.])(\d{1,3})\s*GB?\s*[/+]\s*(\d{1,4})\s*(GB|TB)", re.IGNORECASE)
_DISK = re.compile(r"(?<![\d.])(\d{1,4})\s*(GB|TB)\s*(?:SSD|NVMe|M\.2|eMMC|disk|HDD)", re.IGNORECASE)
_BARE = re.compile(r"\bbarebones?\b", re.IGNORECASE)

Cells = Mapping[str, str]


def read_rows(
    table: TextTable,
    options: ListOptions,
    fields: Callable[[TableRow], Cells | None],
    rows: Iterable[TableRow] | None = None,
) -> PriceList:
    """Read all rows of a table.

    Parameters
    ----------
    fields : callable
        Cells of one row by the field of sizer's own form; None: a row that is no price (a picture of a product).
    rows : iterable, optional
        Instead of those of the table, where rows belong together.
    """
    found: list[ListedOffer] = []
    refused = [RefusedLine(line, why) for line, why in table.torn]
    named = [(row.line, fields(row)) for row in (table.rows if rows is None else rows)]
    taken = [(line, cells) for line, cells in named if cells is not None]
    try:
        mark = decimal_mark(cells.get("price", "") for _, cells in taken)
    except CellFault as fault:
        return PriceList((), (*refused, *(RefusedLine(line, str(fault)) for line, _ in taken)))
    for line, cells in taken:
        try:
            found.append(_offer(line, cells, mark, options, table.name))
        except CellFault as fault:
            refused.append(RefusedLine(line, str(fault)))
    return PriceList(tuple(found), tuple(sorted(refused, key=lambda item: item.line)))


def _offer(line: int, cells: Cells, mark: DecimalMark | None, options: ListOptions, name: str) -> ListedOffer:
    price, currency = amount(cells.get("price", ""), mark)
    stated = cells.get("currency", "")
    if stated:
        code = currency_code(stated)
        if currency not in {None, code}:
            raise CellFault(f"price {cells['price']!r} is in {currency}, its currency says {code}")
        currency = code
    currency = currency or options.currency
    if currency is None:
        raise CellFault("names no currency; say --currency")
    day = cells.get("observed_at", "")
    if not day and options.observed is None:
        raise CellFault("carries no date; say --observed-at")
    title = cells.get("title", "") or cells.get("product", "") or cells.get("mpn", "")
    if not title and not cells.get("gtin"):
        raise CellFault("names no product")
    memory_gb = size_gb(cells.get("ram_gb", ""), MEMORY_GB, "ram_gb")
    disk_gb = size_gb(cells.get("disk_gb", ""), DISK_GB, "disk_gb")
    told_memory, told_disk = sizes_in(title)
    memory_gb = told_memory if memory_gb is None else memory_gb
    disk_gb = told_disk if disk_gb is None else disk_gb
    return ListedOffer(
        line=line,
        title=title,
        price=price,
        currency=currency,
        observed=observed(day or cast("str", options.observed), options.today),
        product=cells.get("product") or None,
        vendor=cells.get("vendor", ""),
        mpn=cells.get("mpn") or None,
        gtin=gtin(cells.get("gtin", "")),
        kind=cast("OfferKind", word(cells.get("price_kind", ""), KINDS, "price_kind") or "offer"),
        trust=cast("Trust", word(cells.get("trust", ""), TRUSTS, "trust") or "read"),
        condition=cast("Condition", word(cells.get("condition", ""), CONDITIONS, "condition") or "new"),
        availability=cast("Availability | None", word(cells.get("availability", ""), AVAILABILITIES, "availability")),
        basis=cast("PriceBasis | None", word(cells.get("price_basis", ""), BASES, "price_basis")),
        source=cells.get("source_url") or options.source or Path(name).name,
        memory_bytes=None if memory_gb is None else memory_gb * GIB,
        storage_bytes=None if disk_gb is None else disk_gb * 1e9,
        note=cells.get("note", ""),
    )


def sizes_in(title: str) -> tuple[float | None, float | None]:
    """Memory and disk that a title states [GB]: ``16GB/512GB``, ``16 GB DDR4 512 GB SSD``, ``barebone``."""
    if _BARE.search(title):
        return 0.0, 0.0
    if pair := _PAIR.search(title):
        return float(pair[1]), float(pair[2]) * (1000.0 if pair[3].upper() == "TB" else 1.0)
    memory, disk = _MEMORY.search(title), _DISK.search(title)
    return (
        float(memory[1]) if memory else None,
        float(disk[1]) * (1000.0 if disk[2].upper() == "TB" else 1.0) if disk else None,
    )


def by_heading(row: TableRow, names: Mapping[str, str]) -> dict[str, str]:
    """Cells of a row under the field that each heading stands for; headings that stand for none are left out."""
    return {names[heading.casefold()]: cell for heading, cell in row.cells.items() if heading.casefold() in names}
