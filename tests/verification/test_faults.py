"""Faults made for real: servers, files, processes, disks and neighbours that fail while a cascade runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from .support import scenario
from .test_run import EASY, Listener, conserved, fast_cameras, run

pytestmark = pytest.mark.slow
SERVER = Path(__file__).with_name("rtsp_server.py")
GSTREAMER = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def clip(work_dir: Path) -> Path:
    """Forty seconds of a small camera, H.264 in MP4."""
    import av
    import numpy as np

    path = work_dir / "clip.mp4"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "15"}
        for number in range(600):
            picture = np.full((180, 320, 3), 40, np.uint8)
            picture[60:120, number % 260 : number % 260 + 60] = 200
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """An RTSP server that can be taken away and brought back on the same port."""

    def __init__(self, clip: Path) -> None:
        self.port, self._clip = free_port(), clip
        self.url = f"rtsp://127.0.0.1:{self.port}/camera"
        self.start()

    def start(self) -> None:
        command = ["/usr/bin/python3", str(SERVER), str(self.port), str(self._clip)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server(clip: Path) -> Iterator[Server]:
    system = Path("/usr/bin/python3")
    if not system.exists() or subprocess.run([system, "-c", GSTREAMER], capture_output=True, check=False).returncode:
        pytest.skip("no RTSP server: install gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's base, good, bad")
    made = Server(clip)
    yield made
    made.kill()


def after(calls: int, act: Any) -> Listener:
    """Listener that acts once, after so many live figures (four a second)."""
    count = iter(range(10**6))
    return Listener(lambda: act() if next(count) == calls else None)


def live(url: str) -> dict[str, Any]:
    return {"group": "net", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [url]}


def test_an_rtsp_server_that_restarts_is_connected_again_and_the_others_go_on(work_dir, server) -> None:
    def restart() -> None:
        server.kill()
        threading.Timer(2.0, server.start).start()

    found = run(scenario(cameras=[*fast_cameras(1, 15.0), live(server.url)], slo=EASY), 16.0, work_dir,
                progress=after(16, restart))  # fmt: skip
    conserved(found)
    cameras = {camera.name: camera for camera in found.cameras}
    assert found.verdict == "INCONCLUSIVE", found.reason
    assert "lost" in cameras["net-1"].status or "ended" in cameras["net-1"].status
    assert cameras["net-1"].done > 90  # before and after: a run that stayed away would have some 50
    assert cameras["cam-1"].done > 0.9 * 16 * 15


def test_a_healthy_rtsp_camera_passes(work_dir, server) -> None:
    found = run(scenario(cameras=[live(server.url)], slo=EASY), 10.0, work_dir)
    conserved(found)
    (camera,) = found.cameras
    assert (camera.status, camera.lost, camera.in_flight) == ("ok", 0, 0)
    assert camera.done > 0.95 * 10 * 15
    assert camera.latency_ms.p50 is not None
    assert camera.latency_ms.p50 < 200
    checks = {check.name: check.ok for check in found.checks}
    assert (checks["sources"], checks["streams"]) == (True, True), found.reason
    assert found.verdict == "PASS" or found.interference["lost_fraction"] > 0


def test_an_rtsp_stream_that_stalls_five_seconds_is_reported(work_dir, server) -> None:
    def stall() -> None:
        server.process.send_signal(signal.SIGSTOP)
        threading.Timer(5.0, server.process.send_signal, [signal.SIGCONT]).start()

    found = run(scenario(cameras=[*fast_cameras(1, 15.0), live(server.url)], slo=EASY), 16.0, work_dir,
                progress=after(16, stall))  # fmt: skip
    conserved(found)
    cameras = {camera.name: camera for camera in found.cameras}
    assert found.verdict == "INCONCLUSIVE", found.reason
    assert cameras["net-1"].status != "ok"
    assert cameras["cam-1"].done > 0.9 * 16 * 15


def test_corrupt_video_is_reported_and_no_fault_of_the_machine(work_dir, clip, tmp_path) -> None:
    damaged = tmp_path / "damaged.mp4"
    data = bytearray(clip.read_bytes())
    for place in range(len(data) // 4, len(data) // 2):
        data[place] = (place * 7919) % 256
    damaged.write_bytes(bytes(data))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:2000])
    groups = [*fast_cameras(1, 15.0), {**live(str(damaged)), "group": "damaged"}, {**live(str(cut)), "group": "cut"}]
    found = run(scenario(cameras=groups, slo=EASY), 30.0, work_dir)
    conserved(found)
    cameras = {camera.name: camera for camera in found.cameras}
    assert found.verdict == "INCONCLUSIVE", found.reason
    assert cameras["cut-1"].status.startswith("failed: ")
    assert cameras["damaged-1"].status != "ok"
    assert cameras["cam-1"].done > 0.9 * 30 * 15


def test_a_file_that_ends_begins_again(work_dir, clip) -> None:
    found = run(scenario(cameras=[{**live(str(clip)), "fps": 60.0}], slo=EASY), 14.0, work_dir)
    conserved(found)
    assert found.cameras[0].released == pytest.approx(840, abs=1)
    assert found.cameras[0].done > 700  # the file holds 600
    assert found.verdict != "FAIL" or found.interference["lost_fraction"] > 0.3


def test_a_busy_neighbour_is_not_the_machines_fault(work_dir) -> None:
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        found = run(scenario(cameras=fast_cameras(), slo=EASY), 8.0, work_dir)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    conserved(found)
    assert found.verdict != "FAIL", found.reason
    assert found.interference["lost_fraction"] > 0.2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_leaves_one_line_and_no_half_report(tmp_path) -> None:
    from advisor.errors import StoreError
    from advisor.store.files import write_document

    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("this container may not mount a small disk")
    try:
        with pytest.raises(StoreError, match=r"verdict\.json: cannot be written") as caught:
            write_document(disk / "verdict.json", "x" * 200_000)
        assert "\n" not in str(caught.value)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_pipe_that_stalls_five_seconds_is_reported_and_nobodys_drop(work_dir, clip, tmp_path) -> None:
    pipe = tmp_path / "camera.ts"
    os.mkfifo(pipe)
    stream = tmp_path / "clip.ts"
    import av

    with av.open(str(clip)) as source, av.open(str(stream), "w", format="mpegts") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = video
                out.mux(packet)

    def play() -> None:
        data = stream.read_bytes()
        # The run ends before the film does, and with it the reader.
        with contextlib.suppress(BrokenPipeError), pipe.open("wb", buffering=0) as out:
            for number, part in enumerate(range(0, len(data), len(data) // 200)):  # three frames at a time
                out.write(data[part : part + len(data) // 200])
                time.sleep(5.0 if number == 35 else 0.2)

    writer = threading.Thread(target=play, daemon=True)
    writer.start()
    found = run(scenario(cameras=[*fast_cameras(1, 15.0), live(str(pipe))], slo=EASY), 15.0, work_dir)
    conserved(found)
    cameras = {camera.name: camera for camera in found.cameras}
    assert found.verdict == "INCONCLUSIVE", found.reason
    assert cameras["net-1"].status != "ok"
    assert cameras["net-1"].done > 60
    assert cameras["net-1"].dropped < 0.1 * cameras["net-1"].released
    assert cameras["cam-1"].done > 0.9 * 15 * 15


class Command:
    """``sizer verify`` in a process of its own on a small model."""

    def __init__(self, tmp_path: Path, *options: str, seconds: float = 60.0) -> None:
        from advisor.zoo import build

        sizer = shutil.which("sizer", path=str(Path(sys.executable).parent))
        if sizer is None:
            pytest.skip("the command sizer is not installed beside this interpreter")
        small = build("squeezenet-1.1", tmp_path)
        plan = scenario(stages=[{"id": "person", "model": str(small.path), "every": "3 frames"}], slo=EASY)
        path, self.out = tmp_path / "scenario.json", tmp_path / "verdict.json"
        path.write_text(plan.model_dump_json(exclude_defaults=True), encoding="utf-8")
        environment = {**os.environ, "SIZER_STORE": f"sqlite:///{tmp_path / 'store.sqlite'}"}
        self.process = subprocess.Popen(
            [sizer, "verify", str(path), "--duration", str(seconds), "--config", "default", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        self.text = b""

    def wait_for(self, words: str) -> None:
        limit_s = time.monotonic() + 90
        assert self.process.stdout is not None
        while words.encode() not in self.text and time.monotonic() < limit_s:
            part = os.read(self.process.stdout.fileno(), 4096)
            assert part, self.text.decode()
            self.text += part

    def finish(self) -> int:
        rest, _ = self.process.communicate(timeout=120)
        self.text += rest
        assert b"Traceback" not in self.text
        assert not [item for item in psutil.Process().children(recursive=True) if item.is_running()]
        return self.process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["compiling", "running", "frames done"])
def test_a_signal_on_the_command_line_ends_inconclusive(tmp_path, moment, number) -> None:
    command = Command(tmp_path, "-o", str(tmp_path / "verdict.json"))
    command.wait_for(moment)
    command.process.send_signal(number)
    assert command.finish() == 3, command.text.decode()
    assert b"INCONCLUSIVE" in command.text
    assert "stopped by the user" in command.out.read_text(encoding="utf-8")


def test_a_killed_worker_fails_on_the_command_line_with_its_reason(tmp_path) -> None:
    command = Command(tmp_path, "-o", str(tmp_path / "verdict.json"))
    command.wait_for("frames done")
    for child in psutil.Process(command.process.pid).children(recursive=True):
        child.kill()
    assert command.finish() == 1, command.text.decode()
    assert "SIGKILL" in command.out.read_text(encoding="utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_costs_the_report_but_not_the_verdict(tmp_path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this container may not mount a small disk")
    try:
        (disk / "filler").write_bytes(b"x" * 60_000)
        whole = tmp_path / "verdict.xml"
        command = Command(tmp_path, "-o", str(disk / "v.json"), "--html", str(disk / "v.html"), "--junit", str(whole),
                          seconds=4.0)  # fmt: skip
        code = command.finish()
        assert b"v.json: cannot be written" in command.text
        assert b"v.html: cannot be written" in command.text
        assert sorted(item.name for item in disk.iterdir()) == ["filler"]
        assert whole.exists()  # what could be written was
        word = next(word for word in (b"PASS", b"FAIL", b"INCONCLUSIVE") if b": " + word + b" after" in command.text)
        assert code == {b"PASS": 2, b"FAIL": 1, b"INCONCLUSIVE": 3}[word]
        assert b"the verdict is stored (see sizer report)" in command.text
    finally:
        subprocess.run(["umount", disk], check=True)
