from pathlib import Path

import pytest

from advisor.errors import Inconclusive, InputError
from advisor.measure import clips, decode


def test_costs_are_core_seconds_per_frame(tmp_path: Path) -> None:
    request = decode.DecodeRequest("h264", 320, 240, 400, fps=10, streams=(1, 2), duration_s=0.2)
    alone, pair = decode.measure_decode(request, tmp_path, "host")
    assert alone.name == "decode/h264/320x240/400kbps/n1"
    assert pair.name.endswith("/n2")
    assert alone.unit == "s"
    # One thread never gets more than one core: cost x rate is the share of a core that it held.
    assert 0 < alone.value * float(alone.parameters["frames_per_s"]) <= 1.1
    assert float(pair.parameters["frames_per_s"]) > 0
    assert alone.key != pair.key
    assert float(alone.parameters["bitrate_kbps"]) == pytest.approx(400, rel=0.2)


def test_larger_pictures_cost_more(tmp_path: Path) -> None:
    small = decode.DecodeRequest("h264", 160, 120, 200, fps=10, duration_s=0.2)
    large = decode.DecodeRequest("h264", 1280, 720, 2000, fps=10, duration_s=0.2)
    costs = [decode.measure_decode(request, tmp_path, "host")[0].value for request in (small, large)]
    assert costs[1] > 4 * costs[0]


def test_a_damaged_clip_is_said_with_its_reason(tmp_path: Path) -> None:
    request = decode.DecodeRequest("h264", 128, 96, 200, fps=10, duration_s=0.1)
    path = clips.clip_path(tmp_path, 128, 96, 10, "h264", 200)
    clips.synthesise(path, 128, 96, 10, "h264", 200)
    path.write_bytes(b"not a clip")
    with pytest.raises(Inconclusive, match="decode/h264/128x96/200kbps/n1 failed"):
        decode.measure_decode(request, tmp_path, "host")


def test_raw_has_no_decoder() -> None:
    assert decode.check_codec("mjpeg") == "mjpeg"
    with pytest.raises(InputError, match="raw"):
        decode.check_codec("raw")
