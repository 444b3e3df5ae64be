"""A plan from the planner's fakes and verdicts made by hand, with what makes pages hard: long names, markup, None."""

from __future__ import annotations

import functools
from typing import Any

from advisor.planner.plan import plan
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile
from advisor.records.plan import Plan
from advisor.records.verdict import CameraResult, CameraTail, CapacityResult, Check, ConfigPair, StageResult, Verdict
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario


def facts(**cpu: Any) -> HostFacts:
    chip: dict[str, Any] = {
        "brand": "Acme Wonder 4000", "vendor": "Acme", "architecture": "x86_64", "sockets": 1, "cores": 4, "threads": 8,
        "threads_per_core": 2, "performance_cores": 4, "efficiency_cores": None, "numa_nodes": 1, "simd": ["avx2"],
        "simd_level": "avx2", "l1d_bytes": None, "l2_bytes": 4 * 2.0**20, "l3_bytes": 16 * 2.0**20,
    }  # fmt: skip
    return HostFacts.model_validate(
        {
            "schema": "sizer.host/1", "sizer_version": "0.1.0", "created": "2026-11-20T10:00:00Z", "fingerprint": "f1",
            "cpu": chip | cpu, "memory": {"total_bytes": 16 * 2**30}, "noise": {},
            "limits": {"quota_cores": None, "affinity": None, "usable_cores": 8.0},
        }
    )  # fmt: skip


MARKUP = '<script>alert("1")</script> & more'


@functools.cache
def shop_plan() -> Plan:
    """8 cameras; 4 cores for 300 USD hold, 2 cores for 90 USD just fail, and one box has no price."""
    boxes = [
        ("small", 2, 90.0),
        ("middle", 4, 300.0),
        ("large", 8, 520.0),
        ("huge", 32, 4000.0),
        ("priceless", 8, None),
    ]
    shop = scenario(candidates={"max_boxes": 1})
    return plan(inputs([candidate(name, cores, price) for name, cores, price in boxes], shop=shop))


@functools.cache
def hopeless_plan() -> Plan:
    slow = FakePredictor({"person": 0.1, "reid": 0.01})
    return plan(inputs([candidate(f"tiny-{index}", 1, 90.0 + index) for index in range(5)], slow))


@functools.cache
def request_plan() -> Plan:
    shop = scenario(
        cameras=[],
        requests=[{"group": "api", "rate_per_s": 20.0}],
        stages=[{"id": "text", "model": "like:text"}],
        slo={"latency_p95_ms": 300.0},
    )
    return plan(
        inputs([candidate("small", 2, 150.0), candidate("large", 8, 520.0)], FakePredictor({"text": 0.01}), shop)
    )


@functools.cache
def tied_plan() -> Plan:
    """8 cores for 580 USD hold; 4 cores for 340 USD hold at 88 %, and a failure costs more than they save."""
    shop = scenario(candidates={"max_boxes": 1}, money={"cost_of_failure": 5000.0})
    boxes = [candidate("middle", 4, 340.0), candidate("large", 8, 580.0)]
    return plan(inputs(boxes, FakePredictor({"person": 0.02, "reid": 0.004}, 2.2), shop))


@functools.cache
def crowded_plan() -> Plan:
    boxes = [candidate(f"desktop-{index:02d}-with-32-gb", 2 + index % 17, 150.0 + 37 * index) for index in range(83)]
    return plan(inputs(boxes))


def verdict(word: str = "FAIL", **changes: Any) -> Verdict:
    tail = CameraTail(p50=20.0, p95=80.5, p99=None, max=250.0)
    none = CameraTail(p50=None, p95=None, p99=None, max=None)
    values: dict[str, Any] = {
        "sizer_version": "0.1.0",
        "created": "2026-11-21T08:00:00Z",
        "scenario": "shop",
        "verdict": word,
        "reason": "camera aisle-2 is too slow",
        "checks": (
            Check(
                name="camera_fps", required=">= 15", measured="11.2", ok=False, bound="11.0", advice="fewer cameras"
            ),
            Check(name="drops", required="<= 1 %", measured="0.2 %", ok=True),
            Check(name="latency_p99", required="<= 300 ms", measured="-", ok=None, advice="measure 40 more seconds"),
        ),
        "cameras": (
            CameraResult(
                name="aisle-1", fps=15.0, drops_pct=0.2, longest_gap_ms=70.0, latency_ms=tail, released=900, done=898,
                dropped=2, windows_fps=(15.0, 14.9, 15.0),
            ),
            CameraResult(
                name=MARKUP, fps=0.0, drops_pct=100.0, longest_gap_ms=60000.0, latency_ms=none, released=900, done=0,
                dropped=900, windows_fps=(11.0, 0.0), status="gone",
            ),
        ),
        "stages": (
            StageResult(id="person", rate_per_s=40.0, service_ms=tail, waiting_ms=none, batch_mean=None, cpu_cores=0.8),
        ),
        "operator": "A. Person",
        "hashes": {"scenario": "a" * 64},
        "models": {
            "person": ModelFile(
                reference="m", name="reid.onnx", family="unknown", kind="file", path="/m/reid.onnx", sha256="b" * 64,
                input_shape=(1, 3, 64, 64),
            )
        },
        "host": {"cpu": "Acme Wonder 4000", "cores": 4, "usable_cores": 3.5, "sha": {"model": "abc"}, "governor": None},
        "config": ConfigPair(
            requested={"person": RunConfig(streams=4, threads=4)},
            effective={
                "person": EffectiveConfig(device="CPU", streams=2, threads=4, precision="f32", runtime_version="9")
            },
        ),
        "predicted": {
            "compared": [
                {"figure": "capacity", "p50": 12.0, "p10": 10.0, "p90": 14.0, "measured": 9.0, "inside": False},
                {"figure": "cpu", "p50": 0.5, "p10": 0.4, "p90": 0.6, "measured": None, "inside": None},
            ]
        },
        "capacity": CapacityResult(
            cameras=9, predicted={"p10": 10.0, "p50": 12.0, "p90": 14.0}, binding="cpu", broken_promise=True
        ),
        "binding": "cpu",
        "duration_s": 60.0,
        "utilisation": {"cpu": 0.97, "memory": 0.3},
        "harness": {"cpu_fraction": 0.021},
        "interference": {"other_cpu_cores": 0.1},
        "timeline": {"spans": [["person 0", 0.0, 0.02], ["<reid>", 0.01, 0.05]]},
        "notes": ("objects are drawn from the scenario",),
        "warnings": ("governor is powersave",),
    }  # fmt: skip
    return Verdict(**(values | changes))
