"""A cascade on OpenVINO's device AUTO: where it ran is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.records.config import RunConfig
from advisor.verification import Order, verify

from .support import facts, real_model, scenario


@pytest.mark.runtime
def test_where_auto_ran_is_read_back(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    network = real_model(tmp_path)
    plan = scenario(
        cameras=[{"group": "cam", "count": 1, "resolution": "320x180", "fps": 3.0, "bitrate_kbps": 300.0}],
        stages=[{"id": "person", "model": "n"}],
        slo={"latency_p95_ms": 5000.0, "drops_max_pct": 50.0, "window_s": 2.0},
    )
    config = RunConfig(device="AUTO:CPU", streams=1, threads=1, requests=1, pinning=False)
    verdict = verify(Order(plan, {"person": network}, {"person": config}, 1, 4.0, facts(), tmp_path / "work"))
    effective = verdict.config.effective["person"]
    assert (effective.device, effective.execution_devices) == ("AUTO:CPU", ("CPU",))
    assert (effective.streams, effective.threads) == (1, 1)
    assert next(check for check in verdict.checks if check.name == "effective_config").ok is True
    assert verdict.cameras[0].done > 0
