"""Summary of docs/accuracy.md, computed from the tables of that page (``python -m benchmarks.summary``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from .page import PAGE, body, write_section

NAME = "summary"
"""Section of the page that holds the summary."""
HEADER = ("what was judged", "on which data", "typical error", "inside P10-P90", "weakest part")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_MADE = re.compile(r"^Made (\d{4}-\d\d-\d\d)T.*?usable cores, (\w+);", re.MULTILINE)

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table of the page: the heading above it, and its rows by column name (the first of columns named alike)."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Section:
    """A measured section: when and at which SIMD level it was made, its text, and its tables in order."""

    made: str
    text: str
    tables: tuple[Table, ...]


def summary(page: str) -> str:
    """One row per judged quantity.

    Parameters
    ----------
    page
        Text of docs/accuracy.md.

    Raises
    ------
    InputError
        The page lacks a section.
    ValueError
        A section lacks a table or a row that the summary needs; the message names the section.
    """
    lines = [_line(HEADER), _line(["---"] * len(HEADER))]
    for name, judge in _JUDGES:
        section = _section(body(page, name))
        try:
            lines += [_line(cells) for cells in judge(section)]
        except (KeyError, IndexError, StopIteration, ValueError) as error:
            raise ValueError(f"section {name}: its tables do not fit benchmarks/summary.py ({error!r})") from error
    return "\n".join(lines)


def number(cell: str) -> float:
    """First number of a cell, for example 8.3 of ``8.3 %``."""
    match = _NUMBER.search(cell)
    if match is None:
        raise ValueError(f"no number in {cell!r}")
    return float(match[0])


def _section(text: str) -> Section:
    made = _MADE.search(text)
    when = f"{made[1]}, {made[2]}" if made is not None else "date unknown"
    return Section(when, text, tuple(_tables(text)))


def _tables(text: str) -> Iterator[Table]:
    heading = ""
    header: list[str] = []
    rows: list[Row] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = cells
            elif not set("".join(cells)) <= set("-"):
                rows.append(dict(zip(reversed(header), reversed(cells), strict=True)))
        elif header:
            yield Table(heading, tuple(rows))
            header, rows = [], []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(table: Table, wanted: Row) -> Row:
    """Row whose columns hold these values."""
    return next(row for row in table.rows if all(row[name] == value for name, value in wanted.items()))


def _under(section: Section, start: str) -> Table:
    return next(table for table in section.tables if table.heading.startswith(start))


def _harness(section: Section) -> Iterator[list[str]]:
    total, cells = section.tables[:2]
    throughput = _row(total, {"ratio sizer / benchmark_app": "throughput"})
    worst = max(cells.rows, key=lambda row: abs(number(row["throughput ratio"]) - 1))
    yield [
        "throughput of the harness against benchmark_app",
        f"{throughput['pairs']} pairs in {len(cells.rows)} configurations ({section.made})",
        f"ratio {number(throughput['all pairs: median (range)']):g}; "
        f"{throughput['cells within 0.98-1.02']} of configurations within 0.98-1.02",
        "-",
        f"{worst['model']}, {worst['configuration']}: {number(worst['throughput ratio']):g}",
    ]


def _local(section: Section) -> Iterator[list[str]]:
    total, settings = section.tables[:2]
    row = _row(total, {"configurations": "all"})
    worst = max(settings.rows, key=lambda item: number(item["median error"]))
    yield [
        "unseen models on this machine after `sizer bench --quick`",
        f"{row['rows']} configurations, whole model families left out ({section.made})",
        f"median {row['median error']}, {row['share']}",
        row["inside P10-P90"],
        f"{worst['configurations']}: median {worst['median error']}",
    ]


def _transfer(section: Section) -> Iterator[list[str]]:
    sheet = _under(section, "Data sheet only")
    for precision in ("f32", "int8"):
        for mode in ("throughput", "latency"):
            rows = [row for row in sheet.rows if row["precision"] == precision and row["mode"] == mode]
            total = next(row for row in rows if row["SIMD class"] == "all")
            worst = max((row for row in rows if row is not total), key=lambda row: number(row["median"]))
            yield [
                f"{precision} {mode} of other machines from their data sheets",
                f"{total['rows']} published figures, {total['machines']} machines, chip families left out in turn",
                f"median {total['median']}, {total['within 20 %']} within 20 %",
                total["coverage"],
                f"{worst['SIMD class']} ({worst['machines']} machines): median {worst['median']}",
            ]
    measured = [
        _row(_under(section, "With models measured"), {"precision": precision, "mode": "throughput", "anchors": "3"})
        for precision in ("f32", "int8")
    ]
    yield [
        "the same (throughput) with three models measured on the machine",
        f"{sum(int(row['rows']) for row in measured)} predictions, {measured[0]['machines']} machines",
        ", ".join(f"{row['precision']} median {row['median']}" for row in measured),
        "-",
        "-",
    ]
    models = _under(section, "Models that no fitted row knows").rows
    weakest = max(models, key=lambda row: number(row["median"]))
    yield [
        "models without a published figure, on known machines",
        f"{sum(int(row['rows']) for row in models)} published figures, whole families left out",
        "median " + ", ".join(f"{row['median']} ({row['precision']} {row['mode']})" for row in models),
        "-",
        f"{weakest['precision']} {weakest['mode']}: {weakest['within 20 %']} within 20 %",
    ]


def _reliability(section: Section) -> Iterator[list[str]]:
    sure = _under(section, "Mixes stated to hold")
    of_known = [row for row in sure.rows if row["mixes of"] == "published models, machine left out"]
    total = _row(sure, {"mixes of": of_known[0]["mixes of"], "SIMD class": "all"})
    worst = min((row for row in of_known if row is not total), key=lambda row: number(row["of these hold"]))
    yield [
        "a stated probability of 0.9 or more that a mix of models fits",
        f"{total['stated >= 0.9']} mixes of published models, {total['machines']} machines, chip families left out",
        f"{total['mean stated']} stated, {total['of these hold']} hold",
        "-",
        f"{worst['SIMD class']} ({worst['machines']} machines): {worst['of these hold']}",
    ]
    cell, coverage = _under(section, "A model that is unpublished"), _under(section, "Coverage by")
    unpublished = [row for row in cell.rows if row["left out"] == "machine and family left out"]
    once = [row for row in cell.rows if row["left out"].startswith("the same")]
    weakest = max(unpublished, key=lambda row: number(row["median"]))
    inside = _row(coverage, {"prediction rests on": "machine and model family left out", "SIMD class": "all"})
    medians = ", ".join(f"{row['median']} ({row['precision']} {row['mode']})" for row in unpublished)
    yield [
        "models without a published figure on machines without one",
        f"{sum(int(row['rows']) for row in unpublished)} published figures, families of chip and model left out",
        f"median {medians}; measured on one other machine {', '.join(row['median'] for row in once)}",
        f"{inside['f32 throughput']} (f32), {inside['int8 throughput']} (int8)",
        f"{weakest['precision']} {weakest['mode']}: {weakest['within 20 %']} within 20 %",
    ]


def _memory(section: Section) -> Iterator[list[str]]:
    runtimes, families = section.tables[:2]
    row = _row(runtimes, {"": "all"})
    worst = max(families.rows, key=lambda item: number(item["median"]))
    yield [
        "peak memory of an unseen model",
        f"{row['configurations']} configurations, {len(families.rows)} families left out ({section.made})",
        f"median {row['median']}, {row['within 15 %']} within 15 %",
        row["in P10-P90"],
        f"{worst['family, left out']}: median {worst['median']}",
    ]


def _power(section: Section) -> Iterator[list[str]]:
    machines = section.tables[0].rows
    worst = max(machines, key=lambda row: abs(number(row["error"])))
    found = re.search(r"Median error (\S+ %).*?(\S+ %) of", section.text)
    if found is None:
        raise ValueError("no line with the median error")
    yield [
        "wall power with all cores busy",
        f"{len(machines)} published meters",
        f"median {found[1]}",
        found[2],
        f"{worst['machine']}: {worst['error']}",
    ]


def _decode(section: Section) -> Iterator[list[str]]:
    figures = section.tables[0].rows
    machines = {row["machine, left out"] for row in figures}
    worst = max(figures, key=lambda row: abs(number(row["error"])))
    found = re.search(r"Median error (\S+ %).*?(\S+ %) of", section.text)
    if found is None:
        raise ValueError("no line with the median error")
    yield [
        "core time of software decoding on other machines",
        f"{len(figures)} figures of {len(machines)} machines, one left out at a time; four figures are published rates",
        f"median {found[1]}",
        found[2],
        f"{worst['machine, left out']}, {worst['frame']}: {worst['error']}",
    ]


def _host_spec(section: Section) -> Iterator[list[str]]:
    groups, models = (table.rows for table in section.tables[:2])
    worst = max(models, key=lambda row: abs(number(row["error"])))
    medians = sorted(number(row["median"]) for row in groups)
    inside = sorted(number(row["inside P10-P90"]) for row in groups)
    yield [
        "this machine from its data sheet alone",
        f"{len(models)} configurations ({section.made})",
        f"medians {medians[0]:g} to {medians[-1]:g} %",
        f"{inside[0]:g} to {inside[-1]:g} %",
        f"{worst['model']}, {worst['precision']}, {worst['threads']} threads: {worst['error']}",
    ]


def _cascade(section: Section) -> Iterator[list[str]]:
    figures, capacity = section.tables[0], section.tables[-1]
    row = _row(figures, {"figure": "p95 latency"})
    yield [
        "p95 latency of a whole cascade, simulated against real",
        f"{row['variants']} variants on this machine ({section.made}), some of them used to build the simulation",
        f"median {row['median error']}, {row['share']}",
        row["inside P10-P90"],
        row["worst"],
    ]
    off = max(capacity.rows, key=lambda item: abs(number(item["difference"])))
    yield [
        "capacity in cameras, predicted against found",
        f"{len(capacity.rows)} variants on this machine ({section.made})",
        f"{sum(item['near'] == 'yes' for item in capacity.rows)} of {len(capacity.rows)} within one camera or 10 %",
        f"{100 * sum(item['inside'] == 'yes' for item in capacity.rows) / len(capacity.rows):.0f} %",
        f"{off['variant']}: {off['difference']} of {off['cameras found']}",
    ]


def _verification(section: Section) -> Iterator[list[str]]:
    verdicts = section.tables[-1].rows
    runs = sum(int(row[name]) for row in verdicts for name in ("PASS", "INCONCLUSIVE", "FAIL"))
    unsure = max(verdicts, key=lambda row: int(row["INCONCLUSIVE"]))
    yield [
        "verdict of the same scenario again",
        f"{runs} runs of {len(verdicts)} scenarios ({section.made})",
        f"{sum(int(row['misjudged or flipped']) for row in verdicts)} misjudged or flipped",
        "-",
        f"{unsure['scenario']}: {unsure['INCONCLUSIVE']} INCONCLUSIVE",
    ]


_JUDGES: tuple[tuple[str, Callable[[Section], Iterator[list[str]]]], ...] = (
    ("harness", _harness),
    ("local", _local),
    ("transfer", _transfer),
    ("reliability", _reliability),
    ("host-spec", _host_spec),
    ("memory", _memory),
    ("power", _power),
    ("decode", _decode),
    ("cascade", _cascade),
    ("verification", _verification),
)


@click.command()
def main() -> None:
    """Write the summary of docs/accuracy.md again; nothing is measured."""
    write_section(PAGE, NAME, summary(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.summary")
