"""What a runtime makes of settings that were left to it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec

from .machine import made_by_amd
from .physics import PRECISIONS

THROUGHPUT, LATENCY = 0, 1
MODES = ("throughput", "latency")
"""How a runtime is driven: many single-thread streams at once, or one request over many threads."""


def default_streams(cores: int) -> int:
    """Inference streams that OpenVINO's THROUGHPUT hint takes, roughly: one per core, or two on large chips."""
    return cores if cores < 16 else max(1, cores // 2)


def latency_threads(spec: MachineSpec, precision: int) -> tuple[int, bool]:
    """Threads of OpenVINO's LATENCY hint: one socket; P cores only where E/P is below 2 (f32) or 4 (int8).

    Low-power cores count as no efficiency cores and take no part, even where throughput mode uses them. The compact
    cores of AMD's chips are no other kind to the runtime, which tells kinds by Intel's processor leaf.

    Source: openvinotoolkit/openvino, src/plugins/intel_cpu/src/cpu_streams_calculation.cpp (2026),
    should_use_all_cores_for_latency and handle_latency_tensor_parallel_or_single_socket.
    """
    few = spec.efficiency_cores < spec.performance_cores * (4 if PRECISIONS[precision] == "int8" else 2)
    performance_only = spec.inference_cores > spec.performance_cores and few and not made_by_amd(spec)
    cores = spec.performance_cores if performance_only else spec.performance_cores + spec.efficiency_cores
    return max(1, cores // spec.sockets), performance_only


def usable_cores(machine: MachineSpec) -> int:
    """Cores that inference may keep busy, within the container's quota."""
    quota = machine.cores if machine.quota_cores is None else max(1, int(machine.quota_cores))
    return min(machine.inference_cores, quota)


@dataclass(frozen=True)
class ResolvedConfig:
    """A configuration with every setting that was left to the runtime filled in as the runtime would."""

    streams: int
    threads: int
    performance_only: bool
    latency_share: float
    """Which residual applies: 1 for a single stream, 0 for several of one thread each, between them for others."""


_MOST_KEPT = 20_000
_RESOLVED: dict[tuple[object, ...], ResolvedConfig] = {}
"""By machine and all that is read of a configuration: those of a plan differ in the batch more often than not."""


def resolve(machine: MachineSpec, config: RunConfig) -> ResolvedConfig:
    """Streams and threads that a runtime takes on ``machine`` for ``config`` (above)."""
    key = (
        machine.key, config.runtime, config.precision, config.hint, config.hint_requests, config.streams,
        config.threads, config.core_type,
    )  # fmt: skip
    known = _RESOLVED.get(key)
    if known is None:
        if len(_RESOLVED) >= _MOST_KEPT:
            _RESOLVED.clear()
        known = _RESOLVED[key] = _resolve(machine, config)
    return known


def _resolve(machine: MachineSpec, config: RunConfig) -> ResolvedConfig:
    """Work out :func:`resolve`."""
    usable = usable_cores(machine)
    precision = PRECISIONS.index(config.precision)
    whole, performance_only = latency_threads(machine, precision)
    latency = min(whole, usable)
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
    # One request at a time is what published latencies are of, on however few threads.
    share = 1.0 if config.streams == 1 else min(1.0, log(per_stream) / log(max(2, whole)))
    return ResolvedConfig(streams, threads, performance_only, share)
