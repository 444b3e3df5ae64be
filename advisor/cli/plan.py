"""``sizer plan``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .completion import complete_formats, complete_platforms, complete_scenarios
from .offers import rate_of
from .options import EXIT_CODES, MOST_SEED, OutputOption, common, echo, names, notes, print_json, show
from .trace_file import TraceFile, trace_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from advisor.records.surface import WhatIfSurface
    from advisor.workflows.market import OfferSource, Rate


@click.command(epilog=EXIT_CODES)
@click.argument("scenario", shell_complete=complete_scenarios)
@click.option("--on", "platforms", default=None, metavar="PLATFORM,...", shell_complete=complete_platforms,
              help="Consider these platforms only, by id or name; a processor means the boxes that have it.")  # fmt: skip
@click.option("-o", "--output", type=OutputOption, default=None, metavar="FILE", help="Write the plan as JSON to FILE.")
@click.option(
    "--html",
    type=OutputOption,
    default=None,
    metavar="FILE",
    help="Write a self-contained page to FILE; it answers what-if, which takes about as long as the plan again.",
)
@trace_option("what happens to each frame and pass on the recommended box, simulated,")
@click.option("--export", "export_format", default=None, metavar="FORMAT", shell_complete=complete_formats,
              help="Print the recommended runtime configuration: openvino, onnxruntime, ovms, triton, compose, frigate, "
                   "dlstreamer or launch (a shell script).")  # fmt: skip
@click.option("--export-of", default=None, type=click.Choice(["equal", "mix", "split"]),
              help="Export this answer: equal boxes (the recommendation), a mix of boxes, or stages split over boxes. "
                   "Default: the first of these that the plan has.")  # fmt: skip
@click.option("--measure/--no-measure", default=None,
              help="Take measurements that are missing on this machine first. Default: only if --on names this machine. "
                   "--measure without it measures models of which no figure is published, for all platforms.")  # fmt: skip
@click.option("--again", is_flag=True,
              help="Measure this machine again, if --on names it: timings disturbed by other load are replaced.")  # fmt: skip
@click.option("--offers", type=click.Choice(["all", "shipped", "imported", "none"]), default="all", show_default=True,
              help="Prices: offers that ship, that were imported (`sizer catalog offers`), both, or those of the catalogue.")  # fmt: skip
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, metavar="DATE",
              help="Day of the prices. Default: today.")  # fmt: skip
@click.option("--rate", "rates", multiple=True, callback=rate_of, metavar="CODE=USD@DATE",
              help="What one unit of a currency costs in USD, and of which day that is; lets offers in it in.")  # fmt: skip
@click.option("--details", is_flag=True, help="Print everything that the answer rests on, not its first screen alone.")
@click.option(
    "--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, help="Seed of the simulations."
)
@common
def plan(
    scenario: str,
    platforms: str | None,
    output: Path | None,
    html: Path | None,
    trace_file: Path | None,
    export_format: str | None,
    export_of: Literal["equal", "mix", "split"] | None,
    measure: bool | None,
    again: bool,
    offers: OfferSource,
    as_of: dt.datetime | None,
    rates: tuple[Rate, ...],
    details: bool,
    seed: int,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Recommend the cheapest hardware and runtime configuration for SCENARIO.

    SCENARIO is a scenario file, or the name of an included one (store-analytics, traffic-intersection, ...).
    Prints the decision on one screen; --details, --html and --json have the rest. Exit code 1 when no platform of the
    catalogue is sufficient, neither equal boxes nor a mix of boxes nor stages split over boxes; the plan then lists the
    nearest misses. Exit code 3 when that cannot be told: some may be, but not as surely as the scenario asks for; or what
    is sufficient has no price, and is ranked without one.
    """
    if export_of is not None and export_format is None:
        raise click.UsageError("--export-of needs --export FORMAT: it selects which answer is exported.")
    if again and (measure is False or platforms is None or "this" not in names(platforms)):
        raise click.UsageError("--again measures this machine anew: it needs --on this, and no --no-measure.")
    from advisor.workflows import PlanRequest, plan_scenario

    from .progress import progress_display

    if export_format is not None:
        from advisor.report.exporters import known_format

        known_format(export_format)  # before planning, which may take minutes
    on = () if platforms is None else names(platforms)
    if platforms is not None and not on:
        raise click.UsageError(
            "--on names no platform; for example --on this,intel-core-i5-12400; leave it out for all"
        )
    request = PlanRequest(
        scenario=scenario, on=on, measure=measure, seed=seed, again=again, offers=offers,
        as_of=None if as_of is None else as_of.date(), rates=rates,
    )  # fmt: skip
    traces = TraceFile(trace_file)
    surfaces: list[Callable[[], WhatIfSurface | None]] = []
    with progress_display(f"planning {scenario}", quiet=quiet) as progress:
        result = plan_scenario(
            request, store_url=store_url, progress=progress, say=progress.message, traced=traces.keep,
            what_if=None if html is None else surfaces.append,
        )  # fmt: skip
    note = notes(quiet)
    exported = None
    if export_format is not None:
        from advisor.report.exporters import export_plan

        exported = export_plan(result, export_format, export_of)
    if output is not None:
        from advisor.store.files import write_document

        write_document(output, result)
        note(f"wrote {output}")
    if traces.path is not None:
        note(f"wrote {traces.write()}" if result.recommended else f"nothing is recommended: no {traces.path}")
    if as_json:
        print_json(result)
    elif exported is not None:
        echo(exported)
    else:
        from advisor.report.terminal import render_plan

        show(render_plan(result, details=details))
    if html is not None:  # after the answer, which does not wait for the page
        from advisor.report.html import render_plan_html
        from advisor.store.files import write_document

        with progress_display("working out what-if for the page", quiet=quiet):
            surface = surfaces[0]()
        write_document(html, render_plan_html(result, surface))
        note(f"wrote {html}")
    if result.carried:
        return 0
    return 3 if result.nothing_known or result.cannot_tell or result.unpriced else 1
