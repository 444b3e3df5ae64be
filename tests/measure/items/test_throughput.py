from pathlib import Path

import pytest

from advisor.errors import ModelRangeError
from advisor.measure.items.throughput import TimingItem, joined, worker_environment
from advisor.measure.timing.harness import MeasureSpec
from advisor.measure.timing.statistics import build_timing
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import Interference, TimingMeasurement
from tests.measure.measuring import measured
from tests.measure.models import small_conv

SPEC = MeasureSpec(
    min_duration_s=0.05, min_samples=5, min_blocks=3, max_duration_s=0.5, block_s=0.01, warmup_max_s=0.05
)
SYNC = LoadMode()


@pytest.mark.runtime
def test_openvino_configurations_in_one_go(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    one = RunConfig(threads=1, streams=1, requests=1)
    items = [
        TimingItem(model, one, SYNC, SPEC),
        TimingItem(model, one.model_copy(update={"batch": 4}), SYNC, SPEC),
        TimingItem(model, one.model_copy(update={"requests": 2}), LoadMode(kind="async"), SPEC),
        TimingItem(model, one, LoadMode(kind="paced", rate_per_s=100.0), SPEC),
        TimingItem(model, one.model_copy(update={"device": "TOASTER"}), SYNC, SPEC),
    ]
    results = {record.key: record for record in measured(items)}
    records = [results[item.key("host")] for item in items]
    assert [record.status for record in records] == ["done"] * 4 + ["failed"]
    assert "TOASTER" in records[4].failure
    assert records[4].timing is None
    assert [(record.config, record.mode) for record in records] == [(item.config, item.mode) for item in items]
    timings = [record.timing for record in records[:4]]
    for timing in timings:
        assert timing.samples >= 5
        assert timing.compile_s > 0
        assert timing.peak_memory_bytes is not None
    assert timings[1].throughput_per_s == pytest.approx(4 / timings[1].avg_time_s, rel=0.2)
    assert timings[3].throughput_per_s == pytest.approx(100, rel=0.2)
    assert records[0].effective.precision == "f32"
    assert records[0].versions["openvino"].startswith("20")


@pytest.mark.runtime
def test_a_cap_is_set_in_the_workers_environment(tmp_path: Path) -> None:
    capped = TimingItem(small_conv(tmp_path), RunConfig(threads=1, streams=1, simd_cap="sse42"), SYNC, SPEC)
    assert capped.process != TimingItem(capped.model, RunConfig(threads=1, streams=1), SYNC, SPEC).process
    assert capped.worker().environment == worker_environment("sse42")
    assert worker_environment("sse42") != worker_environment(None)
    (record,) = measured([capped])
    assert record.status == "done", record.failure


def test_keys_tell_requests_apart_and_stay_the_same(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    base = TimingItem(model, RunConfig(threads=1), SYNC, SPEC)
    others = [
        TimingItem(model, RunConfig(threads=2), SYNC, SPEC),
        TimingItem(model, RunConfig(threads=1, runtime="onnxruntime"), SYNC, SPEC),
        TimingItem(model, RunConfig(threads=1), LoadMode(kind="async"), SPEC),
        TimingItem(model, RunConfig(threads=1), SYNC, SPEC.model_copy(update={"min_samples": 6})),
        TimingItem(model.model_copy(update={"sha256": "0"}), RunConfig(threads=1), SYNC, SPEC),
    ]
    keys = {item.key("host") for item in [base, *others]} | {base.key("other host")}
    assert len(keys) == len(others) + 2
    assert base.key("host") == TimingItem(model, RunConfig(threads=1), SYNC, SPEC).key("host")


def test_two_visits_become_one_measurement_of_all_their_blocks() -> None:
    fast, slow = visit(0.010, 40), visit(0.020, 10)
    both = joined(fast, slow)
    assert both.timing is not None
    assert (both.timing.samples, both.timing.visits) == (50, 2)
    assert both.timing.p50.value_s == 0.010
    assert both.timing.avg_time_s == pytest.approx(0.012)
    assert both.timing.duration_s == pytest.approx(0.4 + 0.2)
    assert both.timing.throughput_per_s == pytest.approx(50 * 4 / 0.6)
    assert both.timing.cpu_s_per_pass == pytest.approx((40 * 0.010 + 10 * 0.020) / 50)
    assert len(both.timing.block_p50_s) == 4
    assert both.timing.block_disturbed == (False, False, True, True)
    assert both.timing.steady  # a step between visits is no trend
    assert both.interference.dirty
    # What holds blocks of an earlier hour is old, until all of it is taken anew.
    assert joined(fast, slow.model_copy(update={"started": "later"})).started == fast.started
    third = joined(both, fast).timing
    assert third is not None
    assert third.visits == 3
    with pytest.raises(ModelRangeError, match="timing"):
        joined(fast, slow.model_copy(update={"timing": None}))


def visit(pass_s: float, count: int) -> TimingMeasurement:
    timing = build_timing([pass_s] * count, pass_s * count, 4, [pass_s] * 2, cpu_s_per_pass=pass_s)
    return TimingMeasurement(
        key="k", model="m", model_sha256="s", model_kind="file", config=RunConfig(batch=4), mode=SYNC, effective=None,
        host_fingerprint="h", status="done", timing=timing, interference=Interference(dirty=pass_s > 0.015),
        started="now", sizer_version="0",
    )  # fmt: skip
