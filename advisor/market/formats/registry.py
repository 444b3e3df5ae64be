"""Forms of price lists in the order in which they are tried, and how a file is read in one of them."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import InputError, nearest
from advisor.market.text_table import read_bytes, read_table

from .base import ListOptions, PriceFormat, PriceList
from .google_merchant import GoogleMerchantFormat, table_of_xml
from .own import OwnFormat
from .pcpartpicker import PcPartPickerFormat
from .shopify import ShopifyFormat

FORMATS: tuple[PriceFormat, ...] = (ShopifyFormat(), GoogleMerchantFormat(), PcPartPickerFormat(), OwnFormat())


def format_named(name: str) -> PriceFormat:
    """Form by its name. InputError with the nearest where there is none."""
    for known in FORMATS:
        if known.name == name:
            return known
    names = [known.name for known in FORMATS]
    raise InputError(f"--format {name}: no such form{nearest(name, names)}; forms are {', '.join(names)}")


def read_price_list(path: Path, options: ListOptions, form: str | None = None) -> tuple[PriceFormat, PriceList]:
    """Read a price list, by default in the form that its headings show.

    Raises
    ------
    InputError
        The file cannot be read, or is of no known form.
    """
    data = read_bytes(path)
    is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    table = table_of_xml(data, str(path)) if is_xml else read_table(data, str(path))
    if form is not None:
        chosen = format_named(form)
    elif options.mapping:
        chosen = FORMATS[-1]
    else:
        found = next((known for known in FORMATS if known.recognises(table.headings)), None)
        if found is None:
            raise InputError(
                f"{path}: its headings ({', '.join(table.headings[:8])}) are of no form that is known; name its "
                "columns with --map HEADING=FIELD, such as --map Preis=price"
            )
        chosen = found
    return chosen, chosen.read(table, options)
