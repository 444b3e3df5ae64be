"""Scenarios that small machines can run: cameras, intervals, precisions, objects and the share of decoding vary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FACE = "like:face-detection-retail-0004"
PERSON = "like:person-detection-retail-0013"
AGE = "like:age-gender-recognition-retail-0013"
REID = "like:person-reidentification-retail-0288"
CAPACITY = (
    "crops", "faces", "persons", "persons-int8", "many-objects", "visitors", "store", "mjpeg", "h265", "two-rates",
)  # fmt: skip
"""Variants whose capacity is searched for, too: several runs each."""


def camera(group: str, count: int, size: str = "1280x720", codec: str = "h264", fps: float = 15.0) -> dict[str, Any]:
    """One group of cameras; raw frames have no bit rate."""
    found: dict[str, Any] = {"group": group, "count": count, "resolution": size, "codec": codec, "fps": fps}
    return found if codec == "raw" else {**found, "bitrate_kbps": {"1280x720": 2000, "1920x1080": 4000}.get(size, 8000)}


def stage(name: str, model: str, every: int | None = None, **more: Any) -> dict[str, Any]:
    """One stage."""
    return {"id": name, "model": model, **({} if every is None else {"every": f"{every} frames"}), **more}


def scenario(
    name: str,
    cameras: Sequence[dict[str, Any]],
    stages: Sequence[dict[str, Any]],
    objects: dict[str, Any] | None = None,
    precision: str = "f32",
    load: str = "mean",
) -> dict[str, Any]:
    """Put a scenario together; only the figures are judged here, so the requirement is the same for all."""
    return {
        "scenario": name,
        "cameras": list(cameras),
        "activity": {"objects_per_frame": objects or {}},
        "stages": list(stages),
        "slo": {"camera_fps": cameras[0]["fps"], "latency_p95_ms": 500.0, "drops_max_pct": 1.0, "window_s": 10.0,
                "load": load},
        "accuracy": {"precisions": [precision]},
        "application": "none",  # models and decoding are compared, not what is burnt in place of an application
    }  # fmt: skip


def _objects(name: str, mean: float, p95: float, most: int) -> dict[str, Any]:
    return {name: {"mean": mean, "p95": p95, "max": most}}


_REID = stage("reid", REID, 5, on="person", batch={"max": 8})
_AGE = stage("agegender", AGE, on="face", batch={"max": 8})


def variants() -> dict[str, dict[str, Any]]:
    """All variants by name."""
    few, many = _objects("person", 2.0, 5.0, 10), _objects("person", 8.0, 16.0, 25)
    visitors = {**_objects("person", 3.0, 8.0, 15), **_objects("face", 1.5, 4.0, 8)}
    shop = [camera("aisle", 2, "1920x1080"), camera("entrance", 1, "1920x1080")]
    found = [
        scenario(
            "crops", [{**camera("lane", 2, "320x240", fps=5.0), "bitrate_kbps": 300}],
            [stage("detect", "resnet-18", 1), stage("classify", "mobilenet-v2", 1, on="detect")],
            _objects("detect", 2.0, 2.0, 2),
        ),
        scenario("mostly-decode", [camera("yard", 4)], [stage("face", FACE, 15)]),
        scenario("faces", [camera("door", 2)], [stage("face", FACE, 3)]),
        scenario("faces-every-frame", [camera("door", 1)], [stage("face", FACE, 1)]),
        scenario("faces-many-cameras", [camera("door", 6, fps=10.0)], [stage("face", FACE, 5)]),
        scenario("persons", [camera("hall", 2)], [stage("person", PERSON, 5)]),
        scenario("persons-int8", [camera("hall", 2)], [stage("person", PERSON, 3)], precision="int8"),
        scenario("persons-many-int8", [camera("hall", 5)], [stage("person", PERSON, 5)], precision="int8"),
        scenario("few-objects", [camera("hall", 1)], [stage("person", PERSON, 5), _REID], few),
        scenario("many-objects", [camera("hall", 1)], [stage("person", PERSON, 5), _REID], many, "int8"),
        scenario("busy-hour", [camera("hall", 1)], [stage("person", PERSON, 5), _REID], few, "int8", "p95"),
        scenario("visitors", [camera("door", 2)], [stage("face", FACE, 3), _AGE], _objects("face", 1.5, 4.0, 8)),
        scenario(
            "store", shop,
            [stage("person", PERSON, 5), stage("face", FACE, 3, groups=["entrance"]), _AGE, _REID], visitors, "int8",
        ),
        scenario("line-raw", [camera("belt", 3, "1280x720", "raw", 30.0)], [stage("class", "mobilenet-v2", 3)]),
        scenario("mjpeg", [camera("gate", 1, "1920x1080", "mjpeg", 10.0)], [stage("face", FACE, 2)]),
        scenario("h265", [camera("lane", 2, "1920x1080", "h265")], [stage("face", FACE, 5)]),
        scenario("four-k", [camera("square", 1, "3840x2160", "h264", 10.0)], [stage("face", FACE, 3)]),
        scenario("two-rates", [camera("hall", 2)], [stage("face", FACE, 2), stage("class", "mobilenet-v2", 10)]),
        scenario("overload", [camera("hall", 4)], [stage("person", PERSON, 1)]),
    ]  # fmt: skip
    return {item["scenario"]: item for item in found}


def write(item: dict[str, Any], folder: Path) -> Path:
    """Write a scenario file; every JSON document is YAML, too."""
    path = folder / f"{item['scenario']}.yaml"
    path.write_text(json.dumps(item, indent=1), encoding="utf-8")
    return path
