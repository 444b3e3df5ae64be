"""``sizer calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, OutputOption, common, print_json, show


@click.command(epilog=EXIT_CODES)
@click.option("-o", "--output", type=OutputOption, default=None, metavar="FILE", help="Write the fitted model to FILE.")
@click.option("--shipped", is_flag=True, help="Fit the calibration included with sizer, from profiles/ alone.")
@click.option("--force", is_flag=True, help="Keep the fit even if it is less accurate than the included one.")
@common
def calibrate(
    output: Path | None, shipped: bool, force: bool, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """Fit the performance model and print its out-of-sample error and interval coverage."""
    from advisor.workflows import calibrate_model

    from .progress import progress_display

    with progress_display("fitting", quiet=quiet) as progress:
        report = calibrate_model(output=output, shipped=shipped, force=force, store_url=store_url, say=progress.message)
    if as_json:
        print_json(report)
        return
    from advisor.report.terminal import render_calibration

    show(render_calibration(report))
