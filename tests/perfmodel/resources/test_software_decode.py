import dataclasses

import numpy as np
import pytest

from advisor.calibration.decode import calibrate, codec_terms, left_out, machines_of
from advisor.calibration.decode_material import clock_parameters, load_material
from advisor.errors import CatalogueError, ModelRangeError
from advisor.perfmodel.resources.software_decode import (
    CodecTerms,
    CoreClocks,
    CoreModel,
    CoreTerms,
    DecodeCalibration,
    PreparationTerms,
    clocks_under_load,
    clocks_under_loads,
    core_kind,
    decode_time,
    decode_traffic_bytes,
    load_decode,
    mean_core_speed,
    preparation_time,
)
from advisor.records.machine import MachineSpec
from advisor.store.catalogue import Catalogue
from advisor.store.files import write_document
from advisor.store.paths import profiles_dir
from tests.perfmodel.makers import machine

CORES = CoreModel(
    reference_year=2023,
    kinds=(
        CoreTerms(kind="performance", per_clock=1.0, sd=0.0, gain_per_year=0.03, gain_sd=0.02),
        CoreTerms(kind="efficiency", per_clock=0.5, sd=0.2, gain_per_year=0.0, gain_sd=0.0),
        CoreTerms(kind="without_avx", per_clock=0.4, sd=0.3, gain_per_year=0.0, gain_sd=0.0),
        CoreTerms(kind="arm", per_clock=0.6, sd=0.3, gain_per_year=0.0, gain_sd=0.0),
    ),
)
MADE_UP = DecodeCalibration(
    date="2026-11-29",
    data_sha256="0" * 64,
    cores=CORES,
    codecs=(
        CodecTerms(
            codec="h264", cycles_per_pixel=3.0, cycles_per_bit=50.0, camera_offset=0.1, content_sd=0.2,
            usual_bits_per_pixel=0.1, clips=3, fit_sd=0.0, contents=3,
        ),
    ),
    preparation=PreparationTerms(
        cycles_per_source_pixel=1.0, cycles_per_target_pixel=12.0, cycles_per_call=20e3, size_sd=0.4, mean_error=0.0,
        rows=3,
    ),
    machine_sd=0.3,
    t_90=1.5,
    machines=(),
)  # fmt: skip
CLOCKS = CoreClocks(performance_hz=4e9, efficiency_hz=3e9)
HD = (1280, 720)


def spec(**changes: object) -> MachineSpec:
    """A desktop chip of the reference year."""
    return machine(**({"performance_cores": 8, "threads": 16, "release_year": 2023} | changes))


def test_a_frame_costs_its_pixels_and_its_bits_over_the_speed_of_a_core() -> None:
    found = decode_time(MADE_UP, spec(), CLOCKS, "h264", HD, 2000.0, 20.0)
    assert found.core_s == pytest.approx((3.0 * 1280 * 720 + 50.0 * 100_000) / 4e9)
    half = 1.5 * np.hypot(0.3, 0.2)
    interval = found.interval()
    assert interval.p10 == pytest.approx(found.core_s * np.exp(-half))
    assert interval.p90 == pytest.approx(found.core_s * np.exp(half))


def test_a_bit_rate_that_is_not_stated_is_the_usual_one_and_widens_the_content() -> None:
    stated = decode_time(MADE_UP, spec(), CLOCKS, "h264", HD, 0.1 * 1280 * 720 * 15 / 1000, 15.0)
    usual = decode_time(MADE_UP, spec(), CLOCKS, "h264", HD, None, 15.0)
    assert usual.core_s == pytest.approx(stated.core_s)
    assert usual.content_sd == pytest.approx(np.hypot(0.2, 0.5 * 5.0 / (3.0 + 5.0)))
    assert usual.machine_sd == stated.machine_sd


