"""Inside of the worker: build the network, run it, summarise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from advisor.measure.timing.meter import DisturbedRetry
from advisor.measure.worker.job import JobItem, Reporter, each

from .bandwidth import bandwidth
from .barrier import barrier
from .cold import cold
from .compute import matmul, peak
from .decoded import decoded
from .overhead import overhead
from .siblings import siblings
from .stacking import stacking

FAMILIES: dict[str, Callable[[dict[str, Any], Path], dict[str, Any]]] = {
    "peak": peak,
    "matmul": matmul,
    "bandwidth": bandwidth,
    "barrier": barrier,
    "overhead": overhead,
    "cold": cold,
    "decoded": decoded,
    "siblings": siblings,
    "stacking": stacking,
}
"""From the fields of a :class:`~advisor.measure.items.micro.item.MicroItem` and a folder for the network's file to a
:func:`~advisor.measure.timing.micro_record.figure`."""


def micro_job(items: list[JobItem], report: Reporter) -> None:
    """Take one micro-benchmark after another."""
    retry = DisturbedRetry()
    each(lambda payload: _take(payload, retry))(items, report)


def _take(payload: dict[str, Any], retry: DisturbedRetry) -> dict[str, Any]:
    family = FAMILIES[payload["kind"]]
    with tempfile.TemporaryDirectory(prefix="sizer-micro-") as folder:
        taken, seen = retry.measure(lambda: family(payload, Path(folder)))
    return {**taken, "interference": seen.model_dump(mode="json")}
