"""What a runtime makes of settings that were left to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records.config import RunConfig
from ..records.machine import MachineSpec
from .observations import default_streams, latency_threads
from .physics import PRECISIONS


@dataclass(frozen=True)
class Resolved:
    """A configuration with every setting that was left to the runtime filled in as the runtime would."""

    streams: int
    threads: int
    performance_only: bool
    latency_share: float
    """1 for one stream over many threads, 0 for one thread per stream: which residual applies."""


def resolve(machine: MachineSpec, config: RunConfig) -> Resolved:
    """Streams and threads that a runtime takes on ``machine`` for ``config`` (see observations.py)."""
    quota = machine.cores if machine.quota_cores is None else max(1, int(machine.quota_cores))
    usable = min(machine.cores, quota)
    precision = PRECISIONS.index(config.precision)
    latency, performance_only = latency_threads(machine, precision)
    latency = min(latency, usable)
    streams, threads = config.streams, config.threads
    if streams is None:
        many = config.hint in ("throughput", "cumulative_throughput")
        streams = min(default_streams(usable), config.hint_requests or usable) if many else 1
    if threads is None:
        threads = usable if streams > 1 else latency
    elif streams > 1 or threads > machine.performance_cores:
        performance_only = False
    performance_only = (performance_only and streams == 1) or config.core_type == "performance"
    threads = max(1, min(threads, machine.performance_cores if performance_only else usable))
    streams = max(1, min(streams, threads)) if config.runtime == "openvino" else streams
    per_stream = max(1.0, threads / streams)
    whole = max(2.0, float(latency_threads(machine, precision)[0]))
    return Resolved(streams, threads, performance_only, float(min(1.0, np.log(per_stream) / np.log(whole))))
