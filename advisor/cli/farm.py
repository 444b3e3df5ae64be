"""``sizer farm``."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    EXIT_CODES,
    MOST_SEED,
    Duration,
    OutputOption,
    PathOption,
    common,
    echo,
    notes,
    print_json,
    show,
    warn,
)

if TYPE_CHECKING:
    from advisor.farm.credentials import Credentials
    from advisor.records.farm import FarmStatus

WAIT_DEFAULT = "10m"
"""A reboot with its firmware's tests takes less."""


@click.group(epilog=EXIT_CODES)
def farm() -> None:
    """Measure on several boxes from one desk, or plan many sites with them.

    `sizer farm scheduler` on one machine, `sizer farm worker SCHEDULER` on each box, then `sizer farm bench` at the desk.
    Whoever is let into a farm may run programs on its boxes: beyond one machine it needs TLS and a token.
    """


def protected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for TLS and token, and pass them on as ``credentials``."""
    decorators = [
        click.option("--tls-ca", type=PathOption, default=None, envvar="SIZER_FARM_TLS_CA", metavar="FILE",
                     help="Certificate of the farm's own authority, which must have signed those of both ends."),
        click.option("--tls-cert", type=PathOption, default=None, envvar="SIZER_FARM_TLS_CERT", metavar="FILE",
                     help="Certificate of this machine."),
        click.option("--tls-key", type=PathOption, default=None, envvar="SIZER_FARM_TLS_KEY", metavar="FILE",
                     help="Its key, readable by you alone."),
        click.option("--token-file", type=PathOption, default=None, envvar="SIZER_FARM_TOKEN_FILE", metavar="FILE",
                     help="The farm's token, readable by you alone. Default: the variable SIZER_FARM_TOKEN."),
    ]  # fmt: skip

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        tls_ca: Path | None,
        tls_cert: Path | None,
        tls_key: Path | None,
        token_file: Path | None,
        **kwargs: Any,
    ) -> Any:
        from advisor.farm.credentials import read_credentials

        return command(*args, credentials=read_credentials(tls_ca, tls_cert, tls_key, token_file), **kwargs)

    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    return wrapped


_to_scheduler = click.option("--scheduler", default="127.0.0.1", envvar="SIZER_FARM_SCHEDULER", show_default=True,
                             metavar="HOST[:PORT]", help="Address of the scheduler.")  # fmt: skip
_boxes = click.option("--boxes", default="all", show_default=True, metavar="NAME,...",
                      help="Boxes that take part; all: those connected now.")  # fmt: skip
_wait = click.option("--wait", "wait_s", type=Duration(0.0), default=WAIT_DEFAULT, show_default=True, metavar="TIME",
                     help="How long to wait for a box or scheduler that has disconnected.")  # fmt: skip


@farm.command(epilog=EXIT_CODES)
@click.option("--host", default=None, metavar="ADDRESS",
              help="Address to listen on. Default: every one with TLS and a token, else 127.0.0.1.")  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8786, show_default=True, help="Port to listen on; 0: any free one."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the address.")
@protected
def scheduler(host: str | None, port: int, quiet: bool, credentials: Credentials) -> None:
    """Pass messages between desks and boxes, until Ctrl-C.

    It keeps no results: after a restart boxes reconnect by themselves, and a desk continues or is run again.
    """
    from advisor.farm.settings import require_distributed

    require_distributed()
    from advisor.farm.scheduler import run_scheduler

    run_scheduler(host, port, credentials, _opening_only() if quiet else warn)


def _opening_only() -> Callable[[str], None]:
    """Print the first line alone: where the scheduler listens."""
    said = False

    def say(text: str) -> None:
        nonlocal said
        if not said:
            said = True
            warn(text)

    return say


@farm.command(epilog=EXIT_CODES)
@click.argument("scheduler", metavar="SCHEDULER")
@click.option("--name", default=None, metavar="NAME", help="Name of this box. Default: its host name.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@protected
def worker(scheduler: str, name: str | None, quiet: bool, credentials: Credentials) -> None:
    """Take measurements on this machine for the desks of the farm of SCHEDULER, until Ctrl-C.

    SCHEDULER is HOST or HOST:PORT. One measurement at a time; while the scheduler is away, the box waits for it.
    """
    from advisor.farm.box_facts import checked_name
    from advisor.farm.settings import require_distributed, scheduler_address

    require_distributed()
    from advisor.farm.box import BoxRequest, run_box

    own = checked_name(name if name is not None else socket.gethostname())
    try:
        run_box(BoxRequest(scheduler_address(scheduler, credentials), own, credentials), notes(quiet))
    except KeyboardInterrupt:  # how a worker ends
        notes(quiet)(f"box {own} has ended")


@farm.command(epilog=EXIT_CODES)
@click.option("--matrix", type=PathOption, required=True, metavar="FILE",
              help="What is measured, as for `sizer bench --matrix`; counts of `all` are each box's own.")  # fmt: skip
@_boxes
@click.option("--retry-failed", is_flag=True, help="Repeat measurements that failed before.")
@_wait
@_to_scheduler
@protected
@common
def bench(
    matrix: Path,
    boxes: str,
    retry_failed: bool,
    wait_s: float,
    scheduler: str,
    credentials: Credentials,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Measure a matrix on every box; each result is stored here as soon as it arrives.

    A box that disconnects loses only the measurement in flight. Run the same command again for what is missing.
    """
    from advisor.farm.bench import FarmBenchRequest, run_bench
    from advisor.measure.campaign.matrix import load_matrix
    from advisor.workflows.context import open_store

    load_matrix(matrix)  # a fault in it is said before anything is reached for
    request = FarmBenchRequest(matrix, boxes, wait_s, retry_failed)
    with open_store(store_url) as store, _connected(scheduler, credentials) as connection:
        report = run_bench(request, connection, store, notes(quiet))
    if as_json:
        print_json(report)
    else:
        from advisor.report.farm_text import render_farm_report

        show(render_farm_report(report))
    left = any(box.total is None or box.total > box.known + box.done + box.failed for box in report.boxes)
    if report.interrupted or left:
        return 3
    return 1 if any(box.failed for box in report.boxes) and not any(box.done + box.known for box in report.boxes) else 0


