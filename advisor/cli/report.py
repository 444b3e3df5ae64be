"""``sizer report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from .options import EXIT_CODES, OutputOption, PathOption, common, echo, notes, print_json, print_json_data, show

_STDOUT = Path("-")
RUNS_SHOWN = 50


@click.command(epilog=EXIT_CODES)
@click.argument("run", required=False)
@click.option("--csv", "csv_file", type=PathOption, default=None, metavar="FILE|-",
              help="Write this machine's measurements as CSV; - prints them.")  # fmt: skip
@click.option("--parquet", "parquet_file", type=OutputOption, default=None, metavar="FILE",
              help="Write this machine's measurements as a Parquet table (needs pyarrow).")  # fmt: skip
@click.option(
    "--html", type=OutputOption, default=None, metavar="FILE", help="Write the run, or the measurements, as a page."
)
@click.option("--limit", type=click.IntRange(min=1), default=None, metavar="N",
              help="List the newest N runs only; without it the newest 50, with --json all.")  # fmt: skip
@click.option(
    "--details", is_flag=True, help="Of a plan: print everything that it rests on, not its first screen alone."
)
@common
def report(
    run: str | None,
    csv_file: Path | None,
    parquet_file: Path | None,
    html: Path | None,
    limit: int | None,
    details: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> None:
    """Show a stored run (a plan or a verdict) again; without RUN list the runs.

    With --csv, --parquet or --html and no RUN: all measurements of this machine. CSV and Parquet have one row per
    measurement, the page has models as rows.
    """
    from advisor.store.files import write_document
    from advisor.workflows import count_runs, list_runs, stored_run

    note = notes(quiet)
    if run is not None and (csv_file is not None or parquet_file is not None):
        raise click.UsageError(
            "--csv and --parquet are for measurements: leave RUN out, or write the run with --json or --html."
        )
    if csv_file == _STDOUT and as_json:
        raise click.UsageError("--csv - and --json both print on stdout: name a file for one of them.")
    if run is not None:
        document = stored_run(run, store_url=store_url)
        if html is not None:
            from advisor.report.html import render_document_html

            write_document(html, render_document_html(document))
            note(f"wrote {html}")
        if as_json:
            print_json(document)
        else:
            from advisor.report.terminal import render_document

            show(render_document(document, details=details))
        return
    if csv_file is not None or parquet_file is not None or html is not None:
        _write_measurements(csv_file, parquet_file, html, store_url, note)
        return
    if as_json:
        print_json_data(list_runs(store_url=store_url, limit=limit))
        return
    from advisor.report.terminal import render_runs

    runs = list_runs(store_url=store_url, limit=limit or RUNS_SHOWN)
    show(render_runs(runs))
    every = count_runs(store_url=store_url)
    if every > len(runs):
        note(f"{every - len(runs)} older runs are not listed; --limit {every} lists all")


def _write_measurements(
    csv_file: Path | None,
    parquet_file: Path | None,
    html: Path | None,
    store_url: str | None,
    note: Callable[[str], None],
) -> None:
    """Write the measurements of this machine to every requested file."""
    from advisor.report.html import render_measurements_html
    from advisor.report.tables import measurements_csv, measurements_parquet
    from advisor.store.files import write_document
    from advisor.workflows import stored_measurements

    measurements = stored_measurements(store_url=store_url)

    def write(path: Path, content: str | bytes) -> None:
        write_document(path, content)
        note(f"wrote {path}")

    if csv_file == _STDOUT:
        echo(measurements_csv(measurements), nl=False)
    elif csv_file is not None:
        write(csv_file, measurements_csv(measurements))
    if parquet_file is not None:
        write(parquet_file, measurements_parquet(measurements))
    if html is not None:
        write(html, render_measurements_html(measurements))
