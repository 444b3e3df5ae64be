"""Peak memory of a configuration."""

from __future__ import annotations

from ..records.base import Interval
from ..records.config import RunConfig
from .works import WorkTable

_ELEMENT = {"f32": 1.0, "bf16": 0.5, "int8": 0.25}
_BASE_BYTES = 30e6
"""Plug-in, thread pool and graph of a small model."""


def peak_memory(work: WorkTable, config: RunConfig) -> Interval:
    """Resident memory of one compiled model beyond the interpreter with the runtime loaded [B].

    30 MB + 2.3 x weights (the file's pages, the graph's constants and the kernels' repacked copy live together while
    compiling) + per stream batch x 1.3 x the largest sum of live tensors. Weights keep the file's precision for bf16.
    -35 % / +45 %: set by hand on the largest peaks of eight models under OpenVINO on one machine (75 to 315 MB), which
    it meets within 40 %; what that machine counted for one model varied by a factor of two with the order of runs.
    """
    streams = config.streams or 1
    weights = work.weight_bytes * (0.25 if config.precision == "int8" else 1.0)
    live = work.peak_activation_bytes * max(_ELEMENT[config.precision], 0.35) * config.batch
    middle = _BASE_BYTES + 2.3 * weights + 1.3 * live * streams
    return Interval(p10=0.65 * middle, p50=middle, p90=1.45 * middle)
