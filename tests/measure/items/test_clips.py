import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from advisor.errors import InputError
from advisor.measure.items import clips


@pytest.mark.parametrize(("codec", "kbps"), [("h264", 300), ("h264", 1500), ("h265", 300), ("mjpeg", 3000)])
def test_real_bitrate_is_within_a_fifth(tmp_path: Path, codec: clips.CodecName, kbps: float) -> None:
    path = clips.synthesise(
        tmp_path / "clip.mkv", clips.ClipRequest(320, 240, 10, codec, kbps, gop_frames=10, duration_s=2)
    )
    info = clips.clip_info(path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        size = sum(packet.size for packet in packets)
    assert len(packets) == info.frames == 20
    assert size * 8 / 1000 / 2.0 == pytest.approx(info.real_bitrate_kbps, rel=0.01)
    assert abs(info.real_bitrate_kbps / kbps - 1) <= 0.20
    assert info.bitrate_ok
    keys = [k for k, packet in enumerate(packets) if packet.is_keyframe]
    assert keys == ([0, 10] if codec != "mjpeg" else list(range(20)))


def test_a_clip_is_made_once_per_set_of_parameters(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200, duration_s=1))
    first = path.stat().st_mtime_ns
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200, duration_s=1))
    assert path.stat().st_mtime_ns == first
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200, duration_s=1, seed=2))
    assert path.stat().st_mtime_ns != first
    assert clips.clip_info(path).seed == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "clip.mp4.json"]


def test_a_damaged_sidecar_means_the_clip_is_made_again(tmp_path: Path) -> None:
    path = clips.synthesise(tmp_path / "clip.mp4", clips.ClipRequest(128, 96, 10, "h264", 200, duration_s=1))
    sidecar = tmp_path / "clip.mp4.json"
    sidecar.write_text("{")
    with pytest.raises(InputError, match="synthesise it again"):
        clips.clip_info(path)
    clips.synthesise(path, clips.ClipRequest(128, 96, 10, "h264", 200, duration_s=1))
    assert json.loads(sidecar.read_text())["width"] == 128


def test_scene_is_seeded_and_moves() -> None:
    a, b, other = clips.Scene(128, 96, 1), clips.Scene(128, 96, 1), clips.Scene(128, 96, 2)
    first = a.frame(0.0, 3.0)
    assert np.array_equal(first, b.frame(0.0, 3.0))
    assert not np.array_equal(first, other.frame(0.0, 3.0))
    moved = np.abs(a.frame(1.0, 0.0).astype(int) - b.frame(2.0, 0.0).astype(int))
    assert moved.max() > 20
    assert np.mean(moved > 0) < 0.9  # the background stays


@pytest.mark.parametrize(("gop_frames", "frames"), [(None, 20), (7, 21), (15, 15), (12, 24), (400, 20)])
def test_a_loop_has_key_frames_as_often_as_the_stream(tmp_path: Path, gop_frames: int | None, frames: int) -> None:
    path = clips.synthesise(tmp_path / "c.mp4", clips.ClipRequest(128, 96, 10, "h264", 200, gop_frames=gop_frames))
    assert clips.clip_info(path).frames == frames
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    keys = sum(packet.is_keyframe for packet in packets)
    assert keys == max(1, frames // (gop_frames or 20))


def test_clip_starts_with_a_key_frame_so_that_it_can_be_looped(tmp_path: Path) -> None:
    path = clips.synthesise(
        tmp_path / "c.mp4", clips.ClipRequest(160, 120, 10, "h264", 300, gop_frames=25, duration_s=1)
    )
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert packets[0].is_keyframe
        # No B frames, as from a camera: pictures come in the order of decoding.
        assert [packet.pts for packet in packets] == sorted(packet.pts for packet in packets)


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="codec 'vp9'"):
        clips.synthesise(tmp_path / "x.mp4", clips.ClipRequest(128, 96, 10, "vp9", 100))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="127x96"):
        clips.synthesise(tmp_path / "x.mp4", clips.ClipRequest(127, 96, 10, "h264", 100))
    with pytest.raises(InputError, match="must be positive"):
        clips.synthesise(tmp_path / "x.mp4", clips.ClipRequest(128, 96, 0, "h264", 100))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write clip"):
        clips.synthesise(tmp_path / "file" / "x.mp4", clips.ClipRequest(128, 96, 10, "h264", 100))


def test_clip_names_differ_with_each_parameter(tmp_path: Path) -> None:
    base = clips.ClipRequest(128, 96, 10, "h264", 100)
    assert base.path_in(tmp_path) == replace(base).path_in(tmp_path)
    changes: dict[str, Any] = {
        "width": 130, "height": 98, "fps": 12, "codec": "h265", "bitrate_kbps": 101, "gop_frames": 5, "seed": 2,
    }  # fmt: skip
    others = [replace(base, **{name: value}) for name, value in changes.items()]
    assert len({item.path_in(tmp_path) for item in (base, *others)}) == 8


@pytest.mark.parametrize("fps", [0.1, 1 / 60])
def test_clips_of_very_slow_cameras_have_their_bits_per_picture(tmp_path, fps) -> None:
    path = clips.synthesise(
        tmp_path / "c.mp4", clips.ClipRequest(640, 360, fps, "h264", 40.0 * fps, gop_frames=5, duration_s=10 / fps)
    )
    info = clips.clip_info(path)
    assert info.frames == 10
    assert info.real_bitrate_kbps / fps == pytest.approx(40.0, rel=0.5)


def test_an_encoder_is_asked_for_no_more_than_it_can_be_told(tmp_path: Path) -> None:
    """8 Mbit/s at a frame a minute are 60 MB a picture, 2.4 Gbit/s at the slowest rate that an encoder is given."""
    assert clips._encoder_bit_rate(8000.0, 300.0) == clips.ENCODER_BITRATE_MAX
    request = clips.ClipRequest(320, 180, 1 / 60, "h264", 8000.0, gop_frames=5, duration_s=120.0)
    info = clips.clip_info(clips.synthesise(tmp_path / "c.mp4", request))
    assert info.frames == 2
