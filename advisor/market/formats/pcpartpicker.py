"""Tables of the PCPartPicker dataset: name, price [USD], and columns of the kind of part; many parts have no price.

Source: headings of the public dataset docyx/pc-part-dataset (``data/csv``).
"""

from __future__ import annotations

from advisor.market.text_table import TableRow, TextTable

from .base import ListOptions, PriceList
from .rows import by_heading, read_rows

NAMES = {"name": "title", "price": "price"}
_COLUMNS = (
    {"chipset", "memory", "core_clock"}, {"core_count", "core_clock", "tdp"}, {"speed", "modules", "cas_latency"},
    {"socket", "form_factor", "max_memory"}, {"capacity", "price_per_gb", "cache"},
)  # fmt: skip


class PcPartPickerFormat:
    """A part without a price is no offer and is not refused; the dataset carries no date."""

    name = "pcpartpicker"
    title = "PCPartPicker dataset CSV"

    def recognises(self, headings: tuple[str, ...]) -> bool:
        """With name, price and the columns of a kind of part."""
        folded = {heading.casefold() for heading in headings}
        return {"name", "price"} <= folded and any(columns <= folded for columns in _COLUMNS)

    def read(self, table: TextTable, options: ListOptions) -> PriceList:
        """Read all parts that have a price."""

        def fields(row: TableRow) -> dict[str, str] | None:
            cells = by_heading(row, NAMES)
            if not cells.get("price"):
                return None
            chip = next((cell for heading, cell in row.cells.items() if heading.casefold() == "chipset"), "")
            title = f"{cells.get('title', '')} {chip}".strip()
            return {**cells, "title": title, "currency": "USD", "price_kind": "street"}

        return read_rows(table, options, fields)
