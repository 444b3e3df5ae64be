import numpy as np
import onnx
import pytest

from advisor.errors import ModelError
from advisor.zoo.builder import Net, Weight
from advisor.zoo.onnx_file import serialise, weight_values

from .count import count_onnx


def small() -> Net:
    net = Net("small", (1, 3, 16, 16))
    x = net.conv(net.input, 8, 3, 2, act="silu")
    x = net.conv(x, 8, 3, groups=2, act="hswish")
    net.output(net.dense(net.global_pool(x), 5))
    return net


def test_bytes_are_the_same_each_time_and_depend_on_the_name() -> None:
    first, second, other = small(), small(), small()
    other.name = "other"
    assert serialise(first) == serialise(second)
    assert serialise(first) != serialise(other)


def test_weights_have_the_variance_that_was_asked() -> None:
    values = weight_values("m", "w", Weight((400, 500), 0.02, 1.0))
    assert values.dtype == np.float32
    # Standard error of the standard deviation of n uniform draws is below std / sqrt(2 n); five of them.
    assert values.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * values.size))
    assert values.mean() == pytest.approx(1.0, abs=5 * 0.02 / np.sqrt(values.size))


def test_known_draw_stays() -> None:
    """Regression: the same numbers on every machine, or hashes of built models would differ."""
    values = weight_values("resnet-50", "w0", Weight((4,), 1.0))
    assert values.astype("<f4").tobytes().hex() == "8be85fbe373ca43f4e962d3f5307bebf"
    assert np.abs(values).max() <= np.sqrt(3.0, dtype=np.float32)


def test_batch_is_symbolic_and_the_rest_static() -> None:
    model = onnx.load_from_string(serialise(small()))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert dims[0].dim_param == "batch"
    assert [dim.dim_value for dim in dims[1:]] == [3, 16, 16]
    assert model.opset_import[0].version >= 17


def test_independent_count_agrees() -> None:
    net = small()
    count = count_onnx(serialise(net))
    assert (count.macs, count.params) == (net.macs, net.params)


def test_model_beyond_one_file_is_refused_by_name() -> None:
    net = Net("giant", (1, 30000))
    net.output(net.dense(net.input, 20000))
    with pytest.raises(ModelError, match="giant: 600 million parameters"):
        serialise(net)
