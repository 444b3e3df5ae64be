"""Stages on a device of the box: what a pass takes of the device and of the host, from the evidence on devices.

A pass is alone on the device for its latency, of which the device is busy for 1 / throughput: two figures that the same
source of evidence answers. Everything about the host is assumed, since no publication tells it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.records.base import Evidence, Interval, Precision
from advisor.records.config import RunConfig
from advisor.records.device import RUNTIME_DEVICES, DeviceFamily, DeviceSpec, runtime_of
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import Scenario, Stage

CPU = "CPU"
REQUESTS = 4
"""Requests of one stage that are in flight on a device at most."""
HOST_CALL_S = Interval(p10=0.0003, p50=0.0008, p90=0.002)
"""Core time of one request on the host: the call, its copies to and from the device, its completion [s]. Source:
project assumption; single-model figures leave it out."""
LATENCY_OVER_PERIOD = Interval(p10=1.0, p50=1.3, p90=3.0)
"""Time of one pass alone over 1 / throughput, where no latency was published: 1.12 to 3.95 requests were in flight in
the tables of Intel graphics (2022.1 to 2024.4). Source: those tables, the middle as assumed by the project."""
BESIDE_PASSES = Interval(p10=0.45, p50=0.65, p90=0.95)
"""Speed of cores and a chip's devices while more than one of them infers, over that of each alone: they share power and
memory. Source: published CPU + GPU runs against the sum of both (0.42 to 0.87; field of MULTI), the ends as assumed by
the project; for three at once there are no data."""
BESIDE_CORES = Interval(p10=0.70, p50=0.87, p90=1.0)
"""Speed of a chip's own device while the cores decode and prepare for it. Source: project assumption, half the way."""
MEMORY_BYTES = Interval(p10=0.2 * 1024**3, p50=0.5 * 1024**3, p90=1.0 * 1024**3)
"""Driver, compiled kernels and buffers of one model on a device [B], beside its weights. Source: project assumption."""
DEVICE_SHARE = 0.5
"""Share of the variance that all models on one device have in common. Source: project assumption, as for cores."""

Beside = Literal["cores", "passes"]
"""What the cores do while the device infers: decode and prepare alone, or infer, too."""


@dataclass(frozen=True)
class DeviceUse:
    """One device of a box that a plan may use, and what goes on beside it."""

    device: DeviceSpec
    beside: Beside
    others: tuple[DeviceSpec, ...] = ()
    """Further devices of the box that infer at the same time, for stages that are pinned to them."""

    @property
    def name(self) -> str:
        """How runtimes and scenarios spell it."""
        return _name_of(self.device)

    @cached_property
    def each(self) -> tuple[DeviceUse, ...]:
        """One use per device, each with the rest as its others."""
        devices = (self.device, *self.others)
        return tuple(
            DeviceUse(device, self.beside, tuple(other for other in devices if other is not device))
            for device in devices
        )

    @property
    def names(self) -> str:
        """All of its devices, for messages."""
        return " or ".join(one.name for one in self.each)

    @property
    def slows_cores(self) -> bool:
        """Whether any of its devices shares power and memory with the cores."""
        return any(one.is_of_chip for one in self.each)

    @property
    def is_of_chip(self) -> bool:
        """Whether it shares power and memory with the cores."""
        return self.device.kind in RUNTIME_DEVICES

    @property
    def shared_speed(self) -> Interval:
        """Speed over that of the device alone; an added device has power and memory of its own."""
        if not self.is_of_chip:
            return Interval.exact(1.0)
        alone = self.beside == "cores" and not any(device.kind in RUNTIME_DEVICES for device in self.others)
        return BESIDE_CORES if alone else BESIDE_PASSES

    @property
    def key(self) -> tuple[str, Beside]:
        """What tells it apart from the other uses of a box."""
        return "+".join(one.device.id for one in self.each), self.beside


def _name_of(device: DeviceSpec) -> str:
    return RUNTIME_DEVICES.get(device.kind, device.id)


def permitted(scenario: Scenario, stage: Stage) -> tuple[str, ...]:
    """Devices that a stage may run on: the one that it names, else those of ``candidates``, else the cores."""
    if stage.device is not None:
        return (stage.device,)
    return scenario.candidates.devices or (CPU,)


def device_precisions(scenario: Scenario) -> tuple[Precision, ...]:
    """Precisions on a device: f16 where f32 or bf16 is permitted, which is what runtimes run such files at there."""
    asked = scenario.accuracy.precisions
    floating: tuple[Precision, ...] = ("f16",) if "f32" in asked or "bf16" in asked else ()
    return (*floating, *(("int8",) if "int8" in asked else ()))


