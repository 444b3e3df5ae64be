"""A model's work as one runtime fuses it: compile, look, close."""

from __future__ import annotations

from pathlib import Path

from advisor.graph.reader import read_facts
from advisor.graph.work import model_work
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile, ModelWork

from . import get_runtime
from .protocol import CompileOptions


def inspect_model(model: ModelFile, config: RunConfig, file: Path | None = None) -> ModelWork:
    """Compile ``model`` under ``config`` and return its fused kernels without timing them.

    Must run in a process whose environment fits ``config.simd_cap``. OpenVINO lists its kernels without running;
    ONNX Runtime runs three passes.

    Parameters
    ----------
    model
        The model; its ``input_shape`` is used.
    config
        Runtime, precision, batch and cap decide the fusion; threads and streams matter little.
    file
        What to compile instead of ``model.path``: the int8 copy at precision int8.

    Raises
    ------
    ModelError, RuntimeRefusal
        As :meth:`advisor.runtimes.protocol.Runtime.compile`.
    """
    runtime = get_runtime(config.runtime)
    facts = read_facts(Path(model.path), model.input_shape)
    compiled = runtime.compile(
        file if file is not None else Path(model.path), config, CompileOptions(input_shape=model.input_shape)
    )
    try:
        return model_work(
            model,
            config,
            facts,
            compiled.kernels(),
            runtime_version=runtime.version(),
            activation_bytes=compiled.activation_bytes(),
        )
    finally:
        compiled.close()
