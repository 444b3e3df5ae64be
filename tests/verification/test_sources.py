from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from advisor.clock import RealClock
from advisor.verification import sources
from advisor.verification.decode import SourceError, SourceGone
from advisor.verification.frames import Frame
from advisor.verification.setup import feeds_of, is_live
from advisor.verification.sources import FileSource, LiveSource, RawSource, clip_bitrate_kbps, clip_for
from tests.waiting import wait_until

from .streams import encode, mux_parts, place_of, without
from .support import scenario


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    feed = feeds_of(scenario())[0]
    return clip_for(feed, tmp_path_factory.mktemp("clips"), seed=1)


def frame(number: int, packet: Any = None) -> Frame:
    return Frame(feeds_of(scenario())[0], number, 0.0, packet=packet)


def pictures(source: FileSource, count: int) -> list[Any]:
    """One picture per call."""
    found = [source.decode(frame(number)) for number in range(count)]
    assert [[number for number, _ in given] for given in found] == [[number] for number in range(count)]
    return [given[0][1] for given in found]


def grey(picture: Any) -> Any:
    return picture.to_ndarray(format="gray8")


def test_a_file_plays_for_ever(clip) -> None:
    source = FileSource(str(clip))
    played = pictures(source, 100)  # the clip holds 30
    assert {(picture.width, picture.height) for picture in played} == {(320, 180)}
    assert (grey(played[30]) == grey(played[0])).all()
    assert not (grey(played[20]) == grey(played[0])).all()
    assert source.codec == "h264"
    source.close()


def test_a_file_may_begin_anywhere(clip, monkeypatch) -> None:
    first, later, gone = (FileSource(str(clip)) for _ in range(3))
    later.play(12)
    assert (grey(pictures(later, 1)[0]) == grey(pictures(first, 13)[12])).all()
    monkeypatch.setattr(gone, "_take", lambda packet: None)
    gone.play(3)  # says nothing: the camera's first frame will
    with pytest.raises(SourceGone, match="no picture"):
        gone.decode(frame(0))
    for source in (first, later, gone):
        source.close()


ENCODED = {
    "b-frames.mp4": {"bf": "3"},
    "b-frames.h264": {"bf": "3"},
    "open-groups.ts": {"bf": "3", "x264-params": "open-gop=1:scenecut=0"},
    "parts.ts": {"x264-params": "intra-refresh=1:scenecut=0", "bf": "0"},
    "plain.h264": {"tune": "zerolatency"},
}


@pytest.mark.parametrize("name", ENCODED)
def test_every_call_gives_one_picture_in_order_whatever_the_decoder_holds_back(name, tmp_path) -> None:
    path = encode(tmp_path / name, 30, options=ENCODED[name], gop=10)
    source = FileSource(str(path))
    played = [place_of(picture) for picture in pictures(source, 95)]
    skipped = played[0]  # a decoder may want the first group of an open or key-less stream to settle
    once = list(range(skipped, 30))
    assert played == (once * 4)[:95]
    assert skipped < 10
    source.close()


def test_a_file_joined_in_the_middle_of_a_group_begins_at_its_first_key_frame(tmp_path) -> None:
    cut = without(encode(tmp_path / "whole.ts", 45, gop=15), 5, tmp_path / "cut.ts")
    source = FileSource(str(cut))
    assert [place_of(picture) for picture in pictures(source, 60)] == [*range(15, 45), *range(15, 45)]
    source.close()


def test_one_picture_plays_for_ever(tmp_path) -> None:
    source = FileSource(str(encode(tmp_path / "one.jpg", 1, codec="mjpeg", pixels="yuvj420p")))
    assert len({grey(picture).tobytes() for picture in pictures(source, 20)}) == 1
    source.close()


@pytest.mark.parametrize("suffix", [".mp4", ".h264"])
def test_a_file_that_holds_no_picture_is_gone_and_not_read_for_ever(tmp_path, monkeypatch, suffix) -> None:
    source = FileSource(str(encode(tmp_path / f"clip{suffix}", 30)))
    monkeypatch.setattr(source, "_take", lambda packet: None)
    with pytest.raises(SourceGone, match="no picture that can be decoded"):
        source.decode(frame(0))


