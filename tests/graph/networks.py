"""Small ONNX files with one kind of work each."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """Collects nodes and weights, then writes a file."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(self.rng.standard_normal(shape).astype(np.float32), name))
        return name

    def add(self, kind, inputs, outputs=1, **attributes):
        names = [f"{kind}{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def save(self, path, shape, output, output_shape, dtype=TensorProto.FLOAT):
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", dtype, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)],
            self.weights,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
        return path


def one_conv(path, channels, filters, kernel, size, stride=1, group=1, batch=1):
    net = Net()
    weights = net.weight(filters, channels // group, kernel, kernel)
    out = net.add("Conv", ["x", weights], strides=[stride] * 2, pads=[kernel // 2] * 4, group=group)
    return net.save(path, [batch, channels, size, size], out, None)


def one_deconv(path, channels, filters, size):
    net = Net()
    out = net.add("ConvTranspose", ["x", net.weight(channels, filters, 2, 2)], strides=[2, 2])
    return net.save(path, [1, channels, size, size], out, None)


def attention(path, tokens=16, width=32, heads=2):
    """One self-attention with its four projections."""
    net = Net()
    part = width // heads
    views = []
    shape = net_constant(net, np.array([0, 0, heads, part], np.int64))
    for _ in range(3):
        projected = net.add("MatMul", ["x", net.weight(width, width)])
        views.append(net.add("Reshape", [projected, shape]))
    query = net.add("Transpose", [views[0]], perm=[0, 2, 1, 3])
    keys = net.add("Transpose", [views[1]], perm=[0, 2, 3, 1])
    values = net.add("Transpose", [views[2]], perm=[0, 2, 1, 3])
    weights = net.add("Softmax", [net.add("MatMul", [query, keys])], axis=-1)
    mixed = net.add("Transpose", [net.add("MatMul", [weights, values])], perm=[0, 2, 1, 3])
    joined = net.add("Reshape", [mixed, net_constant(net, np.array([0, 0, width], np.int64))])
    out = net.add("MatMul", [joined, net.weight(width, width)])
    return net.save(path, ["N", tokens, width], out, ["N", tokens, width])


def recurrent(path, steps=5, width=8, hidden=16):
    net = Net()
    inputs = ["x", net.weight(1, 4 * hidden, width), net.weight(1, 4 * hidden, hidden)]
    outputs = net.add("LSTM", inputs, outputs=3, hidden_size=hidden)
    return net.save(path, [steps, 1, width], outputs[0], [steps, 1, 1, hidden])


def net_constant(net, array):
    name = f"w{len(net.weights)}"
    net.weights.append(numpy_helper.from_array(array, name))
    return name