def test_raw_frames_need_no_decoder() -> None:
    assert decode_time(MADE_UP, spec(), CLOCKS, "raw", HD, None, 30.0).interval().p90 == 0.0


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_more_pixels_more_bits_and_a_lower_clock_take_longer(codec) -> None:
    shipped = load_decode()

    def core_s(size, kbps, clock_hz):
        return decode_time(shipped, spec(), CoreClocks(clock_hz, clock_hz), codec, size, kbps, 15.0).core_s

    base = core_s(HD, 2000.0, 4e9)
    assert core_s((1920, 1080), 2000.0, 4e9) > base
    assert core_s(HD, 2100.0, 4e9) > base
    assert core_s(HD, 2000.0, 3.9e9) == pytest.approx(base * 4.0 / 3.9)


def test_cores_of_two_kinds_add_their_speeds_and_performance_cores_are_used_first() -> None:
    hybrid = spec(performance_cores=4, efficiency_cores=4, threads=12)
    assert mean_core_speed(CORES, hybrid, CLOCKS)[0] == pytest.approx((4 * 4e9 + 4 * 3e9 * 0.5) / 8)
    assert mean_core_speed(CORES, hybrid, CLOCKS, 4.0)[0] == pytest.approx(4e9)
    beside = hybrid.model_copy(update={"low_power_cores": 2})
    assert mean_core_speed(CORES, beside, CLOCKS) == mean_core_speed(CORES, hybrid, CLOCKS)
    island = hybrid.model_copy(update={"efficiency_cores": 0, "low_power_cores": 4})
    assert mean_core_speed(CORES, island, CLOCKS) == mean_core_speed(CORES, hybrid, CLOCKS)
    speed_hz, doubt = mean_core_speed(CORES, hybrid, CLOCKS, 5.0)
    assert speed_hz == pytest.approx((4 * 4e9 + 3e9 * 0.5) / 5)
    assert doubt == pytest.approx(0.2 * 1.5 / 17.5)


def test_a_second_thread_of_a_core_counts_as_nothing() -> None:
    assert mean_core_speed(CORES, spec(threads=8), CLOCKS) == mean_core_speed(CORES, spec(threads=16), CLOCKS)


def test_an_older_core_does_less_per_clock_and_is_known_less_well() -> None:
    speed_hz, doubt = mean_core_speed(CORES, spec(release_year=2018), CLOCKS)
    assert speed_hz == pytest.approx(4e9 * 1.03**-5)
    assert doubt == pytest.approx(5 * 0.02)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "performance"),
        ({"simd_level": "avx2_vnni", "fma_bits_per_core": 256.0}, "efficiency"),
        ({"simd_level": "avx2_vnni", "fma_bits_per_core": 512.0, "efficiency_cores": 8}, "performance"),
        ({"simd_level": "sse42"}, "without_avx"),
        ({"simd_level": "neon", "architecture": "aarch64"}, "arm"),
    ],
)
def test_the_kind_of_a_core_is_read_from_the_data_sheet(changes, kind) -> None:
    assert core_kind(spec(**changes)) == kind


def test_the_clock_is_that_of_the_load_without_the_loss_of_wide_arithmetic() -> None:
    parameters = clock_parameters(profiles_dir())
    server = Catalogue.load().resolve("intel-xeon-gold-6430-2s")
    full, one = (clocks_under_load(parameters, server, cores).performance_hz for cores in (64.0, 1.0))
    narrow = clocks_under_load(parameters, server.model_copy(update={"simd_level": "avx2"}), 64.0).performance_hz
    assert full == narrow < one


def test_clocks_under_several_loads_are_those_of_one_at_a_time() -> None:
    parameters = clock_parameters(profiles_dir())
    busy = [1.0, 2.5, 10.0, 16.0]
    for name in ("intel-core-i9-12900k", "intel-xeon-gold-6430-2s"):
        chip = Catalogue.load().resolve(name)
        each = [clocks_under_load(parameters, chip, cores) for cores in busy]
        assert clocks_under_loads(parameters, chip, busy) == each


