"""Price lists and offers on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from advisor.records.offer import Offer, Product
from advisor.records.offer_reports import ImportedLine, OfferImport

from .layout import Column, Table, facts, heading, paragraph, section
from .text import counted, number

GIB = 2**30
MOST_LINES = 20
"""Lines of each kind that are listed; the JSON has all."""


def render_import(result: OfferImport) -> RenderableType:
    """What became of a price list."""
    verb = "would be" if result.dry_run else "were"
    taken = [line for line in result.lines if line.outcome in {"new", "corrected"}]
    first = (
        f"{result.file}: {counted(len(result.lines), 'price')} read as {result.format}; {result.count('new')} {verb} "
        f"added, {result.count('corrected')} corrected, {result.count('unchanged')} known before, "
        f"{result.count('uncertain')} uncertain, {result.count('unknown')} of no known product, "
        f"{len(result.refused)} refused"
    )
    parts: list[RenderableType] = [paragraph(first)]
    if taken:
        columns = [Column("line", figures=True), Column("product"), Column("price", figures=True),
                   Column("before", figures=True), Column("day"), Column("by"),
                   Column("title", optional=1)]  # fmt: skip
        rows = [
            [str(line.line), line.product or "", f"{line.price:,.2f} {line.currency}",
             "" if line.before is None else f"{line.before:,.2f}", line.observed, line.matched_by or "", line.title]
            for line in taken[:MOST_LINES]
        ]  # fmt: skip
        parts += [heading("Taken" if not result.dry_run else "Would be taken"), Table(columns, rows, indent=2)]
        parts += _more(len(taken))
    if result.new_products:
        parts += section("New products, in the user's own catalogue", [*result.new_products[:MOST_LINES]])
    parts += _listed(result, "uncertain", "Uncertain: name one with a column `product`")
    parts += _listed(result, "unknown", "Of no known product (--new-products makes some of known processors)")
    refused = [f"line {item.line}: {item.reason}" for item in result.refused]
    parts += section("Refused", refused[:MOST_LINES])
    parts += _more(len(refused))
    return Group(*parts)


def _listed(result: OfferImport, outcome: str, title: str) -> list[RenderableType]:
    lines = [line for line in result.lines if line.outcome == outcome]
    return [*section(title, [_meaning(line) for line in lines[:MOST_LINES]]), *_more(len(lines))]


def _meaning(line: ImportedLine) -> str:
    may_be = f": may be {', '.join(line.candidates)}" if line.candidates else ""
    return f"line {line.line}: {line.title}, {line.price:,.2f} {line.currency}{may_be}"


def _more(count: int) -> list[RenderableType]:
    return [paragraph(f"... and {count - MOST_LINES} more (--json lists all)", 4)] if count > MOST_LINES else []


def render_offers(offers: Sequence[Offer]) -> RenderableType:
    """A table of prices."""
    columns = [
        Column("product"), Column("price", figures=True), Column("day"), Column("kind"), Column("tax", optional=3),
        Column("trust"), Column("memory GB", figures=True), Column("disk GB", figures=True),
        Column("condition", optional=2), Column("source", optional=1),
    ]  # fmt: skip
    rows = [
        [offer.product, f"{offer.price:,.2f} {offer.currency}", offer.observed, offer.kind, offer.basis or "-",
         offer.trust, _size(offer.memory_bytes, GIB), _size(offer.storage_bytes, 1e9), offer.condition, offer.source]
        for offer in offers
    ]  # fmt: skip
    return Table(columns, rows) if rows else paragraph("no price is known")


def _size(value: float | None, unit: float) -> str:
    return "unknown" if value is None else number(value / unit, 4)


def render_product(product: Product, offers: Sequence[Offer]) -> RenderableType:
    """A product with its prices."""
    memory = ", ".join(number(option.value / GIB, 4) for option in product.memory_options_bytes)
    told = [
        ("id", product.id),
        ("form", product.form_factor),
        (
            "chip",
            f"{product.processor_text.value} ({product.processor or product.accelerator or 'not in the catalogue'})",
        ),
        ("fanless", {True: "yes", False: "no", None: "unknown"}[product.fanless]),
        ("memory sold with", f"{memory} GB (0: without)" if memory else "unknown"),
        ("GTIN", ", ".join(product.gtin) or "unknown"),
        ("part number", ", ".join(product.mpn) or "unknown"),
    ]
    if product.igpu is not None:
        told.append(("integrated graphics", product.igpu.value))
    if product.notes:
        told.append(("notes", product.notes))
    return Group(paragraph(product.full_name), facts(told), heading("Prices"), render_offers(offers))
