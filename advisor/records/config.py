"""How a model is run: what was requested of the runtime, and what it granted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveCount, PositiveQuantity, Precision, Quantity, Record, RuntimeName

SimdCap = Literal["sse42", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16"]


class RunConfig(Record):
    """A requested configuration; None leaves the setting to the runtime (and is recorded as such)."""

    runtime: RuntimeName = "openvino"
    device: Annotated[str, Field(description="CPU, GPU, NPU, AUTO, BATCH:GPU(4), or another of the runtime's")] = "CPU"
    precision: Precision = "f32"
    hint: Literal["latency", "throughput", "cumulative_throughput", "none"] = "none"
    hint_requests: PositiveCount | None = None
    """OpenVINO PERFORMANCE_HINT_NUM_REQUESTS."""
    streams: PositiveCount | None = None
    """Inference streams (OpenVINO NUM_STREAMS; ONNX Runtime: concurrent callers), never cameras."""
    threads: PositiveCount | None = None
    """Threads of all inference streams together (OpenVINO INFERENCE_NUM_THREADS; ORT intra-op times streams)."""
    batch: PositiveCount = 1
    requests: PositiveCount | None = None
    """Requests kept in flight; None: as many as streams."""
    simd_cap: SimdCap | None = None
    auto_batch_timeout_s: Quantity | None = None
    pinning: bool | None = None
    core_type: Literal["any", "performance", "efficiency"] | None = None
    layout: Literal["nchw", "nhwc"] | None = None
    inter_op_threads: PositiveCount | None = None
    intra_op_affinities: str | None = None
    spinning: bool | None = None
    execution_mode: Literal["sequential", "parallel"] | None = None
    dynamic_shapes: Literal[True] | None = None
    """Dimensions that the model's file leaves open stay open when it is compiled; None: every shape is fixed before."""
    arena: bool | None = None
    """ONNX Runtime: keep the memory of activations between passes (its CPU memory arena)."""
    quantisation: Literal["static", "dynamic"] | None = None
    """How ranges of activations are found at int8: in advance, or in each pass. None: in advance."""
    torch_mode: Literal["eager", "torchscript", "compile"] | None = None
    """PyTorch: run operation by operation, as a frozen TorchScript graph, or by ``torch.compile``. None: eager, but a
    TorchScript file as such."""

    def __hash__(self) -> int:
        # A plan looks thousands of configurations up by themselves: what tells them apart is a fourth of the fields.
        return hash((self.runtime, self.precision, self.streams, self.threads, self.batch))

    def __eq__(self, other: object) -> bool:
        # As pydantic compares records without private or further fields, and several times faster.
        return self is other or (type(other) is type(self) and self.__dict__ == other.__dict__)


class EffectiveConfig(Record):
    """What the runtime reports after compilation; None if it does not."""

    device: str
    execution_devices: tuple[str, ...] = ()
    """Devices, or providers of ONNX Runtime, on which the model runs, as the runtime reports them."""
    device_names: tuple[str, ...] = ()
    """What their drivers call them, as far as the runtime tells."""
    software_rasteriser: bool = False
    """One of them is a processor that calls itself a GPU: its times say nothing of any other machine."""
    precision: str | None = None
    streams: Count | None = None
    threads: Count | None = None
    optimal_requests: Count | None = None
    hint: str | None = None
    pinning: bool | None = None
    batch: PositiveCount | None = None
    auto_batch: PositiveCount | None = None
    """Requests that OpenVINO's device BATCH collects for one pass; None: nothing collects."""
    auto_batch_timeout_s: Quantity | None = None
    dynamic_shapes: bool = False
    """Some dimension of an input was open when the model was compiled."""
    runtime_version: str
    properties: dict[str, str] = {}
    """Every further property that could be read back, as the runtime spells it."""

    @property
    def on_cpu(self) -> bool:
        """Whether all of it runs on the CPU, and is offered as that."""
        return not self.software_rasteriser and all(
            name.strip("()").startswith("CPU") for name in self.execution_devices
        )


class LoadMode(Record):
    """How requests arrive during a measurement."""

    kind: Literal["sync", "async", "paced", "rested"] = "sync"
    """``rested``: single passes, each after 50 ms in which this process is idle, as between frames."""
    rate_per_s: PositiveQuantity | None = None
    """Paced only: requests per second, open loop, latency counted from the scheduled time."""
    phase_s: Quantity = 0.0
