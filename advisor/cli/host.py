"""``sizer host``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, PathOption, common, print_json, show


@click.command(epilog=EXIT_CODES)
@click.option(
    "--sysroot",
    type=PathOption,
    default=None,
    metavar="DIR",
    help="Read another machine's copied /proc and /sys tree below DIR instead of this machine.",
)
@common
def host(sysroot: Path | None, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Print the facts of this machine that decide inference speed.

    Topology, SIMD level, caches, NUMA, container quota, affinity, governor, load, runtimes and their devices.
    A small model is tried on each device other than the CPU, which shows why one cannot be used.
    What cannot be determined is printed as unknown (null with --json).
    """
    from advisor.workflows import probe

    facts = probe(sysroot, devices=True)
    if as_json:
        print_json(facts)
        return
    from advisor.report.terminal import render_host

    show(render_host(facts))
