import pytest

from advisor import zoo
from advisor.errors import ModelError

EARLIER = {0: (842102016, 94), 1: (429111352, 99), 22: (1217384448, 170), 99: (299547648, 85)}
"""Multiply-adds and operators of networks as sizer 0.2.0 described them."""


def test_a_number_is_one_network_and_another_number_another() -> None:
    first, again, other = zoo.describe("random:4"), zoo.describe(" Random:4"), zoo.describe("random:8")
    assert (first.macs, first.params, first.nodes) == (again.macs, again.params, again.nodes)
    assert first.nodes != other.nodes


@pytest.mark.parametrize("number", range(0, zoo.RANDOM_COUNT, 3))
def test_they_are_small_and_varied(number) -> None:
    net = zoo.describe(f"random:{number}")
    assert 0.1 < net.gflops < 12
    assert net.mparams < 80
    kernels = [
        tuple(net.weights[name].shape for name in node.inputs if name in net.weights)
        for node in net.nodes
        if node.op in ("Conv", "MatMul", "Gemm")
    ]
    assert len(set(kernels)) > 8


def test_the_first_hundred_are_those_of_earlier_versions() -> None:
    """What was measured of them stays of use: the same number is the same network."""
    nets = {number: zoo.describe(f"random:{number}") for number in EARLIER}
    assert {number: (net.macs, len(net.nodes)) for number, net in nets.items()} == EARLIER


def test_they_are_described_but_not_listed() -> None:
    row = zoo.info("random:2")
    assert (row.family, row.kind) == ("random", "architecture")
    assert not any(name.startswith("random:") for name in zoo.known_names())


@pytest.mark.parametrize("name", ["random:", "random:x", "random:140", "random:-1"])
def test_others_are_refused(name) -> None:
    with pytest.raises(ModelError, match="random:0 to random:139"):
        zoo.info(name)
