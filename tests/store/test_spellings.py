"""Numbers, sizes and intervals as people write them: the answer names the spelling that means the same, or none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import ScenarioError
from advisor.records.scenario import Stage, parse_resolution
from advisor.store.scenario import parse_scenario
from advisor.store.spellings import interval_hint, number_hint, size_hint

BASE = """\
scenario: shop
cameras:
  - {{group: aisle, count: {count}, resolution: {resolution}, fps: {fps}, bitrate_kbps: {bitrate_kbps}}}
stages:
  - {{id: person, model: like:person-detection-retail-0013, every: {every}}}
slo: {{latency_p95_ms: {latency_p95_ms}, window_s: {window_s}}}
margin: {{headroom_pct: {headroom_pct}, growth_cameras: {growth_cameras}}}
site: {{max_power_w: {max_power_w}, ambient_c: {ambient_c}}}
money: {{electricity_per_kwh: {electricity_per_kwh}}}
"""
MEANT = {
    "count": "6", "resolution": "1920x1080", "fps": "15", "bitrate_kbps": "4000", "every": "3 frames",
    "latency_p95_ms": "300", "window_s": "60", "headroom_pct": "30", "growth_cameras": "2", "max_power_w": "65",
    "ambient_c": "30", "electricity_per_kwh": "0.18",
}  # fmt: skip


def refusal(key: str, written: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(BASE.format(**(MEANT | {key: written})), "shop.yaml")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert key in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "written", "spelling"),
    [
        ("fps", "1/5", "0.2"), ("fps", "30000/1001", "29.97003"), ("fps", "2 fps", "2"), ("fps", "15Hz", "15"),
        ("fps", "25p", "25"), ("fps", "0.5/s", "0.5"), ("fps", "30 /min", "0.5"), ("fps", "'15'", "15"),
        ("fps", "'12,5'", "12.5"),
        ("bitrate_kbps", "4 000", "4000"), ("bitrate_kbps", "4_000", "4000"), ("bitrate_kbps", "4'000", "4000"),
        ("bitrate_kbps", "4\u202f000", "4000"), ("bitrate_kbps", "4 000 kbit/s", "4000"),
        ("bitrate_kbps", "4.5M", "4500"), ("bitrate_kbps", "4 Mbit/s", "4000"), ("bitrate_kbps", "4000000 bps", "4000"),
        ("bitrate_kbps", "'1.234,5'", "1234.5"), ("bitrate_kbps", "'1,234.5'", "1234.5"),
        ("resolution", "1080p", "1920x1080"), ("resolution", "720p", "1280x720"), ("resolution", "4K", "3840x2160"),
        ("resolution", "full HD", "1920x1080"), ("resolution", "1280*720", "1280x720"),
        ("resolution", "1280\u00d7720", "1280x720"), ("resolution", "[1280, 720]", "1280x720"),
        ("resolution", "1280 X 720", "1280x720"), ("resolution", "1280x720p", "1280x720"),
        ("resolution", "'1280, 720'", "1280x720"),
        ("every", "2s", "0.5/s"), ("every", "500ms", "2/s"), ("every", "2 fps", "2/s"),
        ("every", "2 per second", "2/s"),
        ("every", "2/min", "0.033333333/s"), ("every", "1/1s", "1/s"), ("every", "3frames", "3 frames"),
        ("every", "every 3rd frame", "3 frames"), ("every", "0.5", "0.5/s"),
        ("latency_p95_ms", "0.3s", "300"), ("window_s", "1 min", "60"), ("max_power_w", "0.065 kW", "65"),
        ("latency_p95_ms", "1/4 s", "250"), ("window_s", "1/2 min", "30"), ("window_s", "90 seconds", "90"),
        ("fps", "25/1", "25"), ("bitrate_kbps", "4000k", "4000"), ("bitrate_kbps", "4 MBit/s", "4000"),
        ("resolution", "QHD", "2560x1440"),
        ("headroom_pct", "30 %", "30"), ("growth_cameras", "2 cameras", "2"), ("count", "1_000", "1000"),
        ("count", "1e2", "100"), ("count", "6.0", "6"), ("ambient_c", "30 C", "30"),
    ],
)  # fmt: skip
def test_the_suggestion_is_what_was_meant_and_is_accepted(key: str, written: str, spelling: str) -> None:
    assert refusal(key, written).endswith(f"; write {key}: {spelling}")
    if key not in {"fps", "every"}:  # rates are also compared with each other
        parse_scenario(BASE.format(**(MEANT | {key: spelling})))


@pytest.mark.parametrize(
    ("key", "written", "readings"),
    [
        ("every", "2", ["2 frames", "2/s"]), ("every", "2.0", ["2 frames", "2/s"]),
        ("every", "1/3", ["3 frames", "0.333333333/s"]), ("bitrate_kbps", "'4,000'", ["4000", "4"]),
        ("count", "1.000", ["1000", "1"]), ("count", "'1.000'", ["1000", "1"]),
        ("bitrate_kbps", "4k", ["4000", "4"]), ("every", "1/2s", ["0.5/s", "2/s"]),
        ("every", "1/15 s", ["0.066666667/s", "15/s"]),
    ],
)  # fmt: skip
def test_what_has_two_readings_gets_both(key: str, written: str, readings: list[str]) -> None:
    message = refusal(key, written)
    assert re.findall(rf"{key}: ([0-9.]+(?:/s| frames)?)", message.partition("; ")[2]) == readings


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("fps", "10-15"), ("fps", "10..15"), ("fps", "10 to 15"), ("fps", "~15"), ("fps", "fifteen"), ("fps", "0x10"),
        ("fps", "1_5"), ("fps", "15.0.0"), ("fps", "1/0"), ("fps", "[15]"), ("fps", "true"),
        ("fps", "10/15"), ("fps", "25/30"), ("fps", "15/2"), ("latency_p95_ms", "300/500"), ("latency_p95_ms", "1/3"),
        ("count", "6/2"), ("growth_cameras", "6/2"), ("headroom_pct", "30/20"), ("max_power_w", "65/100"),
        ("ambient_c", "25/35"), ("electricity_per_kwh", "180/1000"), ("every", "2/5"), ("window_s", "60/2"),
        ("bitrate_kbps", "10-15"), ("bitrate_kbps", "4 MB/s"), ("bitrate_kbps", "40 00"),
        ("bitrate_kbps", "4000/512"), ("bitrate_kbps", "500 kB/s"), ("bitrate_kbps", "512 B/s"),
        ("bitrate_kbps", "512 Bps"), ("bitrate_kbps", "4 mB/s"), ("bitrate_kbps", "4MBPS"),
        ("bitrate_kbps", "4 MiB/s"), ("resolution", "qHD"), ("resolution", "21:09"),
        ("bitrate_kbps", "4 furlongs"),
        ("resolution", "16:9"), ("resolution", "2MP"), ("resolution", "1920"), ("resolution", "big"),
        ("every", "often"), ("every", "0"), ("every", "-2"), ("every", "'1,000'"), ("every", "[3, frames]"),
        ("every", "2 m"), ("window_s", "1:00"), ("headroom_pct", "1/3"), ("electricity_per_kwh", "18 ct"),
        ("count", "1k"), ("count", "2x3"), ("count", "6.5"), ("count", "6 dozen"), ("max_power_w", "65 mW"),
        ("max_power_w", "65 MW"), ("ambient_c", "86 F"),
    ],
)  # fmt: skip
def test_what_has_no_certain_reading_gets_no_number(key: str, written: str) -> None:
    assert re.search(rf"write (?:it as )?{key}: [0-9]", refusal(key, written)) is None


@pytest.mark.parametrize(
    ("key", "written", "words"),
    [
        ("bitrate_kbps", "4.000", "4 kilobit per second is too little for 1920x1080 at 15 frames per second (0.00013"),
        ("bitrate_kbps", "4.000", "if 4000 is meant, write that"),
        ("bitrate_kbps", "1000000", "is too much for 1920x1080 at 15 frames per second (32 bits per pixel); if"),
        ("latency_p95_ms", "0.3", "0.3 is less than one millisecond; write 300 for 0.3 s"),
        ("headroom_pct", "0.3", "0.3 is less than one percent; write 30 for 30 %, or 0"),
        ("electricity_per_kwh", "18", "18 USD per kilowatt-hour is above 5 USD; write USD, not hundredths of it"),
        ("ambient_c", "300", "300 is above 85"), ("ambient_c", "-300", "-300 is below -60"),
    ],
)  # fmt: skip
def test_numbers_outside_what_is_plausible_for_their_key_are_asked_back(key: str, written: str, words: str) -> None:
    assert words in refusal(key, written)


@pytest.mark.parametrize(
    ("key", "written"),
    [("bitrate_kbps", "64"), ("bitrate_kbps", "50000"), ("headroom_pct", "0"), ("headroom_pct", "1"),
     ("ambient_c", "-30"),
     ("electricity_per_kwh", "0"), ("electricity_per_kwh", "2.5"), ("fps", "29.970")],
)  # fmt: skip
def test_plausible_numbers_are_taken(key: str, written: str) -> None:
    parse_scenario(BASE.format(**(MEANT | {key: written, "every": "3 frames"})))


def test_groups_of_cameras_may_be_merged_from_each_other() -> None:
    text = BASE.format(**MEANT).replace("- {group: aisle", "- &cam {group: aisle")
    text = text.replace("stages:", "  - {<<: *cam, group: door, count: 2}\nstages:")
    aisle, door = parse_scenario(text).cameras
    assert door == aisle.model_copy(update={"group": "door", "count": 2})
    with pytest.raises(ScenarioError, match=r"line 4: cameras\[1\]\.fps: '1/5' is not a number of frames per second"):
        parse_scenario(text.replace("count: 2}", "count: 2, fps: 1/5}"))


def test_a_dear_currency_is_compared_in_dollars() -> None:
    text = BASE.format(**(MEANT | {"electricity_per_kwh": "70, currency: HUF, usd_rate: 350"}))
    assert parse_scenario(text).money.electricity_per_kwh == 70.0


@pytest.mark.parametrize("key", ["bitrate_kbps", "window_s", "headroom_pct", "max_power_w"])
@pytest.mark.parametrize("number", ["4,000", "4,5", "4,5 kW"])
def test_a_comma_inside_braces_is_said_to_end_the_value(key: str, number: str) -> None:
    with pytest.raises(ScenarioError, match="unknown key; in braces a comma ends a value: write 4000 for thousands"):
        parse_scenario(BASE.format(**(MEANT | {key: number})))


def test_a_size_beyond_all_pictures_is_not_suggested_as_it_was_written() -> None:
    assert size_hint("resolution", "99999999x9999") == ", for example 1920x1080"
    assert size_hint("resolution", "01920 by 1080") == "; write resolution: 1920x1080"


@given(st.text(alphabet="0123456789.,/_'- xsfkMBbitp%hmrae\u00a0\u202f", max_size=12), st.booleans())
def test_every_suggestion_is_itself_accepted(text: str, whole: bool) -> None:
    for spelling in re.findall(r"fps: (\S+)", number_hint("fps", text, whole)):
        assert float(spelling) >= 0 or text.strip().startswith("-")
        assert not whole or float(spelling).is_integer()
    for spelling in re.findall(r"resolution: (\S+)", size_hint("resolution", text)):
        parse_resolution(spelling)
    for spelling in re.findall(r"every: ([0-9.]+(?:/s| frames?))", interval_hint(text)):
        assert Stage(id="s", model="m", every=spelling).every == spelling


@pytest.mark.parametrize(("written", "here"), [("hevc", "h265"), ("avc", "h264"), ("x265", "h265")])
def test_a_codec_by_its_other_name_is_told_its_name_here(written: str, here: str) -> None:
    text = BASE.format(**MEANT).replace("fps: 15,", f"fps: 15, codec: {written},")
    with pytest.raises(ScenarioError, match=rf"write codec: {here}\Z"):
        parse_scenario(text)
