from pathlib import Path

import pytest

from advisor.errors import InputError, RuntimeRefusal
from advisor.measure.campaign.campaign import Campaign, Entry, Options, run
from advisor.measure.items import clips, decode
from advisor.records.measurement import MicroFailure
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.measure.measuring import measured


def test_costs_are_core_seconds_per_frame(tmp_path: Path) -> None:
    request = decode.DecodeItem("h264", 320, 240, 400, fps=10, streams=(1, 2), duration_s=0.2)
    alone, pair = measured([request], tmp_path)
    assert alone.name == "decode/h264/320x240/400kbps/n1"
    assert pair.name.endswith("/n2")
    assert alone.unit == "s"
    # One thread never gets more than one core: cost x rate is the share of a core that it held.
    assert 0 < alone.value * float(alone.parameters["frames_per_s"]) <= 1.1
    assert float(pair.parameters["frames_per_s"]) > 0
    # One alone in turns with both: on any machine that is no more than a few times apart.
    assert 0.2 < float(pair.parameters["alone_s"]) / pair.value < 2.0
    assert "alone_s" not in alone.parameters
    assert alone.key != pair.key
    assert float(alone.parameters["bitrate_kbps"]) == pytest.approx(400, rel=0.2)


def test_larger_pictures_cost_more(tmp_path: Path) -> None:
    small = decode.DecodeItem("h264", 160, 120, 200, fps=10, duration_s=0.2)
    large = decode.DecodeItem("h264", 1280, 720, 2000, fps=10, duration_s=0.2)
    costs = [measured([request], tmp_path)[0].value for request in (small, large)]
    assert costs[1] > 4 * costs[0]


def test_a_damaged_clip_is_said_with_its_reason(tmp_path: Path) -> None:
    request = decode.DecodeItem("h264", 128, 96, 200, fps=10, duration_s=0.1)
    path = clips.ClipRequest(128, 96, 10, "h264", 200).path_in(tmp_path)
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200))
    path.write_bytes(b"not a clip")
    (failure,) = measured([request], tmp_path)
    assert failure.name == "decode/h264/128x96/200kbps/n1"
    assert "InvalidData" in failure.failure


def test_a_codec_that_cannot_be_decoded_is_kept_as_failed_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path))
    request = decode.DecodeItem("h264", 128, 96, 200, fps=10, streams=(1, 2), duration_s=0.1)
    path = clips.ClipRequest(128, 96, 10, "h264", 200).path_in(tmp_path / "clips")
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200))
    intact = path.read_bytes()
    path.write_bytes(b"not a clip")
    todo = Campaign((Entry(request, 1.0),))
    with MeasurementStore(tmp_path / "s.db") as store:
        first = run(todo, store, facts())
        assert (first.done, first.failed) == (0, 2)
        kept = store.micro_failures("test-host", "decode/")
        assert [item.name for item in kept] == [request.name(1), request.name(2)]
        assert all("InvalidData" in item.failure for item in kept)
        assert run(todo, store, facts()).known == 1
        path.write_bytes(intact)
        mended = run(todo, store, facts(), options=Options(retry_failed=True))
        assert (mended.done, mended.failed) == (1, 0)
        assert store.micro_failures("test-host") == []


def test_a_missing_encoder_is_the_codecs_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clips._ENCODERS, "mjpeg", ("no_such_encoder", {}))
    request = decode.DecodeItem("mjpeg", 128, 96, 200, fps=10, duration_s=0.1)
    (failure,) = measured([request], tmp_path)
    assert isinstance(failure, MicroFailure)
    assert "no_such_encoder" in failure.failure


def test_raw_has_no_decoder() -> None:
    assert decode.check_codec("mjpeg") == "mjpeg"
    with pytest.raises(InputError, match="raw"):
        decode.check_codec("raw")


def test_a_device_that_is_not_here_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    request = decode.DecodeItem("h264", 128, 96, 200, fps=10, duration_s=0.1, device="no_such_device")
    (failure,) = measured([request], tmp_path)
    assert isinstance(failure, MicroFailure)
    assert failure.name == "hwdecode/no_such_device/h264/128x96/200kbps/n1"
    software = decode.DecodeItem("h264", 128, 96, 200, fps=10, duration_s=0.1)
    assert set(software.keys("host")).isdisjoint(request.keys("host"))


def test_key_frames_take_longer_than_the_others(tmp_path: Path) -> None:
    found = {}
    for codec in ("h264", "mjpeg"):
        clip = clips.synthesise(tmp_path / f"{codec}.mkv", clips.ClipRequest(320, 240, 10, codec, 800, gop_frames=5))
        loop = decode.DecodeLoop(*decode.packets_of(clip))
        loop.run_until(0.0, min_frames=40)
        found[codec] = loop.key_frames()
    assert found["mjpeg"] == {}  # all are alike
    assert 1.2 < float(found["h264"]["key_factor"]) < 10.0


@pytest.mark.parametrize("in_use", [True, False])
def test_a_decoder_must_really_run_on_the_device(in_use: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        is_hwaccel = in_use
        thread_count = 0

    import av

    monkeypatch.setattr(decode, "open_device", lambda device: device)
    monkeypatch.setattr(av.CodecContext, "create", lambda codec, mode, hwaccel: Context())
    loop = decode.DecodeLoop("h264", None, [], "fake")
    if in_use:
        loop.require_device()
    else:
        with pytest.raises(RuntimeRefusal, match="in software instead"):
            loop.require_device()