def test_a_file_says_when_it_is_read_and_not_decoded(clip, monkeypatch) -> None:
    source = FileSource(str(clip))
    seen = []

    class Packet:
        size, is_keyframe = 1, True

    def packets() -> Iterator[Packet]:
        seen.append(source.reading)
        yield Packet()

    def take(packet: Any) -> None:
        seen.append(source.reading)
        source._pictures.append("picture")

    monkeypatch.setattr(source, "_packets", packets())
    monkeypatch.setattr(source, "_take", take)
    assert source.decode(frame(0)) == [(0, "picture")]
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
            good += len(source.decode(frame(0)))
        except SourceError:
            bad += 1
    assert good > 20
    source.close()


def test_raw_frames_come_decoded_in_turn() -> None:
    source = RawSource((100, 60), seed=1)
    pictures = [source.next() for _ in range(sources.RING + 1)]
    assert {picture.shape for picture in pictures} == {(60, 100, 3)}
    assert pictures[0] is pictures[-1]
    assert not (pictures[0] == pictures[1]).all()


def test_bit_rates_are_the_scenarios_or_usual() -> None:
    feed = feeds_of(scenario())[0]
    assert clip_bitrate_kbps(feed) == 300.0
    full_hd = scenario(cameras=[{"group": "c", "count": 1, "resolution": "1920x1080", "fps": 15.0}])
    assert clip_bitrate_kbps(feeds_of(full_hd)[0]) == pytest.approx(3110.4)


@pytest.mark.parametrize(("size", "fps", "coded"), [("853x480", 5.0, (854, 480)), ("80x60", 0.1, (80, 64))])
def test_sizes_and_rates_as_sold_have_a_clip(tmp_path, size, fps, coded) -> None:
    plan = scenario(cameras=[{"group": "cam", "count": 1, "resolution": size, "fps": fps}])
    source = FileSource(str(clip_for(feeds_of(plan)[0], tmp_path, seed=1)))
    assert {(picture.width, picture.height) for picture in pictures(source, 3)} == {coded}
    source.close()


