"""Pictures of one camera: a file in a loop, a live stream that may go away, frames that arrive decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from advisor.addresses import hidden, source
from advisor.clock import Clock
from advisor.records.codec import usual_bitrate_kbps

from .decode import SourceError
from .hardware import acceleration
from .setup import Feed

DAMAGED_MAX = 50
"""Packets in a row that may fail before a file is given up."""
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
OPEN_TIMEOUT_S = 5.0
STALL_S = 2.0
"""A live camera that delivers nothing for so long is reported as stalled, and connected anew."""
RING = 8


class FileSource:
    """A video file in an endless loop, decoded by one thread as its turn comes.

    The next packet is the one after the last that was decoded, also when frames were dropped in between: the pictures
    stay whole, and a dropped frame costs nothing.
    """

    def __init__(self, path: str, device: str | None = None) -> None:
        self._path = path
        self.reading = False
        address = source(path)
        claim = {} if device is None else {"hwaccel": acceleration(device)}
        try:
            self._container: Any = av.open(address.target, options=address.options, **claim)
            self._stream: Any = self._container.streams.video[0]
        except (OSError, RuntimeError, av.error.FFmpegError, IndexError) as error:
            raise SourceError(f"{path} cannot be opened as video ({hidden(str(error))})") from error
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self._packets: Any = self._container.demux(self._stream)
        self._decoded: list[Any] = []
        self._since_picture = 0

    def decode(self, packet: Any) -> Any:
        del packet
        if self._decoded:
            return self._decoded.pop(0)
        while True:
            self.reading = True
            try:
                item = self._next_packet()
            finally:
                self.reading = False
            try:
                self._decoded += item.decode()
            except av.error.FFmpegError as error:
                self._since_picture += 1
                raise SourceError(f"{self._path}: a packet cannot be decoded ({error})") from error
            if item.size == 0:  # end of file: what the decoder still held has come out, begin again
                self._rewind()
                if not self._decoded:
                    continue
            self._since_picture = 0 if self._decoded else self._since_picture + 1
            if self._since_picture > DAMAGED_MAX:
                raise SourceError(f"{self._path}: {DAMAGED_MAX} packets gave no picture")
            return self._decoded.pop(0) if self._decoded else None

    def _next_packet(self) -> Any:
        try:
            return next(self._packets)
        except StopIteration:
            self._rewind()
        except av.error.FFmpegError as error:
            self._rewind()
            raise SourceError(f"{self._path}: damaged ({error})") from error
        try:
            return next(self._packets)
        except (StopIteration, av.error.FFmpegError) as error:
            raise SourceError(f"{self._path}: holds no packet that can be read") from error

    def _rewind(self) -> None:
        self._container.seek(0)
        self._stream.codec_context.flush_buffers()
        self._packets = self._container.demux(self._stream)

    def close(self) -> None:
        self._container.close()


class RawSource:
    """Frames that arrive decoded, as from a machine-vision camera: a ring of seeded pictures, handed out in turn."""

    reading = False

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        rng = np.random.default_rng([seed, 4])
        width, height = size
        coarse = rng.integers(0, 256, (RING, -(-height // 16), -(-width // 16), 3), dtype=np.uint8)
        self._ring = [
            np.ascontiguousarray(picture.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]) for picture in coarse
        ]
        self._next = 0

    def decode(self, packet: Any) -> Any:
        del packet
        self._next = (self._next + 1) % RING
        return self._ring[self._next]

    def close(self) -> None:
        self._ring = []


class LiveSource:
    """A stream that comes by itself: frames are released as they arrive; connects anew with growing pauses.

    ``arrived(feed, packet)`` is called for every packet, ``status(index, text)`` when the camera goes and comes.
    """

    reading = False  # what decodes is handed packets; its own thread reads them, and look() watches it

    def __init__(
        self,
        feed: Feed,
        clock: Clock,
        arrived: Callable[[Feed, Any], None],
        status: Callable[[int, str], None],
        device: str | None = None,
    ) -> None:
        assert feed.source is not None
        self._feed, self._address, self._clock, self._device = feed, source(feed.source), clock, device
        self._heard_s = clock.now_s()
        self._silent = False
        self._arrived, self._status = arrived, status
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"live-{feed.name}", daemon=True)

    def decode(self, packet: Any) -> Any:
        context, data = packet
        try:
            pictures = context.decode(data)
        except av.error.FFmpegError as error:
            raise SourceError(f"{self._feed.name}: a packet cannot be decoded ({error})") from error
        return pictures[-1] if pictures else None

    def look(self) -> None:
        """Report a camera that has been silent for too long; reading from a pipe does not end by itself."""
        silence_s = self._clock.now_s() - self._heard_s
        if silence_s > STALL_S and not self._silent:
            self._silent = True
            self._status(self._feed.index, f"stalled: nothing came for {silence_s:.0f} s")

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        self.thread.join(timeout=STALL_S)  # one that sits in a silent pipe is left behind

    def _run(self) -> None:
        attempt = 0
        self._heard_s = self._clock.now_s()
        while not self._stop.is_set():
            try:
                if self._play():
                    attempt = 0
                self._status(self._feed.index, "ended: connecting again")
            except (OSError, RuntimeError, av.error.FFmpegError, IndexError) as error:
                self._status(self._feed.index, f"lost: {type(error).__name__}, connecting again")
            self._stop.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            attempt += 1

    def _play(self) -> bool:
        """Hand on packets until the stream ends; True where any came."""
        any_came = False
        with av.open(
            self._address.target, options=self._address.options, timeout=(OPEN_TIMEOUT_S, STALL_S)
        ) as container:
            stream: Any = container.streams.video[0]
            claim = None if self._device is None else acceleration(self._device)
            context: Any = av.CodecContext.create(stream.codec_context.name, "r", claim)
            context.extradata = stream.codec_context.extradata
            context.thread_count = 1
            for packet in container.demux(stream):
                if self._stop.is_set():
                    return any_came
                if packet.size == 0:
                    continue
                self._heard_s = self._clock.now_s()
                if not any_came or self._silent:
                    self._status(self._feed.index, "ok")
                    any_came, self._silent = True, False
                self._arrived(self._feed, (context, packet))
        return any_came


def clip_bitrate_kbps(feed: Feed) -> float:
    """Bit rate of a synthesised clip [1000 bit/s]: the scenario's, else a usual one for surveillance cameras."""
    if feed.bitrate_kbps is not None:
        return feed.bitrate_kbps
    return usual_bitrate_kbps(str(feed.codec), *feed.size, feed.rate_per_s)


def clip_for(feed: Feed, directory: Path, seed: int) -> Path:
    """Synthesise (or find) the clip that a camera without a source of its own plays."""
    from advisor.measure.items.clips import clip_path, synthesise

    assert feed.codec is not None
    assert feed.codec != "raw"
    rate = clip_bitrate_kbps(feed)
    width, height = feed.size
    path = clip_path(directory, width, height, feed.rate_per_s, feed.codec, rate, seed, feed.gop_frames)
    return synthesise(path, width, height, feed.rate_per_s, feed.codec, rate, gop_frames=feed.gop_frames, seed=seed)
