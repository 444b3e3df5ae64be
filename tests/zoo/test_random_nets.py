import pytest

from advisor import zoo
from advisor.errors import ModelError


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


def test_they_are_described_but_not_listed() -> None:
    row = zoo.info("random:2")
    assert (row.family, row.kind) == ("random", "architecture")
    assert not any(name.startswith("random:") for name in zoo.known_names())


@pytest.mark.parametrize("name", ["random:", "random:x", "random:100", "random:-1"])
def test_others_are_refused(name) -> None:
    with pytest.raises(ModelError, match="random:0 to random:99"):
        zoo.info(name)
