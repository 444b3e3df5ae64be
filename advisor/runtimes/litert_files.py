"""What LiteRT needs done to a ``.tflite`` file beforehand: read its graph, and an image input made of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from advisor.errors import ModelError, RuntimeRefusal
from advisor.records.model import image_layout

_IDENTIFIER = b"TFL3"
_NARROW = frozenset({schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT4})
_PRODUCTS = frozenset(
    getattr(schema.BuiltinOperator, name)
    for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")
)


@dataclass(frozen=True)
class TfliteFile:
    """A file's bytes with what its graph says."""

    content: bytes
    constants: frozenset[int]
    """Numbers of the main subgraph's tensors that the file holds values of."""
    computes_int8: bool
    """A product has a first input of 8 bit."""


def read_tflite(path: Path) -> TfliteFile:
    """Read a file.

    Raises
    ------
    ModelError
        Missing, empty, cut short, or no TensorFlow Lite file.
    """
    if not path.is_file():
        raise ModelError(f"model {path}: no such file; give a path that exists")
    content = path.read_bytes()
    if not content:
        raise ModelError(f"model {path}: the file is empty; copy it again")
    return parse_tflite(content, path)


def parse_tflite(content: bytes, path: Path) -> TfliteFile:
    """Read the bytes of a file; ``path`` is for messages, which are those of :func:`read_tflite`."""
    model = _unpacked(content, path)
    graph = model.subgraphs[0]
    holds = [(buffer.data is not None and len(buffer.data) > 0) or bool(buffer.offset) for buffer in model.buffers]
    narrow = any(
        _code(model, item) in _PRODUCTS and graph.tensors[item.inputs[0]].type in _NARROW for item in graph.operators
    )
    constants = frozenset(number for number, tensor in enumerate(graph.tensors) if holds[tensor.buffer])
    return TfliteFile(content, constants, narrow)


def _frame(dimensions: list[int], layout: str) -> list[int]:
    """Dimensions of a picture with the channels last."""
    return dimensions if layout == "NHWC" else [dimensions[place] for place in (0, 2, 3, 1)]


def _unpacked(content: bytes, path: Path) -> Any:
    if content[4:8] != _IDENTIFIER:
        raise ModelError(f"model {path}: damaged or no TensorFlow Lite file; copy or convert it again")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        if not model.subgraphs or not len(model.subgraphs[0].inputs):
            raise ModelError(f"model {path}: it has no input, so nothing can be asked of it; convert it again")
    except ModelError:
        raise
    except Exception as error:  # flatbuffers checks nothing: a cut file ends in whatever its offsets lead to
        raise ModelError(f"model {path}: damaged or cut short; copy or convert it again") from error
    return model


def _code(model: Any, item: Any) -> int:
    code = model.operatorCodes[item.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def with_byte_input(content: bytes, path: Path, divisor: float) -> bytes:
    """Return the model with a picture input of bytes, channels last, in front of its own input.

    Cast to f32, Mul by 1/``divisor`` unless that is 1, Transpose where the model wants channels first, and Quantize
    where it takes int8. A model that takes bytes itself gets them as they are.

    Raises
    ------
    ModelError
        The model has no four-dimensional input with 1, 3 or 4 channels, or one of another type.
    """
    model = _unpacked(content, path)
    graph = model.subgraphs[0]
    place = int(graph.inputs[0])
    old = graph.tensors[place]
    shape = [int(size) for size in old.shape] if old.shape is not None else []
    layout = image_layout(shape)
    if len(graph.inputs) != 1 or layout is None:
        raise ModelError(f"model {path}: frames need one picture input with 1, 3 or 4 channels, it has {shape}")
    types = schema.TensorType
    if old.type == types.UINT8 and layout == "NHWC":
        return content
    if old.type not in {types.FLOAT32, types.INT8}:
        raise ModelError(f"model {path}: its picture is of tensor type {old.type}; bytes, int8 or f32 can be fed")
    signature = [int(size) for size in (old.shapeSignature if old.shapeSignature is not None else shape)]
    builder, frame = _Builder(model), _frame(shape, layout)
    at = source = builder.tensor("bytes", frame, types.UINT8, signature=_frame(signature, layout))
    at = builder.then("CAST", [at], builder.tensor("bytes_f32", frame, types.FLOAT32), "CastOptions")
    if divisor != 1.0:
        scale = builder.tensor("bytes_scale", [], types.FLOAT32, np.array(1.0 / divisor, np.float32))
        at = builder.then("MUL", [at, scale], builder.tensor("bytes_scaled", frame, types.FLOAT32), "MulOptions")
    if layout == "NCHW":
        order = builder.tensor("bytes_order", [4], types.INT32, np.array([0, 3, 1, 2], np.int32))
        turned = builder.tensor("bytes_turned", shape, types.FLOAT32)
        at = builder.then("TRANSPOSE", [at, order], turned, "TransposeOptions")
    if old.type == types.INT8:
        builder.then("QUANTIZE", [at], place, "QuantizeOptions")
    else:
        builder.rename(at, place)
    graph.operators = [*builder.operators, *graph.operators]
    graph.inputs = [source]
    for signed in model.signatureDefs or []:
        for item in signed.inputs or []:
            item.tensorIndex = source if item.tensorIndex == place else item.tensorIndex
    return packed(model)


class _Builder:
    """Operators to stand in front of a graph."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._graph = model.subgraphs[0]
        self.operators: list[Any] = []

    def tensor(
        self, name: str, shape: list[int], kind: int, data: Any = None, signature: list[int] | None = None
    ) -> int:
        """Add a tensor, with values or without; returns its number."""
        found = schema.TensorT()
        found.name, found.shape, found.type, found.buffer = f"sizer_{name}", shape, kind, 0
        if signature is not None and -1 in signature:
            found.shapeSignature = signature
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            found.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(found)
        return len(self._graph.tensors) - 1

    def then(self, kind: str, inputs: list[int], output: int, options: str) -> int:
        """Add an operator; returns the number of its output."""
        code = getattr(schema.BuiltinOperator, kind)
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
        self._model.operatorCodes.append(entry)
        found = schema.OperatorT()
        found.opcodeIndex = len(self._model.operatorCodes) - 1
        found.inputs, found.outputs = inputs, [output]
        found.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        found.builtinOptions = getattr(schema, f"{options}T")()
        self.operators.append(found)
        return output

    def rename(self, last: int, place: int) -> None:
        """Let the last operator write where the model reads."""
        for item in self.operators:
            item.outputs = [place if number == last else number for number in item.outputs]


def packed(model: Any) -> bytes:
    """Bytes of a model."""
    builder = flatbuffers.Builder(1 << 20)
    try:
        builder.Finish(model.Pack(builder), _IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as error:
        raise RuntimeRefusal("model: too large to be rewritten as one file (2 GiB)") from error
    return bytes(builder.Output())
