"""``sizer import``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from advisor.records.codec import CODECS

from .completion import complete_entries, complete_models
from .options import EXIT_CODES, OutputOption, PathOption, Positive, common, notes, print_json, show

FORMATS = ("frigate", "intel-retail", "dlstreamer", "cameras", "benchmark-app", "dli", "triton")


@click.command("import", epilog=EXIT_CODES)
@click.argument("form", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("file", metavar="FILE", type=PathOption)
@click.option("-o", "--output", type=OutputOption, default=None, metavar="FILE",
              help="Scenario to write. Default: the name of FILE with -scenario.yaml, in this folder.")  # fmt: skip
@click.option("--model", default=None, metavar="MODEL", shell_complete=complete_models,
              help="For stages whose model sizer does not know, or for figures whose file names none.")  # fmt: skip
@click.option("--resolution", default=None, metavar="WxH", help="Resolution of cameras that state none.")
@click.option("--fps", type=Positive(), default=None, metavar="N",
              help="Frames per second that cameras send, where FILE does not say.")  # fmt: skip
@click.option("--codec", type=click.Choice(CODECS), default=None,
              help="Codec of cameras that state none. Default: h264, with a note.")  # fmt: skip
@click.option("--workloads", type=PathOption, default=None, metavar="FILE",
              help="intel-retail: workload_to_pipeline.json.")  # fmt: skip
@click.option("--on", "machine", default=None, metavar="MACHINE", shell_complete=complete_entries,
              help="Platform or processor of the catalogue that the figures belong to.")  # fmt: skip
@click.option("--observed-at", "observed", type=click.DateTime(["%Y-%m-%d"]), default=None, metavar="DATE",
              help="Day on which the figures were measured.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would be written or kept, and change nothing.")
@common
def import_file(
    form: str,
    file: Path,
    output: Path | None,
    model: str | None,
    resolution: str | None,
    fps: float | None,
    codec: str | None,
    workloads: Path | None,
    machine: str | None,
    observed: dt.datetime | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> None:
    """Turn a FILE of another program into a scenario, or into reported figures of a machine.

    A scenario comes from frigate, intel-retail, dlstreamer and cameras (CSV); figures of the machine --on from
    benchmark-app, dli and triton. Whatever is not carried over is listed with line and reason; what no file states is
    marked TO BE SET. Users, passwords and keys in addresses are never written.
    """
    from advisor.workflows.imports import ImportFileRequest, import_file

    result = import_file(
        ImportFileRequest(
            form, file, output, model, resolution, fps, codec, workloads, machine,
            None if observed is None else observed.date(), dry_run,
        ),
        store_url=store_url,
    )  # fmt: skip
    if as_json:
        print_json(result)
    else:
        from advisor.report.import_text import render_import

        show(render_import(result))
    if result.scenario is not None and not dry_run:
        notes(quiet)(f"wrote {result.scenario}; set what is marked TO BE SET, then: sizer plan {result.scenario}")
