"""Core time of decoding and pre-processing on this machine, clips in turns: rows that ``calibration/decode.py`` reads.

``python -m benchmarks.decode_rows --machine NAME --clock-ghz F --year Y profiles/measured`` writes ``decode.csv`` and
``preparation.csv`` there. Every round decodes every clip once from end to end on one thread, or prepares every input,
so that all see the same minutes; CPU time of the thread is counted. On a disturbed machine the low quantiles and the
ratios between rows are worth more than any single figure.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
from numpy.typing import NDArray

from advisor.clock import utc_now
from advisor.measure.items.clips import ClipRequest, CodecName, Scene, synthesise
from advisor.measure.items.preprocess import crop, to_model_input
from advisor.records.measurement import BOX_HEIGHT_SHARE

ROUNDS = 30
HD, QHD, UHD, WIDE, SMALL = (1280, 720), (2560, 1440), (3840, 2160), (1920, 1080), (640, 360)
Size = tuple[int, int]
Picture = NDArray[np.uint8]

CAMERA: tuple[tuple[CodecName, Size, float, float], ...] = (
    ("h264", SMALL, 500, 15), ("h264", HD, 1000, 15), ("h264", HD, 2000, 15), ("h264", HD, 4000, 15),
    ("h264", WIDE, 1000, 15), ("h264", WIDE, 2000, 15), ("h264", WIDE, 4000, 15), ("h264", WIDE, 8000, 15),
    ("h264", WIDE, 4000, 30), ("h264", QHD, 6000, 15), ("h264", UHD, 8000, 15), ("h264", UHD, 16000, 15),
    ("h264", UHD, 16000, 30),
    ("h265", SMALL, 300, 15), ("h265", HD, 1000, 15), ("h265", HD, 2000, 15), ("h265", WIDE, 1000, 15),
    ("h265", WIDE, 2000, 15), ("h265", WIDE, 4000, 15), ("h265", WIDE, 2000, 30), ("h265", UHD, 4000, 15),
    ("h265", UHD, 8000, 15), ("h265", UHD, 8000, 30),
    ("mjpeg", SMALL, 3000, 15), ("mjpeg", HD, 8000, 15), ("mjpeg", HD, 16000, 15), ("mjpeg", WIDE, 16000, 15),
    ("mjpeg", WIDE, 40000, 15), ("mjpeg", UHD, 60000, 15),
)  # fmt: skip
"""Codec, size, bit rate [kbit/s] and frame rate of clips as a plan measures them; four are the published formats."""


@dataclass(frozen=True)
class Content:
    """What is in a clip and how it is coded, at one size and about one bit rate."""

    name: str
    codec: CodecName
    encoder: str
    options: dict[str, str]
    size: Size = WIDE
    noise: float = 3.0
    """Standard deviation of the sensor's noise [grey levels]."""
    pan_px: int = 0
    """Pixels that the whole picture moves per frame."""
    kbps: int = 4000
    pixels: str = "yuv420p"


