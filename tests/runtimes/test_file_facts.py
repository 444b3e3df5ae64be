"""Facts of files that only one of the runtimes reads."""

import pytest

from advisor.errors import ModelError
from advisor.graph.inputs import GivenShapes
from advisor.runtimes.conformance_networks import foreign_operator, small_network
from advisor.runtimes.file_facts import file_facts, own_precision
from tests.graph import files

pytestmark = pytest.mark.runtime


def test_operators_of_onnxruntime_alone_are_counted_through_it(tmp_path) -> None:
    facts = file_facts(files.operator_net(tmp_path / "q.onnx"), GivenShapes())
    assert (facts.input_shape, facts.flop, facts.parameters) == ((4, 32), 2 * 4 * 32 * 8, 32 * 8)
    assert facts.operators == {"DequantizeLinear": 1, "QGemm": 1, "QuantizeLinear": 1}


@pytest.mark.parametrize("fused", [False, True])
def test_dynamically_quantised_text_models_are_counted_at_their_tokens(tmp_path, fused) -> None:
    path = files.dynamic_net(tmp_path / "d.onnx", "tokens", fused=fused)
    facts = file_facts(path, GivenShapes((1, 16)))
    assert (facts.input_shape, facts.input_types, facts.flop) == ((1, 16), ("i64",), 2 * 16 * 32 * 32)
    with pytest.raises(ModelError, match=r"a full shape such as input: \[1, 128\]"):
        file_facts(path, GivenShapes())


def test_a_file_that_neither_reads_is_refused_by_its_operator(tmp_path) -> None:
    with pytest.raises(ModelError, match="operator Frobnicate"):
        file_facts(foreign_operator(tmp_path / "odd.onnx"), GivenShapes())


def test_a_file_says_its_own_precision(tmp_path) -> None:
    assert own_precision(files.dynamic_net(tmp_path / "d.onnx")) == "int8"
    assert own_precision(small_network(tmp_path / "n.onnx")) == "f32"
    assert own_precision(tmp_path / "a.xml") == "f32"
