"""A cascade whose detector is batched by OpenVINO itself, run and judged for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.records.config import RunConfig
from advisor.verification import Order, verify

from .support import facts, real_model, scenario

TIMEOUT_S = 0.2


@pytest.mark.runtime
def test_the_runtime_collects_what_the_plan_lets_it(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    network = real_model(tmp_path)
    plan = scenario(
        cameras=[{"group": "cam", "count": 1, "resolution": "320x180", "fps": 3.0, "bitrate_kbps": 300.0}],
        stages=[{"id": "person", "model": "n", "batch": {"max": 4}}],
        slo={"latency_p95_ms": 5000.0, "drops_max_pct": 50.0, "window_s": 2.0},
    )
    config = RunConfig(
        device="BATCH:CPU(4)", auto_batch_timeout_s=TIMEOUT_S, streams=1, threads=1, requests=4, pinning=False
    )
    verdict = verify(Order(plan, {"person": network}, {"person": config}, 1, 6.0, facts(), tmp_path / "work"))
    effective = verdict.config.effective["person"]
    assert (effective.auto_batch, effective.auto_batch_timeout_s) == (4, TIMEOUT_S)
    assert (effective.streams, effective.threads) == (1, 1)
    assert next(check for check in verdict.checks if check.name == "effective_config").ok is True
    (camera,) = verdict.cameras
    assert camera.done > 0
    # One frame in 333 ms never fills four: each waits for the clock, on average for half of its period.
    assert camera.latency_ms.p95 is not None
    assert camera.latency_ms.p95 > 300.0 * TIMEOUT_S
