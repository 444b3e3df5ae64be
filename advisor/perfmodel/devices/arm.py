"""Third source: Arm cores, by core design and clock, from ncnn's tables."""

from __future__ import annotations

from dataclasses import replace
from math import hypot, log

from advisor.records.base import Evidence

from .calibration import DeviceCalibration, find_band
from .question import DeviceAnswer, DeviceQuestion, DeviceSource, squashed

THREADS = ("1", "4")
"""Counts of threads that the tables have in common."""


class ArmEstimate(DeviceSource):
    r"""Time of a model whose time on other Arm boards was published.

    .. math:: \ln t = d + m - \ln f + u

    with d of the core design, m of the model, f the clock and u of the board. ncnn computes in f16 where the cores can,
    and is asked for at f16; OpenVINO in f32 is that times a ratio with its own interval. Of models without a figure
    and in int8 nothing is known: the libraries differ 0.3 to 10 times there.
    """

    families = ("arm-cpu",)

    def __init__(self, calibration: DeviceCalibration, published: DeviceSource | None = None) -> None:
        """``published``: figures of ncnn on the very board, on which OpenVINO's time rests where there is one."""
        self._fit, self._published = calibration.arm, published

    def answer(self, question: DeviceQuestion) -> DeviceAnswer | None:
        device = question.device
        is_openvino = question.runtime == "openvino" and question.precision == "f32"
        is_ncnn = question.runtime == "ncnn" and question.precision == "f16"
        threads = str(question.threads) if question.threads is not None else "4"
        if not (is_openvino or is_ncnn) or question.batch != 1 or threads not in THREADS:
            return None
        if is_openvino and (known := self._from_published(question, threads)) is not None:
            return known
        if device.clock_hz is None or device.core_design is None or (device.cores or 0) < int(threads):
            return None
        models = self._fit.models[threads]
        of_model = next((models[name] for name in map(squashed, question.models) if name in models), None)
        design = self._fit.designs[threads].get(device.core_design)
        board = self._fit.devices[threads].get(device.id)
        if of_model is None or design is None:
            return None
        time = design.value + of_model.value - log(device.clock_hz / 1e9) + (0.0 if board is None else board.value)
        kind = "spec" if board is None else "anchored"
        band = find_band(self._fit.bands, f"{kind}/{threads}")
        p10, p50, p90 = (log(value) for value in self._fit.openvino_ratio) if is_openvino else (0.0, 0.0, 0.0)
        time += p50
        low = -((band.low**2 + (p10 - p50) ** 2) ** 0.5)
        high = (band.high**2 + (p90 - p50) ** 2) ** 0.5
        return DeviceAnswer(
            log_throughput=-time,
            throughput_band=(-high, -low),
            log_latency_s=time,
            latency_band=(low, high),
            evidence=Evidence.SPEC if board is None else Evidence.ANCHORED,
            source=f"ncnn's tables of {device.core_design} cores, {threads} threads",
            notes=(
                f"one request at a time on {threads} cores: "
                + (self._ratio_text() if is_openvino else "ncnn's default, which computes in f16 where the cores can"),
            ),
        )

    def _from_published(self, question: DeviceQuestion, threads: str) -> DeviceAnswer | None:
        """OpenVINO's time from ncnn's of the same model on the same board; None: that was not published."""
        asked = replace(question, runtime="ncnn", precision="f16", threads=int(threads))
        known = None if self._published is None else self._published.answer(asked)
        if known is None or known.log_latency_s is None:
            return None
        p10, p50, p90 = (log(value) for value in self._fit.openvino_ratio)
        low, high = known.latency_band
        low, high = -hypot(low, p10 - p50), hypot(high, p90 - p50)
        time = known.log_latency_s + p50
        return DeviceAnswer(
            log_throughput=-time,
            throughput_band=(-high, -low),
            log_latency_s=time,
            latency_band=(low, high),
            evidence=Evidence.ANCHORED,
            source=known.source,
            notes=(f"one request at a time on {threads} cores: {self._ratio_text()}",),
        )

    def _ratio_text(self) -> str:
        low, middle, high = self._fit.openvino_ratio
        return f"ncnn's default times OpenVINO's f32 over it, {middle:g} ({low:g} to {high:g})"
