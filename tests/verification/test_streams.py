"""Streams as recorders and cameras deliver them, through the whole run: latency, nothing held, the verdict's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from advisor.records.verdict import CameraResult, Verdict

from .streams import Pipe, encode, mux_parts, without
from .support import scenario
from .test_run import EASY, conserved, run

LENGTH = 360
"""Frames of what is sent live: 24 s, longer than connecting and the run together."""
CLOSED = {"bf": "0", "x264-params": "scenecut=0"}
B_FRAMES = {"bf": "3", "x264-params": "scenecut=0"}
OPEN = {"bf": "3", "x264-params": "open-gop=1:scenecut=0"}
H265 = {"x265-params": "log-level=error:bframes=4:scenecut=0"}
TEN_BIT = {"x265-params": "log-level=error:bframes=0"}

FILES: dict[str, Callable[[Path], Path]] = {
    "closed": lambda at: encode(at / "closed.mp4", 75, options=CLOSED),
    "bframes": lambda at: encode(at / "bframes.mp4", 75, options=B_FRAMES),
    "open": lambda at: encode(at / "open.ts", 75, options=OPEN),
    "joined": lambda at: without(encode(at / "whole.ts", 90, options=B_FRAMES, gop=30), 11, at / "joined.ts"),
    "variable": lambda at: encode(at / "variable.mp4", 40, options=B_FRAMES, every=3),
    "unstamped": lambda at: encode(at / "unstamped.h264", 75, options=B_FRAMES),
    "audio": lambda at: encode(at / "audio.mp4", 75, audio=True),
}
LIVE: dict[str, Callable[[Path], Path]] = {
    "live": lambda at: encode(at / "live.mp4", LENGTH, options=CLOSED),
    "livebframes": lambda at: encode(at / "liveb.mp4", LENGTH, options=B_FRAMES),
    "livejoined": lambda at: without(encode(at / "w.ts", LENGTH, options=OPEN, gop=30), 7, at / "livejoined.ts"),
    "liveh265": lambda at: encode(at / "live265.mp4", LENGTH, codec="libx265", options=H265, gop=30),
}


def pipe(path: Path, at: Path) -> Pipe:
    with av.open(str(path)) as given:
        return Pipe(at / f"{path.stem}.pipe", mux_parts(given))


def group(name: str, source: object = None, **changes: Any) -> dict[str, Any]:
    base = {"group": name, "count": 1, "resolution": "320x180", "fps": 15.0, "bitrate_kbps": 300.0}
    return {**base, **({} if source is None else {"source": [str(source)]}), **changes}


def cameras(found: Verdict) -> dict[str, CameraResult]:
    conserved(found)
    return {camera.name.removesuffix("-1"): camera for camera in found.cameras}


STAGES = [{"id": "person", "model": "m", "every": "3 frames"}]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    """One run in which every camera is well."""
    at = tmp_path_factory.mktemp("healthy")
    groups = [group("clip")]
    groups += [group(name, make(at)) for name, make in FILES.items()]
    groups[1]["source"] = [f"file://{groups[1]['source'][0]}"]
    still = encode(at / "still.jpg", 1, codec="mjpeg", pixels="yuvj420p")
    groups += [group("still", still, codec="mjpeg", fps=5.0)]
    for name, make in LIVE.items():
        codec = "h265" if name == "liveh265" else "h264"
        groups.append(group(name, pipe(make(at), at).path, codec=codec))
    return run(scenario(cameras=groups, stages=STAGES, slo=EASY), 6.0, at)


NAMES = ("clip", *FILES, "still", *LIVE)


@pytest.mark.parametrize("name", NAMES)
def test_every_healthy_stream_is_done_whole_and_holds_nothing(healthy, name) -> None:
    camera = cameras(healthy)[name]
    assert camera.status == "ok"
    assert (camera.lost, camera.in_flight) == (0, 0)
    assert camera.released == pytest.approx(6.0 * (5.0 if name == "still" else 15.0), abs=4)
    assert camera.dropped <= 0.05 * camera.released


@pytest.mark.timing
@pytest.mark.parametrize("name", NAMES)
def test_every_healthy_stream_is_as_quick_as_a_plain_clip(healthy, name) -> None:
    own, plain = cameras(healthy)[name].latency_ms.p50, cameras(healthy)["clip"].latency_ms.p50
    assert own is not None
    assert plain is not None
    assert own <= plain + 50.0


def test_healthy_streams_pass(healthy) -> None:
    checks = {check.name: check for check in healthy.checks}
    assert (checks["sources"].ok, checks["streams"].ok) == (True, True), healthy.reason
    if not healthy.interference["lost_fraction"]:
        assert healthy.verdict == "PASS", healthy.reason
    assert healthy.verdict != "FAIL", healthy.reason


def changing(at: Path) -> list[bytes]:
    """A camera that is set to another size while it sends."""
    parts: list[bytes] = []
    for size, length in (((320, 180), 180), ((640, 360), 180)):
        path = encode(at / f"size{size[0]}.mp4", length, options=CLOSED, size=size)
        with av.open(str(path)) as given:
            parts += mux_parts(given)
    return parts


def test_streams_with_faults_are_named_and_cost_nobody_else(tmp_path) -> None:
    noise = [bytes((place * place * 31 + part) % 256 for place in range(2000)) for part in range(LENGTH)]
    small = encode(tmp_path / "small.mp4", 30, size=(160, 90))
    tenbit = encode(tmp_path / "tenbit.mp4", 75, codec="libx265", options=TEN_BIT, pixels="yuv420p10le")
    torn = Pipe(tmp_path / "torn.pipe", _torn(tmp_path))
    groups = [
        group("clip"), group("small", small), group("tenbit", tenbit),
        group("garbage", Pipe(tmp_path / "garbage.pipe", noise).path), group("torn", torn.path),
        group("variable", FILES["variable"](tmp_path)),
        group("changing", Pipe(tmp_path / "changing.pipe", changing(tmp_path)).path),
    ]  # fmt: skip
    found = run(scenario(cameras=groups, stages=STAGES, slo=EASY), 12.0, tmp_path)
    own, checks = cameras(found), {check.name: check for check in found.checks}
    assert found.verdict == "INCONCLUSIVE", found.reason
    assert checks["streams"].ok is None
    assert "small-1: 160x90 where 320x180 was planned" in checks["streams"].measured
    assert "tenbit-1: h265, 10 bit where h264, 8 bit was planned" in checks["streams"].measured
    assert "changing-1: 640x360 where 320x180 was planned" in checks["streams"].measured
    assert checks["sources"].ok is None
    assert "garbage-1" in checks["sources"].measured
    assert own["garbage"].released == 0
    assert "variable-1: recorded at 5.08/s, played at the planned 15/s" in checks["streams"].measured
    for name in ("clip", "small", "tenbit", "changing"):
        assert own[name].done >= 0.9 * 12.0 * 15.0, name
        assert own[name].in_flight == 0, name
    assert own["torn"].done > 60
    assert own["torn"].in_flight == 0


def _torn(at: Path) -> list[bytes]:
    """A camera whose network eats parts of what it sends."""
    with av.open(str(encode(at / "torn.mp4", LENGTH, options=B_FRAMES))) as given:
        parts = mux_parts(given)
    return [part[:188] if number % 40 == 39 else part for number, part in enumerate(parts)]
