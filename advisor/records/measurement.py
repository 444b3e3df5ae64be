"""What was measured: one configuration of one model, a micro-benchmark, a decoder; and what failed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveCount, PositiveQuantity, Quantity, Record
from .config import EffectiveConfig, LoadMode, RunConfig
from .model import Kernel


class Interference(Record):
    """How disturbed a measurement was; a dirty one widens what rests on it."""

    other_cpu_cores: Quantity | None = None
    """CPU time of other processes per second of the measurement, in cores."""
    steal_fraction: Quantity | None = None
    pressure_some_fraction: Quantity | None = None
    involuntary_switches_per_s: Quantity | None = None
    clock_start_hz: Quantity | None = None
    clock_end_hz: Quantity | None = None
    reference_slowdown: Quantity | None = None
    """Time of a fixed amount of arithmetic beside the blocks over the least that this machine ever needed (mean)."""
    dirty: bool = False
    reasons: tuple[str, ...] = ()
    blocks_repeated: Count = 0


class Percentile(Record):
    """A sample percentile with its distribution-free bounds; None where the sample is too small to bound it."""

    value_s: Quantity
    lower_s: Quantity | None
    upper_s: Quantity | None


class Timing(Record):
    """The figures of a successful measurement. A pass is one request at the configured batch."""

    samples: PositiveCount
    duration_s: Quantity
    throughput_per_s: Quantity
    """Inputs per second over the measured window: passes x batch / wall time."""
    avg_time_s: Quantity
    """Mean time of one pass over all samples, nothing filtered."""
    p50: Percentile
    p90: Percentile
    p95: Percentile
    p99: Percentile
    min_s: Quantity
    read_s: Quantity | None = None
    compile_s: Quantity | None = None
    first_inference_s: Quantity | None = None
    cached_compile_s: Quantity | None = None
    """Time to compile where the runtime finds its own compiled blob; from a :class:`Footprint`, else None."""
    peak_memory_bytes: Quantity | None = None
    """Peak resident set minus that of the worker before the model was read. From a :class:`Footprint` where
    ``memory_baseline_bytes`` stands beside it; else taken in a worker that held other models before: approximate."""
    memory_baseline_bytes: Quantity | None = None
    """Resident set of a fresh worker with the runtime loaded and no model."""
    memory_per_stream_bytes: Quantity | None = None
    """Further resident memory of each inference stream beyond the first; None for one stream."""
    cpu_s_per_pass: Quantity | None = None
    visits: PositiveCount = 1
    """Moments in which it was taken: a shared machine changes its state within seconds."""
    steady: bool = True
    block_p50_s: tuple[float, ...] = ()
    latencies_s: tuple[float, ...] = ()
    """Raw request latencies in order of issue."""


class Footprint(Record):
    """What a configuration takes beside time, measured in fresh worker processes that hold nothing else."""

    baseline_bytes: Quantity | None
    """Resident set with interpreter and runtime loaded, before the model."""
    peak_bytes: Quantity | None
    """Largest resident set from then until every request has run once."""
    resident_bytes: Quantity | None
    """Resident set after that, free heap given back to the system."""
    streams: PositiveCount | None
    """Inference streams that the runtime granted; None where it does not tell."""
    one_stream_resident_bytes: Quantity | None = None
    """The same on one inference stream, in another fresh process."""
    per_stream_bytes: Quantity | None = None
    """(resident - resident on one stream) / (streams - 1)."""
    compile_s: Quantity
    """Without any cache."""
    cached_compile_s: Quantity | None = None
    """In another fresh process that finds the compiled blob of this one."""
    unknown: dict[str, str] = {}
    """Why a field is None."""


class Measurement(Record):
    """One row of the store: model x configuration x mode on one machine."""

    key: str
    """Hash of everything that was requested: model file, configuration, mode, runtime version, host."""
    model: str
    model_sha256: str
    model_kind: str
    config: RunConfig
    mode: LoadMode
    effective: EffectiveConfig | None
    host_fingerprint: str
    status: Literal["done", "failed", "skipped"]
    failure: str | None = None
    """Reason of a failure: crash with signal, time-out, refusal with the operator, memory."""
    timing: Timing | None = None
    kernels: tuple[Kernel, ...] = ()
    pass_s: PositiveQuantity | None = None
    """Of a record with kernels: median time of a whole pass of the same compiled model, around the counting [s]."""
    footprint: Footprint | None = None
    """Of a record that has neither timing nor kernels; see :mod:`advisor.measure.items.footprint`."""
    interference: Interference = Interference()
    started: str
    sizer_version: str
    versions: dict[str, str] = {}


class MicroBenchmark(Record):
    """One figure about the machine, measured through a runtime or a decoder."""

    key: str
    name: str
    """For example peak/openvino/f32/avx2/t1, bandwidth/l2/t2, barrier/t2, overhead/openvino, decode/h264/1080p/n1."""
    value: Quantity
    unit: str
    """SI: FLOP/s, B/s, s, 1/s."""
    spread: Quantity | None = None
    """Relative distance between quartiles of the repeats."""
    samples: PositiveCount
    host_fingerprint: str
    interference: Interference = Interference()
    started: str
    parameters: dict[str, str] = {}


class BenchRow(Record):
    """One measurement as the JSON contract prints it."""

    model: str
    config: RunConfig
    mode: LoadMode
    status: str
    failure: str | None
    throughput_fps: float | None
    avg_time_ms: float | None
    latency_ms: dict[str, float] | None
    samples: int
    interference: Interference
    started: str
    effective: EffectiveConfig | None
    compile_s: float | None = None
    cached_compile_s: float | None = None
    peak_memory_bytes: float | None = None
    memory_baseline_bytes: float | None = None
    memory_per_stream_bytes: float | None = None


class MicroFailure(Record):
    """A figure about the machine that could not be taken, so that it is neither forgotten nor tried for ever."""

    key: str
    name: str
    failure: str
    """Reason in one line: crash with signal, time-out, refusal."""
    host_fingerprint: str
    started: str


class BenchReport(Record):
    """``sizer bench --json``."""

    schema_: Annotated[Literal["sizer.bench/1"], Field(alias="schema")] = "sizer.bench/1"
    sizer_version: str
    created: str
    host_fingerprint: str
    measurements: tuple[BenchRow, ...]
    micro: tuple[MicroBenchmark, ...] = ()
    micro_failures: tuple[MicroFailure, ...] = ()
    left_out: tuple[str, ...] = ()
    took_s: float | None = None
