from __future__ import annotations

from types import SimpleNamespace

from advisor.records.base import Evidence, Interval
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import BenchReport, BenchRow, Interference
from advisor.records.prediction import Prediction, PredictionReport
from advisor.report import terminal
from advisor.store.catalogue import Catalogue
from tests.store.samples import micro_benchmark, model_work

from .samples import facts, shop_plan, verdict

STAMP = {"sizer_version": "0.1.0", "created": "2026-11-21T08:00:00Z"}


def test_host_says_unknown_for_what_it_does_not_know() -> None:
    text = terminal.render_host(facts(brand=None))
    assert text.startswith("unknown (x86_64)")
    assert "cores 4 (performance 4, efficiency unknown), threads 8" in text
    assert "memory 16.0 GiB, available -, channels unknown" in text


def test_models_and_inspection() -> None:
    model = SimpleNamespace(
        name="net", family="f", input_shape=(1, 3, 8, 8), gflops=None, mparams=2.5, output_layout=None
    )
    row = terminal.render_models(SimpleNamespace(models=[model])).splitlines()[-1]
    assert row.split() == ["net", "f", "1x3x8x8", "-", "2.5", "-"]
    report = SimpleNamespace(
        name="net", kind="file", family="f", path="net.onnx", sha256="ab", input_shape=(1, 8), gflops=1.5, mparams=2.0,
        kernels=model_work().kernels,
    )  # fmt: skip
    text = terminal.render_inspection(report)
    assert "1.5 GFLOPs, 2 MParams, 1 fused kernels" in text
    assert "conv1" in text


def test_predictions_show_unknown_as_a_dash() -> None:
    known = Prediction(
        platform="a", model="net", config=RunConfig(streams=1, threads=2), latency_ms=None,
        throughput_fps=Interval(p10=80.0, p50=100.0, p90=125.0), evidence=Evidence.SPEC, nearest_measured=None,
        bottleneck="compute", extrapolated=True, stand_in=True, notes=("careful",),
    )  # fmt: skip
    text = terminal.render_predictions(PredictionReport(**STAMP, predictions=(known,)))
    assert "100 (80 - 125)" in text
    assert "extrapolated, stand-in" in text
    assert "data sheet only" in text
    assert "note: careful" in text
    assert max(map(len, text.splitlines())) <= 118


def test_bench_shows_failures() -> None:
    row = BenchRow(
        model="net", config=RunConfig(), mode=LoadMode(), status="failed", failure="killed by signal 9",
        throughput_fps=None, avg_time_ms=None, latency_ms=None, samples=0, interference=Interference(), started="x",
        effective=None,
    )  # fmt: skip
    report = BenchReport(
        **STAMP,
        host_fingerprint="x",
        measurements=(row,),
        micro=(micro_benchmark(),),
        left_out=("no bf16",),
        took_s=12.3,
    )
    text = terminal.render_bench(report)
    assert "killed by signal 9" in " ".join(text.split())
    assert "peak/openvino/f32/avx2/t1" in text
    assert "150,000,000,000" in text
    assert text.endswith("left out: no bf16\ntook 12 s")
    assert terminal.render_bench(BenchReport(**STAMP, host_fingerprint="x", measurements=())).startswith(
        "no measurement"
    )


def test_catalogue_entries_carry_their_sources() -> None:
    catalogue = Catalogue.load()
    platform = catalogue.platforms()[0]
    text = terminal.render_entry(platform)
    assert platform.memory_bytes.source in text
    for part in platform.price_breakdown:
        assert any(part.value in line and part.source in line for line in text.splitlines())
    listed = terminal.render_catalogue(SimpleNamespace(columns=("id", "price"), rows=[("a", None), ("b", 3.0)]))
    assert listed.splitlines()[-2:] == ["a   -", "b   3"]


def test_calibration_runs_and_documents() -> None:
    report = SimpleNamespace(lines=["error 9 %"], columns=("class", "error"), rows=[("avx2", 9.0)])
    assert terminal.render_calibration(report).startswith("error 9 %\n\nclass")
    run = {"id": "plan-1", "kind": "plan", "created": "today", "title": "shop: box"}
    assert "plan-1" in terminal.render_runs([run])
    assert terminal.render_runs([]).startswith("no run is stored yet")
    assert terminal.render_document(shop_plan()) == terminal.render_plan(shop_plan())
    assert terminal.render_document(verdict()) == terminal.render_verdict(verdict())
    assert '"model": "resnet-50"' in terminal.render_document(model_work())
