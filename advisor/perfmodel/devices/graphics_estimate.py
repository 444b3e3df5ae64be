"""Second source: Intel graphics by formula, corrected by what was published of the device and of the model."""

from __future__ import annotations

from math import log

import numpy as np

from advisor.perfmodel.analytic.work_table import CLASSES, WorkTable
from advisor.records.base import Evidence
from advisor.records.device import DeviceSpec

from .calibration import DeviceCalibration, Offset, find_band
from .graphics import GENERATIONS, PRECISIONS, GraphicsArrays, log_time, vector
from .question import DeviceAnswer, DeviceQuestion, DeviceSource, squashed

_GENERATION = {"gen9": "gen9", "gen11": "gen11", "xe-lp": "xe", "xe-lpg": "xe"}
SHEET_FAMILIES = ("xe-lp", "xe-lpg")
"""Families whose devices may be predicted from the data sheet alone: several devices were published of them."""
_SAME_WORK = 0.1
"""Relative difference of operations up to which a file is the published network. Source: project assumption."""
FALL_BACK = log(4.0)
"""Half width for networks whose kernels fall back to slow code: tails of 3 to 9 times were seen. Source: published
errors on Gen9.5 (MixNet, HBONet, Swin, MobileNet-YOLO, Faster R-CNN)."""
_FALLS_BACK = ("mixnet", "hbonet", "swin", "mobilenetyolo", "fasterrcnn", "maskrcnn", "rfcn", "detr", "convit")


def graphics_rows(
    specs: list[DeviceSpec], tables: list[WorkTable], precisions: list[str], newest: list[bool]
) -> GraphicsArrays:
    """Arrays of the formula; every device has units, clock, bandwidth and power."""

    def facts(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(getattr(spec, name)) for spec in specs])

    return GraphicsArrays(
        table=np.array([table.table[:, :4] for table in tables]).reshape(len(tables), len(CLASSES), 4),
        execution_units=facts("execution_units"),
        clock_hz=facts("clock_hz"),
        memory_bytes_per_s=facts("memory_bandwidth_bytes_per_s"),
        power_w=facts("power_w"),
        generation=np.array([GENERATIONS.index(_GENERATION[str(spec.family)]) for spec in specs]),
        is_lpg=np.array([spec.family == "xe-lpg" for spec in specs]),
        precision=np.array([PRECISIONS.index(name) for name in precisions]),
        is_newest=np.array(newest, dtype=bool),
    )


def looks_fallen_back(table: WorkTable) -> str | None:
    """Kind of such networks that unknown work looks like, in words; None: like none of them.

    By kernels and operations alone, since a user's file has a name of its own. Mixed depthwise: depthwise kernels of
    several sizes side by side, with splits and joins around each; attention in an image network: matrix products beside
    convolutions, or with many shifts between them (windows); two stages: selections more than a single one makes.
    Source: project assumption; of 170 published networks it names MixNet and Swin alone.
    """
    conv, depthwise, products, memory, serial = table.table
    share = table.table[:, 0] / max(table.flop, 1.0)
    joined = depthwise[3] > 0.6 * conv[3] and memory[3] >= 1.9 * depthwise[3]
    if depthwise[3] >= 6 and (joined or depthwise[3] > conv[3]):
        return "mixed depthwise convolutions"
    if products[3] >= 10 and share[2] > 0.05 and (share[0] > 0.05 or memory[3] >= 2.5 * products[3]):
        return "attention in an image network"
    if serial[3] >= 3 and share[0] > 0.5:
        return "two stages of detection"
    return None


def falls_back(models: tuple[str, ...]) -> bool:
    """Whether a network is of a kind whose kernels were seen to fall back to slow code."""
    return any(word in squashed(model) for model in models for word in _FALLS_BACK)


class GraphicsEstimate(DeviceSource):
    """Formula of the data sheet; with other models published on the device ``anchored``, else ``spec``."""

    families = ("gen9", "gen11", "xe-lp", "xe-lpg")

    def __init__(self, calibration: DeviceCalibration) -> None:
        self._fit = calibration.graphics

    def answer(self, question: DeviceQuestion) -> DeviceAnswer | None:
        device, precision = question.device, question.precision
        known = None not in (
            device.execution_units, device.clock_hz, device.memory_bandwidth_bytes_per_s, device.power_w,
        )  # fmt: skip
        if question.table is None or precision not in PRECISIONS or question.batch != 1 or not known:
            return None
        of_device = self._fit.devices[precision].get(device.id)
        if of_device is None and device.family not in SHEET_FAMILIES:
            return None
        rows = graphics_rows([device], [question.table], [precision], [False])
        time = float(log_time(vector(self._fit.parameters), rows)[0])
        of_model = self._of_model(question.models, question.table.flop, precision)
        time += (0.0 if of_device is None else of_device.value) + (0.0 if of_model is None else of_model.value)
        kind = "spec" if of_device is None else "anchored"
        model = "unpublished" if of_model is None else "published"
        band = find_band(self._fit.bands, f"{kind}/{model}/{device.family}/{precision}", f"{kind}/{model}/{precision}")
        low, high = band.low, band.high
        notes = [f"requests at batch 1 that keep the graphics busy; {kind}, error band of {band.rows} figures left out"]
        if falls_back(question.models):
            low, high = min(low, -FALL_BACK), max(high, FALL_BACK)
            notes.append("kernels of such networks may fall back to slow code: interval widened to a factor of 4")
        elif of_model is None and (kind_of_network := looks_fallen_back(question.table)) is not None:
            low, high = min(low, -FALL_BACK), max(high, FALL_BACK)
            notes.append(
                f"its work looks like {kind_of_network}, of which kernels may fall back to slow code: interval widened "
                "to a factor of 4"
            )
        if device.uncertain:
            notes.append(f"from the data sheet as recalled: {', '.join(device.uncertain)}")
        ratio = self._fit.latency_ratio.value
        evidence = Evidence.SPEC if of_device is None else Evidence.ANCHORED
        rests = (
            "its published figures of other models" if of_device else f"published figures of {device.family} devices"
        )
        return DeviceAnswer(
            log_throughput=-time,
            throughput_band=(-high, -low),
            log_latency_s=time + ratio,
            latency_band=(low, high),
            evidence=evidence,
            source=rests,
            extrapolated=of_model is None,
            notes=tuple(notes),
        )

    def _of_model(self, models: tuple[str, ...], flop: float, precision: str) -> Offset | None:
        """What a published model deviates by, where its table counts the operations that are asked about."""
        for name in map(squashed, models):
            counted = self._fit.model_flop.get(name)
            offset = self._fit.models[precision].get(name)
            if offset is not None and counted is not None and abs(counted - flop) <= _SAME_WORK * flop:
                return offset
        return None
