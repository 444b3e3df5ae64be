"""What it costs a core to turn a frame, or a box of it, into a model's input."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from advisor.measure.timing import micro_record
from advisor.measure.worker.job import JobOutcome, each
from advisor.records.measurement import BOX_HEIGHT_SHARE, MicroBenchmark, MicroFailure

from .item import MeasureContext, SingleJobItem, WorkerSetup

if TYPE_CHECKING:
    from .preprocess import Image

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class PreparationItem(SingleJobItem):
    """What it costs to make a model's input of one size from a frame of another."""

    plural: ClassVar[str] = "timings of pre-processing"

    frame: tuple[int, int]
    """Width and height of the camera's picture."""
    target: tuple[int, int]
    """Width and height of the model's input."""
    kind: Literal["preprocess", "crop"] = "preprocess"
    """``preprocess``: the whole picture; ``crop``: one box of it."""
    source: Literal["yuv420p", "bgr24"] = "yuv420p"
    """Decoded video, or the bytes of a camera without coding."""
    duration_s: float = 0.15
    streams: int = 1
    """Threads that prepare inputs concurrently, as for several cameras at once."""

    @property
    def name(self) -> str:
        """Name of the figure, e.g. preprocess/1920x1080/544x320, with /n2 for two at once."""
        raw = "" if self.source == "yuv420p" else "_raw"
        threads = "" if self.streams == 1 else f"/n{self.streams}"
        return f"{self.kind}{raw}/{self.frame[0]}x{self.frame[1]}/{self.target[0]}x{self.target[1]}{threads}"

    @property
    def label(self) -> str:
        return self.name

    @property
    def process(self) -> str:
        """All preparations may share a worker."""
        return "preparation"

    @property
    def estimate_s(self) -> float:
        return 0.25

    def key(self, host_fingerprint: str) -> str:
        """Key of the one result; PyAV brings the scaler."""
        parameters = {"av": importlib.metadata.version("av"), "into": "tensor"}
        return micro_record.micro_key(self.name, host_fingerprint, parameters)

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (self.key(host_fingerprint),)

    def worker(self) -> WorkerSetup:
        imports = ("advisor.measure.items.preprocess",)
        return WorkerSetup("advisor.measure.items.preparation:prepare_job", _TIMEOUT_S, on_import=imports)

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        payload = {
            "name": self.name,
            "kind": self.kind,
            "frame": list(self.frame),
            "target": list(self.target),
            "source": self.source,
            "duration_s": self.duration_s,
            "streams": self.streams,
        }
        return {self.key(context.host_fingerprint): payload}

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> MicroBenchmark | MicroFailure:
        """CPU time of one call [s]; the parameters hold calls/s of all threads together."""
        return micro_record.to_result(outcome, self.name, host_fingerprint)


def _prepare(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker."""
    import av

    from .clips import Scene
    from .preprocess import crop, to_model_input

    width, height = payload["frame"]
    target = tuple(payload["target"])
    picture: Any = av.VideoFrame.from_ndarray(Scene(width, height, 1).frame(0.0, 2.0), format="yuv420p")
    if payload["source"] == "bgr24":
        picture = picture.to_ndarray(format="bgr24")
    high = height * BOX_HEIGHT_SHARE
    box = (width / 3, height / 3, width / 3 + high * target[0] / target[1], height / 3 + high)
    call: Callable[[], Image]
    if payload["kind"] == "crop":
        call = lambda: crop(picture, box, *target)  # noqa: E731 - two lines against two functions
    else:
        call = lambda: to_model_input(picture, *target)  # noqa: E731
    streams = int(payload["streams"])
    begun_s = time.perf_counter()
    with ThreadPoolExecutor(streams) as callers:
        parts = list(callers.map(lambda _: _costs_s(call, target, begun_s + payload["duration_s"]), range(streams)))
    costs = [cost for part in parts for cost in part]
    return micro_record.figure(
        payload["name"],
        costs,
        "s",
        streams=streams,
        calls_per_s=f"{len(costs) / (time.perf_counter() - begun_s):.4g}",
        source=payload["source"],
        source_width=width,
        source_height=height,
        target_width=target[0],
        target_height=target[1],
    )


def _costs_s(call: Callable[[], Image], target: tuple[int, int], end_s: float) -> list[float]:
    """CPU times of calls on this thread until ``end_s``, each into the model's tensor, after one that warms up [s]."""
    tensor = np.zeros((target[1], target[0], 3), np.uint8)
    tensor[...] = call()
    costs: list[float] = []
    while time.perf_counter() < end_s or len(costs) < 5:
        cpu_s = time.thread_time()
        tensor[...] = call()
        costs.append(time.thread_time() - cpu_s)
    return costs


prepare_job = each(_prepare)
