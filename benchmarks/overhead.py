"""What the harness adds to a request: against a model that does nothing, and against bare loops in one process."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advisor.clock import RealClock
from advisor.errors import Inconclusive
from advisor.measure.items.throughput import runtime_imports, worker_environment
from advisor.measure.timing.harness import MeasureSpec, Session
from advisor.measure.timing.meter import make_meter
from advisor.measure.worker.job import Job, JobItem, each
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.model import Kernel
from advisor.runtimes.protocol import Array, Done, TensorSpec

from .common import header, scratch, spread, table

_SPEC = MeasureSpec(min_duration_s=0.5, max_duration_s=0.5, warmup_max_s=0.1, min_samples=1, min_blocks=1)


class NullModel:
    """A compiled model that is done before it has begun; see :class:`advisor.runtimes.protocol.CompiledModel`."""

    requests = 2
    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", (1, 16), "float32"),)
    outputs: tuple[TensorSpec, ...] = ()
    effective = EffectiveConfig(device="CPU", batch=1, runtime_version="none")
    read_s = 0.0
    compile_s = 0.0

    def infer(self, inputs: Sequence[Array]) -> list[Array]:
        """Do nothing."""
        del inputs
        return []

    def start(self, inputs: Sequence[Array], token: object, done: Done) -> None:
        """Be done at once."""
        del inputs
        done(token, None, time.perf_counter(), None)

    def wait_all(self) -> None:
        """Nothing is in flight."""

    def ready(self) -> bool:
        """Report that there is always room."""
        return True

    def idle_requests(self) -> int:
        """All of them."""
        return self.requests

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        """No kernels."""
        del passes
        return ()

    def kernels(self) -> tuple[Kernel, ...]:
        """No kernels."""
        return ()

    def activation_bytes(self) -> float | None:
        """Unknown."""
        return None

    def close(self) -> None:
        """Nothing is open."""


def per_pass_s(compiled: Any, kind: str, spec: MeasureSpec = _SPEC) -> float:
    """Wall time per request of a measurement, everything between two requests included [s]."""
    session = Session(compiled, LoadMode(kind=kind), spec, RealClock())
    while not session.step():
        pass
    return 1.0 / session.timing().throughput_per_s


def meter_s(blocks: int = 50) -> float:
    """Time that the interference meter takes at both ends of one block [s]."""
    meter = make_meter()
    start_s = time.perf_counter()
    for _ in range(blocks):
        meter.start()
        meter.stop()
    return (time.perf_counter() - start_s) / blocks


def loops(payload: dict[str, Any]) -> dict[str, Any]:
    """In a worker: OpenVINO's own call, our call around it, and the harness, in turns [s per request]."""
    import openvino as ov

    from advisor.runtimes import get_runtime

    compiled = get_runtime("openvino").compile(Path(payload["path"]), RunConfig(streams=1, threads=1, requests=1))
    bare = ov.Core().compile_model(
        payload["path"], "CPU", {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
    )
    request = bare.create_infer_request()
    data = np.zeros((1, 16), np.float32)
    request.set_input_tensor(ov.Tensor(data, shared_memory=True))
    found: dict[str, list[float]] = {"bare": [], "wrapped": [], "harness": []}
    for _ in range(int(payload["rounds"])):
        found["bare"].append(_loop_s(request.infer, payload["passes"]))
        found["wrapped"].append(_loop_s(lambda: compiled.infer([data]), payload["passes"]))
        found["harness"].append(per_pass_s(compiled, "sync"))
    compiled.close()
    return found


loops_job = each(loops)


def _loop_s(call: Any, passes: int) -> float:
    call()
    start_s = time.perf_counter()
    for _ in range(passes):
        call()
    return (time.perf_counter() - start_s) / passes


def real_calls(rounds: int) -> dict[str, list[float]]:
    """Run :func:`loops` on a network of one step.

    Raises
    ------
    Inconclusive
        The worker failed.
    """
    from advisor.measure.items.micro.networks import tiny

    path = scratch() / "tiny.onnx"
    tiny(path)
    item = JobItem("loops", {"path": str(path), "rounds": rounds, "passes": 5000})
    job = Job("benchmarks.overhead:loops_job", (item,), worker_environment(None), on_import=runtime_imports("openvino"))
    outcome = run_job(job, 120.0).outcome("loops")
    if outcome.value is None:
        raise Inconclusive(f"overhead: {outcome.failure}")
    return outcome.value


def tables(null: Mapping[str, Sequence[float]], calls: Mapping[str, Sequence[float]], meter: Sequence[float]) -> str:
    """Microseconds per request, and differences taken round by round."""
    rows: list[list[object]] = [
        [f"harness, {kind}, on a model that does nothing", *_micro(values)] for kind, values in null.items()
    ]
    rows += [
        ["OpenVINO's own call on a network of one step, in a bare loop", *_micro(calls["bare"])],
        ["sizer's call around it, in a bare loop", *_micro(calls["wrapped"])],
        ["the harness' own loop around OpenVINO's call, synchronous", *_micro(calls["harness"])],
        ["added by sizer's call", *_micro(_differences(calls["wrapped"], calls["bare"]))],
        ["added by the harness", *_micro(_differences(calls["harness"], calls["bare"]))],
        ["interference meter, per block of 100 ms (outside the timed window)", *_micro(meter)],
    ]
    return table(["what", "per request: median (range)", "rounds"], rows)


def _differences(larger: Sequence[float], smaller: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(larger, smaller, strict=True)]


def _micro(values: Sequence[float]) -> tuple[str, int]:
    return spread([1e6 * value for value in values]).text(1, "us"), len(values)


def run(quick: bool = False) -> str:
    """Measure and return the section: about 20 seconds."""
    rounds = 2 if quick else 7
    start = header()
    model = NullModel()
    null = {kind: [per_pass_s(model, kind) for _ in range(rounds)] for kind in ("sync", "async")}
    return f"{start}\n\n{tables(null, real_calls(rounds), [meter_s() for _ in range(rounds)])}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
