import dataclasses
from pathlib import Path
from typing import Any

import pytest

from advisor.measure.campaign.campaign import Campaign, Entry, run
from advisor.measure.items.footprint import FootprintItem, combine, measure_footprint, one_stream, with_footprints
from advisor.measure.timing.statistics import build_timing
from advisor.measure.worker.job import JobOutcome
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import Footprint, FootprintMeasurement, ProfileMeasurement, TimingMeasurement
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.measure.models import small_conv
from tests.needs import TWO_CORES

MIB = 1024.0**2
FIRST = {
    "baseline_bytes": 100 * MIB, "peak_bytes": 180 * MIB, "resident_bytes": 160 * MIB, "compile_s": 0.5,
    "fill_failure": None,
}  # fmt: skip


def outcome(value: dict[str, object] | None, failure: str | None = None) -> JobOutcome:
    return JobOutcome("x", "failed" if value is None else "done", value, failure)


def test_memory_per_stream_comes_from_two_processes() -> None:
    found = combine(
        FIRST, outcome({"compile_s": 0.1, "loaded": True}), outcome({"resident_bytes": 130 * MIB}), streams=4
    )
    assert found.per_stream_bytes == pytest.approx(10 * MIB)
    assert found.cached_compile_s == 0.1
    assert found.compile_s == 0.5
    assert found.unknown == {}


def test_what_is_missing_has_its_reason() -> None:
    loaded = outcome({"compile_s": 0.1, "loaded": True})
    not_loaded = outcome({"compile_s": 0.4, "loaded": False})
    assert combine(FIRST, loaded, None, 1).unknown == {"per_stream_bytes": "one stream"}
    compiled_anew = combine(FIRST, not_loaded, None, 1)
    assert compiled_anew.cached_compile_s is None
    assert "did not load" in compiled_anew.unknown["cached_compile_s"]
    crashed = combine(FIRST, outcome(None, "crashed with SIGSEGV"), outcome(None, "refused"), 2)
    assert crashed.cached_compile_s is crashed.per_stream_bytes is None
    assert crashed.unknown == {"cached_compile_s": "crashed with SIGSEGV", "per_stream_bytes": "on one stream: refused"}
    smaller = combine(FIRST, loaded, outcome({"resident_bytes": 161 * MIB}), 2)
    assert smaller.per_stream_bytes is None
    assert "chance" in smaller.unknown["per_stream_bytes"]


def test_one_of_several_streams_keeps_its_share() -> None:
    effective = EffectiveConfig(device="CPU", streams=4, threads=8, optimal_requests=4, runtime_version="1")
    shared = one_stream(RunConfig(hint="throughput", hint_requests=3), effective)
    assert shared is not None
    assert (shared.streams, shared.threads, shared.requests, shared.hint) == (1, 2, 1, "none")
    asked = one_stream(RunConfig(streams=4, threads=4, requests=8), effective)
    assert asked is not None
    assert (asked.threads, asked.requests) == (1, 2)
    assert one_stream(RunConfig(), effective.model_copy(update={"streams": 1})) is None
    assert one_stream(RunConfig(), effective.model_copy(update={"streams": None})) is None


def common(config: RunConfig, **fields: object) -> dict[str, Any]:
    return {
        "key": "k", "model": "m", "model_sha256": "s", "model_kind": "file", "config": config, "effective": None,
        "host_fingerprint": "h", "status": "done", "started": "t", "sizer_version": "0",
        "versions": {"openvino": "1"}, **fields,
    }  # fmt: skip


def timed(config: RunConfig, mode: LoadMode | None = None, **fields: object) -> TimingMeasurement:
    timing = build_timing([0.01] * 5, 0.05, 1, [0.01], peak_memory_bytes=7.0)
    return TimingMeasurement(**common(config, **fields), mode=mode or LoadMode(), timing=timing)


def test_a_footprint_is_joined_to_every_mode_of_its_configuration_alone() -> None:
    taken = Footprint(
        baseline_bytes=100.0, peak_bytes=180.0, resident_bytes=150.0, streams=2, per_stream_bytes=9.0, compile_s=1.0,
        cached_compile_s=0.2,
    )  # fmt: skip
    two = RunConfig(streams=2)
    sync, paced = timed(two), timed(two, LoadMode(kind="paced", rate_per_s=5.0))
    others = [timed(RunConfig(streams=1)), timed(two, model_sha256="t"), timed(two, host_fingerprint="g"),
              timed(two, versions={"openvino": "2"}), ProfileMeasurement(**common(two))]  # fmt: skip
    joined = with_footprints([sync, FootprintMeasurement(**common(two), footprint=taken), paced, *others])
    assert joined[2:] == others
    for before, after in zip((sync, paced), joined, strict=False):
        assert isinstance(after, TimingMeasurement)
        assert after == before.model_copy(update={"footprint": taken})
        assert (before.peak_memory_bytes, after.peak_memory_bytes) == (7.0, 80.0)


def test_a_failed_footprint_stays_visible() -> None:
    failed = FootprintMeasurement(**{**common(RunConfig()), "status": "failed", "failure": "crashed with SIGSEGV"})
    assert with_footprints([failed, timed(RunConfig())]) == [failed, timed(RunConfig())]


@pytest.mark.runtime
@TWO_CORES
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_two_streams_in_fresh_processes(tmp_path: Path, runtime: str) -> None:
    item = FootprintItem(
        small_conv(tmp_path), RunConfig.model_validate({"runtime": runtime, "streams": 2, "threads": 2, "requests": 2})
    )
    found = measure_footprint(item, "host")
    assert found.status == "done", found.failure
    footprint = found.footprint
    assert footprint is not None
    assert footprint.streams == 2
    assert footprint.cached_compile_s is not None
    assert footprint.baseline_bytes is not None
    assert footprint.peak_bytes is not None
    assert 0 < footprint.baseline_bytes <= footprint.peak_bytes
    assert footprint.one_stream_resident_bytes is not None
    assert footprint.per_stream_bytes is not None or "chance" in footprint.unknown["per_stream_bytes"]


@pytest.mark.runtime
def test_a_campaign_keeps_footprints_and_refusals(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    good = FootprintItem(model, RunConfig(streams=1, threads=1, requests=1))
    refused = dataclasses.replace(good, config=RunConfig(device="TOASTER"))
    campaign = Campaign((Entry(good, 1.0), Entry(refused, 1.0)))
    with MeasurementStore(tmp_path / "s.db") as store:
        summary = run(campaign, store, facts())
        assert (summary.done, summary.failed) == (1, 1)
        assert "TOASTER" in summary.failures[0]
        again = run(campaign, store, facts())
        assert (again.done, again.failed, again.known) == (0, 0, 2)
