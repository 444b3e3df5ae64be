"""Kits made by hand: a small scenario, a plan of it, and packages that install nothing."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from advisor.kit.build import BuiltKit, KitRequest, build_kit
from advisor.records.kit import KitTarget
from advisor.store.files import document_text
from tests.report.samples import shop_plan

SCENARIO = """
scenario: shop
cameras: [{group: door, count: 1, resolution: 320x192, codec: h264, fps: 5}]
stages: [{id: look, model: squeezenet-1.1, every: 5 frames}]
slo: {camera_fps: 5, latency_p95_ms: 2000}
"""
SECRET = "Xq7-unmistakable"


def silent(text: str) -> None:
    """Ignore what is said."""


def write_scenario(folder: Path, text: str = SCENARIO) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def write_plan(
    folder: Path, scenario: Path, change: Callable[[dict[str, Any]], None] | None = None, **config: Any
) -> Path:
    """A plan of ``scenario`` for this machine; ``config``: of its only stage."""
    document = json.loads(document_text(shop_plan()))
    sha256 = hashlib.sha256(scenario.read_bytes()).hexdigest()
    option = document["recommended"]
    own = {"runtime": "openvino", "streams": 1, "threads": 1, "requests": 1, "batch": 1, **config}
    option["platform"] = "this"
    option["config"]["stages"] = {"look": option["config"]["stages"]["person"] | own}
    document["scenario_sha256"] = sha256
    document["inputs"] = {"scenario_sha256": sha256, "catalogue": "c", "calibration": "k", "seed": 0, "this": "f1"}
    if change is not None:
        change(document)
    path = folder / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def fake_wheels(target: KitTarget, cache: Path, say: Callable[[str], None]) -> list[Path]:
    """One package that would install nothing, the same at every call."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "pip-26.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("pip/__init__.py"), "")
    return [path]


def built(folder: Path, name: str = "kit.tar", **changes: Any) -> BuiltKit:
    """A kit of :data:`SCENARIO` with packages that install nothing."""
    scenario = changes.pop("scenario", None) or write_scenario(folder)
    plan = changes.pop("plan", None) or write_plan(folder, scenario)
    request = KitRequest(str(scenario), folder / name, plan, **{"duration_s": 3.0, **changes})
    return build_kit(request, say=silent, wheelhouse=fake_wheels)


def unpacked(kit: Path, folder: Path) -> Path:
    """Folder of a kit that was written as .tar or .tar.gz."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(kit) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside
