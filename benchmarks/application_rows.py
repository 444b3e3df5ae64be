"""CPU time of what applications do around models, in GStreamer: rows that ``calibration/application.py`` reads.

``python -m benchmarks.application_rows --machine NAME profiles/measured/application.csv``. Each part is a pipeline that
does one thing more than another one; all of them run in turns over the same clip, so that all see the same minutes, and
CPU time of the process is counted. A row holds the part's time and that of decoding the same frame: their ratio is what
other machines take over. Needs ``gst-launch-1.0`` with the base, good, ugly and libav plugins; no part of sizer does.
"""

from __future__ import annotations

import csv
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from advisor.clock import utc_now
from advisor.measure.items.clips import ClipRequest, synthesise

ROUNDS = 9
HAND_OVERS = 20
"""Of the part ``queues``: a single one is lost in the noise."""
FRAMES = 120
SIZE, FPS, KBPS = (1920, 1080), 30.0, 4000.0
_READ = "filesrc location={clip} ! qtdemux ! h264parse ! "
_DECODE = _READ + "avdec_h264 max-threads=1 ! "
_END = "fakesink sync=false"
_X264 = "x264enc speed-preset=superfast threads=1 key-int-max=60 bitrate="
FIELDS = (
    "machine", "date", "part", "what", "unit", "width", "height", "fps", "bitrate_kbps", "frames", "rounds", "decode_s",
    "part_s", "spread",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One thing that an application does with every frame: what a pipeline takes beyond another one."""

    name: str
    what: str
    pipeline: str
    beyond: str
    """The pipeline without it."""


_QUEUED = _DECODE + HAND_OVERS * "queue ! " + _END
_CONVERT = "videoconvert ! video/x-raw,format=BGRx ! "
_BGR = _DECODE + _CONVERT + _END
_BACK = _DECODE + _CONVERT + "videoconvert ! video/x-raw,format=I420 ! " + _END
PARTS = (
    Part("queues", f"{HAND_OVERS} hand-overs between threads", _QUEUED, _DECODE + _END),
    Part("store", "writing the coded stream into a file", _READ + "mp4mux ! filesink location={out}", _READ + _END),
    Part("convert", "I420 to BGRx, as most elements and OpenCV want it", _BGR, _DECODE + _END),
    Part("convert back", "BGRx to I420, after drawing", _BACK, _BGR),
    Part("scale", "to 640 x 360", _DECODE + "videoscale ! video/x-raw,width=640,height=360 ! " + _END, _DECODE + _END),
    Part("encode h264", "x264, superfast, 4 Mbit/s", _DECODE + _X264 + "4000 ! " + _END, _DECODE + _END),
    Part("encode h265", "x265, ultrafast, 2 Mbit/s",
         _DECODE + "x265enc speed-preset=ultrafast option-string=pools=1:frame-threads=1 bitrate=2000 ! " + _END,
         _DECODE + _END),
    Part("encode jpeg", "a picture of the whole frame", _DECODE + "jpegenc ! " + _END, _DECODE + _END),
)  # fmt: skip


def cpu_s(pipeline: str, clip: Path, folder: Path) -> float:
    """CPU time of one run of a pipeline, with all its threads [s]."""
    text = pipeline.format(clip=clip, out=folder / "out.mp4")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["gst-launch-1.0", "-q", *text.split()], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(machine: str, rounds: int) -> list[dict[str, object]]:
    """Run all pipelines in turns; of each part the median of the rounds' differences."""
    if shutil.which("gst-launch-1.0") is None:
        raise click.ClickException("gst-launch-1.0 is not on the PATH; install GStreamer's tools and plugins")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        synthesise(clip, ClipRequest(*SIZE, FPS, "h264", KBPS, duration_s=FRAMES / FPS))
        pipelines = [_READ + _END, *(text for part in PARTS for text in (part.beyond, part.pipeline))]
        pipelines = list(dict.fromkeys(pipelines))
        seen: dict[str, list[float]] = {text: [] for text in pipelines}
        for number in range(rounds + 1):
            for text in pipelines:
                spent_s = cpu_s(text, clip, folder)
                if number:  # the first round fills caches and GStreamer's registry
                    seen[text].append(spent_s / FRAMES)
    return [_row(machine, part, seen) for part in PARTS]


def _row(machine: str, part: Part, seen: dict[str, list[float]]) -> dict[str, object]:
    added = sorted(more - less for more, less in zip(seen[part.pipeline], seen[part.beyond], strict=True))
    decoding = sorted(more - less for more, less in zip(seen[_DECODE + _END], seen[_READ + _END], strict=True))
    middle, quarter = len(added) // 2, len(added) // 4
    return {
        "machine": machine,
        "date": utc_now()[:10],
        "part": part.name,
        "what": part.what,
        "unit": "frame",
        "width": SIZE[0],
        "height": SIZE[1],
        "fps": f"{FPS:g}",
        "bitrate_kbps": f"{KBPS:g}",
        "frames": FRAMES,
        "rounds": len(added),
        "decode_s": f"{decoding[middle]:.5g}",
        "part_s": f"{added[middle]:.5g}",
        "spread": f"{(added[-1 - quarter] - added[quarter]) / max(abs(added[middle]), 1e-9):.2g}",
    }


@click.command()
@click.option("--machine", required=True, help="Name of this machine in the rows.")
@click.option("--rounds", default=ROUNDS, show_default=True)
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
def main(machine: str, rounds: int, output: Path) -> None:
    """Measure and write OUTPUT."""
    rows = measure(machine, rounds)
    with output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        part_ms, decode_ms = (1000.0 * float(str(row[name])) for name in ("part_s", "decode_s"))
        click.echo(f"{row['part']}: {part_ms:.3g} ms, with {decode_ms:.3g} ms of decoding")


if __name__ == "__main__":
    main()
