import pytest

from advisor.errors import ModelRangeError
from advisor.zoo.builder import Net


def test_convolution_counts_match_the_closed_form() -> None:
    net = Net("one", (1, 3, 30, 40))
    y = net.conv(net.input, 8, 5, 2)
    assert y.shape == (1, 8, 15, 20)
    assert net.macs == 15 * 20 * 8 * 3 * 25
    assert net.params == 8 * 3 * 25 + 8
    assert net.gflops == pytest.approx(2e-9 * net.macs)


def test_grouped_and_depthwise_convolutions_count_their_own_channels_only() -> None:
    net = Net("groups", (1, 16, 10, 10))
    net.conv(net.input, 32, 3, groups=4)
    assert net.macs == 100 * 32 * 4 * 9
    before = net.macs
    net.depthwise(net.input, 3)
    assert net.macs - before == 100 * 16 * 9


def test_transposed_convolution_counts_each_input_position() -> None:
    net = Net("up", (1, 4, 5, 6))
    y = net.deconv(net.input, 8)
    assert y.shape == (1, 8, 10, 12)
    assert net.macs == 5 * 6 * 4 * 8 * 4


def test_dense_and_matmul_count_products() -> None:
    net = Net("fc", (1, 7, 12))
    y = net.dense(net.input, 20)
    assert (net.macs, net.params, y.shape) == (7 * 12 * 20, 12 * 20 + 20, (1, 7, 20))
    net.matmul(y, net.transpose(y, (0, 2, 1)))
    assert net.macs == 7 * 12 * 20 + 7 * 20 * 7


def test_constants_are_no_parameters() -> None:
    net = Net("clip", (1, 3, 8, 8))
    net.act(net.resize(net.input, (16, 16)), "relu6")
    assert net.params == 0
    assert net.constants


def test_reshape_keeps_the_batch_free_and_refuses_lost_elements() -> None:
    net = Net("reshape", (1, 6, 4, 4))
    assert net.reshape(net.input, (0, 2, 3, -1)).shape == (1, 2, 3, 16)
    with pytest.raises(ModelRangeError, match="cannot be reshaped"):
        net.reshape(net.input, (0, 5, 3))


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda net: net.conv(net.input, 10, 3, groups=4), "groups"),
        (lambda net: net.conv(net.input, 8, 99, pad=0), "does not fit"),
        (lambda net: net.conv(net.input, 8, (3, 3, 3)), "spatial axes"),
        (lambda net: net.act(net.input, "softplus"), "softplus"),
    ],
)
def test_impossible_layers_are_refused(make, word) -> None:
    with pytest.raises(ModelRangeError, match=word):
        make(Net("bad", (1, 8, 9, 9)))


def test_pooling_rounds_as_asked() -> None:
    net = Net("pool", (1, 1, 112, 112))
    assert net.pool(net.input, "max", 3, 2).shape[2:] == (55, 55)
    assert net.pool(net.input, "max", 3, 2, ceil=True).shape[2:] == (56, 56)
