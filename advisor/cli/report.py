"""``sizer report``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, PathOption, common, notes, print_json, print_json_data, show


@click.command(epilog=EXIT_CODES)
@click.argument("run", required=False)
@click.option(
    "--csv", "csv_file", type=PathOption, default=None, metavar="FILE", help="Write this machine's measurements as CSV."
)
@click.option(
    "--html", type=PathOption, default=None, metavar="FILE", help="Write the run, or the measurements, as a page."
)
@common
def report(
    run: str | None, csv_file: Path | None, html: Path | None, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """Show a stored run (a plan or a verdict) again; without RUN list the runs.

    With --csv or --html and no RUN: all measurements of this machine, models as rows.
    """
    from advisor.store.files import write_document
    from advisor.workflows import list_runs, stored_measurements, stored_run

    note = notes(quiet)
    if run is not None and csv_file is not None:
        raise click.UsageError("--csv is for measurements: leave RUN out, or write the run with --json or --html.")
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

            show(render_document(document))
        return
    if csv_file is not None or html is not None:
        measurements = stored_measurements(store_url=store_url)
        if csv_file is not None:
            from advisor.report.tables import measurements_csv

            write_document(csv_file, measurements_csv(measurements))
            note(f"wrote {csv_file}")
        if html is not None:
            from advisor.report.html import render_measurements_html

            write_document(html, render_measurements_html(measurements))
            note(f"wrote {html}")
        return
    runs = list_runs(store_url=store_url)
    if as_json:
        print_json_data(runs)
    else:
        from advisor.report.terminal import render_runs

        show(render_runs(runs))
