"""The network of the conformance kit as a .tflite file, in f32 or int8, written by the schema that LiteRT ships."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from advisor.runtimes.litert_files import packed

CLASSES = 10
SCALE = 0.02
"""Of every tensor of activations in the int8 network: its answers need not be right."""
WEIGHT_SCALE = 0.01


class Network:
    """A graph of TensorFlow Lite that grows operator by operator."""

    def __init__(self, size: int | str, *, int8: bool) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.description = 3, "conformance"
        self.model.subgraphs, self.model.operatorCodes, self.model.buffers = [self.graph], [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators = [], []
        self.open, self.side = not isinstance(size, int), size if isinstance(size, int) else 8
        self.int8 = int8
        self.rng = np.random.default_rng(0)

    def tensor(self, name: str, shape: list[int], data: Any = None, *, real: bool = False, scales: Any = None) -> int:
        item = schema.TensorT()
        item.name, item.shape, item.buffer = name, shape, 0
        types = schema.TensorType
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            item.buffer = len(self.model.buffers) - 1
            item.type = {"float32": types.FLOAT32, "int8": types.INT8, "int32": types.INT32}[data.dtype.name]
        else:
            item.type = types.INT8 if self.int8 and not real else types.FLOAT32
            item.shapeSignature = [-1, *([-1, -1] if self.open and len(shape) == 4 else shape[1:3]), *shape[3:]]
            item.shapeSignature = item.shapeSignature[: len(shape)]
        if item.type == types.INT8 or scales is not None:
            item.quantization = schema.QuantizationParametersT()
            item.quantization.scale = scales if scales is not None else [SCALE]
            item.quantization.zeroPoint = [0] * len(item.quantization.scale)
        self.graph.tensors.append(item)
        return len(self.graph.tensors) - 1

    def weight(self, name: str, shape: list[int], fan: int) -> int:
        values = self.rng.standard_normal(shape) * np.sqrt(2.0 / fan)
        if not self.int8:
            return self.tensor(name, shape, values.astype(np.float32))
        return self.tensor(
            name, shape, np.clip(np.round(values / WEIGHT_SCALE), -127, 127).astype(np.int8), scales=[WEIGHT_SCALE]
        )

    def bias(self, name: str, count: int) -> int:
        values = self.rng.standard_normal(count) * 0.1
        if not self.int8:
            return self.tensor(name, [count], values.astype(np.float32))
        scale = SCALE * WEIGHT_SCALE
        return self.tensor(name, [count], np.round(values / scale).astype(np.int32), scales=[scale])

    def then(self, kind: str, inputs: list[int], output: int, options: str | None = None, **values: Any) -> int:
        code = schema.OperatorCodeT()
        if hasattr(schema.BuiltinOperator, kind):
            code.builtinCode = getattr(schema.BuiltinOperator, kind)
        else:
            code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, kind
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 2 if self.int8 else 1
        self.model.operatorCodes.append(code)
        item = schema.OperatorT()
        item.opcodeIndex, item.inputs, item.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        if options is not None:
            item.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            item.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in values.items():
                setattr(item.builtinOptions, name, value)
        self.graph.operators.append(item)
        return output

    def conv(self, at: int, name: str, channels: tuple[int, int], window: int, stride: int = 1, group: int = 1) -> int:
        given, made = channels
        side = self.graph.tensors[at].shape[1] // stride
        out = self.tensor(name, [1, side, side, made])
        common = {
            "padding": schema.Padding.SAME, "strideH": stride, "strideW": stride,
            "fusedActivationFunction": schema.ActivationFunctionType.RELU,
            "dilationHFactor": 1, "dilationWFactor": 1,
        }  # fmt: skip
        fan = window * window * given // group
        if group == given:
            weights = self.weight(f"{name}_w", [1, window, window, made], fan)
            inputs = [at, weights, self.bias(f"{name}_b", made)]
            return self.then("DEPTHWISE_CONV_2D", inputs, out, "DepthwiseConv2DOptions", depthMultiplier=1, **common)
        weights = self.weight(f"{name}_w", [made, window, window, given // group], fan)
        return self.then("CONV_2D", [at, weights, self.bias(f"{name}_b", made)], out, "Conv2DOptions", **common)

    def write(self, path: Path, source: int, result: int) -> Path:
        self.graph.inputs, self.graph.outputs = [source], [result]
        path.write_bytes(packed(self.model))
        return path


def small_tflite(path: Path, *, size: int | str = 32, int8: bool = False) -> Path:
    """Write the network of :func:`advisor.runtimes.conformance_networks.small_network` with channels last."""
    net = Network(size, int8=int8)
    source = at = net.tensor("x", [1, net.side, net.side, 3], real=True)
    if int8:
        at = net.then("QUANTIZE", [at], net.tensor("x_int8", [1, net.side, net.side, 3]), "QuantizeOptions")
    at = net.conv(at, "first", (3, 16), 3, stride=2)
    at = net.conv(at, "depthwise", (16, 16), 3, group=16)
    left = net.conv(at, "pointwise", (16, 32), 1)
    right = net.conv(left, "dense", (32, 32), 3)
    at = net.then("ADD", [left, right], net.tensor("sum", [1, net.side // 2, net.side // 2, 32]), "AddOptions")
    at = net.conv(at, "grouped", (32, 32), 3, group=4)
    axes = net.tensor("axes", [2], np.array([1, 2], np.int32))
    at = net.then("MEAN", [at, axes], net.tensor("pooled", [1, 32]), "ReducerOptions", keepDims=False)
    weights = [net.weight("classes_w", [CLASSES, 32], 32), net.bias("classes_b", CLASSES)]
    classes = net.tensor("classes_int8" if int8 else "classes", [1, CLASSES])
    at = net.then("FULLY_CONNECTED", [at, *weights], classes, "FullyConnectedOptions")
    if int8:
        at = net.then("DEQUANTIZE", [at], net.tensor("classes", [1, CLASSES], real=True), "DequantizeOptions")
    return net.write(path, source, at)


def foreign_tflite(path: Path) -> Path:
    """Write a valid file with an operator that no interpreter has."""
    net = Network(32, int8=False)
    source = net.tensor("x", [1, 32, 32, 3])
    return net.write(path, source, net.then("Frobnicate", [source], net.tensor("classes", [1, CLASSES])))
