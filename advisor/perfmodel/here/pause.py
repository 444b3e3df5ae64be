"""What a pass takes longer after a pause than in a loop, where both were measured on this machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.analytic.work_table import network_of
from advisor.perfmodel.resources.cold_pass import LEAST_S
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.measurement import Measurement
from advisor.records.model import ModelWork

from .measurements import HostMeasurements


def measured_pause_s(
    host: HostMeasurements, work: ModelWork, config: RunConfig, settings: ResolvedConfig, loop_s: float
) -> Interval | None:
    """What a pass takes longer after a pause than in a loop [s]; None where one of the two was not measured.

    Measured on one stream of as many threads; ``loop_s`` [s] stands in for a loop that was only predicted. Between two
    measured batches the figure grows with the logarithm of the batch, outside of them not at all (source: project
    assumption, not measured).
    """
    threads = max(1, settings.threads // settings.streams)
    by_batch: dict[int, Interval] = {}
    for row in host.rested:
        if row.timing is None or not _comparable(row, work, config, threads):
            continue
        batch = row.config.batch
        loop = host.exact_match(work, config.model_copy(update={"batch": batch}), threads, 1)
        if loop is None and (settings.streams, config.batch) != (1, batch):
            continue
        longer_s = np.array(row.timing.latencies_s) - (loop_s if loop is None else loop.latency_s)
        by_batch.setdefault(batch, _usual_s(longer_s))
    if not by_batch:
        return None
    batches = sorted(by_batch)
    low, p50, high = (
        float(np.interp(np.log(config.batch), np.log(batches), [getattr(by_batch[batch], name) for batch in batches]))
        for name in ("p10", "p50", "p90")
    )
    return Interval(p10=low, p50=p50, p90=high)


def _comparable(row: Measurement, work: ModelWork, config: RunConfig, threads: int) -> bool:
    c = row.config
    same_setting = (c.runtime, c.precision, c.device, c.threads) == (
        config.runtime, config.precision, config.device, threads,
    )  # fmt: skip
    same_model = row.model_sha256 == work.sha256 or network_of(
        row.model, row.model_kind, row.model_sha256
    ) == network_of(work.model, work.kind, work.sha256)
    return same_setting and same_model


def _usual_s(longer_s: NDArray[np.float64]) -> Interval:
    """Usual cost of a pause [s], from what single passes took longer: their mean without the extreme tenths.

    A shared cache is often either there or not; a median would take one of the two. The quartiles of single passes
    stand for P10 and P90 of the mean in another moment (source: project assumption, not measured).
    """
    ordered = np.maximum(np.sort(longer_s), LEAST_S)
    low, high = (float(value) for value in np.quantile(ordered, [0.25, 0.75]))
    # scipy.stats.trim_mean by hand: no plan or prediction imports scipy.stats otherwise, which takes about a second.
    cut = len(ordered) // 10
    middle = float(ordered[cut : len(ordered) - cut].mean())
    return Interval(p10=min(low, middle), p50=middle, p90=max(high, middle))
