from __future__ import annotations

import socket
import threading
import time
from typing import Any

import av
import pytest

from advisor.clock import RealClock
from advisor.verification import sources
from advisor.verification.decode import SourceError
from advisor.verification.setup import feeds_of, is_live
from advisor.verification.sources import FileSource, LiveSource, RawSource, clip_bitrate_kbps, clip_for
from tests.waiting import wait_until

from .support import scenario


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    feed = feeds_of(scenario())[0]
    return clip_for(feed, tmp_path_factory.mktemp("clips"), seed=1)


def test_a_file_plays_for_ever(clip) -> None:
    source = FileSource(str(clip))
    pictures = [source.decode(None) for _ in range(100)]  # the clip holds 30
    assert all(picture is not None for picture in pictures)
    assert {(picture.width, picture.height) for picture in pictures} == {(320, 180)}
    first = pictures[0].to_ndarray(format="gray8")
    assert (pictures[30].to_ndarray(format="gray8") == first).all()
    assert not (pictures[20].to_ndarray(format="gray8") == first).all()
    source.close()


def test_a_file_says_when_it_is_read_and_not_decoded(clip, monkeypatch) -> None:
    source = FileSource(str(clip))
    seen = []

    class Packet:
        size = 1

        def decode(self):
            seen.append(source.reading)
            return ["picture"]

    def packets():
        seen.append(source.reading)
        yield Packet()

    monkeypatch.setattr(source, "_packets", packets())
    assert source.decode(None) == "picture"
    assert seen == [True, False]
    source.close()


def test_a_missing_or_foreign_file_is_a_source_error(tmp_path) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        FileSource(str(tmp_path / "none.mp4"))
    (tmp_path / "text.mp4").write_text("this is no video " * 100)
    with pytest.raises(SourceError, match="cannot be opened"):
        FileSource(str(tmp_path / "text.mp4"))


def test_damaged_data_costs_frames_but_not_the_source(clip, tmp_path) -> None:
    data = bytearray(clip.read_bytes())
    start, end = len(data) // 3, len(data) // 2
    data[start:end] = bytes((byte * 31 + 7) % 256 for byte in range(end - start))
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    source = FileSource(str(damaged))
    good = bad = 0
    for _ in range(90):
        try:
            good += source.decode(None) is not None
        except SourceError:
            bad += 1
    assert good > 20
    source.close()


def test_raw_frames_come_decoded_in_turn() -> None:
    source = RawSource((100, 60), seed=1)
    pictures = [source.decode(None) for _ in range(sources.RING + 1)]
    assert {picture.shape for picture in pictures} == {(60, 100, 3)}
    assert pictures[0] is pictures[-1]
    assert not (pictures[0] == pictures[1]).all()


def test_bit_rates_are_the_scenarios_or_usual() -> None:
    feed = feeds_of(scenario())[0]
    assert clip_bitrate_kbps(feed) == 300.0
    full_hd = scenario(cameras=[{"group": "c", "count": 1, "resolution": "1920x1080", "fps": 15.0}])
    assert clip_bitrate_kbps(feeds_of(full_hd)[0]) == pytest.approx(3110.4)


def live(url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LiveSource, list[Any], list[str]]:
    monkeypatch.setattr(sources, "BACK_OFF_S", (0.05,))
    group = {"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [url]}
    packets: list[Any] = []
    status: list[str] = []
    source = LiveSource(
        feeds_of(scenario(cameras=[group]))[0], RealClock(), lambda _feed, packet: packets.append(packet),
        lambda _index, text: status.append(text),
    )  # fmt: skip
    return source, packets, status


def test_a_stream_that_ends_is_connected_again_and_told(clip, monkeypatch) -> None:
    assert is_live("rtsp://camera/1")
    assert not is_live("clip.mp4")
    assert not is_live(f"file://{clip}")  # at its frame rate, not as fast as it can be read
    assert not is_live(None)
    source, packets, status = live(f"file://{clip}", monkeypatch)
    source.thread.start()
    wait_until(lambda: len(packets) >= 100, "packets of a second connection")
    source.close()
    assert status[0] == "ok"
    assert "ended: connecting again" in status
    pictures = [source.decode(packet) for packet in packets[:45]]
    assert sum(picture is not None for picture in pictures) >= 40


def test_a_stream_that_stalls_is_left_and_connected_again(clip, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sources, "STALL_S", 0.5)
    transport = tmp_path / "clip.ts"
    with av.open(str(clip)) as given, av.open(str(transport), "w") as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        calls = 0

        def serve() -> None:
            nonlocal calls
            held = []
            for _ in range(2):
                connection, _ = server.accept()
                calls += 1
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
                connection.sendall(transport.read_bytes())
                held.append(connection)  # open, but nothing comes any more
            time.sleep(1.5)
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        source, packets, status = live(f"http://127.0.0.1:{server.getsockname()[1]}/clip.ts", monkeypatch)
        source.thread.start()
        thread.join()
        source.close()
    assert calls == 2
    assert len(packets) > 45  # 30 from either connection, the last few perhaps still buffered
    assert status.count("ok") == 2
    assert any(text.startswith("lost: ") for text in status)


def test_a_stream_that_cannot_be_reached_is_tried_again(monkeypatch) -> None:
    source, packets, status = live("http://127.0.0.1:9/", monkeypatch)
    source.thread.start()
    before = set(threading.enumerate())
    wait_until(lambda: len(status) >= 3, "attempts to connect again")
    source.close()
    assert packets == []
    assert all(text.startswith("lost: ") for text in status)
    assert set(threading.enumerate()) <= before  # attempts leave no threads behind


def test_a_pipe_comes_by_itself_and_its_silence_is_reported_once(tmp_path, monkeypatch) -> None:
    import os

    monkeypatch.setattr(sources, "STALL_S", 0.05)
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    assert is_live(str(pipe))
    group = {"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [str(pipe)]}
    (feed,) = feeds_of(scenario(cameras=[group]))
    assert feed.live
    told: list[str] = []
    live = LiveSource(feed, RealClock(), lambda _feed, _packet: None, lambda _index, text: told.append(text))
    live.look()
    assert told == []
    time.sleep(0.1)
    live.look()
    live.look()
    assert [text.split(":")[0] for text in told] == ["stalled"]
