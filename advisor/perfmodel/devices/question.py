"""What a prediction for a device is asked for, and what a source answers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.base import Evidence, Precision
from advisor.records.device import DeviceFamily, DeviceSpec


def squashed(name: str) -> str:
    """Name of a model without case and separators: ``yolo_v8n``, ``YOLOv8n`` and ``yolov8-n`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.removeprefix("like:").lower())


@dataclass(frozen=True)
class DeviceQuestion:
    """How fast ``device`` runs a model at a precision and batch."""

    device: DeviceSpec
    models: tuple[str, ...]
    """Names under which the network may have been published, the user's first."""
    table: WorkTable | None
    """Its work; None where the model is known by name alone."""
    input_size: tuple[int, int] | None
    """Width and height of its input; None: no picture, or not known."""
    precision: Precision
    runtime: str = "openvino"
    batch: int = 1
    threads: int | None = None


@dataclass(frozen=True)
class DeviceAnswer:
    """Inputs per second and time of one pass, each as median and log distances to P10 and P90; None: not known."""

    log_throughput: float | None
    throughput_band: tuple[float, float]
    """Log distances of throughput to P10 (at most 0) and to P90 (at least 0)."""
    log_latency_s: float | None
    latency_band: tuple[float, float]
    evidence: Evidence
    source: str
    """Publication, or the figures that the estimate rests on."""
    extrapolated: bool = False
    notes: tuple[str, ...] = ()
    compile_s: float | None = None
    """Time to compile the model for the device, without a cache [s]; None: nobody has measured it."""


class DeviceSource(ABC):
    """One kind of evidence on a device.

    Sources are asked from the most specific to the least; the first that answers is taken, since evidence of devices
    does not add up: a figure of this model on this device says all that an estimate could say. **To add a device
    class**, write one with :attr:`families` and :meth:`answer` in a file of this folder, and enter it in
    ``registry.py``.
    """

    families: ClassVar[tuple[DeviceFamily, ...]]
    """Families of devices that it speaks of."""

    def speaks_of(self, question: DeviceQuestion) -> bool:
        """Whether it may know something of a device."""
        return question.device.family in self.families

    @abstractmethod
    def answer(self, question: DeviceQuestion) -> DeviceAnswer | None:
        """Return what it knows; None where that is nothing."""


def first_answer(sources: Sequence[DeviceSource], question: DeviceQuestion) -> DeviceAnswer | None:
    """Ask the sources in order; None where none knows the device or the model."""
    answers = (source.answer(question) for source in sources if source.speaks_of(question))
    return next((answer for answer in answers if answer is not None), None)
