from math import log

import pytest

from advisor.perfmodel.resources.decode import PRIOR_BAND, Scale, decode_cost, preprocess_cost, scalar_speed
from advisor.records.base import Evidence
from advisor.records.codec import usual_bitrate_kbps
from tests.perfmodel.makers import machine


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_without_a_bit_rate_the_usual_one_is_taken(codec) -> None:
    rate = usual_bitrate_kbps(codec, 1920, 1080, 15.0)
    left_open, stated = (
        decode_cost(machine(), 4e9, codec, 1920, 1080, kbps, 15.0, None).core_s.p50 for kbps in (None, rate)
    )
    assert left_open == pytest.approx(stated)


def test_cost_grows_with_pixels_and_bits_and_falls_with_the_clock() -> None:
    def seconds(width=1280, kbps=2000.0, clock_hz=4e9):
        return decode_cost(machine(), clock_hz, "h264", width, 720, kbps, 15.0, None).core_s.p50

    assert seconds(width=2560) > seconds()
    assert seconds(kbps=4000.0) > seconds()
    assert seconds(clock_hz=2e9) == pytest.approx(2.0 * seconds())


def test_a_prior_is_wide_and_raw_frames_cost_nothing() -> None:
    prior = decode_cost(machine(), 4e9, "h264", 1280, 720, None, 15.0, None)
    assert log(prior.core_s.p90 / prior.core_s.p50) == pytest.approx(PRIOR_BAND)
    assert prior.evidence is Evidence.SPEC
    assert decode_cost(machine(), 4e9, "raw", 1280, 720, None, 15.0, None).core_s.p90 == 0.0


@pytest.mark.parametrize(("exact", "here", "band"), [(True, True, 0.15), (False, True, 0.225), (False, False, 0.35)])
def test_the_nearer_the_measurement_the_narrower(exact, here, band) -> None:
    plain = preprocess_cost(machine(), 4e9, (1920, 1080), (300, 300), None)
    scaled = preprocess_cost(machine(), 4e9, (1920, 1080), (300, 300), Scale(2.0, exact, here))
    assert scaled.core_s.p50 == pytest.approx(2.0 * plain.core_s.p50)
    assert log(scaled.core_s.p90 / scaled.core_s.p50) == pytest.approx(band)
    assert scaled.evidence is (Evidence.MEASURED if exact else Evidence.ANCHORED)


def test_small_cores_are_slower_at_scalar_code() -> None:
    speeds = [scalar_speed(spec, 4e9) for spec in (
        machine(), machine(fma_bits_per_core=256.0), machine(architecture="aarch64", simd_level="neon"),
        machine(simd_level="sse42"),
    )]  # fmt: skip
    assert speeds == sorted(speeds, reverse=True)
    assert scalar_speed(machine(release_year=2024), 4e9) > scalar_speed(machine(release_year=2018), 4e9)