def live(url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LiveSource, list[Any], list[str]]:
    monkeypatch.setattr(sources, "BACK_OFF_S", (0.05,))
    group = {"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [url]}
    packets: list[Any] = []
    status: list[str] = []
    source = LiveSource(
        feeds_of(scenario(cameras=[group]))[0], RealClock(), lambda _feed, packet: packets.append(packet),
        lambda _index, text: status.append(text),
    )  # fmt: skip
    source.count_from_now()
    return source, packets, status


class Camera:
    """An HTTP server that sends a stream packet by packet at its rate, to one connection after another."""

    def __init__(self, path: Path, burst: int = 0, gap_s: float = 0.04, stall: bool = False) -> None:
        with av.open(str(path)) as given:
            self.parts = mux_parts(given)
        self._burst, self._gap_s, self._stall = burst, gap_s, stall
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/camera.ts"
        self.calls = 0
        self._open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while self._open:
            with contextlib.suppress(OSError):
                connection, _ = self._server.accept()
                self.calls += 1
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
                    for number, part in enumerate(self.parts):
                        connection.sendall(part)
                        time.sleep(0.0 if number < self._burst else self._gap_s)
                    if self._stall:
                        time.sleep(1.5)

    def close(self) -> None:
        self._open = False
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


def test_a_stream_that_ends_is_connected_again_and_told(clip, monkeypatch) -> None:
    assert is_live("rtsp://camera/1")
    assert not is_live("clip.mp4")
    assert not is_live(f"file://{clip}")  # at its frame rate, not as fast as it can be read
    assert not is_live(None)
    camera = Camera(clip)
    source, packets, status = live(camera.url, monkeypatch)
    source.thread.start()
    wait_until(lambda: camera.calls >= 2 and status.count("ok") >= 2, "a second connection")
    source.close()
    camera.close()
    assert status[0] == "ok"
    assert "ended, connecting again" in status or any(text.startswith("lost: ") for text in status)
    assert status[-1] == "ok"  # it ended because we did, which is not told
    shown = [number for n, packet in enumerate(packets) for number, _ in source.decode(frame(n, packet))]
    assert len([number for number in shown if number >= 0]) >= len(packets) - 2


def test_the_burst_of_a_new_connection_is_no_frames_but_the_decoder_sees_it(tmp_path, monkeypatch) -> None:
    camera = Camera(encode(tmp_path / "c.mp4", 60, codec="libx265", gop=60,
                           options={"x265-params": "log-level=error:bframes=0"}), burst=25)  # fmt: skip
    source, packets, _ = live(camera.url, monkeypatch)
    source.thread.start()
    wait_until(lambda: packets, "a packet that counts")
    source.close()
    camera.close()
    first = packets[0]
    assert first.before[0].is_keyframe
    assert len(first.before) >= 15  # all that came at once, the key frame first; none is dropped
    given = source.decode(frame(0, first))
    assert [number for number, _ in given if number != sources.NO_FRAME] == [0]
    assert place_of(given[-1][1]) == len(first.before)  # whole: its references were there


def test_a_codec_that_is_not_known_is_tried_again(clip, monkeypatch) -> None:
    camera = Camera(clip)
    source, packets, status = live(camera.url, monkeypatch)
    decoder = source._decoder
    calls = iter(range(100))
    unknown = types.SimpleNamespace(codec_context=None)
    monkeypatch.setattr(source, "_decoder", lambda stream: decoder(unknown if next(calls) == 0 else stream))
    source.thread.start()
    wait_until(lambda: len(packets) > 2, "packets of the second connection")
    source.close()
    camera.close()
    assert status[0] == "sends a codec that is not known here, connecting again"
    assert status[-1] == "ok"


def test_a_stream_that_gives_no_picture_any_more_is_connected_again(clip, monkeypatch) -> None:
    monkeypatch.setattr(sources, "PICTURELESS_S", 0.2)
    camera = Camera(clip)
    source, packets, status = live(camera.url, monkeypatch)
    source.thread.start()
    wait_until(lambda: len(packets) > 2, "packets")

    class Deaf:
        def decode(self, packet: Any) -> list[Any]:
            return []

    deaf = sources.Arrival(Deaf(), types.SimpleNamespace(pts=0), [], 0, False)
    assert source.decode(frame(0, deaf)) == []
    time.sleep(0.3)
    assert source.decode(frame(1, deaf)) == []
    wait_until(lambda: any(text.startswith("sends nothing that can be decoded") for text in status), "a new attempt")
    source.close()
    camera.close()


def test_a_camera_that_is_set_to_another_codec_is_connected_again(clip, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "PICTURELESS_S", 0.3)
    camera = Camera(clip)
    with av.open(
        str(encode(tmp_path / "c.mp4", 200, codec="libx265", gop=15, options={"x265-params": "log-level=error"}))
    ) as other:
        camera.parts += mux_parts(other)
    numbers = itertools.count()
    status: list[str] = []
    codecs: list[str] = []

    def arrived(_feed: Any, arrival: Any) -> None:
        with contextlib.suppress(SourceError):
            codecs.extend(source.codec for _ in source.decode(frame(next(numbers), arrival)))

    group = {"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [camera.url]}
    monkeypatch.setattr(sources, "BACK_OFF_S", (0.05,))
    source = LiveSource(
        feeds_of(scenario(cameras=[group]))[0], RealClock(), arrived, lambda _index, text: status.append(text)
    )
    source.count_from_now()
    source.thread.start()
    wait_until(lambda: camera.calls >= 2, "a second connection")
    camera.parts = camera.parts[-200:]  # what it sends to the next who ask
    wait_until(lambda: "hevc" in codecs, "pictures of the other codec")
    source.close()
    camera.close()
    assert "h264" in codecs
    assert "sends nothing that can be decoded, connecting again" in status


def test_a_stream_that_stalls_is_left_and_connected_again(clip, monkeypatch) -> None:
    monkeypatch.setattr(sources, "STALL_S", 0.5)
    camera = Camera(clip, stall=True)
    source, packets, status = live(camera.url, monkeypatch)
    source.thread.start()
    wait_until(lambda: status.count("ok") >= 2, "a second connection")
    source.close()
    camera.close()
    assert camera.calls >= 2
    assert packets
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
