import pytest

from advisor.perfmodel.resources.software_decode import load_decode
from advisor.records.codec import USUAL_BITS_PER_PIXEL, usual_bitrate_kbps


def test_usual_bitrate_scales_with_pixels_and_frames() -> None:
    assert usual_bitrate_kbps("h264", 1920, 1080, 15) == pytest.approx(3110.4)
    assert usual_bitrate_kbps("h265", 3840, 2160, 15) == pytest.approx(4 * 0.6 * 3110.4)
    assert usual_bitrate_kbps("mjpeg", 1280, 720, 30) == pytest.approx(2 * usual_bitrate_kbps("mjpeg", 1280, 720, 15))


def test_every_codec_that_is_predicted_has_a_usual_rate() -> None:
    assert {terms.codec: terms.usual_bits_per_pixel for terms in load_decode().codecs} == USUAL_BITS_PER_PIXEL
