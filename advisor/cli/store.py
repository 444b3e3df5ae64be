"""``sizer store``."""

from __future__ import annotations

import click

from .options import EXIT_CODES, common, echo, print_document


@click.group(epilog=EXIT_CODES)
def store() -> None:
    """Look after the measurement store."""


@store.command(epilog=EXIT_CODES)
@click.option(
    "--keep", type=click.IntRange(min=0), required=True, metavar="N", help="How many of the newest runs stay."
)
@common
def prune(keep: int, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Remove old plans and verdicts; measurements stay."""
    from advisor.workflows import prune_runs

    removed = prune_runs(keep, store_url=store_url)
    if as_json:
        print_document("store-prune", removed=removed)
    else:
        echo(f"removed {removed} runs")
