"""Predicted wall power compared with the meters that are published; nothing is fitted and nothing is measured here."""

from __future__ import annotations

import csv
import statistics
from dataclasses import dataclass
from pathlib import Path

from advisor.perfmodel.resources.power import wall_power
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

from .common import percent, table


@dataclass(frozen=True)
class Row:
    """One machine under a model's load [W]."""

    machine: str
    measured: float
    low: float
    """Least and largest median over models."""
    high: float
    p10: float
    p50: float
    p90: float

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.p50 / self.measured - 1.0


def rows_of(path: Path, catalogue: Catalogue) -> list[Row]:
    """Predict every machine of the table with all its cores busy."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = []
    for item in csv.DictReader(lines):
        found = wall_power(catalogue.resolve(item["machine"]), 1.0)
        rows.append(
            Row(
                item["machine"], float(item["wall_w"]), float(item["wall_low_w"]), float(item["wall_high_w"]),
                found.p10, found.p50, found.p90,
            )
        )  # fmt: skip
    return rows


def tables(rows: list[Row]) -> str:
    """One line per machine, then the whole."""
    lines = [
        [row.machine, f"{row.p50:.1f} ({row.p10:.1f}-{row.p90:.1f})",
         f"{row.measured:.1f} ({row.low:.1f}-{row.high:.1f})", f"{100 * row.error:+.0f} %"]
        for row in sorted(rows, key=lambda row: row.machine)
    ]  # fmt: skip
    errors = [abs(row.error) for row in rows]
    inside = statistics.fmean(row.p10 <= row.measured <= row.p90 for row in rows)
    head = ["machine", "predicted, all cores busy [W] (P10-P90)", "published [W] (least-largest model)", "error"]
    return "\n".join(
        [
            table(head, lines),
            "",
            f"Median error {percent(statistics.median(errors), 0)}, mean {percent(statistics.fmean(errors), 0)}, "
            f"{percent(inside, 0)} of {len(rows)} machines in P10-P90.",
        ]
    )


def run() -> str:
    """Return the section."""
    return tables(rows_of(profiles_dir() / "published" / "power.csv", Catalogue.shipped()))
