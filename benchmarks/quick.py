"""``sizer bench --quick`` on an empty store: what it takes, what it covers, what it leaves out."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from advisor.records.measurement import BenchReport

from .common import header, percent, table

LIMIT_S = 120.0


LEFT_OUT_SHOWN = 8


def tables(report: BenchReport) -> str:
    """Counts by kind, time against the limit, and names of what did not fit."""
    failed = [row for row in report.measurements if row.status == "failed"]
    disturbed = sum(row.interference.dirty for row in report.measurements)
    rows: list[Sequence[object]] = [
        ["time taken", "-" if report.took_s is None else f"{report.took_s:.0f} s of {LIMIT_S:.0f} s"],
        ["models", len({row.model for row in report.measurements})],
        ["measurements of models", len(report.measurements)],
        ["of these disturbed", percent(disturbed / len(report.measurements), 0) if report.measurements else None],
        ["failed", len(failed)],
        ["left out for lack of time", len(report.left_out)],
    ]
    kinds = Counter(row.name.split("/")[0] for row in report.micro)
    rows += [[f"figures about the machine: {kind}", count] for kind, count in sorted(kinds.items())]
    lines = [table(["what", "value"], rows), ""]
    lines += [f"- failed: {row.model}, {row.failure}" for row in failed]
    lines += [f"- left out: {label}" for label in report.left_out[:LEFT_OUT_SHOWN]]
    if len(report.left_out) > LEFT_OUT_SHOWN:
        lines.append(f"- and {len(report.left_out) - LEFT_OUT_SHOWN} more, named by `sizer bench --quick --json`")
    return "\n".join(lines).rstrip()


def measure(store_url: str, budget_s: float | None = None) -> BenchReport:
    """Take the quick look into a store."""
    from advisor.workflows import BenchRequest, bench_machine

    report, interrupted = bench_machine(BenchRequest(mode="quick", budget_s=budget_s), store_url=store_url)
    if interrupted:
        raise KeyboardInterrupt
    return report


def run(quick: bool = False) -> str:
    """Measure and return the section: two minutes, a tenth of that with ``quick``."""
    start = header("Models were built before; an empty store.")
    from advisor.measure.campaign.quick import QUICK_MODELS

    from .common import model

    for name in QUICK_MODELS:
        model(name)
    with tempfile.TemporaryDirectory() as folder:
        report = measure(f"sqlite:///{Path(folder) / 'store.sqlite3'}", 12.0 if quick else None)
    return f"{start}\n\n{tables(report)}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