_H264 = {"preset": "superfast", "bf": "0", "profile": "high"}
_H265 = {"preset": "ultrafast", "x265-params": "log-level=error:bframes=0:sao=1:deblock=0,0"}
_H265_NO_SAO = {"preset": "ultrafast", "x265-params": "log-level=error:bframes=0:sao=0:deblock=0,0"}
_H265_FILM = {"preset": "medium", "x265-params": "log-level=error"}
_FILM = {"preset": "medium", "bf": "3"}
_BASELINE = {"preset": "superfast", "profile": "baseline", "bf": "0"}
CONTENTS = (
    Content("quiet", "h264", "libx264", _H264, noise=0.7),
    Content("night", "h264", "libx264", _H264, noise=14.0),
    Content("pan", "h264", "libx264", _H264, pan_px=12),
    Content("film coding", "h264", "libx264", _FILM),
    Content("film coding", "h264", "libx264", _FILM, size=HD, kbps=2000),
    Content("baseline coding", "h264", "libx264", _BASELINE),
    Content("quiet", "h264", "libx264", _H264, size=HD, noise=0.7, kbps=2000),
    Content("night", "h264", "libx264", _H264, size=HD, noise=14.0, kbps=2000),
    Content("quiet", "h265", "libx265", _H265, noise=0.7, kbps=2000),
    Content("night", "h265", "libx265", _H265, noise=14.0, kbps=2000),
    Content("pan", "h265", "libx265", _H265, pan_px=12, kbps=2000),
    Content("film coding", "h265", "libx265", _H265_FILM, kbps=2000),
    Content("film coding", "h265", "libx265", _H265_FILM, size=HD, kbps=1000),
    Content("no offset filter", "h265", "libx265", _H265_NO_SAO, kbps=2000),
    Content("quiet", "h265", "libx265", _H265, size=HD, noise=0.7, kbps=1000),
    Content("night", "h265", "libx265", _H265, size=HD, noise=14.0, kbps=1000),
    Content("quiet", "mjpeg", "mjpeg", {"huffman": "default"}, noise=0.7, kbps=16000, pixels="yuvj420p"),
    Content("night", "mjpeg", "mjpeg", {"huffman": "default"}, noise=14.0, kbps=16000, pixels="yuvj420p"),
    Content("4:2:2", "mjpeg", "mjpeg", {"huffman": "default"}, kbps=16000, pixels="yuvj422p"),
    Content("own tables", "mjpeg", "mjpeg", {"huffman": "optimal"}, kbps=16000, pixels="yuvj420p"),
)
"""Contents and codings beside those of :data:`CAMERA`: how far they lie from its formula is the spread of content."""
PREPARED: tuple[tuple[str, Size, Size], ...] = (
    ("preprocess", WIDE, (300, 300)), ("preprocess", WIDE, (416, 416)), ("preprocess", WIDE, (544, 320)),
    ("preprocess", WIDE, (640, 640)), ("preprocess", HD, (300, 300)), ("preprocess", HD, (544, 320)),
    ("preprocess", HD, (640, 640)), ("preprocess", SMALL, (300, 300)), ("preprocess", UHD, (512, 512)),
    ("preprocess", UHD, (640, 640)), ("preprocess", QHD, (704, 704)),
    ("crop", WIDE, (62, 62)), ("crop", WIDE, (128, 256)), ("crop", WIDE, (224, 224)), ("crop", HD, (128, 128)),
    ("crop", HD, (224, 224)), ("crop", UHD, (300, 300)),
    ("preprocess_raw", WIDE, (544, 320)), ("preprocess_raw", (1280, 1024), (416, 416)),
    ("preprocess_raw", WIDE, (640, 640)), ("crop_raw", (1280, 1024), (80, 160)), ("crop_raw", WIDE, (224, 224)),
)  # fmt: skip
"""Kind, frame and input: whole pictures and boxes of them, decoded (4:2:0) and raw (BGR)."""
_GROUP_S = 2.0
_FRAME_HZ = 15
DECODE_FIELDS = (
    "machine", "date", "clock_hz", "year", "codec", "content", "width", "height", "fps", "bits_per_frame", "frames",
    "rounds", "least_s", "p10_s", "median_s",
)  # fmt: skip
PREPARATION_FIELDS = (
    "machine", "date", "clock_hz", "year", "kind", "width", "height", "target_width", "target_height", "rounds",
    "least_s", "p10_s", "median_s",
)  # fmt: skip


