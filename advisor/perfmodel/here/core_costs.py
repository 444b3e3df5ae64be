"""Core time of what surrounds a pass (decoding, preparation, a call), scaled to what this machine measured of it."""

from __future__ import annotations

import re

import numpy as np

from advisor.perfmodel.analytic.interval import around
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import Runs, core_rate
from advisor.perfmodel.resources.decode import (
    PRIOR,
    Scale,
    decode_cost,
    frame_cost_s,
    preprocess_cost,
    scalar_speed,
)
from advisor.records.base import Evidence
from advisor.records.machine import MachineSpec
from advisor.records.measurement import MicroBenchmark
from advisor.records.prediction import CostEstimate

from .interference_correction import interference_slowdown
from .measurements import HostMeasurements

_PREPARATION = re.compile(r"^preprocess/(\d+)x(\d+)/(\d+)x(\d+)$")


class CoreCosts:
    """Formulas of ``resources/decode.py`` on a machine's sustained clock, and this host's measurements of them."""

    def __init__(self, parameters: Parameters, host: HostMeasurements) -> None:
        self._parameters, self._host = parameters, host
        self._full_clocks_hz: dict[str, float] = {}

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> CostEstimate:
        """Core time of decoding one frame in software."""
        scale = self._decode_scale(machine, codec, (width, height))
        return decode_cost(machine, self._full_clock_hz(machine), codec, width, height, bitrate_kbps, fps, scale)

    def preprocess(self, machine: MachineSpec, source: tuple[int, int], target: tuple[int, int]) -> CostEstimate:
        """Core time of scaling and laying out one input."""
        scale = self._preprocess_scale(machine, source, target)
        return preprocess_cost(machine, self._full_clock_hz(machine), source, target, scale)

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

    def _full_clock_hz(self, machine: MachineSpec) -> float:
        """Clock with all cores busy, worked out once per machine: every size of picture needs it."""
        if machine.key not in self._full_clocks_hz:
            self._full_clocks_hz[machine.key] = self._clock_hz(machine, machine.cores)
        return self._full_clocks_hz[machine.key]

    def _decode_scale(self, machine: MachineSpec, codec: str, size: tuple[int, int]) -> Scale | None:
        """Measured decode time over the formula's at the measured picture nearest in size; None where nothing was."""
        host = self._host.host
        if host is None:
            return None
        speed, here = scalar_speed(host, self._full_clock_hz(host)), self._host.is_host(machine)
        by_distance: dict[float, Scale] = {}
        for name, row in self._host.micro.items():
            parts, facts = name.split("/"), row.parameters
            if parts[:2] != ["decode", codec] or not name.endswith("/n1") or "width" not in facts or row.value <= 0:
                continue
            width, height = int(facts["width"]), int(facts["height"])
            fps = float(facts.get("fps", "15"))
            rate = facts.get("bitrate_kbps") or facts.get("asked_bitrate_kbps") or "4000"
            formula_s = frame_cost_s(PRIOR[codec], width, height, float(rate) * 1000.0 / fps) / speed
            distance = abs(float(np.log(width * height / (size[0] * size[1]))))
            exact = here and (width, height) == size
            by_distance[distance] = Scale(row.value / formula_s, exact, here, self._half_width(row))
        return by_distance[min(by_distance)] if by_distance else None

    def _preprocess_scale(self, machine: MachineSpec, source: tuple[int, int], target: tuple[int, int]) -> Scale | None:
        """Measured pre-processing time over the formula's at the measured sizes nearest; None where nothing was."""
        host = self._host.host
        if host is None:
            return None
        here = self._host.is_host(machine)
        by_distance: dict[float, Scale] = {}
        for name, row in self._host.micro.items():
            match = _PREPARATION.match(name)
            if match is None or row.value <= 0:
                continue
            sw, sh, tw, th = (int(text) for text in match.groups())
            formula_s = preprocess_cost(host, self._full_clock_hz(host), (sw, sh), (tw, th), None).core_s.p50
            distance = abs(np.log(sw * sh / (source[0] * source[1]))) + abs(np.log(tw * th / (target[0] * target[1])))
            exact = here and ((sw, sh), (tw, th)) == (source, target)
            by_distance[float(distance)] = Scale(row.value / formula_s, exact, here, self._half_width(row))
        return by_distance[min(by_distance)] if by_distance else None

    def _half_width(self, row: MicroBenchmark) -> float:
        """Half of the 10-90 % range (log) of a micro-benchmark on this machine in another of its states."""
        repeats = 0.95 * (row.spread or 0.0)  # from the distance between quartiles of the repeats
        return float(
            np.hypot(np.hypot(repeats, interference_slowdown(row.interference)[1]), self._host.state_variability)
        )
