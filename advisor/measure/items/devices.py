"""Which devices of which runtimes really work here: listed and tried in worker processes, as drivers crash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.child_process.parent import map_in_threads
from advisor.errors import SizerError
from advisor.measure.worker.job import Job, JobItem, each
from advisor.measure.worker.run import run_job
from advisor.records.config import RunConfig
from advisor.records.host import DeviceFacts, RuntimeFacts
from advisor.runtimes import get_runtime, one_runtime
from advisor.runtimes.protocol import CompileOptions

LIMIT_S = 90.0
"""Most that listing a runtime's devices, or compiling and running a small model on one, may take [s]."""
NOT_FOR_FIGURES = "a software rasteriser: the processor that calls itself a GPU; for tests only, never planned with"
_SIDE = 16
_TOLERANCE = 0.02
"""Of the largest output: half precision keeps 0.1 % per operation, a broken driver nothing."""


def try_devices(runtimes: Sequence[str]) -> tuple[RuntimeFacts, ...]:
    """List the devices of runtimes and run a small model on each that is not the CPU.

    Parameters
    ----------
    runtimes
        Names that :func:`advisor.runtimes.get_runtime` knows.

    Returns
    -------
    tuple
        One entry per runtime, in their order. A device is usable if the model gave the CPU's answer on it; else its
        reason says what happened: the runtime's refusal, a crash, a wrong answer.
    """
    return tuple(map_in_threads(_tried, runtimes, max(1, len(runtimes))))


def _tried(runtime: str) -> RuntimeFacts:
    outcome = _one("list_job", runtime, {"runtime": runtime})
    if isinstance(outcome, str):
        return RuntimeFacts(name=runtime, version=None, devices=(), available=False, reason=outcome)
    facts = RuntimeFacts.model_validate(outcome)
    return facts.model_copy(update={"device_facts": tuple(_judged(runtime, item) for item in facts.device_facts)})


def _judged(runtime: str, device: DeviceFacts) -> DeviceFacts:
    if device.kind == "CPU" or device.usable is not None:
        return device
    outcome = _one("try_job", f"{runtime} {device.id}", {"runtime": runtime, "device": device.id})
    if isinstance(outcome, str):
        return device.model_copy(update={"usable": False, "reason": outcome})
    software = device.software_rasteriser or bool(outcome["software_rasteriser"])
    return device.model_copy(
        update={
            "usable": True,
            "name": device.name or next(iter(outcome["device_names"]), None),
            "software_rasteriser": software,
            "reason": NOT_FOR_FIGURES if software else None,
        }
    )


def _one(function: str, name: str, payload: dict[str, Any]) -> dict[str, Any] | str:
    """Result of one item in a worker of its own, or why there is none."""
    job = Job(f"advisor.measure.items.devices:{function}", (JobItem(name, payload),))
    try:
        outcome = run_job(job, LIMIT_S).outcomes[0]
    except SizerError as error:
        return " ".join(str(error).split())
    return outcome.value if outcome.value is not None else str(outcome.failure)


def _list(payload: dict[str, Any]) -> dict[str, Any]:
    return one_runtime(payload["runtime"]).model_dump(mode="json")


def _try(payload: dict[str, Any]) -> dict[str, Any]:
    """Run a small model on a device and on the CPU.

    Raises
    ------
    RuntimeRefusal
        The runtime's, or that the answer is wrong.
    """
    import tempfile

    import numpy as np

    from advisor.errors import RuntimeRefusal

    runtime, device = payload["runtime"], payload["device"]
    picture = np.random.default_rng(0).random((1, 3, _SIDE, _SIDE)).astype(np.float32)
    answers = []
    with tempfile.TemporaryDirectory(prefix="sizer-try-") as folder:
        model = _small_model(Path(folder) / "try.onnx")
        for name in ("CPU", device):
            config = RunConfig(runtime=runtime, device=name)
            compiled = get_runtime(runtime).compile(model, config, CompileOptions(cache_dir=Path(folder)))
            answers.append(np.asarray(compiled.infer([picture])[0], dtype=np.float64))
            effective = compiled.effective
            compiled.close()
    right, found = answers
    largest = float(np.abs(right).max())
    off = float(np.abs(found - right).max()) if found.shape == right.shape else float("nan")
    if not off <= _TOLERANCE * largest:
        raise RuntimeRefusal(
            f"computes wrong results: a small model is {off:.3g} off the CPU's answer, whose largest value is "
            f"{largest:.3g}; update the driver"
        )
    return {"device_names": list(effective.device_names), "software_rasteriser": effective.software_rasteriser}


list_job = each(_list)
try_job = each(_try)


def _small_model(path: Path) -> Path:
    """A convolution, its activation and the mean over the picture."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w", (8, 3, 3, 3)), ("b", (8,)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["y"], "mean"),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, _SIDE, _SIDE]), ("y", [1, 8, 1, 1]))
    ]
    graph = helper.make_graph(nodes, "try", ports[:1], ports[1:], weights)
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path
