"""What a calibration reports: how well it predicts what it has not seen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from advisor import __version__
from advisor.clock import utc_now
from advisor.records.base import Record
from advisor.records.calibration import AccuracyRow

COLUMNS = ("group", "precision", "mode", "anchors", "machines", "rows", "median %", "mean %", "in 20 %", "coverage")


class CalibrationReport(Record):
    """``sizer calibrate --json``."""

    schema_: Annotated[Literal["sizer.calibration-report/1"], Field(alias="schema")] = "sizer.calibration-report/1"
    sizer_version: str
    created: str
    lines: tuple[str, ...]
    columns: tuple[str, ...] = COLUMNS
    rows: tuple[tuple[str, ...], ...]
    accuracy: tuple[AccuracyRow, ...]


def report_of(lines: list[str], accuracy: tuple[AccuracyRow, ...]) -> CalibrationReport:
    """Lay out held-out errors as a table."""
    return CalibrationReport(
        sizer_version=__version__,
        created=utc_now(),
        lines=tuple(lines),
        rows=tuple(_cells(row) for row in accuracy),
        accuracy=accuracy,
    )


def _cells(row: AccuracyRow) -> tuple[str, ...]:
    coverage = "-" if row.coverage is None else f"{row.coverage * 100:.0f} %"
    return (
        row.group, row.precision, row.mode, str(row.anchors), str(row.machines), str(row.rows),
        f"{row.median_pct:.1f}", f"{row.mean_pct:.1f}", f"{row.within_20 * 100:.0f} %", coverage,
    )  # fmt: skip
