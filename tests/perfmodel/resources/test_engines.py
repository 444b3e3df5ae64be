"""Decoding engines: published capacities, their ratio at two resolutions, and what is only assumed."""

import pytest

from advisor.perfmodel.resources.engines import HOST_SHARE, decode_engine
from advisor.records.base import Evidence


@pytest.mark.parametrize(
    ("device", "codec", "full_hd", "ultra_hd"),
    [
        ("intel-core-i5-12400-gpu", "h264", 43, 10),
        ("intel-core-i7-1360p-gpu", "h265", 98, 27),
        ("intel-core-ultra-7-165h-gpu", "h264", 56, 23),
        ("intel-arc-a380", "h265", 121, 31),
    ],
)
def test_streams_and_their_ratio_are_those_published(device: str, codec: str, full_hd: int, ultra_hd: int) -> None:
    engine = decode_engine(device, codec)
    assert engine is not None
    assert engine.evidence is Evidence.PUBLISHED
    hd, uhd = engine.streams(1920, 1080, 30.0), engine.streams(3840, 2160, 30.0)
    assert hd.p50 == pytest.approx(full_hd, rel=0.15)
    assert hd.p50 / uhd.p50 == pytest.approx(full_hd / ultra_hd, rel=0.15)


def test_sessions_bind_where_pixels_do_not() -> None:
    engine = decode_engine("intel-core-ultra-7-165h-gpu", "h264")
    assert engine is not None
    assert engine.sessions is not None
    assert engine.streams(640, 360, 5.0).p50 == engine.sessions.p50


def test_an_unpublished_engine_is_assumed_half_to_one_of_the_nearest() -> None:
    own = decode_engine("intel-core-i5-12400-gpu", "h264")
    assumed = decode_engine("intel-processor-n100-gpu", "h264", "xe-lp", 24.0)
    assert own is not None
    assert assumed is not None
    assert assumed.evidence is Evidence.SPEC
    nearest = own.pixels_per_s.p50
    assert (assumed.pixels_per_s.p10, assumed.pixels_per_s.p90) == pytest.approx((0.5 * nearest, nearest))
    assert "assumed" in assumed.notes[0]


def test_a_raspberry_pi_5_has_no_engine_for_h264() -> None:
    assert decode_engine("raspberry-pi-5-8-gb-cpu", "h264", "arm-cpu") is None
    assert decode_engine("raspberry-pi-5-8-gb-cpu", "h265", "arm-cpu") is not None


@pytest.mark.parametrize("device", ["hailo-8", "coral-usb", "intel-core-ultra-7-165h-npu"])
def test_neural_processors_decode_nothing(device: str) -> None:
    assert decode_engine(device, "h264") is None


def test_pictures_that_are_copied_back_leave_most_of_the_work() -> None:
    assert HOST_SHARE["zero-copy"].p90 < HOST_SHARE["copied"].p10
