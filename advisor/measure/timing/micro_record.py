"""A micro-benchmark's figure: summarised in the worker, made a record in the parent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.clock import utc_now
from advisor.measure.worker.job import JobOutcome
from advisor.records.measurement import Interference, MicroBenchmark, MicroFailure


def figure(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    best: str = "median",
    value: float | None = None,
    **parameters: object,
) -> dict[str, Any]:
    """Summarise the repeats of one figure as plain JSON.

    Parameters
    ----------
    name : str
        See :attr:`MicroBenchmark.name`.
    values : sequence of float
        One value per repeat, in the unit given.
    best : str
        ``median``, ``low`` (10 % quantile, for times) or ``high`` (90 % quantile, for rates): a neighbour only ever
        makes a machine look slower.
    value : float, optional
        Used instead of a quantile of ``values``, which then only give the spread.
    **parameters
        What else the figure depends on.
    """
    array = np.asarray(values, dtype=np.float64)
    quantile = {"median": 0.5, "low": 0.1, "high": 0.9}[best]
    centre = float(np.median(array))
    quartiles = np.quantile(array, [0.25, 0.75])
    return {
        "name": name,
        "value": float(np.quantile(array, quantile)) if value is None else value,
        "unit": unit,
        "spread": float((quartiles[1] - quartiles[0]) / centre) if len(array) > 1 and centre > 0 else None,
        "samples": len(array),
        "parameters": {key: str(value) for key, value in parameters.items()},
    }


def micro_key(name: str, host_fingerprint: str, parameters: dict[str, str]) -> str:
    """Identity of a micro-benchmark: measured once per machine and parameters."""
    text = json.dumps([name, host_fingerprint, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def to_result(outcome: JobOutcome, name: str, host_fingerprint: str) -> MicroBenchmark | MicroFailure:
    """Make the record of a worker's outcome: of its :func:`figure`, or of the reason why there is none."""
    if outcome.value is None:
        return to_failure(name, outcome.id, host_fingerprint, str(outcome.failure))
    return to_record(outcome.value, outcome.id, host_fingerprint)


def to_record(found: dict[str, Any], key: str, host_fingerprint: str) -> MicroBenchmark:
    """Make the record of a worker's figure, with the interference that the worker may have added to it."""
    interference = found.get("interference")
    return MicroBenchmark(
        key=key,
        name=found["name"],
        value=found["value"],
        unit=found["unit"],
        spread=found["spread"],
        samples=found["samples"],
        host_fingerprint=host_fingerprint,
        interference=Interference() if interference is None else Interference.model_validate(interference),
        started=utc_now(),
        parameters=found["parameters"],
    )


def to_failure(name: str, key: str, host_fingerprint: str, reason: str) -> MicroFailure:
    """Make the record of a figure that could not be measured."""
    return MicroFailure(key=key, name=name, failure=reason, host_fingerprint=host_fingerprint, started=utc_now())
