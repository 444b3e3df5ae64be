"""Scenarios, machines and observations made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import CpuFacts, HostFacts, LimitFacts, MemoryFacts, NoiseFacts
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario
from advisor.verification.observation import Observation
from advisor.verification.running import DONE, DROPPED, LOST, OPEN, Span
from advisor.verification.setup import feeds_of
from advisor.verification.trace import window_s

DROP, LOSE, NEVER = "drop", "lose", "never"
"""Instead of a latency: what else became of a frame."""


def scenario(**changes: Any) -> Scenario:
    base: dict[str, Any] = {
        "scenario": "small",
        "cameras": [{"group": "cam", "count": 2, "resolution": "320x180", "fps": 15.0, "bitrate_kbps": 300.0}],
        "activity": {"objects_per_frame": {"person": {"mean": 1.0, "p95": 2.0, "max": 4.0}}},
        "stages": [
            {"id": "person", "model": "m", "every": "3 frames"},
            {"id": "reid", "model": "m", "on": "person", "batch": {"max": 4}},
        ],
        "slo": {"latency_p95_ms": 300.0, "window_s": 10.0},
    }
    return Scenario.model_validate({**base, **changes})


def facts(cores: float = 2.0) -> HostFacts:
    unknown = dict.fromkeys(CpuFacts.model_fields)
    fixed = {name: field.default for name, field in CpuFacts.model_fields.items() if not field.is_required()}
    cpu = CpuFacts.model_validate({**unknown, **fixed, "simd": (), "threads": 2})
    return HostFacts(
        schema="sizer.host/1", sizer_version="0", created="2026-01-01T00:00:00Z", fingerprint="f", cpu=cpu,
        memory=MemoryFacts(total_bytes=None),
        limits=LimitFacts(quota_cores=None, affinity=None, usable_cores=cores), noise=NoiseFacts(),
    )  # fmt: skip


def model(path: Path, **changes: Any) -> ModelFile:
    path.write_bytes(b"a model that only the fake runtime takes")
    base = ModelFile(
        reference="m", name="m", family="f", kind="architecture", path=str(path), sha256="0" * 64,
        input_shape=(1, 3, 64, 64),
    )  # fmt: skip
    return base.model_copy(update=changes)


def real_model(folder: Path) -> ModelFile:
    """A small network that real runtimes take."""
    from advisor.graph.frontend import hash_file
    from advisor.runtimes.conformance_networks import small_network

    path = small_network(folder / "n.onnx")
    return ModelFile(
        reference=str(path), name="n", family="test", kind="architecture", path=str(path), sha256=hash_file(path),
        input_shape=(1, 3, 32, 32),
    )  # fmt: skip


def configs(plan: Scenario, **changes: Any) -> dict[str, RunConfig]:
    return {
        stage.id: RunConfig(runtime="fake", streams=1, threads=1, batch=stage.batch.max, **changes)
        for stage in plan.stages
    }


Fate = Callable[[int, int], float | str]
"""Feed and frame number -> latency in seconds, or what else became of it."""


def observe(
    plan: Scenario,
    duration_s: float,
    fate: Fate = lambda _feed, _number: 0.05,
    *,
    warmup_s: float = 0.0,
    other_cores: float = 0.0,
    cpu_cores: float = 0.5,
    in_flight: Callable[[float], float] = lambda _t: 1.0,
    rss: Callable[[float], float] = lambda _t: 1e8,
    service_s: Callable[[float], float] = lambda _t: 0.02,
    hz: Callable[[float], float | None] = lambda _t: None,
) -> Observation:
    """An observation as a run would have left it."""
    span = Span(warmup_s, duration_s, plan.slo.window_s, plan.slo.latency_p95_ms / 1e3, window_s(warmup_s, duration_s))
    seen = Observation(feeds_of(plan), span, 2)
    total_s = warmup_s + duration_s
    rows: list[list[Any]] = []
    for feed in seen.feeds:
        number = 0
        while (at := feed.phase_s + number / feed.rate_per_s) < total_s:
            rows.append(["r", feed.index, number, at, 0.0])
            what = fate(feed.index, number)
            if isinstance(what, float):
                rows.append(["e", feed.index, number, DONE, at + what, ""])
            elif what != NEVER:
                rows.append(["e", feed.index, number, DROPPED if what == DROP else LOST, at, "decode"])
            number += 1
    for stage in plan.stages:
        step = 0
        while (at := step * 0.1) < total_s:
            rows.append(["b", stage.id, 0, 0.001, at, at + 0.001, at + 0.001, at + 0.001 + service_s(at), 1])
            step += 1
        rows.append(["n", stage.id, ""])
        seen.effective[stage.id] = EffectiveConfig(
            device="CPU", precision="f32", streams=1, threads=1, batch=stage.batch.max, runtime_version="1"
        )
        seen.slots[stage.id] = 1
        seen.objects[stage.id] = "none"
    for index in range(int(total_s * 2) + 1):
        t = index / 2
        sample = {
            "t": t, "cpu_s": cpu_cores * t, "parent_cpu_s": 0.0, "own_threads_s": 0.2 * cpu_cores * t,
            "machine_s": (cpu_cores + other_cores) * t, "steal_s": 0.0, "rss": rss(t), "hz": hz(t),
            "temperature_c": None, "energy_j": None, "throttled": None, "stage_s": {}, "decode_s": 0.1 * cpu_cores * t,
            "prepare_s": {stage.id: 0.0 for stage in plan.stages}, "in_flight": in_flight(t), "queues": {},
        }  # fmt: skip
        rows.append(["s", sample])
    seen.rows(rows)
    seen.started, seen.ended_s = True, total_s
    assert seen.counts[OPEN] >= 0
    return seen
