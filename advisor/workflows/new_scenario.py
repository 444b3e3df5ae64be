"""A first scenario file, with a comment where a reader will want to change something."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import InputError

FILE = Path("my-site.yaml")
"""Name of the file unless another is given."""
_TEXT = """\
# Written by `sizer init`. All keys: `sizer schema scenario`, or the page "scenario" of the documentation.
# Next: sizer plan {file} --html plan.html
scenario: {name}

cameras:                        # one entry per kind of camera
  - group: cameras              # any name; stages may be limited to groups
    count: {cameras}
    resolution: {resolution}       # as the camera sends it; a sub-stream is cheaper to decode
    codec: {codec}                 # h264, h265, mjpeg, or raw (frames arrive decoded)
    fps: {fps}
    # bitrate_kbps: 4000        # a usual rate is assumed where none is stated
    # active_hours: 14          # hours per day in which frames arrive; 24 unless stated
    # source: [rtsp://camera/stream, clip.mp4]   # what `sizer verify` plays; without it a clip is made

stages:                         # one entry per model, in the order in which they run
  - id: detect
    model: {model}
    every: 1 frame              # 3 frames: every third; 2/s: twice a second
    # input: 640x640            # only for a file with dynamic shapes
  # A second model on each object that the first finds; `on` is the id of a stage:
  # - {{id: classify, model: classify.onnx, on: detect, batch: {{max: 8}}}}

# activity:                     # how many objects a frame shows; needed by stages with `on`
#   objects_per_frame: {{detect: {{mean: 4, p95: 12}}}}
#   motion_duty: 0.3            # share of frames with motion, for stages with `trigger: motion`

slo:                            # what must hold
  latency_p95_ms: {latency_ms}         # 95 % of frames are done within so many ms of their arrival
  drops_max_pct: 1              # most frames that may be lost

margin:                         # room to keep
  headroom_pct: 30              # share of the busiest resource that stays free
  confidence_pct: 90            # how sure it must be that the requirements hold
  growth_cameras: 0             # cameras that must fit later
  # redundancy: n+1             # one box may fail

accuracy:
  precisions: [f32]             # add int8 only if you have checked the accuracy of your int8 model

# site: {{max_power_w: 65, fanless: true}}
# money: {{currency: EUR, usd_rate: 0.92, electricity_per_kwh: 0.30}}
# candidates: {{form_factor: [mini-pc], max_price: 800, max_boxes: 1}}
"""


@dataclass(frozen=True)
class NewScenario:
    """What ``sizer init`` asks for."""

    cameras: int
    model: str
    """Model file, reference architecture, or ``like:NAME``."""
    resolution: str = "1920x1080"
    fps: float = 15.0
    codec: str = "h264"
    latency_ms: float = 500.0


def scenario_text(asked: NewScenario, file: Path) -> str:
    """Text of the scenario file.

    Raises
    ------
    ScenarioError
        A value is none that a scenario takes; the message names the key.
    """
    from advisor.store.scenario import parse_scenario

    text = _TEXT.format(
        file=file.name,
        name=scenario_name(file.stem),
        cameras=asked.cameras,
        resolution=json.dumps(asked.resolution),
        codec=asked.codec,
        fps=f"{asked.fps:g}",
        model=json.dumps(asked.model, ensure_ascii=False),
        latency_ms=f"{asked.latency_ms:g}",
    )
    parse_scenario(text, f"{file} (not written)")
    return text


def write_scenario(asked: NewScenario, file: Path = FILE) -> Path:
    """Write a scenario file that can be planned at once.

    Raises
    ------
    InputError
        The file exists already: nothing is overwritten.
    ScenarioError, StoreError
        A value is none that a scenario takes; the file cannot be written.
    """
    from advisor.store.files import write_document

    if file.exists():
        raise InputError(f"{file}: exists already and is not overwritten; name another file")
    return write_document(file, scenario_text(asked, file))


def scenario_name(stem: str) -> str:
    """Name of the scenario from that of its file: letters without their accents, digits, dashes, and a letter first."""
    parts = unicodedata.normalize("NFKD", stem.replace("ß", "ss"))
    plain = "".join(letter for letter in parts if not unicodedata.combining(letter))
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:60]
    return words if re.match(r"[A-Za-z]", words) else f"site-{words}".rstrip("-")
