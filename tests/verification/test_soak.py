"""Kinds of sources and faults of cameras for long, with all cores busy: right words, flat memory.

``SOAK_S=3600 pytest -m slow tests/verification/test_soak.py`` takes the hour; without it the run takes four minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import psutil
import pytest

from advisor.records.verdict import CameraResult, Verdict
from advisor.verification.trend import memory_slope

from .streams import Pipe, encode, mux_parts, without
from .support import scenario
from .test_faults import GSTREAMER, Server
from .test_run import EASY, Listener, conserved, run

pytestmark = pytest.mark.slow
SOAK_S = float(os.environ.get("SOAK_S", "240"))
HOGS = int(os.environ.get("SOAK_HOGS", str(os.cpu_count() or 1)))
"""Processes that keep the cores busy beside the run, of lesser priority: the cascade must get through."""
FPS = 15.0
B_FRAMES = {"bf": "3", "x264-params": "scenecut=0"}
PLAIN = {"bf": "0", "x264-params": "scenecut=0"}
PERIOD_S = 40.0
"""From one fault of a camera to its next."""
GROWN_MIB, GROWN_MIB_PER_H = 8.0, 20.0
"""What either process may grow by after the first quarter. Ten cameras are 540,000 frames an hour:
at 185 bytes each these would be 95 MiB in the parent, and as much again while it judges."""


def long_clip(clip: Path, seconds: float, path: Path) -> Path:
    """A film played over and over in one file, whose packets are copied."""
    with av.open(str(path), "w") as out:
        video: Any = None
        offset = 0
        while offset < seconds * FPS:
            with av.open(str(clip)) as given:
                source = given.streams.video[0]
                if video is None:
                    video = out.add_stream_from_template(source)
                frames = 0
                for packet in given.demux(source):
                    if packet.size:
                        step = round(1 / (FPS * float(packet.time_base)))
                        packet.pts, packet.dts = packet.pts + offset * step, packet.dts + offset * step
                        packet.stream = video
                        out.mux(packet)
                        frames += 1
                offset += frames
    return path


def damaged(clip: Path, path: Path) -> Path:
    """The same film with bytes overwritten all through it, its index left whole."""
    data = bytearray(clip.read_bytes())
    for place in range(len(data) // 10, len(data) * 8 // 10, 997):
        data[place : place + 60] = bytes((place * 31 + byte * 7) % 256 for byte in range(60))
    path.write_bytes(bytes(data))
    return path


class Faults:
    """Does something to servers again and again until it is closed."""

    def __init__(self, *acts: Callable[[], None]) -> None:
        self._acts, self._closed = acts, threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(act,), daemon=True) for act in acts]
        for thread in self._threads:
            thread.start()

    def _repeat(self, act: Callable[[], None]) -> None:
        while not self._closed.wait(PERIOD_S):
            act()

    def wait(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def close(self) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def system_python() -> None:
    system = Path("/usr/bin/python3")
    if not system.exists() or subprocess.run([system, "-c", GSTREAMER], capture_output=True, check=False).returncode:
        pytest.skip("no RTSP server: install gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's base, good, bad")


@pytest.fixture
def hogs() -> Iterator[None]:
    started = [subprocess.Popen(["nice", "-n", "10", sys.executable, "-c", "while True: pass"]) for _ in range(HOGS)]
    yield
    for hog in started:
        hog.kill()
        hog.wait()


def camera(name: str, source: object = None) -> dict[str, Any]:
    found = {"group": name, "count": 1, "resolution": "320x180", "fps": FPS, "bitrate_kbps": 300.0}
    return found if source is None else {**found, "source": [str(source)]}


def test_kinds_of_sources_and_faults_of_cameras_for_long(tmp_path: Path, system_python: None, hogs: None) -> None:
    short = encode(tmp_path / "short.mp4", 300, options=PLAIN)
    film = long_clip(short, SOAK_S + 120.0, tmp_path / "film.mp4")
    with av.open(str(long_clip(short, SOAK_S + 60.0, tmp_path / "pipe.mp4"))) as given:
        pipe = Pipe(tmp_path / "live.pipe", mux_parts(given))
    joined = without(encode(tmp_path / "whole.ts", 90, options=B_FRAMES, gop=30), 11, tmp_path / "joined.ts")
    servers = {name: Server(film) for name in ("healthy", "restarts", "stalls", "away")}
    servers |= {"ends": Server(short), "garbles": Server(damaged(film, tmp_path / "damaged.mp4"))}
    faults: Faults

    def gone(server: Server, seconds: float) -> None:
        server.kill()
        faults.wait(seconds)
        server.start()

    def stalled() -> None:
        servers["stalls"].process.send_signal(signal.SIGSTOP)
        faults.wait(5.0)
        servers["stalls"].process.send_signal(signal.SIGCONT)

    well = {
        "clip": None, "file": encode(tmp_path / "file.mp4", 75, options=B_FRAMES), "joined": joined,
        "pipe": pipe.path, "healthy": servers["healthy"].url,
    }  # fmt: skip
    ill = {name: server.url for name, server in servers.items() if name != "healthy"}
    plan = scenario(cameras=[camera(name, source) for name, source in {**well, **ill}.items()],
                    stages=[{"id": "person", "model": "m", "every": "3 frames"}], slo=EASY)  # fmt: skip
    own, points = psutil.Process(), []

    def heard() -> None:
        points.append((len(points) / 4, own.memory_info().rss))

    faults = Faults(lambda: gone(servers["restarts"], 2.0), stalled, lambda: gone(servers["away"], 20.0))
    try:
        found = run(plan, SOAK_S, tmp_path, progress=Listener(heard))
    finally:
        faults.close()
        for server in servers.values():
            server.kill()
    told(found, points)
    conserved(found)
    judged(found, set(well), set(ill))
    late = [rss / 2**20 for _, rss in points[len(points) // 4 :]]
    allowed_mib = GROWN_MIB + GROWN_MIB_PER_H * SOAK_S / 3600
    assert late[-1] - late[0] <= allowed_mib, late[:: len(late) // 20]
    if SOAK_S >= 1200.0:  # in a shorter one decoders and their buffers still fill
        child = found.trend["memory_mib_per_h"]
        assert child["low"] <= GROWN_MIB_PER_H, child


def told(found: Verdict, points: list[tuple[float, int]]) -> None:
    """What the run was like, for whoever runs it with ``-s``."""
    for item in found.cameras:
        print(
            item.name, item.released, item.done, item.dropped, item.lost, item.in_flight, item.latency_ms, item.status
        )
    print(found.verdict, found.reason)
    print([check.model_dump(include={"name", "ok", "measured"}) for check in found.checks])
    print(found.trend)
    every = max(len(points) // 20, 1)
    print("parent [MiB]", [round(rss / 2**20, 1) for _, rss in points[::every]], memory_slope(points))


def judged(found: Verdict, well: set[str], ill: set[str]) -> None:
    cameras: dict[str, CameraResult] = {item.name.removesuffix("-1"): item for item in found.cameras}
    checks = {check.name: check for check in found.checks}
    assert found.verdict == "INCONCLUSIVE", found.reason  # the machine is not to blame for cameras that were away
    assert checks["sources"].ok is None
    named = {part.split("-1 ")[0].strip() for part in checks["sources"].measured.split("; ")}
    assert named >= {"restarts", "stalls", "away", "ends"}
    assert not named & well
    for name in well:
        assert cameras[name].status == "ok", name
        assert cameras[name].done >= 0.97 * SOAK_S * FPS, name
        assert cameras[name].in_flight <= 1, name
        assert cameras[name].lost == 0, name
    for name in ill:
        assert cameras[name].status != "ok", name
        assert cameras[name].done > 0.2 * SOAK_S * FPS, name
        assert cameras[name].in_flight <= 1, name
    assert checks["memory_growth"].ok is not False, checks["memory_growth"].measured
    assert checks["run_completed"].ok is True