class Clip:
    """Packets of a clip with a decoder of their own."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self.width, self.height = stream.width, stream.height
            payload = [bytes(packet) for packet in container.demux(stream) if packet.size]
            self._context: Any = av.CodecContext.create(stream.codec_context.name, "r")
            if stream.codec_context.extradata:
                self._context.extradata = stream.codec_context.extradata
        self._context.thread_count = 1
        self._packets = [*(av.Packet(packet) for packet in payload), None]
        self.frames = len(payload)
        self.bits_per_frame = 8.0 * sum(len(packet) for packet in payload) / self.frames

    def core_s(self) -> float:
        """Decode it once from end to end and return the CPU time per frame [s]."""
        started_s = time.thread_time()
        frames = sum(len(self._context.decode(packet)) for packet in self._packets)
        used_s = time.thread_time() - started_s
        self._context.flush_buffers()
        return used_s / frames


def encoded(path: Path, content: Content) -> Path:
    """Write a clip of two groups of pictures."""
    (width, height), frames = content.size, round(2 * _GROUP_S * _FRAME_HZ)
    scene = Scene(width, height, 1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(content.encoder, rate=Fraction(_FRAME_HZ), options=content.options)
        stream.width, stream.height, stream.pix_fmt = width, height, content.pixels
        stream.codec_context.gop_size = round(_GROUP_S * _FRAME_HZ)
        stream.codec_context.bit_rate = content.kbps * 1000
        for index in range(frames):
            picture = _moved(scene.frame(index / _FRAME_HZ, content.noise), height, content.pan_px * index)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p").reformat(format=content.pixels)
            frame.pts = index
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def _moved(picture: Picture, height: int, by_px: int) -> Picture:
    """Picture (4:2:0, planes below each other) rolled to the left."""
    if not by_px:
        return picture
    moved = picture.copy()
    moved[:height] = np.roll(picture[:height], -by_px, axis=1)
    width = picture.shape[1]
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    moved[height:] = np.roll(chroma, -by_px // 2, axis=2).reshape(-1, width)
    return moved


def preparation(kind: str, frame: Size, target: Size) -> Callable[[], object]:
    """One call as a cascade makes it, on the same kind of picture and box as ``measure/items/preparation.py``."""
    width, height = frame
    picture: Any = av.VideoFrame.from_ndarray(Scene(width, height, 1).frame(0.0, 2.0), format="yuv420p")
    if kind.endswith("_raw"):
        picture = picture.to_ndarray(format="bgr24")
    if kind.startswith("preprocess"):
        return lambda: to_model_input(picture, *target)
    high = height * BOX_HEIGHT_SHARE
    box = (width / 3, height / 3, width / 3 + high * target[0] / target[1], height / 3 + high)
    return lambda: crop(picture, box, *target)


def core_s_of(call: Callable[[], object], repeats: int = 10) -> float:
    """CPU time of one call, mean of a few after one that brings its tables back into the caches [s]."""
    call()
    started_s = time.thread_time()
    for _ in range(repeats):
        call()
    return (time.thread_time() - started_s) / repeats


def quantiles(seconds: Sequence[float]) -> dict[str, str]:
    """Least, 10 % quantile and median as text [s]."""
    low, tenth, middle = np.quantile(seconds, [0.0, 0.1, 0.5])
    return {"least_s": f"{low:.5g}", "p10_s": f"{tenth:.5g}", "median_s": f"{middle:.5g}"}


def _write(path: Path, fields: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--machine", required=True, help="Name of this machine in the table, e.g. guest-amx.")
@click.option("--clock-ghz", type=float, required=True, help="Clock that its cores run at under such work.")
@click.option("--year", type=int, required=True, help="Year in which its processor came out.")
@click.option("--rounds", type=click.IntRange(min=5), default=ROUNDS, help="Times that every row is measured.")
@click.option("--only", type=click.Choice(["decode", "preparation"]), help="Write one of the two tables alone.")
def main(directory: Path, machine: str, clock_ghz: float, year: int, rounds: int, only: str | None) -> None:
    """Measure this machine and write DIRECTORY/decode.csv and DIRECTORY/preparation.csv."""
    clock = f"{clock_ghz * 1e9:.4g}"
    common: dict[str, object] = {"machine": machine, "date": utc_now()[:10], "clock_hz": clock, "year": year}
    if only != "decode":
        calls = [preparation(*row) for row in PREPARED]
        for found in in_turns([lambda call=call: core_s_of(call) for call in calls], rounds):
            _write(directory / "preparation.csv", PREPARATION_FIELDS, _prepared(common, found))
    if only != "preparation":
        clips = _clips()
        for found in in_turns([clip.core_s for _, _, _, clip in clips], rounds):
            _write(directory / "decode.csv", DECODE_FIELDS, _decoded(common, clips, found))


def in_turns(timers: Sequence[Callable[[], float]], rounds: int) -> Iterator[list[list[float]]]:
    """Times of all timers after each round [s]: whoever writes them then loses one round to whatever ends this early.

    A round that does not count comes first: it warms caches and allocates pictures.
    """
    for timer in timers:
        timer()
    found: list[list[float]] = [[] for _ in timers]
    for turn in range(rounds):
        for times, timer in zip(found, timers, strict=True):
            times.append(timer())
        click.echo(f"round {turn + 1} of {rounds}", err=True)
        yield found


def _clips() -> list[tuple[str, str, float, Clip]]:
    """Codec, content, frame rate and packets of every clip."""
    clips: list[tuple[str, str, float, Clip]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (codec, (width, height), kbps, fps) in enumerate(CAMERA):
            path = synthesise(Path(folder) / f"camera-{number}.mkv", ClipRequest(width, height, fps, codec, kbps))
            clips.append((codec, "camera", fps, Clip(path)))
        for number, content in enumerate(CONTENTS):
            clip = Clip(encoded(Path(folder) / f"content-{number}.mkv", content))
            clips.append((content.codec, content.name, float(_FRAME_HZ), clip))
    return clips


def _decoded(
    common: dict[str, object], clips: Sequence[tuple[str, str, float, Clip]], seconds: Sequence[Sequence[float]]
) -> list[dict[str, object]]:
    return [
        {**common, "codec": codec, "content": content, "width": clip.width, "height": clip.height, "fps": f"{fps:g}",
         "bits_per_frame": round(clip.bits_per_frame), "frames": clip.frames, "rounds": len(found), **quantiles(found)}
        for (codec, content, fps, clip), found in zip(clips, seconds, strict=True)
    ]  # fmt: skip


def _prepared(common: dict[str, object], seconds: Sequence[Sequence[float]]) -> list[dict[str, object]]:
    return [
        {**common, "kind": kind, "width": frame[0], "height": frame[1], "target_width": target[0],
         "target_height": target[1], "rounds": len(found), **quantiles(found)}
        for (kind, frame, target), found in zip(PREPARED, seconds, strict=True)
    ]  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.decode_rows")
