"""How busy each resource was, who binds, what the harness took and what others took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .observation import Observation

FULL = 0.9
"""Utilisation above which a resource counts as binding: queues in front of it grow without bound soon after."""


@dataclass(frozen=True)
class Usage:
    """Averages over the measured span; cores are CPU seconds per second; None if the machine does not report it."""

    usable_cores: float
    cpu_cores: float | None
    """The cascade's process."""
    decode_cores: float | None
    application_cores: float
    """What stood for the application's work on frames; that on objects is part of the stages."""
    stage_cores: dict[str, float]
    harness_cores: float | None
    other_cores: float | None
    steal_cores: float | None
    busy: dict[str, float]
    """Share of time that decode workers, and the passes that each stage may have in work at once, were occupied."""
    power_w: float | None

    @property
    def lost_fraction(self) -> float:
        """Share of the usable cores that others took."""
        return min(((self.other_cores or 0.0) + (self.steal_cores or 0.0)) / self.usable_cores, 1.0)

    @property
    def utilisation(self) -> dict[str, float]:
        """Per resource: cpu, decode workers, passes of each stage."""
        found = {} if self.cpu_cores is None else {"cpu": self.cpu_cores / self.usable_cores}
        return {**found, **self.busy}

    @property
    def harness_fraction(self) -> float | None:
        """Share of the run's CPU time that is harness, not cascade."""
        if self.harness_cores is None or not self.cpu_cores:
            return None
        return self.harness_cores / self.cpu_cores

    def binding(self) -> str | None:
        """Name the resource that limits: the CPU when it is full (with what others took), else the busiest part."""
        cpu = self.utilisation.get("cpu")
        if cpu is not None and cpu + self.lost_fraction >= FULL:
            if self.lost_fraction > cpu:
                return "cpu (taken by other processes)"
            parts = self.stage_cores | {"decode": self.decode_cores or 0.0, "application": self.application_cores}
            most = max(parts, key=lambda name: parts[name], default=None)
            return "cpu" if most is None else f"cpu (most of it: {most})"
        if not self.busy:
            return None
        most = max(self.busy, key=lambda name: self.busy[name])
        if self.busy[most] < FULL:
            return None
        return "decode threads" if most == "decode" else f"stage {most}"


def _span(seen: Observation) -> tuple[dict[str, Any], dict[str, Any]] | None:
    inside = [row for row in seen.samples if seen.warmup_s - 0.6 <= row["t"] <= seen.end_s + 0.6]
    return (inside[0], inside[-1]) if len(inside) >= 2 and inside[-1]["t"] > inside[0]["t"] else None


def _rate(first: dict[str, Any], last: dict[str, Any], name: str) -> float | None:
    if first.get(name) is None or last.get(name) is None:
        return None
    return max(float(last[name] - first[name]) / float(last["t"] - first["t"]), 0.0)


def usage(seen: Observation, usable_cores: float) -> Usage:
    """Average the counters over the measured span.

    Inference is the process less our own threads. What threads of one stage alone have used is that stage's; the rest
    (threads that serve several stages, callbacks) is shared out by the time of passes times the threads of one
    inference stream, among the stages without threads of their own where there are any. Harness: our threads less
    decoding, pre-processing and what stands for the application, and the parent process.
    """
    seen.close()
    busy = _busy(seen)
    span = _span(seen)
    if span is None:
        return Usage(usable_cores, None, None, 0.0, {}, None, None, None, busy, None)
    first, last = span
    length_s = float(last["t"] - first["t"])
    cpu, parent, own = (_rate(first, last, name) for name in ("cpu_s", "parent_cpu_s", "own_threads_s"))
    decode = _rate(first, last, "decode_s") or 0.0
    application = _rate(first, last, "application_s") or 0.0
    prepare = {
        name: max(value - first["prepare_s"].get(name, 0.0), 0.0) / length_s
        for name, value in last["prepare_s"].items()
    }
    harness = None if own is None else max(own - decode - application - sum(prepare.values()), 0.0) + (parent or 0.0)
    stages = dict(prepare)
    if cpu is not None and own is not None:
        alone = {
            name: max(value - first["stage_s"].get(name, 0.0), 0.0) / length_s
            for name, value in last["stage_s"].items()
        }
        sharing = [name for name in stages if name not in seen.measured] or list(stages)
        weights = {name: _weight(seen, name) for name in sharing}
        whole = sum(weights.values())
        rest = max(cpu - own - sum(alone.values()), 0.0)
        for name in stages:
            stages[name] += alone.get(name, 0.0)
            stages[name] += rest * weights.get(name, 0.0) / whole if whole > 0 else 0.0
    machine, steal = _rate(first, last, "machine_s"), _rate(first, last, "steal_s")
    other = None if machine is None or cpu is None else max(machine - cpu - (parent or 0.0), 0.0)
    return Usage(
        usable_cores, cpu, decode if decode or busy.get("decode") else None, application, stages, harness, other, steal,
        busy, _power_w(first, last),
    )  # fmt: skip


def _power_w(first: dict[str, Any], last: dict[str, Any]) -> float | None:
    """Mean package power [W]; None if unreadable, or where the counter wrapped."""
    if first.get("energy_j") is None or last.get("energy_j") is None:
        return None
    used = float(last["energy_j"] - first["energy_j"])
    return used / float(last["t"] - first["t"]) if used >= 0 else None


def _weight(seen: Observation, stage: str) -> float:
    """Thread seconds of a stage's passes after warm-up."""
    if stage not in seen.passes:
        return 0.0
    effective = seen.effective.get(stage)
    per_stream = 1.0
    if effective is not None and effective.threads and effective.streams:
        per_stream = effective.threads / effective.streams
    return per_stream * seen.passes[stage].occupied_s


def _busy(seen: Observation) -> dict[str, float]:
    """Occupied share of decode workers and of the passes that each stage may have in work."""
    found: dict[str, float] = {}
    length_s = seen.seen_s
    if length_s <= 0:
        return found
    if seen.decoded.total:
        found["decode"] = seen.decoded.occupied_s / (length_s * seen.decode_threads)
    for stage, passes in seen.passes.items():
        found[stage] = passes.occupied_s / (length_s * max(seen.slots.get(stage, 1), 1))
    return found
