"""How long passes and openings take, roughly: for the order of measurements and the progress that is shown."""

from __future__ import annotations

from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile

OPEN_S = 0.35
"""Read a model, quantise it from the cache, compile it."""
WORKER_S = 0.9
"""Start a worker and load a runtime."""
# One core of a slow machine; only estimates of time rest on it.
_ASSUMED_FLOP_PER_S: dict[Precision, float] = {"f32": 4e10, "bf16": 8e10, "f16": 8e10, "int8": 1.2e11}
_ASSUMED_GFLOPS = 4.0


def pass_s(model: ModelFile, config: RunConfig) -> float:
    """Rough time of one pass [s], for estimates of duration alone."""
    from advisor import zoo

    gflops = zoo.info(model.name).gflops if model.kind != "file" else None
    work = (gflops if gflops is not None else _ASSUMED_GFLOPS) * 1e9 * config.batch
    lanes = (config.threads or 1) if config.streams == 1 else 1
    return work / (_ASSUMED_FLOP_PER_S[config.precision] * lanes)
