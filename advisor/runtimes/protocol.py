"""What every runtime offers: compile a model under a :class:`RunConfig`, then run it at once or asynchronously."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from advisor.graph.inputs import GivenShapes
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel, ModelFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]
else:
    Array = Any

InputKind = Literal["native", "u8_nhwc", "u8_nhwc_255"]
"""``native``: tensors as the model file declares them; ``u8_nhwc``: BGR frames, one byte per channel, channels last, of
which the model sees fractions of 255; ``u8_nhwc_255``: the same, of which it sees the numbers 0 to 255.
"""

Done = Callable[[object, "list[Array] | None", float, "BaseException | None"], None]
"""Called once per started pass with token, outputs, finish time (``time.perf_counter``) and error.

It runs on a thread of the runtime: it must be short and must not raise. Outputs are None unless the model was compiled
with ``want_outputs=True``; then they are copies that the receiver owns. ``error`` is None after a good pass.
"""


@dataclass(frozen=True)
class TensorSpec:
    """Name, static shape and numpy dtype name of one input or output of a compiled model."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Passes:
    """Passes of a closed loop in order of issue; times on ``time.perf_counter``."""

    starts_s: list[float]
    finishes_s: list[float]
    ended_s: float
    """When the loop would have begun the next pass, but its time was over."""


@runtime_checkable
class CompiledModel(Protocol):
    """A model ready to run; owns its requests and, where the runtime has any, its threads."""

    effective: EffectiveConfig
    """What the runtime reports it does, next to what was requested."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    read_s: float
    """Time to read (and reshape) the model file."""
    compile_s: float
    """Time to compile it, without reading."""
    requests: int
    """Passes that can be in flight at once; ``start`` blocks beyond."""

    def infer(self, inputs: Sequence[Array]) -> list[Array]:
        """Run one pass and return its outputs, owned by the caller.

        Safe from several threads at once: each caller takes a request of the pool and waits while none is free.
        """
        ...

    def infer_queued(self, inputs: Sequence[Array]) -> list[Array]:
        """Run one pass in turn with those of other callers, and return its outputs, owned by the caller.

        As ``infer``, but through the runtime's own queue and threads where it has any: passes beyond those that it
        works on wait there and begin without anybody having to wake up. The caller sleeps outside the interpreter.
        """
        ...

    def start(self, inputs: Sequence[Array], token: object, done: Done) -> None:
        """Begin one pass and return; blocks only while no request is free.

        ``inputs`` may be read until ``done`` is called: they must not be changed before.
        """
        ...

    def wait_all(self) -> None:
        """Return when no started pass is in flight and every ``done`` has returned."""
        ...

    def ready(self) -> bool:
        """Say whether ``start`` would begin without blocking."""
        ...

    def idle_requests(self) -> int:
        """Count of requests free at this moment."""
        ...

    def kernels(self) -> tuple[Kernel, ...]:
        """Return every fused kernel as compiled, without times."""
        ...

    def activation_bytes(self) -> float:
        """Return the largest sum of live activations during a pass [B]."""
        ...

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        """Run ``passes`` synchronous passes and return every executed kernel with its mean time per pass.

        Raises
        ------
        RuntimeRefusal
            The model was compiled without ``profiling=True``.
        """
        ...

    def close(self) -> None:
        """Wait for passes in flight, then give back threads and memory; calling it again does nothing."""
        ...


@runtime_checkable
class TightLoop(Protocol):
    """A compiled model that can run a closed loop without waking the interpreter between passes."""

    def loop(self, inputs: Sequence[Sequence[Array]], end_s: float, *, sync: bool) -> Passes:
        """Keep ``len(inputs)`` passes in flight until ``end_s``, and return when all are done; at least one is run.

        Parameters
        ----------
        inputs
            One set of tensors per pass in flight; they must not be changed while the same sequence is used again.
        end_s
            On the scale of ``time.perf_counter`` [s].
        sync
            One after the other by synchronous calls; ``inputs`` holds one set.

        Raises
        ------
        RuntimeRefusal
            A pass failed.
        """
        ...


@dataclass(frozen=True)
class CompileOptions:
    """What a caller needs of a compiled model; how fast it runs is the matter of the ``RunConfig``."""

    input_shape: tuple[int, ...] | None = None
    """Static shape of the main input at batch 1; needed if the file leaves dimensions open. The batch of the
    configuration multiplies its first dimension."""
    further_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Name and static shape at batch 1 of the other inputs that the file leaves open."""
    input_kind: InputKind = "native"
    """``u8_nhwc`` lets an image model take frames of its own size as bytes; the conversion runs inside the compiled
    graph. A model that takes bytes itself gets them as they are."""
    profiling: bool = False
    """Count time per kernel; costs a little on every pass."""
    want_outputs: bool = False
    """Hand copies of the outputs to ``done`` of asynchronous passes."""
    cache_dir: Path | None = None
    """Where rewritten model files may be kept between calls."""
    blob_dir: Path | None = None
    """Where the runtime keeps what it compiled, one model per folder: the first call fills it, later ones load from it,
    and ``effective.properties["LOADED_FROM_CACHE"]`` says so. None: compiled anew, as all timing but that of a cached
    compile needs."""

    @property
    def given(self) -> GivenShapes:
        """All that is known of the shapes of inputs."""
        return GivenShapes(self.input_shape, named=dict(self.further_shapes))


NO_OPTIONS = CompileOptions()


def options_for(model: ModelFile, **more: Any) -> CompileOptions:
    """Options with the input shapes of a model; ``more`` are further fields."""
    return CompileOptions(input_shape=model.input_shape, further_shapes=model.further_shapes, **more)


@runtime_checkable
class Runtime(Protocol):
    """One inference runtime on this machine."""

    name: str

    def version(self) -> str:
        """Return the runtime's own version string."""
        ...

    def devices(self) -> tuple[str, ...]:
        """Return the devices that the runtime sees here."""
        ...

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        """Return what is known of each device without trying it, and of those that the runtime was built for but does
        not see the reason.
        """
        ...

    def capabilities(self) -> frozenset[Precision]:
        """Return the precisions that this chip and runtime can compute in, not merely accept."""
        ...

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> CompiledModel:
        """Read and compile ``model`` at the batch of ``config``.

        Parameters
        ----------
        model
            Model file; at ``config.precision == "int8"`` already a quantised one (:mod:`advisor.runtimes.quantise`).
        config
            Requested settings; what was granted is in ``effective`` of the result.
        options
            What the caller needs of the compiled model, which is no setting of the runtime.

        Raises
        ------
        ModelError
            File missing, damaged, or with open dimensions (the message names ``input:``).
        RuntimeRefusal
            The runtime cannot do what was requested; one line naming operator or property.
        ModelRangeError
            ``config.simd_cap`` differs from the cap in this process's environment: a bug in the caller.
        """
        ...
