"""What was measured: a model under one configuration, in one of several kinds; a figure about the machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveCount, PositiveQuantity, Quantity, Record
from .config import EffectiveConfig, LoadMode, RunConfig
from .model import Kernel

HARNESS_FRAME = "harness/frame"
"""Name of the figure of what the run of `sizer verify` itself takes for a frame [s]."""
STACKING = "stacking"
"""Name of the share of works that were put on a busy core while another was idle [1]."""
COLD_DECODED = "cold/decoded"
"""Name of what decoding a picture costs the pass after it, as a share of what a pause costs it [1]."""
BOX_HEIGHT_SHARE = 0.25
"""Height of the box that is cut out where preparation of kind ``crop`` is measured, in heights of the picture; its
shape is that of the model's input."""


class Interference(Record):
    """How disturbed a measurement was; a dirty one widens the intervals of predictions that rest on it."""

    other_cpu_cores: Quantity | None = None
    """CPU time of other processes per second of the measurement, in cores."""
    steal_fraction: Quantity | None = None
    pressure_some_fraction: Quantity | None = None
    involuntary_switches_per_s: Quantity | None = None
    clock_start_hz: Quantity | None = None
    clock_end_hz: Quantity | None = None
    reference_slowdown: Quantity | None = None
    """Mean time of a fixed amount of arithmetic between the blocks, over the least that this machine ever needed."""
    dirty: bool = False
    reasons: tuple[str, ...] = ()
    blocks_repeated: Count = 0


class Percentile(Record):
    """A sample percentile with its distribution-free bounds; None if the sample is too small to bound it."""

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
    peak_memory_bytes: Quantity | None = None
    """Peak resident set minus that before the model was read; approximate, as the worker held other models before."""
    cpu_s_per_pass: Quantity | None = None
    visits: PositiveCount = 1
    """How many separate times it was measured: a shared machine changes its state within seconds."""
    steady: bool = True
    block_p50_s: tuple[float, ...] = ()
    block_disturbed: tuple[bool, ...] = ()
    """Whether each of these blocks was disturbed; empty in records that did not keep it."""
    latencies_s: tuple[float, ...] = ()
    """Raw request latencies in order of issue."""


class Footprint(Record):
    """Memory and cached compilation of a configuration, measured in fresh worker processes that hold nothing else."""

    baseline_bytes: Quantity | None
    """Resident set with interpreter and runtime loaded, before the model."""
    peak_bytes: Quantity | None
    """Largest resident set from then until every request has run once."""
    resident_bytes: Quantity | None
    """Resident set after that, free heap given back to the system."""
    streams: PositiveCount | None
    """Inference streams that the runtime granted; None if it does not report them."""
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

    @property
    def above_baseline_bytes(self) -> float | None:
        """Peak minus baseline; None if either is unknown."""
        if self.peak_bytes is None or self.baseline_bytes is None:
            return None
        return max(0.0, self.peak_bytes - self.baseline_bytes)


class ModelMeasurement(Record):
    """What every measurement of a model under one configuration on one machine has; see :data:`Measurement`."""

    key: str
    """Hash of everything that was requested: kind, model file, configuration, mode, runtime version, host."""
    model: str
    model_sha256: str
    model_kind: str
    config: RunConfig
    effective: EffectiveConfig | None
    host_fingerprint: str
    status: Literal["done", "failed"]
    failure: str | None = None
    """Reason of a failure: crash with signal, time-out, refusal with the operator, memory."""
    interference: Interference = Interference()
    started: str
    sizer_version: str
    versions: dict[str, str] = {}


class TimingMeasurement(ModelMeasurement):
    """How long passes take when requests arrive in one mode."""

    kind: Literal["timing"] = "timing"
    mode: LoadMode
    timing: Timing | None = None
    """None if it failed."""
    footprint: Footprint | None = None
    """Of the same configuration, joined when measurements are read for a report; never stored with a timing."""

    @property
    def peak_memory_bytes(self) -> float | None:
        """Peak resident memory above that of a worker without the model: the footprint's, else the approximate one."""
        above = None if self.footprint is None else self.footprint.above_baseline_bytes
        if above is not None or self.timing is None:
            return above
        return self.timing.peak_memory_bytes

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        if self.timing is None:
            return f"failed: {self.failure}"
        mark = " (disturbed)" if self.interference.dirty else ""
        return f"{self.timing.p50.value_s * 1000:.3g} ms, {self.timing.throughput_per_s:.4g}/s{mark}"


