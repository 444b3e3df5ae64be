"""What the run itself takes of the cores for every frame: releasing, handing on, noting, telling the parent.

It is measured by a run of the real child process, with small pictures and a runtime that only waits.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from advisor.errors import RuntimeRefusal
from advisor.measure.items.item import Item, MeasureContext
from advisor.measure.items.progress import NullProgress
from advisor.measure.timing import micro_record
from advisor.records.config import RunConfig
from advisor.records.host import HostFacts
from advisor.records.measurement import HARNESS_FRAME
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario

from .observation import Observation
from .request import Order
from .run import observe
from .usage import usage

VERSION = "1"
CAMERAS, RATE_PER_S, EVERY = 6, 20.0, 3
"""As many frames as a small box takes: what is done twice or four times a second weighs as little as there."""


@dataclass(frozen=True)
class HarnessItem(Item):
    """Core time of a frame that is neither decoding, preparation, a pass nor what stands for an application."""

    plural: ClassVar[str] = "timings of the run itself"

    facts: HostFacts = field(compare=False, repr=False)
    duration_s: float = 3.0

    @property
    def label(self) -> str:
        return HARNESS_FRAME

    @property
    def process(self) -> None:
        return None

    @property
    def estimate_s(self) -> float:
        return self.duration_s + 4.0

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (micro_record.micro_key(HARNESS_FRAME, host_fingerprint, {"version": VERSION}),)

    @classmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        for item in items:
            (key,) = item.keys(context.host_fingerprint)
            with tempfile.TemporaryDirectory(prefix="sizer-harness-") as folder:
                seen = observe(_order(item, Path(folder)), NullProgress(), threading.Event())
            if seen.failure is not None:
                raise RuntimeRefusal(f"{HARNESS_FRAME}: {seen.failure}")
            context.keep(micro_record.to_record(_figure(seen), key, context.host_fingerprint))


def _order(item: HarnessItem, folder: Path) -> Order:
    scenario = Scenario.model_validate(
        {
            "scenario": "harness",
            "cameras": [{"group": "cam", "count": CAMERAS, "resolution": "320x180", "fps": RATE_PER_S,
                         "codec": "h264", "bitrate_kbps": 300.0}],
            "stages": [{"id": "model", "model": "fake", "every": f"{EVERY} frames"}],
            "slo": {"latency_p95_ms": 1000.0},
        }
    )  # fmt: skip
    path = folder / "model"
    path.write_bytes(b"a model that only the fake runtime takes")
    model = ModelFile(
        reference="fake", name="fake", family="fake", kind="architecture", path=str(path), sha256="0" * 64,
        input_shape=(1, 3, 64, 64),
    )  # fmt: skip
    config = RunConfig(runtime="fake", streams=1, threads=1)
    return Order(scenario, {"model": model}, {"model": config}, 2, item.duration_s, item.facts, folder)


def _figure(seen: Observation) -> dict[str, Any]:
    """Core time per frame [s] of the child's own threads and of the parent; RuntimeRefusal where none is counted."""
    cores = usage(seen, 1.0).harness_cores
    if cores is None or cores <= 0:
        raise RuntimeRefusal(f"{HARNESS_FRAME}: this machine does not count the CPU time of threads")
    frames_per_s = CAMERAS * RATE_PER_S
    return micro_record.figure(
        HARNESS_FRAME, [cores / frames_per_s], "s", frames_per_s=frames_per_s, passes_every=EVERY
    )
