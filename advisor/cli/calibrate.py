"""``sizer calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, PathOption, common, print_json, warn


@click.command(epilog=EXIT_CODES)
@click.option("-o", "--output", type=PathOption, default=None, metavar="FILE", help="Write the fitted model to FILE.")
@click.option("--shipped", is_flag=True, help="Fit the calibration that ships, from profiles/ alone.")
@click.option("--force", is_flag=True, help="Keep a fit that is worse than the one that ships.")
@common
def calibrate(output: Path | None, shipped: bool, force: bool, as_json: bool, store_url: str | None) -> None:
    """Fit the performance model and print its held-out error and interval coverage."""
    from advisor.workflows import calibrate_model

    report = calibrate_model(output=output, shipped=shipped, force=force, store_url=store_url, say=warn)
    if as_json:
        print_json(report)
        return
    from advisor.report.terminal import render_calibration

    click.echo(render_calibration(report))
