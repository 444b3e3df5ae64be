"""How long measurements will take, roughly: for the order in which they are taken and the progress that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.throughput import MeasureItem
from advisor.measure.timing.harness import PACED_BLOCK, PAUSE_S
from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile

from .campaign import Entry

OPEN_S = 0.35
"""Read a model, quantise it from the cache, compile it."""
DECODE_S, PREPARE_S, MICRO_OPEN_S = 2.5, 0.25, 0.2
_WORKER_S = 0.9
"""Start a worker and load a runtime."""
# One core of a slow machine; only estimates of time rest on it.
_ASSUMED_FLOP_PER_S: dict[Precision, float] = {"f32": 4e10, "bf16": 8e10, "int8": 1.2e11}
_ASSUMED_GFLOPS = 4.0


def pass_s(model: ModelFile, config: RunConfig) -> float:
    """Rough time of one pass [s], for estimates of duration alone."""
    from advisor import zoo

    gflops = zoo.info(model.name).gflops if model.kind != "file" else None
    work = (gflops if gflops is not None else _ASSUMED_GFLOPS) * 1e9 * config.batch
    lanes = (config.threads or 1) if config.streams == 1 else 1
    return work / (_ASSUMED_FLOP_PER_S[config.precision] * lanes)


def estimate_s(item: MeasureItem) -> float:
    """Expected duration of a measurement with opening and warm-up [s]."""
    spec = item.spec
    one_s = pass_s(item.model, item.config)
    period_s = 0.0 if item.mode.rate_per_s is None else 1.0 / item.mode.rate_per_s
    block_s = max(spec.block_s, one_s, PACED_BLOCK * period_s)
    if item.mode.kind == "rested":
        return OPEN_S + spec.min_blocks * (PAUSE_S + one_s)
    measured_s = max(spec.min_duration_s, spec.min_samples * max(one_s, period_s), spec.min_blocks * block_s)
    return OPEN_S + min(measured_s, max(spec.max_duration_s, one_s)) + max(spec.warmup_max_s, 4 * block_s) / 2


def footprint_entries(entries: Sequence[Entry]) -> list[Entry]:
    """One footprint for each configuration that is measured, however its requests arrive."""
    found: dict[tuple[str, RunConfig], Entry] = {}
    for entry in entries:
        item = entry.item
        if isinstance(item, MeasureItem):
            workers = 2 if (item.config.streams or 1) == 1 else 3
            estimate = workers * (_WORKER_S + OPEN_S + pass_s(item.model, item.config))
            found.setdefault(
                (item.model.sha256, item.config), Entry(FootprintItem(item.model, item.config), estimate, 1.0)
            )
    return list(found.values())
