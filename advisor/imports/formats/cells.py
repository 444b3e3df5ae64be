"""Cells of reports: numbers as programs write them, precisions, and what a figure lacks to be a measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from advisor.errors import InputError
from advisor.records.base import Precision
from advisor.records.imported import ReportedFigure

from .base import Machine

_PRECISIONS: dict[str, Precision] = {
    "fp32": "f32", "f32": "f32", "float32": "f32", "fp16": "f16", "f16": "f16", "bf16": "bf16", "int8": "int8",
    "i8": "int8", "u8": "int8",
}  # fmt: skip
_ALWAYS_MISSING = (
    "hash of the model file",
    "facts of the machine (memory, power limit, system) and what else ran on it",
)
_WANTED = {
    "precision": "precision", "batch": "batch", "streams": "inference streams", "threads": "threads",
    "latency_p50_s": "median latency", "latency_p90_s": "90 % point of the latency",
    "latency_p95_s": "95 % point of the latency", "latency_p99_s": "99 % point of the latency",
    "observed": "day (--observed-at)",
}  # fmt: skip


def number(text: object, what: str) -> float | None:
    """Number above 0, also as a fraction (``30000/1001``); None where the cell is empty or says that it is not known.

    Raises
    ------
    InputError
        It is no number, or not above 0.
    """
    shown = str(text).strip()
    if shown.lower() in {"", "none", "n/a", "na", "nan", "-", "unspecified", "undefined"}:
        return None
    digits = shown.replace(",", ".") if shown.count(",") == 1 and "." not in shown else shown
    over, _, under = digits.partition("/")
    try:
        value = float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{what} {shown[:40]!r} is not a number") from error
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"{what} {shown[:40]!r} is not above 0")
    return value


def count(text: object, what: str) -> int | None:
    """Whole number above 0; None where the cell is empty. InputError as of :func:`number`."""
    value = number(text, what)
    if value is not None and value != int(value):
        raise InputError(f"{what} {str(text)[:40]!r} is not a whole number")
    return None if value is None else int(value)


def scaled(value: float | None, factor: float) -> float | None:
    """``value`` times ``factor``; None stays None."""
    return None if value is None else value * factor


def precision_of(text: str) -> Precision | None:
    """Precision by the name that reports have for it; None: another, or none."""
    return _PRECISIONS.get(text.strip().lower())


def figure(machine: Machine, values: Mapping[str, Any]) -> ReportedFigure:
    """Figure with the list of what it lacks."""
    missing = [words for name, words in _WANTED.items() if values.get(name) is None]
    return ReportedFigure(machine=machine.id, missing=(*_ALWAYS_MISSING, *missing), **values)


def check_processor(infrastructure: str, machine: Machine, where: str) -> None:
    """Refuse figures that name another processor than the machine has.

    Words with digits in the chip's name (``i5-8600K``, ``N100``) are looked for in what the report says of its machine.
    """
    words = [word for word in machine.processor.replace("(R)", " ").split() if any(mark.isdigit() for mark in word)]
    if infrastructure and words and not any(word.casefold() in infrastructure.casefold() for word in words):
        raise InputError(
            f"{where}: is of another machine ({infrastructure[:100]!r}) than {machine.id} with {machine.processor}"
        )
