"""Compile published whole pipelines into the table that ``benchmarks/pipelines.py`` reads.

Usage: ``python profiles/compile_pipelines.py CASCADES.csv MEDIA.csv [OUTPUT_DIRECTORY]``, the collected tables of whole
pipelines and of media benchmarks (``../shared/data/``). What a pipeline consists of is said by the scripts that build
it, in the same repository: the files named below. What is left out, and why, is printed. Nothing is invented: what no
script says (objects on the clips, bit rate of one of them) stays empty.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path

FIELDS = [
    "kind", "source", "release", "date", "pipeline", "platform", "cores", "decode_device", "detect_device",
    "classify_device", "detector", "classifiers", "every_frames", "classify_every", "codec", "width", "height",
    "bitrate_kbps", "fps", "precision", "batch", "model_streams", "compiled_per", "cells", "wall_height",
    "parts", "streams", "note",
]  # fmt: skip
RELEASES = ("main", "2026.2", "2026.1")
"""Newest first; a figure that is not in one is taken from the next. Other branches repeat these."""
# Published name -> catalogue id and physical cores. That the server has two sockets is said by the notes of the
# collection.
PLATFORMS = {
    "Xeon(R) Gold 6430 (512G Mem)": ("intel-xeon-gold-6430-2s", 64),
    "i5-12400 (16G Mem)": ("intel-core-i5-12400", 6),
    "i5-13600 (32G Mem)": ("intel-core-i5-13600", 14),
    "MTL 165H (32G Mem)": ("intel-core-ultra-7-165h", 16),
}
FIRST_NAMED = {("lpr", "i5-13600 (32G Mem)"): "i5-12400 (16G Mem)"}
"""The desktop's figures of licence plates were published as those of an i5-12400; since 2026.2 the same figures stand
under the name of an i5-13600, while those of other pipelines changed with the name. The first name counts."""
# Published name -> work: name, and its operations over those of that name. YOLOv5 runs at 416 x 416 in the first three
# pipelines. The plate detector is a YOLOv8n by its name.
WORKS = {
    "yolov5s-416": ("yolo-small", 0.4225),
    "yolov5m-416": ("yolo-medium", 0.4225),
    "yolov5m": ("yolo-medium", 1.0),
    "yolov11n": ("yolo11n", 1.0),
    "yolov8_license_plate_detector": ("yolo_v8n", 1.0),
    "ch_PP-OCRv4_rec_infer": ("pp-ocr-rec", 1.0),
    "efficientnet-b0": ("efficientnet-b0", 1.0),
    "resnet-50-tf": ("resnet-50", 1.0),
    "mobilenet-v2-pytorch": ("mobilenet-v2", 1.0),
}


@dataclass(frozen=True)
class Build:
    """How a pipeline is built; ``cells`` on the CPU."""

    size: tuple[int, int]
    bitrate_kbps: str
    fps: int
    model_streams: str
    """Inference streams of each compiled model; empty: the runtime's default."""
    compiled_per: str
    """``camera``: each camera has models of its own; ``pipeline``: all share them."""
    cells: str
    """Most cameras that the picture wall has room for; all of its cells decode."""
    parts: tuple[str, ...]
    """What runs around decoding, preparation and models."""
    precision: str = "int8"


AROUND = ("queues", "track", "metadata")
WALL = ("scale", "wall", "encode wall")
# Each pipeline is built by the file of its name in that repository: smart_nvr_benchmark.py and so on. Those of the last
# three rows share one compiled model (model-instance-id) among all cameras, the first three have one per camera.
# Precision: the scripts name int8 files (va, va_medium) or leave the folder out; int8 is inferred for YOLOv5 from the
# vendor's own lists. The two models of licence plates are FP32 files wherever that vendor's public pipelines name them.
BUILDS = {
    "smart_nvr": Build((1920, 1080), "4000", 20, "2", "camera", "36", (*AROUND, "store", *WALL)),
    "headed_visual_ai": Build((1920, 1080), "4000", 30, "2", "camera", "25", (*AROUND, *WALL)),
    "ai_vsaas": Build((1920, 1080), "4000", 30, "2", "camera", "", (*AROUND, "store", "encode h265")),
    "lpr": Build((1280, 720), "", 30, "", "pipeline", "", AROUND, "f32"),
    "va": Build((1920, 1080), "", 30, "2", "pipeline", "", AROUND),
    "va_medium": Build((1920, 1080), "", 30, "", "pipeline", "", AROUND),
}  # fmt: skip
SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
TWO_DEVICES_AT_ONCE = "concurrent GPU and NPU"
"""In a note: as many pipelines on each device as it carries, so that no stage is on one device."""


def _release(row: dict[str, str]) -> int | None:
    found = [index for index, name in enumerate(RELEASES) if row["release"].startswith(name)]
    return found[0] if found else None


def _work(name: str) -> str:
    known, factor = WORKS[name]
    return known if factor == 1.0 else f"{known}*{factor:g}"


def _device(text: str) -> str:
    return text.partition(" ")[0]


