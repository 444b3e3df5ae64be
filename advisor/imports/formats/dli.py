"""Result table of DLI (Deep Learning Inference Benchmark): CSV with semicolons, one row for each test.

Source: the table's headings in DLI's report writer; times in seconds, FPS in inputs per second. ``Infrastructure``
tells the machine: a table of several machines is refused, as only one can be named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.market.text_table import TableRow, read_bytes, read_table
from advisor.records.imported import ImportNote, ReportedFigure

from .base import Imported, ImportOptions, Machine
from .cells import check_processor, count, figure, number, precision_of

_AVERAGE = "average time of single pass (s)"


class DliFormat:
    """One figure for each test that succeeded."""

    name = "dli"
    title = "DLI result table (CSV)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read all rows; those that failed or cannot be read are listed."""
        table = read_table(read_bytes(path), str(path))
        headings = {heading.casefold() for heading in table.headings}
        if not {"fps", _AVERAGE} <= headings or not {"topology name", "model"} & headings:
            raise InputError(f"{path}: its headings are not those of a DLI table (Topology name, ..., Latency, FPS)")
        rows = [(row, {heading.casefold(): cell for heading, cell in row.cells.items()}) for row in table.rows]
        machine = options.measured_machine(path)
        machines = {cells.get("infrastructure", "") for _, cells in rows} - {""}
        if len(machines) > 1:
            raise InputError(f"{path}: holds results of {len(machines)} machines (Infrastructure); split it, one each")
        for infrastructure in machines:
            check_processor(infrastructure, machine, str(path))
        figures: list[ReportedFigure] = []
        notes = [ImportNote(place=f"line {line}", kind="left out", reason=why) for line, why in table.torn]
        for row, cells in rows:
            try:
                figures.append(_figure(row, cells, machine, path, options))
            except InputError as error:
                notes.append(ImportNote(place=f"line {row.line}", kind="left out", reason=str(error)))
        if not figures:
            reason = f" ({notes[0].place}: {notes[0].reason})" if notes else ""
            raise InputError(f"{path}: no row holds a result{reason}")
        return Imported(figures=tuple(figures), notes=tuple(notes))


def _figure(
    row: TableRow, cells: dict[str, str], machine: Machine, path: Path, options: ImportOptions
) -> ReportedFigure:
    status = cells.get("status", "success")
    if status.casefold() not in {"success", ""}:
        raise InputError(f"the test ended with {status[:40]!r}")
    throughput = number(cells["fps"], "FPS")
    if throughput is None:
        raise InputError("holds no FPS")
    parameters = _parameters(cells.get("parameters", ""))
    mode = cells.get("mode", "").casefold()
    values: dict[str, Any] = {
        "model": cells.get("topology name") or cells.get("model") or "",
        "runtime": cells.get("inference framework") or cells.get("framework") or "openvino",
        "device": parameters.get("device") or parameters.get("plugin") or cells.get("device") or None,
        "precision": precision_of(cells.get("precision") or cells.get("weight type") or ""),
        "batch": count(cells.get("batch size", ""), "batch size"),
        "mode": "async" if "async" in mode else "sync" if "sync" in mode else None,
        "requests": count(parameters.get("async request count", ""), "async request count"),
        "streams": count(parameters.get("stream count", ""), "stream count"),
        "threads": count(parameters.get("thread count", ""), "thread count"),
        "throughput_per_s": throughput,
        "latency_avg_s": number(cells[_AVERAGE], "average time"),
        "latency_p50_s": number(cells.get("latency", ""), "latency"),
        "passes": count(parameters.get("iteration count") or cells.get("iterationcount", ""), "iteration count"),
        "observed": options.observed,
        "source": f"DLI, {path.name}, line {row.line}",
    }
    if not values["model"]:
        raise InputError("names no model")
    return figure(machine, values)


def _parameters(text: str) -> dict[str, str]:
    """``Device: CPU, Async request count: 4`` as a mapping."""
    pairs = (part.partition(":") for part in re.split(r",\s*(?=[A-Za-z][\w ()]*:)", text))
    return {key.strip().casefold(): value.strip() for key, mark, value in pairs if mark}
