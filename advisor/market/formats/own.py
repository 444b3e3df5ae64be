"""sizer's own price list: one heading per field, in any order; what a catalogue exports and ships with."""

from __future__ import annotations

from advisor.errors import InputError, nearest
from advisor.market.text_table import TextTable

from .base import ListOptions, PriceList
from .rows import by_heading, read_rows

FIELDS = (
    "vendor", "mpn", "product", "title", "price", "currency", "observed_at", "gtin", "condition", "availability",
    "price_basis", "price_kind", "source_url", "ram_gb", "disk_gb", "trust", "note",
)  # fmt: skip
NAMING = ("product", "title", "mpn", "gtin")


class OwnFormat:
    """Headings as in :data:`FIELDS`; ``--map`` renames others."""

    name = "sizer"
    title = "sizer's own CSV"

    def recognises(self, headings: tuple[str, ...]) -> bool:
        """With a price and something that names the product; the last form to be asked."""
        folded = {heading.casefold() for heading in headings}
        return "price" in folded and bool(folded & set(NAMING))

    def read(self, table: TextTable, options: ListOptions) -> PriceList:
        """Read all rows.

        Raises
        ------
        InputError
            ``--map`` names a heading or a field that there is not, or price or product have no heading.
        """
        names = {heading.casefold(): heading.casefold() for heading in table.headings if heading.casefold() in FIELDS}
        present = {heading.casefold() for heading in table.headings}
        for heading, field in options.mapping.items():
            if heading.casefold() not in present:
                raise InputError(
                    f"{table.name}: --map {heading}={field}: no such heading{nearest(heading, table.headings)}"
                )
            if field not in FIELDS:
                raise InputError(
                    f"--map {heading}={field}: no such field{nearest(field, FIELDS)}; fields are {', '.join(FIELDS)}"
                )
            names = {known: value for known, value in names.items() if value != field}
            names[heading.casefold()] = field
        if "price" not in names.values():
            raise InputError(f"{table.name}: has no heading 'price'; name it with --map HEADING=price")
        if not set(names.values()) & set(NAMING):
            raise InputError(
                f"{table.name}: no heading names the product; say --map HEADING=title (or {', '.join(NAMING)})"
            )
        return read_rows(table, options, lambda row: by_heading(row, names))