class ProfileMeasurement(ModelMeasurement):
    """Time of each kernel of a pass, one pass after the other."""

    kind: Literal["profile"] = "profile"
    kernels: tuple[Kernel, ...] = ()
    pass_s: PositiveQuantity | None = None
    """Median time of a whole pass of the same compiled model, around the counting [s]; None if it failed."""
    fastest_pass_s: PositiveQuantity | None = None
    """Least of these times [s]; None if it failed, or in records that did not keep it."""

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        return f"failed: {self.failure}" if self.failure is not None else f"{len(self.kernels)} kernels"


class FootprintMeasurement(ModelMeasurement):
    """Memory and compilation from a cache, however requests arrive; see :mod:`advisor.measure.items.footprint`."""

    kind: Literal["footprint"] = "footprint"
    footprint: Footprint | None = None
    """None if it failed."""

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        if self.footprint is None:
            return f"failed: {self.failure}"
        peak = self.footprint.peak_bytes
        return "memory unknown" if peak is None else f"{peak / 2**20:.0f} MiB at most"


class PairedTurn(Record):
    """One short measurement of a variant, taken in one round with those of the variants that it is compared with."""

    round: str
    """Same for all variants of the round: turns of one round are a pair, and no others."""
    started: str
    time_s: PositiveQuantity
    """Time per input: median pass of the fastest block over its batch, or with several streams wall time over inputs
    [s]."""
    p50_s: PositiveQuantity
    p95_s: PositiveQuantity
    """Quantiles of the latency of a pass [s]."""
    throughput_per_s: PositiveQuantity
    """Inputs per second."""
    samples: PositiveCount
    block_p50_s: tuple[float, ...] = ()
    interference: Interference = Interference()


class PairedMeasurement(ModelMeasurement):
    """A variant that took turns with others in rounds, each in a worker process of its own (``sizer compare``)."""

    kind: Literal["paired"] = "paired"
    mode: LoadMode
    turns: tuple[PairedTurn, ...] = ()
    """In order of time; with a failure those before it."""
    process_bytes: Quantity | None = None
    """Largest resident set of the whole worker, runtime and interpreter included, until every request ran once."""
    model_bytes: Quantity | None = None
    """The same above what the worker held before it read the model."""
    read_s: Quantity | None = None
    compile_s: Quantity | None = None
    first_inference_s: Quantity | None = None

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        if self.failure is not None:
            return f"failed: {self.failure}"
        return f"{self.turns[-1].time_s * 1e3:.3g} ms per input" if self.turns else "opened"


Measurement = Annotated[
    TimingMeasurement | ProfileMeasurement | FootprintMeasurement | PairedMeasurement, Field(discriminator="kind")
]
"""One row of the store, distinguished by ``kind``. A :class:`MicroBenchmark` is a record of its own: it belongs to no
model and no configuration."""


class MicroBenchmark(Record):
    """One figure about the machine, measured through a runtime or a decoder."""

    kind: Literal["micro"] = "micro"
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

    @property
    def failure(self) -> None:
        """None: a failed one is a :class:`MicroFailure`."""
        return

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        return f"{self.value:.4g} {self.unit}"


class MicroFailure(Record):
    """A figure about the machine that could not be measured, kept so that it is neither forgotten nor tried forever."""

    key: str
    name: str
    failure: str
    """Reason in one line: crash with signal, time-out, refusal."""
    host_fingerprint: str
    started: str

    @property
    def summary(self) -> str:
        """Result in one line, for people."""
        return f"failed: {self.failure}"


StoredResult = (
    TimingMeasurement | ProfileMeasurement | FootprintMeasurement | PairedMeasurement | MicroBenchmark | MicroFailure
)
"""Whatever measuring one thing leaves in the store."""


class BenchRow(Record):
    """One measurement as the JSON contract prints it."""

    kind: Literal["timing", "profile", "footprint"] = "timing"
    """A successful footprint is no row of its own: its figures stand in the timings of its configuration."""
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
    """What was not measured: first items for which there was no time, then in sentences what cannot be measured."""
    left_out_by_kind: dict[str, int] = {}
    """How many of the items in ``left_out`` are of which kind; these are the first ones."""
    took_s: float | None = None
