"""Core time of what surrounds a pass: decoding, preparation, the application, a call; as measured where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from advisor.perfmodel.analytic.interval import around
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import Runs, core_rate
from advisor.perfmodel.elsewhere.partial_load import STEPS
from advisor.perfmodel.resources.application import ApplicationUnit, application_time
from advisor.perfmodel.resources.software_decode import (
    CoreClocks,
    CoreTime,
    DecodeCalibration,
    clocks_under_load,
    clocks_under_loads,
    decode_time,
    mean_core_speed,
    preparation_time,
)
from advisor.records.base import Evidence, Interval
from advisor.records.machine import MachineSpec
from advisor.records.measurement import BOX_HEIGHT_SHARE, HARNESS_FRAME, STACKING, MicroBenchmark
from advisor.records.prediction import CostEstimate
from advisor.records.preparation import Preparation, Size

from .interference_correction import interference_slowdown
from .measurements import HostMeasurements

_PREPARATION = re.compile(r"^(preprocess|crop)(_raw)?/(\d+)x(\d+)/(\d+)x(\d+)$")
_DECODE_HALF, _PREPARATION_HALF = 0.10, 0.15
"""Half of P10-P90 (log) of a decoder and of a preparation at another time than it was measured; source: project
assumption, kept from 0.1.0."""
_HARNESS_HALF = 0.15
"""Half of P10-P90 (log) of it in another scenario; source: project assumption."""
_OTHER_SIZE = 1.5
"""Factor on both where another size was measured; source: project assumption, kept from 0.1.0."""


class CoreCosts:
    """The shipped model of ``resources/software_decode.py``, and on the measured machine its own measurements.

    Other machines take nothing from them: how fast this machine decodes says how fast this machine is.
    """

    def __init__(self, parameters: Parameters, host: HostMeasurements, calibration: DecodeCalibration) -> None:
        self._parameters, self._host, self._calibration = parameters, host, calibration
        self._clocks_by_machine: dict[str, CoreClocks] = {}
        self._slowing_by_machine: dict[str, tuple[float, ...]] = {}

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> CostEstimate:
        """Core time of decoding one frame in software.

        Raises
        ------
        ModelRangeError
            An unknown codec, or a size or rate that is not positive.
        """
        if codec == "raw":
            nothing = around(0.0, 0.0, 0.0)
            return CostEstimate(core_s=nothing, evidence=Evidence.SPEC, notes=("raw frames need no decoder",))
        size = (width, height)
        found = decode_time(
            self._calibration, machine, self._clocks(machine), codec, size, bitrate_kbps, fps
        )  # all cores busy, as passes are costed
        if self._host.is_host(machine):
            measured = [
                (abs(float(np.log(np.prod(other) / np.prod(size)))), other == size, formula_s, row)
                for other, formula_s, row in self._decoders(machine, codec)
            ]
            if measured:
                alone = self._as_measured(found, measured, _DECODE_HALF, "decoding")
                of_key_frames = min(measured, key=lambda item: item[0])[3].parameters.get("key_factor")
                return alone.model_copy(
                    update={
                        "contention": self._decoders_beside(codec, size),
                        "key_factor": None if of_key_frames is None else float(of_key_frames),
                    }
                )
        return found.estimate(
            f"{codec} in software was not measured on {machine.id}: cycles per pixel and bit of the shipped "
            "calibration, work per clock of its kind of core, clock with all cores busy (docs/methods/decode.md)"
        )

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> CostEstimate:
        """Core time of scaling and laying out one input.

        On the machine that was measured a box takes what one of
        :data:`~advisor.records.measurement.BOX_HEIGHT_SHARE` took, whatever its ``source`` says.

        Raises
        ------
        ModelRangeError
            A size that is not positive.
        """
        source, target, cut_from = preparation.source, preparation.target, preparation.cut_from
        if self._host.is_host(machine):
            kind = "preprocess" if cut_from is None else "crop", preparation.raw
            measured = list(self._preparations(machine, *kind))
            if measured:
                asked = cut_from or source, target
                box = source if cut_from is None else _box(*asked)
                found = preparation_time(self._calibration, machine, self._clocks(machine), box, target)
                near = [(_distance(sizes, asked), sizes == asked, formula_s, row) for sizes, formula_s, row in measured]
                return self._as_measured(found, near, _PREPARATION_HALF, "preparation")
        found = preparation_time(self._calibration, machine, self._clocks(machine), source, target)
        return found.estimate(
            f"preparation was not measured on {machine.id}: cycles per pixel of the shipped calibration, work per "
            "clock of its kind of core, clock with all cores busy (docs/methods/decode.md)"
        )

    def application(self, machine: MachineSpec, unit: ApplicationUnit, stated_ms: float | None) -> CostEstimate:
        """Core time of the application's own work on one frame or one object, by the machine's scalar speed.

        ``stated_ms``: of a reference core, as the scenario states it [ms]; None: what is usual. What this machine
        decodes is not used: the application is other code. A frame takes at least what `sizer verify` itself takes for
        it, where that was measured: its run stands for the application, and burns the rest.
        """
        speed_hz, kind_sd = mean_core_speed(self._calibration.cores, machine, self._clocks(machine))
        machine_sd = float(np.hypot(self._calibration.machine_sd, kind_sd))
        found = application_time(unit, stated_ms, speed_hz, machine_sd, self._calibration.t_90)
        row = self._host.micro.get(HARNESS_FRAME) if unit == "frame" and self._host.is_host(machine) else None
        if row is None:
            return found
        half = float(np.hypot(_HARNESS_HALF, self._half_width(row)))
        own, of = around(row.value, -half, half), found.core_s
        core_s = Interval(p10=max(of.p10, own.p10), p50=max(of.p50, own.p50), p90=max(of.p90, own.p90))
        note = f"at least {1000 * row.value:.2g} ms per frame, which the run of `sizer verify` takes here (measured)"
        return CostEstimate(core_s=core_s, evidence=found.evidence, notes=(*found.notes, note))

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        r"""Lengthening of what surrounds a pass while 1/n, 2/n, ... of the other cores work, over the time alone.

        .. math:: v(1) / v(1 + s (C - 1)) - 1, \qquad s = \tfrac1n, \dots, 1

        with the mean speed v of so many cores, performance cores first (``mean_core_speed``). Empty for the machine
        that was measured: its costs were measured one at a time, and how decoders lengthen each other there, too.
        Source: derived here.
        """
        cores = machine.inference_cores
        if self._host.is_host(machine) or cores == 1:
            return ()
        if machine.key not in self._slowing_by_machine:
            busy = (1.0 + np.arange(STEPS + 1) / STEPS * (cores - 1)).tolist()
            clocks = clocks_under_loads(self._parameters, machine, busy)
            speeds_hz = [
                mean_core_speed(self._calibration.cores, machine, *load)[0] for load in zip(clocks, busy, strict=True)
            ]
            slowest = np.minimum.accumulate(speeds_hz)
            self._slowing_by_machine[machine.key] = tuple(float(speeds_hz[0] / speed - 1.0) for speed in slowest[1:])
        return self._slowing_by_machine[machine.key]

    def stacking(self, machine: MachineSpec) -> float:
        """Probability that work that begins while a core is idle is put on a busy one all the same.

        0 where it was not measured: it hangs on the system and the number of its processors, and on a machine of its
        own nobody has measured it for `sizer`.
        """
        measured = self._host.micro.get(STACKING) if self._host.is_host(machine) else None
        return 0.0 if measured is None else measured.value

    def overhead(self, machine: MachineSpec, runtime: str) -> CostEstimate:
        """Core time of one call into the runtime, before any kernel runs."""
        measured = self._host.micro.get(f"overhead/{runtime}") if self._host.is_host(machine) else None
        if measured is not None:
            return CostEstimate(core_s=around(measured.value, -0.2, 0.2), evidence=Evidence.MEASURED)
        seconds = self._parameters.factor("call") * 4e9 / self._clock_hz(machine, 1)
        return CostEstimate(core_s=around(seconds, -0.7, 0.7), evidence=Evidence.SPEC)

    def _clock_hz(self, machine: MachineSpec, threads: int) -> float:
        runs = Runs(np.array([0]), np.ones(1), np.ones(1), np.array([float(threads)]), np.zeros(1))
        return float(core_rate(self._parameters, machine_arrays([machine]), runs)[0][0])

    def _clocks(self, machine: MachineSpec) -> CoreClocks:
        """Clocks with all cores busy, worked out once per machine: every size of picture needs them."""
        if machine.key not in self._clocks_by_machine:
            self._clocks_by_machine[machine.key] = clocks_under_load(
                self._parameters, machine, float(machine.inference_cores)
            )
        return self._clocks_by_machine[machine.key]

    def _decoders(self, machine: MachineSpec, codec: str) -> Iterator[tuple[tuple[int, int], float, MicroBenchmark]]:
        """Pictures whose decoding was measured, with what the formula says of each [s]."""
        for name, row in self._host.micro.items():
            parts, facts = name.split("/"), row.parameters
            if parts[:2] != ["decode", codec] or not name.endswith("/n1") or "width" not in facts or row.value <= 0:
                continue
            size = int(facts["width"]), int(facts["height"])
            fps = float(facts.get("fps", "15"))
            rate = float(facts.get("bitrate_kbps") or facts.get("asked_bitrate_kbps") or "4000")
            formula = decode_time(self._calibration, machine, self._clocks(machine), codec, size, rate, fps)
            yield size, formula.core_s, row

    def _decoders_beside(self, codec: str, size: Size) -> float:
        """Added time of a decoder with decoders on all other cores, as a share; of the picture nearest in size.

        From turns of one decoder and of all. Where others than this work beside it, they are taken to lengthen it as
        much (source: project assumption).
        """
        known = []
        for name, row in self._host.micro.items():
            facts = row.parameters
            if name.split("/")[:2] == ["decode", codec] and "alone_s" in facts:
                other = int(facts["width"]), int(facts["height"])
                apart = abs(float(np.log(np.prod(other) / np.prod(size))))
                known.append((apart, max(0.0, row.value / float(facts["alone_s"]) - 1.0)))
        return min(known)[1] if known else 0.0

    def _preparations(
        self, machine: MachineSpec, kind: str, raw: bool
    ) -> Iterator[tuple[tuple[Size, Size], float, MicroBenchmark]]:
        """Sizes whose preparation in this kind was measured, with what the formula says of each [s]."""
        for name, row in self._host.micro.items():
            match = _PREPARATION.match(name)
            if match is None or row.value <= 0 or (match[1], match[2] is not None) != (kind, raw):
                continue
            frame, target = (int(match[3]), int(match[4])), (int(match[5]), int(match[6]))
            source = frame if kind == "preprocess" else _box(frame, target)
            formula = preparation_time(self._calibration, machine, self._clocks(machine), source, target)
            yield (frame, target), formula.core_s, row

    def _as_measured(
        self, found: CoreTime, measured: list[tuple[float, bool, float, MicroBenchmark]], half: float, what: str
    ) -> CostEstimate:
        """The formula's time, scaled to what was measured at the sizes nearest; measured where these are the same."""
        _, exact, formula_s, row = min(measured, key=lambda item: item[0])
        half = float(np.hypot(half if exact else _OTHER_SIZE * half, self._half_width(row)))
        return CostEstimate(
            core_s=around(found.core_s * row.value / formula_s, -half, half),
            evidence=Evidence.MEASURED if exact else Evidence.ANCHORED,
            notes=(f"{what} measured on this machine" if exact else f"scaled by {what} measured on this machine",),
        )

    def _half_width(self, row: MicroBenchmark) -> float:
        """Half of the 10-90 % range (log) of a micro-benchmark on this machine in another of its states."""
        repeats = 0.95 * (row.spread or 0.0)  # from the distance between quartiles of the repeats
        return float(
            np.hypot(np.hypot(repeats, interference_slowdown(row.interference)[1]), self._host.state_variability)
        )


def _box(frame: Size, target: Size) -> Size:
    """Box that is cut out of a picture where preparation is measured."""
    height = frame[1] * BOX_HEIGHT_SHARE
    return max(1, round(height * target[0] / target[1])), max(1, round(height))


def _distance(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> float:
    """How far apart the pixels of two preparations are, source and target (log)."""
    return sum(abs(float(np.log(np.prod(a) / np.prod(b)))) for a, b in zip(one, other, strict=True))