def pipeline_rows(path: Path, report: list[str]) -> list[dict[str, object]]:
    """One row per pipeline and machine, of the newest release that has it."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    newest: dict[tuple[str, ...], tuple[int, dict[str, str]]] = {}
    others = at_once = 0
    for row in rows:
        rank = _release(row)
        if rank is None:
            others += 1
            continue
        if TWO_DEVICES_AT_ONCE in row["note"]:
            at_once += 1
            continue
        row["platform"] = FIRST_NAMED.get((row["cascade"], row["platform"]), row["platform"])
        devices = (row["decode_device"], row["detect_device"], row["classify_device"])
        key = (row["cascade"], row["platform"], row["mode"], row["models"], *map(_device, devices))
        # The server's chip has no engine, the mobile one two: of two walls that a script builds, the second is theirs.
        if key not in newest or (rank, -_wall_height(row)) < (newest[key][0], -_wall_height(newest[key][1])):
            newest[key] = rank, row
    report.append(f"{len(rows)} rows of {path.name}; kept {len(newest)}")
    report.append(f"- {others} of a branch that repeats the others")
    report.append(f"- {at_once} of pipelines on two devices at once: none of their stages is on one device")
    report.append(f"- {len(rows) - others - at_once - len(newest)} of earlier releases, or of walls for other chips")
    return [_pipeline(row) for _, row in newest.values()]


def _wall_height(row: dict[str, str]) -> int:
    return int((row["compose_size"] and row["output"].partition("x")[2]) or 0)


def _classify_every(row: dict[str, str]) -> str:
    """Frames between two classifications; one script has another number of them for the NPU."""
    on_npu = re.search(r"(\d+) on NPU", row["interval"]) if row["classify_device"] == "NPU" else None
    return on_npu[1] if on_npu else row["interval"].partition(", ")[2].partition(" ")[0]


def _pipeline(row: dict[str, str]) -> dict[str, object]:
    platform, cores = PLATFORMS[row["platform"]]
    detector, *classifiers = row["models"].split("+")
    build = BUILDS[row["cascade"]]
    on_cpu = row["detect_device"] == "CPU"
    # Its script encodes "for single-model GPU and for CPU".
    encodes = on_cpu or not classifiers
    return {
        "kind": "pipeline",
        "source": f"github.com/{row['source']}@{row['commit']} {row['file']}",
        "release": row["release"],
        "date": row["date"],
        "pipeline": row["cascade"],
        "platform": platform,
        "cores": cores,
        "decode_device": _device(row["decode_device"]),
        "detect_device": row["detect_device"],
        "classify_device": row["classify_device"],
        "detector": _work(detector),
        "classifiers": "+".join(map(_work, classifiers)),
        "every_frames": row["interval"].partition(" ")[0],
        "classify_every": _classify_every(row) if classifiers else "",
        "codec": "h264",
        "width": build.size[0],
        "height": build.size[1],
        "bitrate_kbps": build.bitrate_kbps,
        "fps": build.fps,
        "precision": build.precision,
        "batch": row["batch"].partition(" ")[0],
        "model_streams": build.model_streams,
        "compiled_per": build.compiled_per,
        # On graphics a wall of 9 cells is published with 12 cameras: its cells bound nothing there.
        "cells": build.cells if on_cpu else "",
        "wall_height": _wall_height(row) or "",
        "parts": "+".join(part for part in build.parts if encodes or part != "encode h265"),
        "streams": row["streams"],
        "note": row["note"],
    }


def encode_rows(path: Path, report: list[str]) -> list[dict[str, object]]:
    """Encoding on the cores and by engines, as the same machines are published with."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = [
        row
        for row in rows
        if row["task"] == "Encode" and row["release"].startswith("main") and row["platform"] in PLATFORMS
    ]
    report.append(f"{len(rows)} rows of {path.name}; kept {len(kept)} of encoding on the machines of the pipelines")
    found: list[dict[str, object]] = []
    for row in kept:
        platform, cores = PLATFORMS[row["platform"]]
        width, height = SIZES[row["resolution"]]
        found.append(
            dict.fromkeys(FIELDS, "")
            | {
                "kind": "encode",
                "source": f"github.com/{row['source']}@{row['commit']} {row['file']}",
                "release": row["release"],
                "date": row["date"],
                "platform": platform,
                "cores": cores,
                "decode_device": row["device"],
                "codec": row["codec"],
                "width": width,
                "height": height,
                "bitrate_kbps": row["bitrate_kbps"],
                "fps": row["fps"],
                "streams": row["streams"],
            }
        )
    return found


def main() -> None:
    """Write ``pipelines.csv``."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    directory = Path(sys.argv[3]) if len(sys.argv) == 4 else Path(__file__).resolve().parent / "published"
    report: list[str] = []
    rows = [*pipeline_rows(Path(sys.argv[1]), report), *encode_rows(Path(sys.argv[2]), report)]
    with (directory / "pipelines.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    sys.stdout.write("\n".join([*report, f"wrote pipelines.csv: {len(rows)} rows"]) + "\n")


if __name__ == "__main__":
    main()