def uses_of(devices: tuple[DeviceSpec, ...], scenario: Scenario) -> tuple[DeviceUse, ...]:
    """Ways in which the permitted devices of a box may be used: one device at a time, never the sum of two.

    Two or more only where stages are pinned to each of them, and then those together: published cascades with a neural
    processor beside the graphics carried 6, 6 and 8 streams where the graphics alone carried 9, 6 and 4.
    """
    allowed = [permitted(scenario, stage) for stage in scenario.stages]
    pinned = {stage.device for stage in scenario.stages if stage.device is not None} - {CPU}
    wanted = tuple(device for device in devices if _name_of(device) in pinned)
    together = len(pinned) > 1 and len(wanted) == len(pinned)
    uses = []
    for first, *others in [wanted] if together else [(device,) for device in devices]:
        names_here = {_name_of(device) for device in (first, *others)}
        here = [not names_here.isdisjoint(names) for names in allowed]
        if all(here):
            uses.append(DeviceUse(first, "cores", tuple(others)))
        if any(here) and len(allowed) > 1 and any(CPU in names for names in allowed):
            uses.append(DeviceUse(first, "passes", tuple(others)))
    return tuple(uses)


def times(first: Interval, second: Interval) -> Interval:
    """Product of two positive quantities whose errors have nothing to do with each other, log-normal on either side."""
    middle = first.p50 * second.p50
    up = math.hypot(math.log(first.p90 / first.p50), math.log(second.p90 / second.p50))
    down = math.hypot(math.log(first.p50 / first.p10), math.log(second.p50 / second.p10))
    return Interval(p10=middle * math.exp(-down), p50=middle, p90=middle * math.exp(up))


def device_times(answer: DeviceAnswer, shared_speed: Interval) -> tuple[Interval, Interval] | None:
    """Time that a pass takes of the device, and its time alone there [s]; None: no throughput is known.

    ``shared_speed``: of :class:`DeviceUse`.
    """
    if answer.log_throughput is None:
        return None
    slower = shared_speed.reciprocal()
    low, high = answer.throughput_band
    period = math.exp(-answer.log_throughput)
    own = Interval(p10=period * math.exp(-high), p50=period, p90=period * math.exp(-low))
    busy = times(own, slower)
    if answer.log_latency_s is None:
        alone = times(busy, LATENCY_OVER_PERIOD)
    else:
        early, late = answer.latency_band
        middle = math.exp(answer.log_latency_s)
        alone = times(Interval(p10=middle * math.exp(early), p50=middle, p90=middle * math.exp(late)), slower)
    at_least = Interval(p10=max(alone.p10, busy.p10), p50=max(alone.p50, busy.p50), p90=max(alone.p90, busy.p90))
    return busy, at_least


def device_estimate(
    platform: str,
    model: str,
    weight_bytes: float,
    precision: Precision,
    answer: DeviceAnswer,
    use: DeviceUse,
    *,
    stand_in: bool,
) -> tuple[ServiceEstimate, Interval] | None:
    """Estimate of a pass of one input on a device, whose core time is the host's alone; and the device's time [s].

    Parameters
    ----------
    weight_bytes : float
        Of the model as it is in its file [B].
    stand_in : bool
        Whether the model is one.
    """
    found = _on_any_box(model, weight_bytes, precision, answer, use.name, use.device.family, use.shared_speed, stand_in)
    return None if found is None else (found[0].model_copy(update={"platform": platform}), found[1])


@lru_cache(maxsize=1024)
def _on_any_box(
    model: str,
    weight_bytes: float,
    precision: Precision,
    answer: DeviceAnswer,
    name: str,
    family: DeviceFamily | None,
    shared_speed: Interval,
    stand_in: bool,
) -> tuple[ServiceEstimate, Interval] | None:
    """:func:`device_estimate`, but for the platform: kept, since a device that is added to a hundred boxes is alike."""
    found = device_times(answer, shared_speed)
    if found is None or answer.evidence is Evidence.UNKNOWN:
        return None
    busy, alone = found
    in_flight = max(1, min(REQUESTS, math.ceil(2.0 * alone.p50 / busy.p50)))
    runtime = runtime_of(family)
    config = RunConfig(
        runtime=runtime, device=name, precision=precision, streams=in_flight, requests=in_flight, batch=1
    )
    memory = Interval(
        p10=MEMORY_BYTES.p10 + weight_bytes, p50=MEMORY_BYTES.p50 + 1.5 * weight_bytes,
        p90=MEMORY_BYTES.p90 + 3.0 * weight_bytes,
    )  # fmt: skip
    estimate = ServiceEstimate(
        platform="",
        model=model,
        config=config,
        latency_s=alone,
        throughput_per_s=busy.reciprocal(),
        core_s=HOST_CALL_S,
        machine_share=DEVICE_SHARE,
        memory_bytes=memory,
        bandwidth_bytes=0.0,
        bottleneck="unknown",
        evidence=answer.evidence,
        nearest_measured=answer.source,
        extrapolated=answer.extrapolated,
        stand_in=stand_in,
        notes=answer.notes,
    )
    return estimate, busy


def slowed_by_device(estimate: ServiceEstimate) -> ServiceEstimate:
    """Pass on the cores while the chip's own device infers, too."""
    slower = BESIDE_PASSES.reciprocal()

    def slow(interval: Interval | None) -> Interval | None:
        return None if interval is None else times(interval, slower)

    update = {name: slow(getattr(estimate, name)) for name in ("latency_s", "core_s", "alone_s", "full_s")}
    return estimate.model_copy(update={**update, "throughput_per_s": times(estimate.throughput_per_s, BESIDE_PASSES)})
