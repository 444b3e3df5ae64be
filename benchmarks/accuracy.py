"""``python -m benchmarks.accuracy``: make every figure of docs/accuracy.md again, section by section."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

import click

from advisor.errors import SizerError

from .page import PAGE, names, write_section
from .sections import Section, alone, chosen
from .summary import NAME, summary


def remake(page: Path, sections: tuple[Section, ...], quick: bool) -> list[str]:
    """Make sections one after the other, each written as soon as it is there; returns those that failed, with reasons.

    Raises
    ------
    InputError
        The page lacks a section's markers; nothing has been measured then.
    """
    known = names(page.read_text(encoding="utf-8"))
    chosen([section.name for section in sections], [section for section in sections if section.name in known])
    failed = []
    for section in sections:
        started_s = time.perf_counter()
        try:
            write_section(page, section.name, section.make(quick))
        except Exception as error:  # whatever breaks one section must not cost the hours of the others
            failed.append(f"{section.name}: {error}")
            if not isinstance(error, SizerError):
                traceback.print_exc()
            click.echo(f"{section.name}: failed, its old text stays: {error}", err=True)
        else:
            click.echo(f"{section.name}: written after {time.perf_counter() - started_s:.0f} s", err=True)
    return failed


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Make this section alone; may be given more than once.")
@click.option("--quick", is_flag=True, help="Fewer models and repeats: shows that it works, proves little.")
@click.option("--page", type=click.Path(path_type=Path, exists=True), default=PAGE, help="Page to write into.")
def main(only: tuple[str, ...], quick: bool, page: Path) -> None:
    """Make figures of docs/accuracy.md again; the machine should do nothing else meanwhile."""
    try:
        sections = chosen(only)
        with alone():
            failed = remake(page, sections, quick)
            write_section(page, NAME, summary(page.read_text(encoding="utf-8")))
    except SizerError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(4 if failed else 0)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.accuracy")
