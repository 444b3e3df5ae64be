"""``sizer catalog offers``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .options import EXIT_CODES, OutputOption, PathOption, common, echo, notes, print_json, show

if TYPE_CHECKING:
    from advisor.workflows.market import Rate

Chosen = Literal["all", "shipped", "imported"]
_CHOSEN = click.Choice(["all", "shipped", "imported"])


@click.group(epilog=EXIT_CODES)
def offers() -> None:
    """Dated prices of products: import price lists, list, show and export what is known."""


def _mapping(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        heading, sign, field = value.rpartition("=")
        if not sign or not heading.strip() or not field.strip():
            raise click.BadParameter(f"{value!r}: write HEADING=FIELD, such as --map Preis=price")
        found[heading.strip()] = field.strip()
    return found


@offers.command("import", epilog=EXIT_CODES)
@click.argument("file", type=PathOption)
@click.option("--format", "form", default=None, metavar="NAME",
              help="sizer, google-merchant, shopify or pcpartpicker. Default: what the headings show.")  # fmt: skip
@click.option("--map", "mapping", multiple=True, callback=_mapping, metavar="HEADING=FIELD",
              help="A heading of the file that stands for a field of sizer's own form; may be repeated.")  # fmt: skip
@click.option("--currency", default=None, metavar="CODE", help="Currency of prices that name none, such as EUR.")
@click.option("--observed-at", "observed", default=None, metavar="DATE", help="Day of prices that have none.")
@click.option("--source", default=None, help="Where the list comes from. Default: the name of the file.")
@click.option("--new-products", is_flag=True,
              help="Create products from lines that name a known processor but no known product.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@common
def import_(
    file: Path,
    form: str | None,
    mapping: dict[str, str],
    currency: str | None,
    observed: str | None,
    source: str | None,
    new_products: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Take the prices of FILE into the store: sizer's own CSV, Google Merchant, Shopify or PCPartPicker.

    Encoding, delimiter and decimal mark are detected. A line counts if it names its product by id, GTIN or part number, or
    by words that fit one product alone; lines that are uncertain, unknown or refused are listed with the reason. Exit
    code 1 if no line was taken.
    """
    from advisor.workflows.offers import ImportRequest, import_offers

    request = ImportRequest(file, form, mapping, currency, observed, source, new_products, dry_run)
    result = import_offers(request, store_url=store_url)
    if as_json:
        print_json(result)
    else:
        from advisor.report.offers_text import render_import

        show(render_import(result))
    return 0 if any(line.product is not None for line in result.lines) else 1


@offers.command("list", epilog=EXIT_CODES)
@click.option("--product", default=None, metavar="ID", help="Only prices of this product.")
@click.option(
    "--of", "chosen", type=_CHOSEN, default="all", show_default=True, help="Only shipped or only imported prices."
)
@click.option("--known-at", type=click.DateTime(["%Y-%m-%d"]), default=None, metavar="DATE",
              help="Prices as the store knew them at the end of that day.")  # fmt: skip
@common
def list_(
    product: str | None, chosen: Chosen, known_at: dt.datetime | None, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """List prices by product and day, with where they come from."""
    from advisor.workflows.offers import list_offers

    moment = None if known_at is None else known_at.replace(tzinfo=dt.UTC) + dt.timedelta(days=1, microseconds=-1)
    result = list_offers(chosen, product, store_url=store_url, known_at=moment)
    if as_json:
        print_json(result)
        return
    from advisor.report.offers_text import render_offers

    show(render_offers(result.offers))


@offers.command("show", epilog=EXIT_CODES)
@click.argument("product", metavar="PRODUCT")
@common
def show_(product: str, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Show one product and all that is known of its prices."""
    from advisor.workflows.offers import show_product

    result = show_product(product, store_url=store_url)
    if as_json:
        print_json(result)
        return
    from advisor.report.offers_text import render_product

    show(render_product(result.product, result.offers))


@offers.command(epilog=EXIT_CODES)
@click.option("--of", "chosen", type=_CHOSEN, default="imported", show_default=True, help="Which prices are exported.")
@click.option(
    "-o", "--output", type=OutputOption, default=None, metavar="FILE", help="Write to FILE instead of stdout."
)
@common
def export(chosen: Chosen, output: Path | None, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Write prices as CSV in the form that `import` reads without any option."""
    from advisor.workflows.offers import export_offers, list_offers

    if as_json:
        print_json(list_offers(chosen, store_url=store_url))
        return
    text = export_offers(chosen, store_url=store_url)
    if output is None:
        echo(text, nl=False)
        return
    from advisor.store.files import write_document

    write_document(output, text)
    notes(quiet)(f"wrote {output}")


def rate_of(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Rate, ...]:
    """Rates such as ``EUR=1.08@2026-11-01``: what one unit costs in USD, and of which day that is."""
    from advisor.workflows.market import Rate

    found = []
    for value in values:
        try:
            code, rest = value.split("=", 1)
            number, day = rest.split("@", 1)
            rate = Rate(code.strip().upper(), float(number), dt.date.fromisoformat(day.strip()))
        except ValueError as error:
            raise click.BadParameter(f"{value!r}: write CODE=USD@DATE, such as EUR=1.08@2026-11-01") from error
        if not (len(rate.currency) == 3 and rate.currency.isalpha() and 0 < rate.usd < 1e6):
            raise click.BadParameter(f"{value!r}: needs a code of three letters and a rate above 0")
        found.append(rate)
    codes = [rate.currency for rate in found]
    if len(set(codes)) < len(codes):
        raise click.BadParameter("one rate for each currency")
    return tuple(found)
