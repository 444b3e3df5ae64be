"""``python -m benchmarks``: run the paired speed comparisons and print them."""

from __future__ import annotations

import sys

import click

from advisor.errors import SizerError

from .sections import SECTIONS, alone, chosen


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Run this comparison alone; may be given more than once.")
@click.option("--quick", is_flag=True, help="Fewer models and pairs: shows that it works, proves little.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Compare speeds in pairs on this machine, which should do nothing else meanwhile."""
    try:
        sections = chosen(only, [section for section in SECTIONS if section.paired])
        with alone():
            for section in sections:
                click.echo(f"## {section.name}: {section.shows}\n\n{section.make(quick)}\n")
    except SizerError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
