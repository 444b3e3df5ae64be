import av
import numpy as np
import pytest

from advisor.errors import ModelRangeError
from advisor.measure.items import clips, preprocess


@pytest.fixture
def frame() -> av.VideoFrame:
    scene = clips.Scene(320, 240, 4)
    return av.VideoFrame.from_ndarray(scene.frame(0.0, 0.0), format="yuv420p")


def test_whole_picture_is_scaled_to_bgr(frame: av.VideoFrame) -> None:
    found = preprocess.to_model_input(frame, 64, 48)
    assert (found.shape, found.dtype) == ((48, 64, 3), np.uint8)
    assert found.flags["C_CONTIGUOUS"]
    # Mean brightness survives scaling; channel order is blue first.
    full = frame.to_ndarray(format="bgr24")
    assert np.allclose(found.mean(axis=(0, 1)), full.mean(axis=(0, 1)), atol=1.5)


def test_blue_comes_first() -> None:
    blue = np.zeros((96, 128, 3), np.uint8)
    blue[:, :, 0] = 255
    frame = av.VideoFrame.from_ndarray(blue, format="bgr24").reformat(format="yuv420p")
    for found in (preprocess.to_model_input(frame, 32, 32), preprocess.crop(frame, (10, 10, 60, 60), 32, 32)):
        assert found[..., 0].min() > 200
        assert found[..., 2].max() < 40


def test_crop_shows_the_box_and_nothing_else(frame: av.VideoFrame) -> None:
    full = frame.to_ndarray(format="bgr24").astype(int)
    found = preprocess.crop(frame, (100, 60, 164, 92), 64, 32).astype(int)
    assert found.shape == (32, 64, 3)
    assert np.abs(found - full[60:92, 100:164]).mean() < 4
    raw = full.astype(np.uint8)
    assert np.array_equal(preprocess.crop(raw, (100, 60, 164, 92), 64, 32), raw[60:92, 100:164])


@pytest.mark.parametrize("box", [(-50, -50, 2, 2), (319, 239, 400, 400), (5, 5, 5, 5), (0, 0, 320, 240)])
@pytest.mark.parametrize("size", [(62, 62), (61, 33)])
def test_crop_at_the_edges(frame: av.VideoFrame, box: preprocess.Box, size: tuple[int, int]) -> None:
    assert preprocess.crop(frame, box, *size).shape == (size[1], size[0], 3)
    assert preprocess.crop(frame.to_ndarray(format="bgr24"), box, *size).shape == (size[1], size[0], 3)


def test_other_pixel_formats_are_converted_first(frame: av.VideoFrame) -> None:
    planar = preprocess.crop(frame, (100, 60, 164, 92), 64, 32).astype(int)
    packed = preprocess.crop(frame.reformat(format="nv12"), (100, 60, 164, 92), 64, 32).astype(int)
    assert np.abs(planar - packed).mean() < 4


def test_a_picture_that_is_none_is_refused() -> None:
    with pytest.raises(ModelRangeError, match=r"\(h, w, 3\)"):
        preprocess.to_model_input(np.zeros((4, 4), np.uint8), 2, 2)
