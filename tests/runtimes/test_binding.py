"""A bound input is kept between passes: what the caller writes into its array must still be what the model sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.protocol import CompileOptions

pytestmark = pytest.mark.runtime


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    node = helper.make_node("Add", ["x", "x"], ["y"])
    shape = [1, 8]
    graph = helper.make_graph(
        [node], "double", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "double.onnx")
    return tmp_path / "double.onnx"


@pytest.mark.parametrize("frozen", [False, True], ids=["shared", "copied"])
def test_the_same_array_with_new_values_gives_new_answers(doubling: Path, frozen: bool) -> None:
    compiled = get_runtime("openvino").compile(
        doubling, RunConfig(streams=1, threads=1), CompileOptions(input_shape=(1, 8))
    )
    array = np.zeros((1, 8), np.float32)
    try:
        for value in (1.0, 2.0, 5.0):
            array.flags.writeable = True
            array[:] = value
            array.flags.writeable = not frozen
            assert np.allclose(compiled.infer([array])[0], 2 * value)
        other = np.full((1, 8), 7.0, np.float32)
        assert np.allclose(compiled.infer([other])[0], 14.0)
        assert np.allclose(compiled.infer([array])[0], 10.0)
    finally:
        compiled.close()
