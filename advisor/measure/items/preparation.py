"""What it costs a core to turn a frame, or a box of it, into a model's input."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from advisor.errors import Inconclusive
from advisor.measure.timing import micro_record
from advisor.measure.worker.job import Job, JobItem, Outcome, each
from advisor.measure.worker.run import run_job
from advisor.records.measurement import MicroBenchmark, MicroFailure

BOX_HEIGHT_SHARE = 0.25
"""Height of the box that is cut out, in heights of the frame; its shape is that of the model's input."""


@dataclass(frozen=True)
class PrepareRequest:
    """From a frame of one size to an input of another."""

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
    """Threads that prepare inputs side by side, as for several cameras at once."""

    @property
    def name(self) -> str:
        """Name of the figure, e.g. preprocess/1920x1080/544x320, with /n2 for two at once."""
        raw = "" if self.source == "yuv420p" else "_raw"
        beside = "" if self.streams == 1 else f"/n{self.streams}"
        return f"{self.kind}{raw}/{self.frame[0]}x{self.frame[1]}/{self.target[0]}x{self.target[1]}{beside}"

    @property
    def label(self) -> str:
        """What progress shows."""
        return self.name

    def key(self, host_fingerprint: str) -> str:
        """Identity in the store; PyAV brings the scaler."""
        return micro_record.micro_key(self.name, host_fingerprint, {"av": importlib.metadata.version("av")})


def measure_preparation(
    requests: list[PrepareRequest],
    host_fingerprint: str,
    keep: Callable[[MicroBenchmark], None] | None = None,
    keep_failure: Callable[[MicroFailure], None] | None = None,
) -> list[MicroBenchmark]:
    """Time the functions of :mod:`advisor.measure.items.preprocess` in a worker; ``keep`` as they come.

    Returns
    -------
    list of MicroBenchmark
        ``value`` is the CPU time of one call [s], the parameters hold calls/s of all threads together.

    Raises
    ------
    Inconclusive
        The worker failed, and there is no ``keep_failure`` that takes it; the reason is quoted.
    """
    items = {
        request.key(host_fingerprint): {
            "name": request.name,
            "kind": request.kind,
            "frame": list(request.frame),
            "target": list(request.target),
            "source": request.source,
            "duration_s": request.duration_s,
            "streams": request.streams,
        }
        for request in requests
    }
    jobs = tuple(JobItem(key, payload) for key, payload in items.items())
    job = Job("advisor.measure.items.preparation:prepare_job", jobs, on_import=("advisor.measure.items.preprocess",))
    found: list[MicroBenchmark] = []

    def arrived(outcome: Outcome) -> None:
        if outcome.value is not None:
            found.append(micro_record.to_record(outcome.value, outcome.id, host_fingerprint))
            if keep is not None:
                keep(found[-1])

    for outcome in run_job(job, 30.0, arrived).outcomes:
        if outcome.failure is not None:
            name = str(items[outcome.id]["name"])
            if keep_failure is not None:
                keep_failure(micro_record.to_failure(name, outcome.id, host_fingerprint, outcome.failure))
                continue
            raise Inconclusive(f"{name} failed: {outcome.failure}; report this with the size of the frame")
    return found


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
    call: Callable[[], object]
    if payload["kind"] == "crop":
        call = lambda: crop(picture, box, *target)  # noqa: E731 - two lines against two functions
    else:
        call = lambda: to_model_input(picture, *target)  # noqa: E731
    streams = int(payload["streams"])
    begun_s = time.perf_counter()
    with ThreadPoolExecutor(streams) as callers:
        parts = list(callers.map(lambda _: _costs_s(call, begun_s + payload["duration_s"]), range(streams)))
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


def _costs_s(call: Callable[[], object], end_s: float) -> list[float]:
    """CPU times of calls on this thread until ``end_s``, after one that warms up [s]."""
    call()
    costs: list[float] = []
    while time.perf_counter() < end_s or len(costs) < 5:
        cpu_s = time.thread_time()
        call()
        costs.append(time.thread_time() - cpu_s)
    return costs


prepare_job = each(_prepare)