def test_preparation_reads_at_most_four_source_pixels_for_each_of_the_input() -> None:
    large = preparation_time(MADE_UP, spec(), CLOCKS, (1920, 1080), (300, 300))
    assert large.core_s == pytest.approx((4 * 90_000 + 12 * 90_000 + 20e3) / 4e9)
    small = preparation_time(MADE_UP, spec(), CLOCKS, (320, 240), (300, 300))
    assert small.core_s == pytest.approx((320 * 240 + 12 * 90_000 + 20e3) / 4e9)
    assert small.half == pytest.approx(1.5 * np.hypot(0.3, 0.4))


def test_published_figures_lie_in_their_intervals_when_their_machine_is_left_out() -> None:
    material = load_material(profiles_dir())
    terms = codec_terms(material.camera, material.contents)
    found = left_out(machines_of((*material.camera, *material.published), terms), terms)
    reference = [item for item in found if item.row.kind == "reference"]
    assert len(reference) == 4
    assert all(item.inside for item in reference)
    assert np.mean([item.inside for item in found]) >= 0.8


def test_two_sockets_carry_the_published_streams_within_the_interval() -> None:
    shipped, server = load_decode(), Catalogue.load().resolve("intel-xeon-gold-6430-2s")
    clocks = clocks_under_load(clock_parameters(profiles_dir()), server, 64.0)
    formats = {
        ("h264", (1920, 1080), 4000.0): 458, ("h265", (1920, 1080), 2000.0): 325,
        ("h264", (3840, 2160), 16000.0): 124, ("h265", (3840, 2160), 8000.0): 84,
    }  # fmt: skip
    for (codec, size, kbps), streams in formats.items():
        found = decode_time(shipped, server, clocks, codec, size, kbps, 30.0).interval()
        assert found.p10 <= 64 / (streams * 30.0) <= found.p90


def test_the_shipped_constants_are_those_of_the_shipped_tables() -> None:
    assert load_decode() == calibrate(load_material(profiles_dir()))


def test_constants_are_read_back_as_written(tmp_path) -> None:
    assert load_decode(write_document(tmp_path / "decode.json", MADE_UP)) == MADE_UP


def test_a_damaged_file_names_the_command_that_makes_it(tmp_path) -> None:
    path = tmp_path / "decode.json"
    for text in (None, "{", '{"schema": "sizer.decode/1"}', MADE_UP.model_dump_json().replace("0.3", "NaN")):
        if text is not None:
            path.write_text(text)
            load_decode.cache_clear()
        with pytest.raises(CatalogueError, match=r"python -m advisor\.calibration\.decode"):
            load_decode(path)


def test_what_lies_outside_the_formula_is_refused() -> None:
    with pytest.raises(ModelRangeError, match="did you mean 'h264'"):
        decode_time(MADE_UP, spec(), CLOCKS, "h263", HD, 2000.0, 15.0)
    with pytest.raises(ModelRangeError, match="must be positive"):
        decode_time(MADE_UP, spec(), CLOCKS, "h264", HD, 0.0, 15.0)
    with pytest.raises(ModelRangeError, match="must be positive"):
        preparation_time(MADE_UP, spec(), CLOCKS, (0, 100), (10, 10))
    with pytest.raises(ModelRangeError, match="0 cores in use"):
        mean_core_speed(CORES, spec(), CLOCKS, 0)


def test_records_are_immutable() -> None:
    found = decode_time(MADE_UP, spec(), CLOCKS, "h264", HD, 2000.0, 15.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.core_s = 0.0


@pytest.mark.parametrize(("codec", "pictures"), [("h264", 3), ("h265", 3), ("mjpeg", 2), ("raw", 0)])
def test_a_decoded_picture_is_written_and_read_and_reads_its_reference(codec, pictures) -> None:
    assert decode_traffic_bytes(codec, 1920, 1080) == pytest.approx(pictures * 3110400)
