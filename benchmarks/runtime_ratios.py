"""Times of other runtimes over OpenVINO's: predicted for machines that were left out against published and measured."""

from __future__ import annotations

import sys

from advisor.calibration.runtimes import read_rows
from advisor.perfmodel.elsewhere.runtime_ratio import load_runtime_ratios

from .common import table

BAR_PCT = 20.0


def _judged() -> str:
    rows = [
        [
            row.runtime, row.precision, row.machine, row.rows, f"{row.median_pct:.1f} %",
            f"{100 * row.within_20:.0f} %", f"{100 * row.coverage:.0f} %",
            "met" if row.median_pct <= BAR_PCT else "missed",
        ]
        for row in load_runtime_ratios().accuracy
    ]  # fmt: skip
    head = ["runtime", "precision", "machine left out", "ratios", "median", "within 20 %", "inside P10-P90"]
    return table([*head, f"bar of {BAR_PCT:.0f} %"], rows)


def _held() -> str:
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for row in read_rows():
        groups.setdefault((row.runtime, row.precision, row.machine, row.simd), []).append(row.model)
    rows = [[*key, len(models), len(set(models))] for key, models in sorted(groups.items())]
    return table(["runtime", "precision", "machine", "SIMD class", "ratios", "models"], rows)


def run(quick: bool = False) -> str:  # noqa: ARG001 - nothing is measured: there is nothing to shorten
    """Return the section."""
    calibration = load_runtime_ratios()
    spreads = ", ".join(f"{name} {value:.2f}" for name, value in calibration.deviations.items())
    return "\n".join(
        [
            "A ratio is a runtime's time over OpenVINO's on the same machine, model, precision and batch, one request "
            "after the other: of `profiles/published/runtimes.csv` (one laboratory, OpenVINO releases within a year of "
            "the other runtime's) and `profiles/measured/runtimes.csv` (measured by `python -m benchmarks.runtimes`). "
            "Each machine is predicted from the others; a runtime that only one machine has figures of is not judged.",
            "",
            _judged(),
            "",
            f"Standard deviations of log ratios: {spreads} (between families, between SIMD classes, between machines "
            "of a class, and what is left).",
            "",
            "### Ratios held",
            "",
            _held(),
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(run())
