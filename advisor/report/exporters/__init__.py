"""The recommended configuration in the format of the software that runs it; one file per format."""

from __future__ import annotations

from advisor.errors import InputError, nearest
from advisor.records.plan import Plan

from . import compose, dlstreamer, frigate, launch, onnxruntime, openvino, ovms, triton
from .boxes import Answer, answers

_LISTED = (
    openvino.FORMAT, onnxruntime.FORMAT, ovms.FORMAT, triton.FORMAT, compose.FORMAT, frigate.FORMAT, dlstreamer.FORMAT,
    launch.FORMAT,
)  # fmt: skip
FORMATS = {item.name: item for item in _LISTED}
"""Formats of ``sizer plan --export``, by name."""


def known_format(form: str) -> str:
    """Return the name of a format.

    Raises
    ------
    InputError
        Unknown format (with the nearest).
    """
    if form not in FORMATS:
        raise InputError(f"--export {form!r} is unknown{nearest(form, FORMATS)} (known: {', '.join(FORMATS)})")
    return form


def export_plan(plan: Plan, form: str, answer: Answer | None = None) -> str:
    """Export the recommendation, or a mix of boxes or stages split over boxes, which have one part per kind of box.

    ``answer`` None: the first of the three that the plan has.

    Raises
    ------
    InputError
        Unknown format (with the nearest), nothing is recommended, or a stage runs in a runtime that the target lacks.
    """
    known_format(form)
    available = answers(plan)
    if not available:
        raise InputError(f"--export {form}: nothing is recommended, so there is no configuration to export")
    if answer is not None and answer not in available:
        raise InputError(f"--export-of {answer}: the plan has none; it has {', '.join(available)}")
    name = next(iter(available)) if answer is None else answer
    parts = [(boxes.title, FORMATS[form].render(boxes)) for boxes in available[name]]
    return parts[0][1] if name == "equal" else FORMATS[form].join(parts)
