"""A plan that rests on timings beside other load, or of another hour, says so, and what the machine did otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING

from advisor.errors import Inconclusive
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.records.plan import DisturbedTimings, Plan, PresentMachine

from .predictors import MeasuredBoxes
from .present import SAID, Present

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
    cameras, requests_per_s = _capacity(_alone(inputs, box, quiet))
    carried = _carries(cameras, requests_per_s)
    on_a_quiet_machine = f" A quiet machine would carry {carried}." if carried else ""
    reasons = Counter(_kind(reason) for row in disturbed for reason in row.interference.reasons)
    return DisturbedTimings(
        timings=len(timings),
        disturbed=len(disturbed),
        reasons=tuple(reason for reason, _ in reasons.most_common()),
        quiet_capacity_cameras=cameras,
        quiet_capacity_requests_per_s=requests_per_s,
        text=(
            f"{len(disturbed)} of {len(timings)} timings of {_called(box)} were taken beside other load: its figures "
            f"say what it does beside such load.{on_a_quiet_machine} To measure it again when it is quiet: "
            f"{_again(box, here=here)}"
        ),
    )


def present_machine(inputs: PlanInputs, box: Candidate, present: Present, measured: Predictor) -> PresentMachine | None:
    """Say how much slower or faster a machine is now than when it was measured; None where it is neither.

    Parameters
    ----------
    inputs, box
        As of :func:`disturbed_timings`.
    present : Present
        How fast it is now.
    measured : Predictor
        Its predictor as of the hour in which it was measured.
    """
    if abs(present.slower) < SAID:
        return None
    cameras, requests_per_s = _capacity(_alone(inputs, box, measured))
    then = _carries(cameras, requests_per_s)
    return PresentMachine(
        timed_anew=present.timed_anew,
        measured=present.measured.isoformat().replace("+00:00", "Z"),
        slower=exp(present.slower),
        measured_capacity_cameras=cameras,
        measured_capacity_requests_per_s=requests_per_s,
        text=f"{present.text[0].upper()}{present.text[1:]}"
        + (f". As it was then it would carry {then}" if then else ""),
    )


def _alone(inputs: PlanInputs, box: Candidate, predictor: Predictor) -> PlanInputs:
    """Inputs of a plan of one machine that answers from ``predictor``."""
    return replace(
        inputs, candidates=(box,), named=True, predictor=MeasuredBoxes(predictor, {box.machine.id: predictor})
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


def _carries(cameras: Interval | None, requests_per_s: Interval | None) -> str:
    """Capacity in words; empty where there is none."""
    carried, unit = cameras or requests_per_s, "cameras" if cameras else "requests/s"
    return "" if carried is None else f"{carried.p50:.3g} ({carried.p10:.3g} - {carried.p90:.3g}) {unit}"


def _again(box: Candidate, *, here: bool) -> str:
    """How the machine is measured again."""
    again = "`sizer plan --on this --again`"
    if box.machine.id == "this":
        return again
    if here:
        return f"{again}, as it is this machine"
    return f"{again} on it, then `sizer bench --quick --export FILE` there and `sizer catalog add FILE` here"
