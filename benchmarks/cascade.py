"""Cascades planned for this machine, predicted, and then really run: how far the two lie apart."""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from advisor.errors import SizerError
from advisor.measure.timing.harness import QUICK as QUICK_SPEC
from advisor.records.verdict import Verdict

from .common import header, measured, percent, table, timing
from .variants import CAPACITY, variants, write

DURATION_S = 20.0
QUICK = ("faces", "few-objects")
P95_BAR = 0.15
CAPACITY_BAR = 0.10
DISTURBED = 0.05
"""Share of the usable cores that others took: as in the check of verification."""
_FIGURES = {"latency_p95_ms": "p95", "camera_fps": "fps", "drops_pct": "drops", "utilisation/cpu": "cpu", "cpu": "cpu"}


@dataclass(frozen=True)
class Figure:
    """One figure as predicted and as measured; None where the run showed none."""

    p10: float
    p50: float
    p90: float
    measured: float | None

    @property
    def error(self) -> float | None:
        """(predicted - measured) / measured; None without a measured figure above 0."""
        return (self.p50 - self.measured) / self.measured if self.measured else None

    @property
    def inside(self) -> bool | None:
        """Whether the measured figure lies in P10-P90."""
        return None if self.measured is None else self.p10 <= self.measured <= self.p90


@dataclass(frozen=True)
class Outcome:
    """One variant."""

    name: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    capacity: tuple[float, float, float, int] | None = None
    """P10, P50, P90 and what was found."""
    failure: str | None = None
    disturbed: bool | None = None
    """Whether others took more of the cores than verification lets pass; None where that cannot be seen."""
    again: Outcome | None = None
    """The same variant run once more after all the others: how far two runs of one thing lie apart."""
    slower: float | None = None
    """Time of a pass of the busiest model after the run, over the time that the plan measured; None: not measured."""


def outcome_of(name: str, verdict: Verdict) -> Outcome:
    """Read predicted and measured figures from a verdict."""
    rows: Sequence[dict[str, Any]] = (verdict.predicted or {}).get("compared", ())
    figures = {
        _FIGURES[row["figure"]]: Figure(row["p10"], row["p50"], row["p90"], row["measured"])
        for row in rows
        if row["figure"] in _FIGURES
    }
    capacity = None
    found = verdict.capacity
    if found is not None and found.cameras is not None and found.predicted is not None:
        p = found.predicted
        capacity = (p["p10"], p["p50"], p["p90"], found.cameras)
    failure = None if figures else f"{verdict.verdict}: {verdict.reason}"
    lost = verdict.interference.get("lost_fraction")
    return Outcome(name, figures, capacity, failure, None if lost is None else lost > DISTURBED)


def measure(names: Sequence[str], duration_s: float, capacity: bool, again: bool = False) -> list[Outcome]:
    """Plan, run and compare each variant, then ``again`` all of them; they share a store that was empty before."""
    from advisor.workflows import VerifyRequest, verify_scenario

    known = variants()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"

        def one(name: str, find_capacity: bool) -> Outcome:
            path = write(known[name], Path(folder))
            request = VerifyRequest(scenario=str(path), duration_s=duration_s, find_capacity=find_capacity)
            try:
                verdict = verify_scenario(request, store_url=url)
                return replace(outcome_of(name, verdict), slower=_slower(verdict, url))
            except SizerError as error:
                return Outcome(name, failure=str(error))

        found = [one(name, capacity and name in CAPACITY) for name in names]
        return [replace(item, again=one(item.name, False)) for item in found] if again else found


def _slower(verdict: Verdict, url: str) -> float | None:
    """Measure the model that the cascade spent most time in once more, as the plan had measured it."""
    from advisor.workflows.context import open_store

    models = [stage for stage in verdict.stages if stage.id in verdict.config.requested]  # decoding is a stage, too
    busiest = max(models, key=lambda stage: stage.rate_per_s * (stage.service_ms.p50 or 0.0), default=None)
    if busiest is None:
        return None
    file, config = verdict.models[busiest.id], verdict.config.requested[busiest.id]
    with open_store(url) as store:
        rows = [
            row
            for row in store.find(model_sha256=file.sha256, status="done")
            if row.mode.kind != "paced"
            and (row.config.precision, row.config.threads, row.config.streams, row.config.batch)
            == (config.precision, config.threads, config.streams, config.batch)
        ]
    if not rows:
        return None
    now = timing(measured(file, rows[-1].config, rows[-1].mode, QUICK_SPEC))
    return timing(rows[-1]).throughput_per_s / now.throughput_per_s


def _beside(figure: Figure | None, digits: int) -> str | None:
    if figure is None:
        return None
    measured = "-" if figure.measured is None else f"{figure.measured:.{digits}f}"
    return f"{figure.p50:.{digits}f} ({figure.p10:.{digits}f}-{figure.p90:.{digits}f}) / {measured}"


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:+.0f} %"


