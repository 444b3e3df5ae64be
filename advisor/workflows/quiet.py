"""A plan of this machine that rests on timings beside other load says so, and what a quiet machine would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.errors import Inconclusive
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.records.plan import DisturbedTimings

from .predictors import MeasuredBoxes

if TYPE_CHECKING:
    from advisor.perfmodel import Predictor
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.records.base import Interval


def disturbed_timings(
    inputs: PlanInputs, here: Candidate | None, quiet: Predictor | None, rows: Sequence[Measurement]
) -> DisturbedTimings | None:
    """Say what other load did to the timings that a plan of this machine rests on; None where none was disturbed.

    Parameters
    ----------
    inputs : PlanInputs
        Of the plan.
    here : Candidate, optional
        This machine among the candidates; None: it is none of them.
    quiet : Predictor, optional
        Its predictor as of a quiet machine.
    rows : sequence of Measurement
        What this machine has in its store.
    """
    if here is None or quiet is None:
        return None
    wanted = {model.sha256 for model in inputs.models.values()}
    timings = [
        row
        for row in rows
        if isinstance(row, TimingMeasurement)
        and row.model_sha256 in wanted
        and row.mode.kind in ("sync", "async")
        and row.config.precision in inputs.scenario.accuracy.precisions
    ]
    disturbed = [row for row in timings if row.interference.dirty]
    if not disturbed:
        return None
    alone = replace(inputs, candidates=(here,), named=True, predictor=MeasuredBoxes(quiet, {here.machine.id: quiet}))
    cameras, requests_per_s = _capacity(alone)
    reasons = Counter(_kind(reason) for row in disturbed for reason in row.interference.reasons)
    return DisturbedTimings(
        timings=len(timings),
        disturbed=len(disturbed),
        reasons=tuple(reason for reason, _ in reasons.most_common()),
        quiet_capacity_cameras=cameras,
        quiet_capacity_requests_per_s=requests_per_s,
        text=_text(len(disturbed), len(timings), cameras or requests_per_s, "cameras" if cameras else "requests/s"),
    )


def _capacity(inputs: PlanInputs) -> tuple[Interval | None, Interval | None]:
    """Cameras and requests per second of the single candidate; None where nothing can be said of it."""
    from advisor.planner.plan import configure

    try:
        predicted = configure(inputs).predicted
    except Inconclusive:
        return None, None
    return predicted.capacity_cameras, predicted.capacity_requests_per_s


def _kind(reason: str) -> str:
    """Reason without its figures, which differ from block to block."""
    words = (word for word in reason.split() if not word.replace(".", "").isdigit())
    return " ".join(words).replace(" %", "")


def _text(disturbed: int, timings: int, quiet: Interval | None, unit: str) -> str:
    spread = "" if quiet is None else f"{quiet.p50:.3g} ({quiet.p10:.3g} - {quiet.p90:.3g}) {unit}"
    capacity = f" A quiet machine would carry {spread}." if spread else ""
    return (
        f"{disturbed} of {timings} timings of this machine were taken beside other load: its figures say what it does "
        f"beside such load.{capacity} To measure it again when it is quiet: `sizer plan --on this --again`"
    )
