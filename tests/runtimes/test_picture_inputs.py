"""Frames as bytes into models of every type, order and place of their picture: both runtimes see the same picture."""

import numpy as np
import pytest

from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.protocol import CompileOptions
from tests.graph import files

pytestmark = pytest.mark.runtime

FLOAT, BYTES, HALF = 1, 2, 10


def answer(runtime, path, batch=1, kind="u8_nhwc", shape=None):
    """Mean of the convolution over a picture of one value, and the inputs as compiled."""
    compiled = get_runtime(runtime).compile(
        path, RunConfig(runtime=runtime, batch=batch, threads=1, streams=1),
        CompileOptions(input_shape=shape, input_kind=kind),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    inputs = []
    for spec in compiled.inputs:
        if spec.name.startswith("image"):
            assert (spec.dtype, spec.shape) == ("uint8", (batch, 16, 16, 3))
            inputs.append(rng.integers(0, 256, spec.shape, dtype=np.uint8))
        else:
            inputs.append(np.ones(spec.shape, spec.dtype))
    outputs = compiled.infer(inputs)
    compiled.close()
    return outputs[0].astype(np.float64)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("kind", [FLOAT, HALF])
def test_real_pictures_are_fractions_or_numbers_of_bytes(tmp_path, layout, kind) -> None:
    path = files.picture_net(tmp_path / "n.onnx", batch="N", size="side", layout=layout, kind=kind)
    shape = (1, 3, 16, 16) if layout == "NCHW" else (1, 16, 16, 3)
    tolerance = {"rtol": 2e-2, "atol": 2e-3} if kind == HALF else {"rtol": 1e-4, "atol": 1e-5}
    first = answer("openvino", path, shape=shape)
    np.testing.assert_allclose(answer("onnxruntime", path, shape=shape), first, **tolerance)
    whole = answer("onnxruntime", path, kind="u8_nhwc_255", shape=shape)
    np.testing.assert_allclose(whole, 255.0 * first, rtol=3e-2, atol=255 * tolerance["atol"])
    assert np.abs(first).max() > 1e-3


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("size", [16, "side"])
def test_a_model_that_takes_bytes_gets_them_as_they_are(tmp_path, layout, size) -> None:
    path = files.picture_net(tmp_path / "n.onnx", batch=1, size=size, layout=layout, kind=BYTES)
    real = files.picture_net(tmp_path / "real.onnx", batch=1, layout=layout)
    shape = (1, 3, 16, 16) if layout == "NCHW" else (1, 16, 16, 3)
    expected = answer("openvino", real, kind="u8_nhwc_255")
    for runtime in ("openvino", "onnxruntime"):
        for kind in ("u8_nhwc", "u8_nhwc_255"):
            np.testing.assert_allclose(answer(runtime, path, kind=kind, shape=shape), expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("last", [False, True])
def test_the_picture_may_have_company(tmp_path, runtime, last) -> None:
    beside = [("im_shape", FLOAT, ["N", 2]), ("scale_factor", FLOAT, ["N", 2])]
    path = files.picture_net(tmp_path / "n.onnx", batch="N", size="side", beside=beside, last=last)
    alone = files.picture_net(tmp_path / "alone.onnx", batch="N")
    found = answer(runtime, path, shape=(1, 3, 16, 16))
    np.testing.assert_allclose(found, answer(runtime, alone) + 2.0, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_open_dimensions_beside_it_come_by_name(tmp_path, runtime) -> None:
    path = files.picture_net(
        tmp_path / "n.onnx", batch="N", size="side", beside=[("prompts", FLOAT, ["N", "count", 2])]
    )
    compiled = get_runtime(runtime).compile(
        path,
        RunConfig(runtime=runtime, threads=1, streams=1),
        CompileOptions((1, 3, 16, 16), (("prompts", (1, 5, 2)),)),
    )
    assert {spec.name: spec.shape for spec in compiled.inputs} == {"image": (1, 3, 16, 16), "prompts": (1, 5, 2)}
    compiled.close()