def summary(found: Sequence[Outcome]) -> str:
    """What holds over all variants, the worst by name."""
    rows = []
    for key, name, bar in (("p95", "p95 latency", P95_BAR), ("fps", "frames per second", 0.02), ("cpu", "CPU", 0.10)):
        errors = {o.name: o.figures[key].error for o in found if key in o.figures}
        known = {variant: abs(error) for variant, error in errors.items() if error is not None}
        if not known:
            rows.append([name, 0, None, None, None, None])
            continue
        inside = [o.figures[key].inside for o in found if o.name in known]
        worst = max(known, key=lambda variant: known[variant])
        within = percent(sum(value <= bar for value in known.values()) / len(known), 0)
        rows.append(
            [name, len(known), percent(statistics.median(known.values())), f"{within} within {percent(bar, 0)}",
             percent(sum(map(bool, inside)) / len(inside), 0), f"{worst}, {_signed(errors[worst])}"]
        )  # fmt: skip
    drops = {o.name: f.p50 - f.measured for o in found if (f := o.figures.get("drops")) and f.measured is not None}
    if drops:
        worst = max(drops, key=lambda variant: abs(drops[variant]))
        middle = statistics.median(map(abs, drops.values()))
        rows.append(
            ["drops (percentage points)", len(drops), f"{middle:.1f}", None, None, f"{worst}, {drops[worst]:+.1f}"]
        )
    return table(["figure", "variants", "median error", "share", "inside P10-P90", "worst"], rows)


def _repeat(found: Sequence[Outcome]) -> list[str]:
    """How far two runs of one variant lie apart in p95, and what is left of the error against their middle."""
    rows = []
    for item in found:
        p95, other = item.figures.get("p95"), item.again and item.again.figures.get("p95")
        if p95 is None or not p95.measured or not other or not other.measured:
            continue
        middle = math.sqrt(p95.measured * other.measured)
        apart = abs(math.log(p95.measured / other.measured))
        rows.append((item.name, p95.measured, other.measured, apart, (p95.p50 - middle) / middle, item))
    if not rows:
        return []
    apart = [row[3] for row in rows]
    worst = max(rows, key=lambda row: row[3])
    errors = [abs(row[4]) for row in rows]
    said = (
        "Every variant was run once more after all the others. Two runs of the same variant differ in p95 by a factor "
        f"of {math.exp(statistics.median(apart)):.2f} in the median, at most {math.exp(worst[3]):.2f} ({worst[0]}). "
        f"Against the geometric mean of the two, the predicted p95 errs by {percent(statistics.median(errors))} in the "
        f"median, {percent(sum(error <= P95_BAR for error in errors) / len(errors), 0)} within {percent(P95_BAR, 0)}. "
        "The last column is the time of a pass of the busiest model right after each run over what the plan had "
        "measured: how much slower (or faster) the machine itself had become."
    )
    cells = [
        [name, f"{one:.0f}", f"{two:.0f}", _signed(error), f"{_times(item.slower)} / {_times(item.again.slower)}"]
        for name, one, two, _, error, item in rows
        if item.again is not None
    ]
    head = ["variant", "p95, ms: first run", "second run", "error against their mean", "machine slower, times"]
    return [said, "", table(head, cells), ""]


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _capacities(found: Sequence[Outcome]) -> list[str]:
    """Cameras predicted and found, and how many of the variants came out within one camera or a tenth."""
    rows, close, inside = [], 0, 0
    for item in found:
        if item.capacity is None:
            continue
        p10, p50, p90, cameras = item.capacity
        near, covered = capacity_near(p50, cameras), p10 <= cameras <= p90
        close, inside = close + near, inside + covered
        rows.append([item.name, f"{p50:.0f} ({p10:.0f}-{p90:.0f})", cameras, f"{p50 - cameras:+.0f}",
                     "yes" if near else "no", "yes" if covered else "no"])  # fmt: skip
    if not rows:
        return []
    said = (
        f"Capacity: {close} of {len(rows)} within one camera or {percent(CAPACITY_BAR, 0)} of what was found, "
        f"{inside} of {len(rows)} inside P10-P90."
    )
    head = ["variant", "cameras predicted (P10-P90)", "cameras found", "difference", "near", "inside"]
    return [said, "", table(head, rows), ""]


def capacity_near(predicted: float, found: int) -> bool:
    """Whether a predicted capacity lies within one camera or a tenth of the one found [cameras]."""
    return abs(round(predicted) - found) <= max(1.0, CAPACITY_BAR * found)


def tables(found: Sequence[Outcome]) -> str:
    """Summary, one row per variant, repeats, capacities, failures."""
    rows = []
    for item in found:
        p95 = item.figures.get("p95")
        if item.failure is None:
            rows.append(
                [item.name, _beside(p95, 0), _signed(p95.error if p95 else None), _beside(item.figures.get("fps"), 1),
                 _beside(item.figures.get("drops"), 1), _beside(item.figures.get("cpu"), 2),
                 {True: "yes", False: "no", None: None}[item.disturbed]]
            )  # fmt: skip
    head = ["variant", "p95, ms: predicted (P10-P90) / measured", "error", "fps", "drops, %", "CPU", "disturbed"]
    lines = [summary(found), "", table(head, rows), "", *_repeat(found)]
    lines += _capacities(found)
    failures = [f"- {item.name} showed nothing: {item.failure}" for item in found if item.failure is not None]
    return "\n".join([*lines, *failures]).rstrip()


def run(quick: bool = False, only: Sequence[str] = ()) -> str:
    """Measure and return the section: about 50 minutes, two with ``quick``; ``only`` names variants."""
    note = "Before each run the plan measured what it lacked, as `sizer verify` does; store empty at the start."
    start = header(f"{note} {8 if quick else DURATION_S:g} s each.")
    names = tuple(only) or (QUICK if quick else tuple(variants()))
    return f"{start}\n\n{tables(measure(names, 8.0 if quick else DURATION_S, not quick, not quick))}"


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--quick"]
    print(run("--quick" in sys.argv[1:], arguments))
