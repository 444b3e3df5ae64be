"""``sizer catalog``."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import complete_entries
from .offers import offers
from .options import EXIT_CODES, PathOption, common, echo, print_document, print_json, show


@click.group(epilog=EXIT_CODES)
def catalog() -> None:
    """List, show, check and extend the catalogue of processors, platforms, accelerators and devices."""


catalog.add_command(offers)


@catalog.command("list", epilog=EXIT_CODES)
@click.option("--kind", type=click.Choice(["platforms", "products", "processors", "accelerators", "devices"]),
              default="platforms", show_default=True, help="What is listed.")  # fmt: skip
@click.option("--max-price", "max_price_usd", type=click.FloatRange(min=0), default=None, metavar="USD",
              help="List only what is known to cost no more.")  # fmt: skip
@click.option("--ids", is_flag=True, help="Print only ids, one per line.")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@common
def list_(
    words: tuple[str, ...],
    kind: str,
    max_price_usd: float | None,
    ids: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> None:
    """List the platforms, products, processors, accelerators or devices of the catalogue.

    WORDs filter: an entry is listed if its id, name, processor, form factor or kind of price hold each of them.
    """
    from advisor.workflows import list_catalogue

    report = list_catalogue(kind, words=words, max_price_usd=max_price_usd)
    if ids:
        for row in report.rows:
            echo(str(row[0]))
        return
    if as_json:
        print_json(report)
        return
    from advisor.report.terminal import render_catalogue

    show(render_catalogue(report))


@catalog.command("show", epilog=EXIT_CODES)
@click.argument("identifier", metavar="ID", shell_complete=complete_entries)
@click.option("--reported", is_flag=True, help="Also show the figures that `sizer import` brought for it.")
@common
def show_(identifier: str, reported: bool, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Show one entry with kind, date and source of each number, and its devices for inference.

    With --json the entry alone; each device is an entry of its own.
    """
    from advisor.workflows import devices_of_entry, show_catalogue_entry

    entry = show_catalogue_entry(identifier)
    if as_json:
        print_json(entry)
        return
    from advisor.report.terminal import render_entry

    show(render_entry(entry))
    for device in devices_of_entry(identifier):
        echo("")
        show(render_entry(device))
    if reported:
        from rich.console import Group

        from advisor.report.import_text import figures
        from advisor.workflows.imports import reported_figures

        found = reported_figures(str(getattr(entry, "id", identifier)), store_url=store_url)
        echo("")
        show(Group(*figures(found))) if found else echo("no figure of it was imported")


@catalog.command(epilog=EXIT_CODES)
@click.argument("file", required=False, type=PathOption)
@common
def check(file: Path | None, as_json: bool, quiet: bool, store_url: str | None) -> int:
    """Check FILE alone, or the whole catalogue: every number needs value, kind, source and date."""
    from advisor.workflows import check_catalogue

    problems = check_catalogue(file)
    if as_json:
        print_document("catalogue-check", ok=not problems, problems=problems)
    else:
        echo("\n".join(problems) if problems else "no problem found")
    return 2 if problems else 0


@catalog.command(epilog=EXIT_CODES)
@click.argument("file", type=PathOption)
@click.option("--price", "price_usd", type=click.FloatRange(min=0), default=None, help="Price of the box in USD.")
@click.option("--price-source", default=None, help="Who quoted the price.")
@common
def add(
    file: Path, price_usd: float | None, price_source: str | None, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """Add a box that was measured elsewhere (FILE from `sizer bench --export`) as a platform."""
    from advisor.workflows import add_measured_box

    identifier = add_measured_box(file, price_usd, price_source, store_url=store_url)
    if as_json:
        print_document("catalogue-add", platform=identifier)
    else:
        echo(f"added platform {identifier}; plans of this box use its measurements from now on, no other box does")


@catalog.command(epilog=EXIT_CODES)
@click.argument("identifier", metavar="ID")
@common
def remove(identifier: str, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Remove a box that was added, with everything that it brought: entries, measurements and kernels."""
    from advisor.workflows import remove_measured_box

    rows, files = remove_measured_box(identifier, store_url=store_url)
    if as_json:
        print_document("catalogue-remove", platform=identifier, rows=rows, files=list(map(str, files)))
    else:
        echo(f"removed platform {identifier}: {len(files)} files of the catalogue, {rows} rows of the store")
