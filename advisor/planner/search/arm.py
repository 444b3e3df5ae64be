"""Passes on Arm cores, from ncnn's tables: one pass at a time, on one or four of the fastest cores.

How several passes at once slow each other down was not published, so none are planned; nor how a pass is slowed down by
decoding beside it, beyond the cores that it takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from advisor.perfmodel.devices.arm import THREADS
from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.records.base import Interval, Precision
from advisor.records.config import RunConfig
from advisor.records.device import DeviceSpec
from advisor.records.prediction import ServiceEstimate

MEMORY_BYTES = Interval(p10=0.03 * 1024**3, p50=0.1 * 1024**3, p90=0.3 * 1024**3)
"""Library and blobs of one model [B], beside its weights. Source: project assumption."""
BOARD_SHARE = 0.5
"""Share of the variance that all models on one board have in common. Source: project assumption, as for x86 cores."""


def arm_estimates(
    platform: str,
    model: str,
    weight_bytes: float,
    cores: DeviceSpec,
    precisions: Iterable[Precision],
    answer_of: Callable[[Precision, int], DeviceAnswer | None],
) -> list[ServiceEstimate]:
    """Estimates for each precision and number of threads that ncnn's tables tell of.

    Parameters
    ----------
    weight_bytes : float
        Of the model as it is in its file [B].
    answer_of
        What is known at a precision on so many cores.
    """
    found = []
    for precision in precisions:
        for threads in map(int, THREADS):
            answer = answer_of(precision, threads) if threads <= (cores.cores or 0.0) else None
            if answer is None or answer.log_latency_s is None:
                continue
            low, high = answer.latency_band
            middle_s = math.exp(answer.log_latency_s)
            time_s = Interval(p10=middle_s * math.exp(low), p50=middle_s, p90=middle_s * math.exp(high))
            memory = Interval(
                p10=MEMORY_BYTES.p10 + weight_bytes,
                p50=MEMORY_BYTES.p50 + 1.5 * weight_bytes,
                p90=MEMORY_BYTES.p90 + 3.0 * weight_bytes,
            )
            found.append(
                ServiceEstimate(
                    platform=platform,
                    model=model,
                    config=RunConfig(runtime="ncnn", precision=precision, streams=1, threads=threads, requests=1),
                    latency_s=time_s,
                    throughput_per_s=time_s.reciprocal(),
                    core_s=time_s.scaled(float(threads)),
                    machine_share=BOARD_SHARE,
                    memory_bytes=memory,
                    bandwidth_bytes=0.0,
                    bottleneck="unknown",
                    evidence=answer.evidence,
                    nearest_measured=answer.source,
                    extrapolated=answer.extrapolated,
                    stand_in=False,
                    notes=answer.notes,
                )
            )
    return found
