"""A model's work as one runtime fuses it: compile, look, close."""

from __future__ import annotations

from pathlib import Path

from advisor.graph.inputs import GivenShapes
from advisor.graph.work import model_work
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile, ModelWork

from . import get_runtime
from .file_facts import file_facts
from .protocol import options_for


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
    facts = file_facts(Path(model.path), GivenShapes(model.input_shape, named=dict(model.further_shapes)))
    compiled = runtime.compile(file if file is not None else Path(model.path), config, options_for(model))
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
