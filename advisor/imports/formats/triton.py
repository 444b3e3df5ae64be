"""CSV of Triton's perf_analyzer (``-f``) and of its Model Analyzer (``metrics-model-inference.csv``).

Source: "Visualizing Latency vs. Throughput" of perf_analyzer, whose latencies are in microseconds, and the metrics of
Model Analyzer, whose latencies are in milliseconds and which names its models. Latencies are those of the client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.market.text_table import TableRow, TextTable, read_bytes, read_table
from advisor.records.imported import ImportNote, ReportedFigure

from .base import Imported, ImportOptions, Machine
from .cells import count, figure, number, scaled

_DEVICES = re.compile(r"\d+\s*[:/]?\s*(CPU|GPU)|(CPU|GPU)", re.IGNORECASE)


class TritonFormat:
    """One figure for each row."""

    name = "triton"
    title = "Triton perf_analyzer or Model Analyzer (CSV)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read all rows; those that cannot be read are listed."""
        table = _inference_table(path)
        folded = {heading.casefold() for heading in table.headings}
        analyzer = "throughput (infer/sec)" in folded
        if not analyzer and "inferences/second" not in folded:
            raise InputError(
                f"{path}: has neither 'Inferences/Second' (perf_analyzer -f) nor 'Throughput (infer/sec)'"
                " (Model Analyzer)"
            )
        machine = options.measured_machine(path)
        if not analyzer and options.model is None:
            raise InputError(f"{path}: perf_analyzer writes no name of the model; say --model NAME")
        figures: list[ReportedFigure] = []
        notes = [ImportNote(place=f"line {line}", kind="left out", reason=why) for line, why in table.torn]
        for row in table.rows:
            cells = {heading.casefold(): cell for heading, cell in row.cells.items()}
            try:
                values = _of_analyzer(cells) if analyzer else _of_perf(cells, str(options.model))
                figures.append(_figure(values, row, machine, path, options))
            except InputError as error:
                notes.append(ImportNote(place=f"line {row.line}", kind="left out", reason=str(error)))
        if not figures:
            reason = f" ({notes[0].place}: {notes[0].reason})" if notes else ""
            raise InputError(f"{path}: no row holds a result{reason}")
        parts = "times of network and queue" if not analyzer else "memory, utilisation and power"
        notes.append(ImportNote(place="-", kind="left out", reason=f"{parts} of the rows: sizer has no use for them"))
        return Imported(figures=tuple(figures), notes=tuple(notes))


def _inference_table(path: Path) -> TextTable:
    """Table of the file; of the several that Model Analyzer prints into one, that with the throughput."""
    lines = read_bytes(path).splitlines()
    first = next((place for place, line in enumerate(lines) if b"Throughput (infer/sec)" in line), 0)
    last = next((place for place in range(first, len(lines)) if first and not lines[place].strip()), len(lines))
    # Empty lines before the table keep the numbers of its lines.
    return read_table(b"\n".join([b""] * first + lines[first:last]), str(path))


def _figure(
    values: dict[str, Any], row: TableRow, machine: Machine, path: Path, options: ImportOptions
) -> ReportedFigure:
    if values["throughput_per_s"] is None:
        raise InputError("holds no throughput")
    if not values["model"]:
        raise InputError("names no model")
    program = values.pop("program")
    return figure(
        machine,
        {
            **values,
            "runtime": "triton",
            "observed": options.observed,
            "source": f"{program}, {path.name}, line {row.line}",
        },
    )


def _of_perf(cells: Mapping[str, str], model: str) -> dict[str, Any]:
    return {
        "program": "perf_analyzer",
        "model": model,
        "batch": count(cells.get("batch size", ""), "batch size"),
        "requests": count(cells.get("concurrency", ""), "concurrency"),
        "throughput_per_s": number(cells["inferences/second"], "Inferences/Second"),
        "latency_avg_s": scaled(number(cells.get("avg latency", ""), "avg latency"), 1e-6),
        **{
            f"latency_p{point}_s": scaled(number(cells.get(f"p{point} latency", ""), f"p{point} latency"), 1e-6)
            for point in (50, 90, 95, 99)
        },
    }


def _of_analyzer(cells: Mapping[str, str]) -> dict[str, Any]:
    group = _DEVICES.search(cells.get("instance group", ""))
    return {
        "program": "Model Analyzer",
        "model": cells.get("model", ""),
        "device": None if group is None else (group[1] or group[2]).upper(),
        "batch": count(cells.get("batch", ""), "Batch"),
        "requests": count(cells.get("concurrency", ""), "Concurrency"),
        "throughput_per_s": number(cells["throughput (infer/sec)"], "Throughput (infer/sec)"),
        "latency_avg_s": scaled(number(cells.get("avg latency (ms)", ""), "Avg Latency (ms)"), 1e-3),
        **{
            f"latency_p{point}_s": scaled(
                number(cells.get(f"p{point} latency (ms)", ""), f"p{point} Latency (ms)"), 1e-3
            )
            for point in (50, 90, 95, 99)
        },
    }
