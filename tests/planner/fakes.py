"""A predictor and a catalogue whose answers follow from a few numbers: expected plans can be computed by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from advisor.perfmodel.resources.cold_pass import ColdStart
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.records.base import Evidence, Interval, Sourced
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.plan import Plan, PlanOption
from advisor.records.platform import Platform
from advisor.records.prediction import ServiceEstimate
from advisor.records.preparation import Preparation
from advisor.records.scenario import Scenario

TODAY = dt.date(2026, 11, 21)
_NOTHING = Interval(p10=0.0, p50=0.0, p90=0.0)
_FAST = Interval(p10=1e18, p50=1e18, p90=1e18)
WARM = ColdStart(_NOTHING, _NOTHING, 0.005, _NOTHING, _FAST, Evidence.SPEC, _FAST)
"""A machine on which pauses cost nothing."""


SLOWER_CORES = 1.5
"""A pass over cores of both kinds takes so much longer than one on performance cores alone."""


@dataclass(frozen=True)
class FakeCost:
    core_s: Interval
    evidence: Evidence = Evidence.SPEC
    notes: tuple[str, ...] = ()
    contention: float = 0.0
    key_factor: float | None = None


class FakePredictor:
    """Time of a pass = seconds of work per input x batch / (threads ** 0.9) / speed; P10/P90 a fixed factor apart."""

    def __init__(self, work_s: dict[str, float], spread: float = 1.2, speeds: dict[str, float] | None = None) -> None:
        self.work_s = work_s
        self.spread = spread
        self.speeds = speeds or {}
        self.asked = 0

    def _interval(self, value: float) -> Interval:
        return Interval(p10=value / self.spread, p50=value, p90=value * self.spread)

    def _speed(self, machine: MachineSpec) -> float:
        return self.speeds.get(machine.id, 1.0)

    def alike(self, machine: MachineSpec) -> Hashable:
        return machine.id

    def service_many(self, requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]]) -> list[ServiceEstimate]:
        return [self.service(*request) for request in requests]

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        self.asked += 1
        threads = (config.threads or 1) // (config.streams or 1)
        factor = {"f32": 1.0, "bf16": 0.6, "int8": 0.4}[config.precision]
        if machine.efficiency_cores and config.core_type != "performance":
            factor *= SLOWER_CORES
        seconds = self.work_s[work.model] * factor * config.batch / threads**0.9 / self._speed(machine)
        return ServiceEstimate(
            platform=machine.id,
            model=work.model,
            config=config,
            latency_s=self._interval(seconds),
            throughput_per_s=self._interval(config.batch * (config.streams or 1) / seconds),
            core_s=self._interval(seconds * threads),
            memory_bytes=self._interval(50e6),
            bandwidth_bytes=1e6,
            bottleneck="compute",
            evidence=Evidence.SPEC,
            nearest_measured=None,
            extrapolated=False,
            stand_in=True,
        )

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float, fps: float
    ) -> FakeCost:
        return FakeCost(self._interval(0.008 * width * height / (1920 * 1080) / self._speed(machine)))

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> FakeCost:
        return FakeCost(self._interval(0.001 / self._speed(machine)))

    def application(self, machine: MachineSpec, unit: str, stated_ms: float | None) -> FakeCost:
        return FakeCost(self._interval((stated_ms or 0.0) / 1000.0 / self._speed(machine)))

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return ()

    def stacking(self, machine: MachineSpec) -> float:
        return 0.0

    def bandwidth(self, machine: MachineSpec) -> Interval:
        return self._interval(machine.memory_bandwidth_bytes_per_s or 25e9)

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval:
        middle = 8.0 + 30.0 * utilisation
        return Interval(p10=middle * 0.8, p50=middle, p90=middle * 1.2)


def candidate(
    name: str,
    cores: int,
    price: float | None,
    *,
    memory_gib: float = 16.0,
    power_w: float = 45.0,
    efficiency_cores: int = 0,
    price_date: dt.date = TODAY,
) -> Candidate:
    def sourced(value: float) -> Sourced:
        return Sourced(value=value, kind="assumed", source="test", date=TODAY)

    platform = Platform(
        id=name,
        name=name.upper(),
        processor=f"{name}-chip",
        form_factor="mini-pc",
        memory_bytes=sourced(memory_gib * 1024**3),
        memory_channels_populated=sourced(2),
        max_power_w=sourced(power_w),
        price_usd=None if price is None else Sourced(value=price, kind="assumed", source="test", date=price_date),
    )
    machine = MachineSpec(
        id=name,
        name=name.upper(),
        vendor="intel",
        performance_cores=cores,
        efficiency_cores=efficiency_cores,
        threads=cores + efficiency_cores,
        simd_level="avx2",
        memory_bytes=memory_gib * 1024**3,
        memory_bandwidth_bytes_per_s=40e9,
        memory_channels=2,
    )
    return Candidate(platform, machine)


def model_file(stage: str, kind: str = "stand-in") -> ModelFile:
    return ModelFile(
        reference=f"like:{stage}", name=stage, family="detector", kind=kind, path=f"{stage}.onnx", sha256="0" * 64,
        input_shape=(1, 3, 320, 544),
    )  # fmt: skip


def work(stage: str, runtime: str, precision: str, batch: int) -> ModelWork:
    return ModelWork(
        model=stage, sha256="0" * 64, kind="stand-in", family="detector", runtime=runtime, runtime_version="0",
        precision=precision, batch=batch, simd_cap=None, kernels=(), flop=1e9, weight_bytes=1e6, activation_bytes=1e6,
    )  # fmt: skip


SLO = {"camera_fps": 15.0, "latency_p95_ms": 300.0, "window_s": 10.0}
"""A short window, as most of what a plan takes is the simulation of it."""
LONG_SLO = SLO | {"window_s": 20.0}
"""For boxes that are meant to lie between two answers: in it box-4 misses what it meets in a short one."""


def scenario(**changes: object) -> Scenario:
    base: dict[str, object] = {
        "scenario": "shop",
        "cameras": [
            {"group": "aisle", "count": 6, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0},
            {"group": "door", "count": 2, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0},
        ],
        "activity": {"objects_per_frame": {"person": {"mean": 2.0, "p95": 4.0, "max": 8.0}}},
        "stages": [
            {"id": "person", "model": "like:person", "every": "3 frames"},
            {"id": "reid", "model": "like:reid", "on": "person", "every": "5 frames", "batch": {"max": 4}},
        ],
        "slo": SLO,
        "accuracy": {"precisions": ["f32"]},
    }
    base.update(changes)
    return Scenario.model_validate(base)


def inputs(
    candidates: list[Candidate], predictor: FakePredictor | None = None, shop: Scenario | None = None
) -> PlanInputs:
    shop = shop or scenario()
    stages = [stage.id for stage in shop.stages]
    return PlanInputs(
        scenario=shop,
        scenario_sha256="0" * 64,
        models={stage: model_file(stage) for stage in stages},
        works=work,
        predictor=predictor or FakePredictor({"person": 0.02, "reid": 0.004}),
        candidates=tuple(candidates),
        today=TODAY,
        cold=lambda _: WARM,
    )


def camera(count: int, group: str = "aisle") -> dict[str, object]:
    """Camera group of a scenario, as a file gives it."""
    return {"group": group, "count": count, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}


def best_of(result: Plan) -> PlanOption:
    """The recommendation of a plan that must have one."""
    assert result.recommended is not None
    return result.recommended
