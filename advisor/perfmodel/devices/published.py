"""First source: this model was published on this device."""

from __future__ import annotations

import re
from math import exp, log
from statistics import median
from typing import get_args

from advisor.records.base import Evidence
from advisor.records.device import DeviceFamily

from .figures import Figure, Figures
from .question import DeviceAnswer, DeviceQuestion, DeviceSource

REPEAT = 0.06
"""Half width (log) of a published figure on another box with the same device at its published link and power: two
tables of one device differ by 1-5 %, boxes by their power limit. Source: project assumption from these."""
LINK_SLOWER = (-0.80, 0.0)
"""What a narrower link than that of the published figure does to throughput (log): one model of one accelerator fell
to 0.63 on one lane instead of several; small models lose nothing. Source: project assumption from that pair."""
LINK_MIDDLE = -0.30
MANY_REQUESTS = frozenset({"hailo-model-zoo", "openvino-tables", "esq", "rknn-model-zoo"})
"""Sources whose throughput is taken with several requests in flight, or pipelined: it is not one over the latency."""

NEWEST = "esq"
"""Source with the list of 2026, on graphics by another software than the tables on which estimates rest."""


class PublishedDevice(DeviceSource):
    """Exact, with its source; the newest release where several are published.

    A runtime other than the one asked for answers only where the device has a single one.
    """

    families = get_args(DeviceFamily)

    def __init__(self, figures: Figures, newest_shift: float | None = None) -> None:
        """``newest_shift``: what the list of :data:`NEWEST` adds to the time on graphics, as fitted (log)."""
        self._figures, self._newest_shift = figures, newest_shift

    def answer(self, question: DeviceQuestion) -> DeviceAnswer | None:
        device = question.device
        rows = self._figures.find(device.id, question.models, question.precision, question.input_size)
        rows = tuple(row for row in rows if _fits(row, question))
        if not rows:
            return None
        best = max(rows, key=lambda row: (_release(row.release), row.threads or 0))
        same = [
            row for row in rows if (row.source, row.release, row.threads) == (best.source, best.release, best.threads)
        ]
        throughput = _middle([row.throughput_per_s for row in same])
        latency = _middle([row.latency_s for row in same])
        notes = [] if best.source not in MANY_REQUESTS or latency else ["latency is not published: requests overlap"]
        if best.source == NEWEST and device.kind == "igpu" and self._newest_shift is not None:
            notes.append(
                f"of release {best.release}, whose figures take {exp(self._newest_shift):.2g} of the time (fitted) of "
                "those of 2024 and 2025 on which estimates of other graphics rest: no reason to prefer this one to a "
                "larger one of its family"
            )
        low, high = -REPEAT, REPEAT
        evidence = Evidence.PUBLISHED
        if throughput is None and latency is not None:
            throughput = question.batch / latency
            notes.append("published as time of one request at a time: throughput is its inverse")
        shift = 0.0
        if (
            device.host_link is not None
            and device.measured_link is not None
            and device.host_link != device.measured_link
        ):
            shift, evidence = LINK_MIDDLE, Evidence.ANCHORED
            low, high = LINK_SLOWER[0] - LINK_MIDDLE, LINK_SLOWER[1] - LINK_MIDDLE
            notes.append(
                f"published behind {device.measured_link}, here behind {device.host_link}: widened by an assumed"
                " loss of 0 to 55 % (one model of one accelerator lost 37 %)"
            )
        return DeviceAnswer(
            None if throughput is None else log(throughput) + shift,
            (low, high),
            None if latency is None else log(latency) - shift,
            (-high, -low),
            evidence,
            best.cited,
            notes=tuple(notes),
        )


def _fits(row: Figure, question: DeviceQuestion) -> bool:
    """Same batch, and on a CPU the same library and threads."""
    if row.batch != question.batch:
        return False
    if question.device.kind == "cpu":
        same = row.runtime.lower().startswith(question.runtime)
        return same and (question.threads is None or row.threads in (None, question.threads))
    # PyTorch, ONNX Runtime and TorchScript on a Jetson are other runtimes than the one that is deployed there.
    return question.device.family != "jetson-gpu" or row.runtime == "TensorRT"


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _middle(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
