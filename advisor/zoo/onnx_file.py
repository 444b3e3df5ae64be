"""From a described graph to an ONNX file with seeded weights, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from advisor.errors import ModelError

if TYPE_CHECKING:
    from .builder import Net, Weight

OPSET = 17
"""LayerNormalization came with 17; nothing here needs more."""
IR_VERSION = 8
"""The version that came with opset 17."""
MAX_PARAMS = 500e6
"""A protobuf ends at 2 GiB, that is 536 million float32 parameters."""


def weight_values(model: str, name: str, weight: Weight) -> Any:
    """Draw a weight tensor: uniform, float32, seeded by model and weight name.

    Uniform, not normal: the draw is then integer arithmetic and one rounding multiplication, equal to the last bit on
    every processor, where a normal draw passes through libm's logarithm. Variance is what keeps activations in range
    (He et al. 2015), and that is the same: a uniform on [-a, a] has a = sqrt(3) std.
    """
    import numpy as np

    seed = int.from_bytes(hashlib.sha256(f"{model}/{name}".encode()).digest()[:8], "little")
    values = np.random.Generator(np.random.PCG64(seed)).random(weight.shape, dtype=np.float32)
    values -= np.float32(0.5)
    values *= np.float32(2.0 * math.sqrt(3.0) * weight.std)
    if weight.mean != 0.0:
        values += np.float32(weight.mean)
    return values


def serialise(net: Net) -> bytes:
    """Write ``net`` as an ONNX model with a symbolic batch axis.

    Raises
    ------
    ModelError
        The model is too large for one protobuf.
    """
    import onnx
    from onnx import numpy_helper

    if net.params > MAX_PARAMS:
        raise ModelError(
            f"{net.name}: {net.mparams:.0f} million parameters exceed what one ONNX file holds "
            f"({MAX_PARAMS / 1e6:.0f} million); export the real model with external data and name the file"
        )
    weights = [
        numpy_helper.from_array(weight_values(net.name, name, weight), name) for name, weight in net.weights.items()
    ]
    model = _model(net, weights)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def outline(net: Net) -> Any:
    """Make the ONNX model of ``net`` with the shapes of its weights but not their values: enough to count it."""
    from onnx import TensorProto

    weights = [
        TensorProto(name=name, dims=weight.shape, data_type=TensorProto.FLOAT) for name, weight in net.weights.items()
    ]
    return _model(net, weights)


def _model(net: Net, weights: list[Any]) -> Any:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node(node.op, list(node.inputs), list(node.outputs), name=f"{node.op}_{node.outputs[0]}",
                         **{key: list(v) if isinstance(v, tuple) else v for key, v in node.attributes.items()})
        for node in net.nodes
    ]  # fmt: skip
    tensors = weights + [numpy_helper.from_array(np.asarray(item.make()), name) for name, item in net.constants.items()]
    kind = TensorProto.FLOAT if net.integer_below is None else TensorProto.INT64
    graph_input = helper.make_tensor_value_info("input", kind, ["batch", *net.input_shape[1:]])
    outputs = [
        helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, _free_batch(tensor.shape))
        for tensor in net.outputs
    ]
    graph = helper.make_graph(nodes, net.name, [graph_input], outputs, tensors)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="sizer"
    )


def _free_batch(shape: tuple[int, ...]) -> list[int | str]:
    """Leave the batch axis free; SSD boxes of all images stand in one list, [1, 1, batch x N, 7]."""
    if len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == 7:
        return [1, 1, "boxes", 7]
    return ["batch", *shape[1:]]
