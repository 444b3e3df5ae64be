"""Facts of a model file through whichever runtime reads it."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from pathlib import Path
from typing import Any

from advisor.errors import InputError, ModelError, RuntimeRefusal
from advisor.graph.frontend import UnknownOperator, read_file
from advisor.graph.inputs import GivenShapes, static_inputs
from advisor.graph.onnx_parts import declared_inputs, read_onnx
from advisor.graph.quantised import computes_int8
from advisor.graph.reader import GraphFacts, read_facts
from advisor.graph.torch_archive import ENDINGS
from advisor.records.base import Precision
from advisor.records.config import RunConfig

from . import get_runtime
from .protocol import CompileOptions


def file_facts(path: Path, given: GivenShapes) -> GraphFacts:
    """Read a model file through OpenVINO's frontends, or ONNX Runtime where an ONNX file has operators unknown to them.

    Files of PyTorch are read by PyTorch. Both run the model once to learn the shapes inside it.

    Raises
    ------
    ModelError
        As :func:`advisor.graph.reader.read_facts`; where neither can read the file, as OpenVINO says it.
    """
    if path.suffix.lower() in ENDINGS:
        return _by_torch(path, given)
    try:
        return read_facts(path, given=given)
    except UnknownOperator as error:
        if path.suffix.lower() != ".onnx":
            raise
        with contextlib.suppress(RuntimeRefusal):
            return _by_onnxruntime(path, given)
        raise error from None


def own_precision(path: Path) -> Precision:
    """Precision that a file computes in by itself: ``int8`` if it is quantised already, else ``f32``.

    Of PyTorch's files nobody knows before they run: what was computed in is read back.
    """
    if path.suffix.lower() == ".tflite":  # OpenVINO's frontend says so of every quantised tensor
        kinds = {op.get_type_name() for op in read_file(path).get_ops()}
        return "int8" if "FakeQuantize" in kinds else "f32"
    if path.suffix.lower() != ".onnx":
        return "f32"
    return "int8" if computes_int8(read_onnx(path)) else "f32"


def _by_onnxruntime(path: Path, given: GivenShapes) -> GraphFacts:
    graph = read_onnx(path)
    inputs = declared_inputs(graph)
    found = static_inputs(inputs, path, given)
    precision: Precision = "int8" if computes_int8(graph) else "f32"
    config = RunConfig(
        runtime="onnxruntime", precision=precision, batch=found.file_batch, threads=1, streams=1, requests=1
    )
    further = tuple(
        (item.name, shape)
        for index, (item, shape) in enumerate(zip(inputs, found.shapes, strict=True))
        if index != found.main and not all(isinstance(size, int) for size in (item.dimensions or (None,))[1:])
    )
    shape = found.shapes[found.main]
    compiled = get_runtime("onnxruntime").compile(path, config, CompileOptions(shape, further))
    try:
        kernels = compiled.kernels()
        types = tuple(_TYPES.get(item.dtype, item.dtype) for item in compiled.inputs)
        shapes = tuple(item.shape for item in compiled.outputs)
    finally:
        compiled.close()
    return GraphFacts(
        declared_shapes=tuple(
            None if item.dimensions is None else tuple(
                size if isinstance(size, int) else None for size in item.dimensions
            )
            for item in inputs
        ),
        input_shape=shape,
        further_shapes=dict(further),
        input_types=types,
        output_shapes=shapes,
        operators=dict(sorted(Counter(node.op_type for node in graph.graph.node).items())),
        flop=sum(kernel.flop for kernel in kernels) / found.file_batch,
        parameters=_parameters(graph),
        file_batch=found.file_batch,
        reader="onnxruntime",
    )  # fmt: skip


def _by_torch(path: Path, given: GivenShapes) -> GraphFacts:
    """Facts of a TorchScript file or an exported program, at the batch that it is read at: 1."""
    config = RunConfig(runtime="torch", threads=1, streams=1, requests=1)
    try:
        runtime = get_runtime("torch")
    except InputError as error:
        raise ModelError(f"model {path}: only PyTorch reads its files: {error}") from error
    compiled = runtime.compile(path, config, CompileOptions(given.shape, tuple(given.named.items())))
    try:
        kernels = compiled.kernels()
        inputs, outputs = compiled.inputs, compiled.outputs
    finally:
        compiled.close()
    return GraphFacts(
        declared_shapes=tuple(item.shape for item in inputs),
        input_shape=inputs[0].shape,
        further_shapes={item.name: item.shape for item in inputs[1:]},
        input_types=tuple(_TYPES.get(item.dtype, item.dtype) for item in inputs),
        output_shapes=tuple(item.shape for item in outputs),
        operators=dict(sorted(Counter(kernel.original_type for kernel in kernels).items())),
        flop=sum(kernel.flop for kernel in kernels),
        parameters=round(sum(kernel.weight_bytes for kernel in kernels if kernel.flop > 0) / 4),
        reader="torch",
    )


_TYPES = {"float32": "f32", "float16": "f16", "uint8": "u8", "int8": "i8", "int32": "i32", "int64": "i64"}


def _parameters(model: Any) -> int:
    """Trained numbers: weights of any width, without shapes and indices, and without what each channel has one of."""
    from onnx import TensorProto

    integers = {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
    return sum(
        math.prod(item.dims)
        for item in model.graph.initializer
        if item.data_type not in integers and len(item.dims) > 1
    )
