"""A cascade with one stage on the GPU, run and judged for real."""

from __future__ import annotations

from pathlib import Path

from advisor.records.config import RunConfig
from advisor.verification import Order, verify
from tests.verification.support import facts, real_model, scenario


def test_one_stage_runs_on_the_gpu_beside_one_on_the_cpu(tmp_path: Path) -> None:
    network = real_model(tmp_path)
    plan = scenario(
        cameras=[{"group": "cam", "count": 1, "resolution": "320x180", "fps": 2.0, "bitrate_kbps": 300.0}],
        stages=[{"id": "person", "model": "n"}, {"id": "reid", "model": "n", "on": "person"}],
        slo={"latency_p95_ms": 5000.0, "drops_max_pct": 50.0, "window_s": 2.0},
    )
    order = Order(
        plan,
        {"person": network, "reid": network},
        {"person": RunConfig(device="GPU"), "reid": RunConfig(threads=1, streams=1)},
        decode_threads=1,
        duration_s=6.0,
        facts=facts(),
        work_dir=tmp_path / "work",
    )
    verdict = verify(order)
    person, reid = (verdict.config.effective[name] for name in ("person", "reid"))
    assert person.execution_devices[0].startswith("GPU")
    assert person.software_rasteriser
    assert reid.execution_devices == ("CPU",)
    assert not reid.software_rasteriser
    assert verdict.cameras[0].done > 0
    rates = {stage.id: stage.rate_per_s for stage in verdict.stages}
    assert rates["person"] > 0
    assert rates["reid"] > 0
