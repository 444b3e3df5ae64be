"""A plan that rests on timings beside other load says so, and what a quiet machine would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.errors import Inconclusive
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.records.plan import DisturbedTimings, Plan

from .predictors import MeasuredBoxes

if TYPE_CHECKING:
    from advisor.perfmodel import Predictor
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.records.base import Interval


def rested_on(inputs: PlanInputs, plan: Plan, this_machine: str) -> tuple[Candidate, str] | None:
    """Measured machine that the first lines of a plan tell of, with its fingerprint; None where there is none.

    That is the machine that is recommended, where it was measured; else a measured one that the user named, this
    machine before a box. A measured box of the catalogue that is not what to buy moves no figure in the first lines.

    Parameters
    ----------
    inputs, plan
        Of the plan, and its answer.
    this_machine : str
        Fingerprint of this machine.
    """
    measured: dict[str, tuple[Candidate, str]] = {}
    for candidate in inputs.candidates:
        box = candidate.platform
        fingerprint = this_machine if candidate.machine.id == "this" else box.measured_fingerprint
        if fingerprint is not None:
            measured[box.id] = candidate, fingerprint
    if plan.recommended is not None and plan.recommended.platform in measured:
        return measured[plan.recommended.platform]
    if not inputs.named:
        return None
    named = sorted(measured.values(), key=lambda found: found[0].machine.id != "this")
    return named[0] if named else None


def disturbed_timings(
    inputs: PlanInputs, box: Candidate, quiet: Predictor | None, rows: Sequence[Measurement], *, here: bool
) -> DisturbedTimings | None:
    """Say what other load did to the timings that a plan rests on; None where none was disturbed.

    Parameters
    ----------
    inputs : PlanInputs
        Of the plan.
    box : Candidate
        The measured machine.
    quiet : Predictor, optional
        Its predictor as of a quiet machine; None: nothing measured of it enters.
    rows : sequence of Measurement
        What was measured on it.
    here : bool
        Whether it is this machine, be it as a box of the catalogue.
    """
    if quiet is None:
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
    alone = replace(inputs, candidates=(box,), named=True, predictor=MeasuredBoxes(quiet, {box.machine.id: quiet}))
    cameras, requests_per_s = _capacity(alone)
    reasons = Counter(_kind(reason) for row in disturbed for reason in row.interference.reasons)
    return DisturbedTimings(
        timings=len(timings),
        disturbed=len(disturbed),
        reasons=tuple(reason for reason, _ in reasons.most_common()),
        quiet_capacity_cameras=cameras,
        quiet_capacity_requests_per_s=requests_per_s,
        text=(
            f"{len(disturbed)} of {len(timings)} timings of {_called(box)} were taken beside other load: its figures "
            f"say what it does beside such load.{_quiet_words(cameras, requests_per_s)} To measure it again when it is "
            f"quiet: {_again(box, here=here)}"
        ),
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


def _called(box: Candidate) -> str:
    return "this machine" if box.machine.id == "this" else box.platform.id


def _quiet_words(cameras: Interval | None, requests_per_s: Interval | None) -> str:
    quiet, unit = cameras or requests_per_s, "cameras" if cameras else "requests/s"
    if quiet is None:
        return ""
    return f" A quiet machine would carry {quiet.p50:.3g} ({quiet.p10:.3g} - {quiet.p90:.3g}) {unit}."


def _again(box: Candidate, *, here: bool) -> str:
    """How the machine is measured again."""
    again = "`sizer plan --on this --again`"
    if box.machine.id == "this":
        return again
    if here:
        return f"{again}, as it is this machine"
    return f"{again} on it, then `sizer bench --quick --export FILE` there and `sizer catalog add FILE` here"
