from __future__ import annotations

import json

from advisor.planner.plan import plan
from advisor.report.exporters import export_plan
from tests.planner.fakes import FakePredictor, best_of, candidate, inputs
from tests.planner.search.test_collecting import Batching, shop

BOX = [candidate("box", 8, 300.0)]


def test_a_model_that_gains_by_batches_has_the_runtime_make_them() -> None:
    result = plan(inputs(BOX, Batching(0.3), shop(12, slo={"latency_p95_ms": 500.0, "window_s": 20.0})))
    best = best_of(result)
    (row,) = best.batching
    assert row.used, row.text
    assert row.cores_spared is not None
    # 60 requests/s take 1.2 cores one by one, 1.44 in batches that hold one, and 0.36 in full ones.
    assert 0.5 < row.cores_spared < 1.1
    assert "fill it" in row.text
    config = best.config.stages["person"]
    assert (config.device, config.auto_batch_timeout_s) == ("BATCH:CPU(4)", row.timeout_ms / 1e3)
    assert best.predicted.latency_p95_ms.p90 is not None
    assert best.predicted.latency_p95_ms.p90 <= 500.0
    stage = json.loads(export_plan(result, "openvino"))["person"]
    assert stage["device"] == "BATCH:CPU(4)"
    assert stage["compile_model"]["AUTO_BATCH_TIMEOUT"] == row.timeout_ms
    assert stage["infer_requests"] == 4


def test_what_gains_nothing_is_left_alone_and_says_what_it_would_cost() -> None:
    best = best_of(plan(inputs(BOX, FakePredictor({"person": 0.02}), shop(12, slo={"latency_p95_ms": 500.0}))))
    (row,) = best.batching
    assert not row.used
    assert row.text.startswith("not used: it spares ")
    assert f"wait the time-out of {row.timeout_ms:.0f} ms out" in row.text
    assert best.config.stages["person"].device == "CPU"


def test_an_slo_that_the_wait_breaks_is_kept_without_it() -> None:
    """Two seconds of wait fit into no 300 ms: sparse requests are the case in which automatic batching hurts."""
    best = best_of(plan(inputs(BOX, Batching(0.3), shop(1))))
    (row,) = best.batching
    assert not row.used
    assert row.cores_spared is None
    assert "which is more than the SLO's 300 ms" in row.text


def test_stages_that_may_not_batch_are_not_asked() -> None:
    asked = shop(12)
    alone = asked.stages[0].model_copy(update={"batch": asked.stages[0].batch.model_copy(update={"max": 1})})
    assert best_of(plan(inputs(BOX, Batching(0.3), asked.model_copy(update={"stages": (alone,)})))).batching == ()
