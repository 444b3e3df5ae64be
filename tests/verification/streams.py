"""Streams as cameras and recorders make them, and what plays them at their rate."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np

STEP_PIXELS = 4
SIZE = (320, 180)


def drawn(number: int, size: tuple[int, int] = SIZE) -> Any:
    """Picture number ``number``: a bright bar whose place tells it."""
    width, height = size
    picture = np.full((height, width, 3), 40, np.uint8)
    left = (number * STEP_PIXELS) % (width - STEP_PIXELS)
    picture[:, left : left + STEP_PIXELS] = 230
    return picture


def place_of(picture: Any) -> int:
    """Number of a picture, as drawn."""
    columns = picture.to_ndarray(format="gray8").mean(axis=0)
    bars = columns[: len(columns) // STEP_PIXELS * STEP_PIXELS].reshape(-1, STEP_PIXELS).mean(axis=1)
    return int(np.argmax(bars))


def encode(
    path: Path,
    frames: int,
    *,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    gop: int = 15,
    pixels: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    every: int = 1,
    audio: bool = False,
) -> Path:
    """Write numbered pictures at 15 per second; ``every`` leaves out all but each so-manieth time stamp."""
    suffix = {".jpg": "mjpeg", ".ts": "mpegts"}.get(path.suffix)
    with av.open(str(path), "w", format=suffix) as out:
        video: Any = out.add_stream(codec, rate=15, options=dict(options or {}))
        video.width, video.height, video.pix_fmt = *size, pixels
        video.codec_context.gop_size = gop
        sound: Any = out.add_stream("aac", rate=16000) if audio else None
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(drawn(number, size), format="rgb24").reformat(format=pixels)
            picture.pts = number * every
            out.mux(video.encode(picture))
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                silence.sample_rate, silence.pts = 16000, number * 1024
                out.mux(sound.encode(silence))
        out.mux(video.encode())
        if sound is not None:
            out.mux(sound.encode())
    return path


def without(whole: Path, packets: int, cut: Path) -> Path:
    """Leave out the first packets of a video, as one does who joins late."""
    with av.open(str(whole)) as given, av.open(str(cut), "w") as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux(video=0)):
            if packet.size and number >= packets:
                packet.stream = copy
                out.mux(packet)
    return cut


def mux_parts(given: Any) -> list[bytes]:
    """One piece of transport stream per packet of a video, so that each can be sent when it is due."""
    store = io.BytesIO()
    parts = []
    # flush after each packet; one packet per PES
    with av.open(store, "w", format="mpegts", options={"flush_packets": "1", "pes_payload_size": "0"}) as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
                parts.append(store.getvalue())
                store.seek(0)
                store.truncate()
    parts.append(store.getvalue())
    return [part for part in parts if part]


class Pipe:
    """A FIFO into which a stream is written at its rate, until nobody reads any more."""

    def __init__(self, path: Path, parts: Iterator[bytes] | list[bytes], rate_per_s: float = 15.0) -> None:
        self.path, self._parts, self._period_s = path, parts, 1.0 / rate_per_s
        os.mkfifo(path)
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self) -> None:
        with contextlib.suppress(BrokenPipeError), self.path.open("wb", buffering=0) as out:
            begun_s = time.monotonic()
            for number, part in enumerate(self._parts):
                time.sleep(max(begun_s + number * self._period_s - time.monotonic(), 0.0))
                out.write(part)