def _connected(scheduler: str, credentials: Credentials) -> Any:
    from advisor.farm.settings import require_distributed, scheduler_address

    require_distributed()
    from advisor.farm.connection import connected

    return connected(scheduler_address(scheduler, credentials), credentials)


@farm.command(epilog=EXIT_CODES)
@_to_scheduler
@protected
@common
def status(scheduler: str, credentials: Credentials, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Show which boxes are connected and how far each campaign has come on them, those of other desks included."""
    with _connected(scheduler, credentials) as connection:
        _print_status(connection.status(), as_json)


def _print_status(found: FarmStatus, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    from advisor.report.farm_text import render_status

    show(render_status(found))


@farm.command(epilog=EXIT_CODES)
@click.option("--every", "every_s", type=Duration(0.5), default="5s", show_default=True, metavar="TIME",
              help="Time between two updates.")  # fmt: skip
@_to_scheduler
@protected
def watch(every_s: float, scheduler: str, credentials: Credentials) -> None:
    """Keep showing the status, until no campaign is running or Ctrl-C."""
    with _connected(scheduler, credentials) as connection, contextlib.suppress(KeyboardInterrupt):
        while True:
            found = connection.status()
            echo(found.created)
            _print_status(found, as_json=False)
            if all(campaign.ended for campaign in found.campaigns):
                return
            time.sleep(every_s)


@farm.command(epilog=EXIT_CODES)
@click.argument("run", required=False)
@click.option("--csv", "csv_file", type=OutputOption, default=None, metavar="FILE",
              help="Write the table as CSV with DLI's headings.")  # fmt: skip
@click.option("--html", "html_file", type=OutputOption, default=None, metavar="FILE", help="Write the table as a page.")
@common
def table(
    run: str | None, csv_file: Path | None, html_file: Path | None, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """Show the result of each test of a campaign; RUN is its id, by default the newest.

    Needs neither the scheduler nor the boxes: results that have arrived are in the store.
    """
    from advisor.farm.table import campaign_table
    from advisor.store.files import write_document
    from advisor.workflows.context import open_store

    with open_store(store_url) as store:
        found = campaign_table(store, run)
    from advisor.report.farm_table import render_farm_html, table_csv

    for path, text in ((csv_file, table_csv), (html_file, render_farm_html)):
        if path is not None:
            notes(quiet)(f"wrote {write_document(path, text(found))}")
    if as_json:
        print_json(found)
    elif csv_file is None and html_file is None:
        from advisor.report.farm_text import render_table

        show(render_table(found))


@farm.command(epilog=EXIT_CODES)
@click.argument("folder", metavar="SCENARIOS_DIR", type=PathOption)
@click.option("-o", "--output", type=PathOption, required=True, metavar="DIR",
              help="Folder for one plan per site; plans that it already has are not made again.")  # fmt: skip
@_boxes
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, metavar="DATE",
              help="Day of the prices. Default: today.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, help="Seed of every plan.")
@_wait
@_to_scheduler
@protected
@common
def plan(
    folder: Path,
    output: Path,
    boxes: str,
    as_of: dt.datetime | None,
    seed: int,
    wait_s: float,
    scheduler: str,
    credentials: Credentials,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Plan every scenario file of SCENARIOS_DIR with all boxes, one plan at a time on each.

    Plans rest on the catalogue and the offers that ship with sizer, never on what a box or the desk has measured.
    """
    from advisor.farm.sites import SitesRequest, run_sites

    day = as_of.date() if as_of is not None else dt.datetime.now(dt.UTC).date()
    request = SitesRequest(folder, output, boxes, wait_s, day, seed)
    with _connected(scheduler, credentials) as connection:
        report = run_sites(request, connection, notes(quiet))
    if as_json:
        print_json(report)
    else:
        from advisor.report.farm_text import render_sites

        show(render_sites(report))
    states = {row.status for row in report.rows}
    if report.interrupted or "left" in states:
        return 3
    return 0 if states <= {"planned"} else 1
