from __future__ import annotations

from types import SimpleNamespace

import pytest

from advisor.records.base import Evidence, Interval
from advisor.records.config import LoadMode, RunConfig
from advisor.records.host import DeviceFacts, KernelDevice, RuntimeFacts
from advisor.records.measurement import BenchReport, BenchRow, Interference
from advisor.records.prediction import Prediction, PredictionReport
from advisor.report import terminal
from advisor.report.layout import plain_text
from advisor.store.catalogue import Catalogue
from tests.store.samples import micro_benchmark, model_work

from .samples import facts, shop_plan, verdict

STAMP = {"sizer_version": "0.1.0", "created": "2026-11-21T08:00:00Z"}


def test_host_says_unknown_for_what_it_does_not_know() -> None:
    text = plain_text(terminal.render_host(facts(brand=None, numa_nodes=None)))
    assert text.startswith("unknown (x86_64)")
    assert "4 (performance 4, efficiency unknown), 8 threads, 1 socket, unknown NUMA nodes" in text
    assert "16 GiB, unknown available, channels unknown" in text
    assert "L1d unknown, L2 4 MiB, L3 16 MiB" in text


def test_host_lists_runtimes_and_warnings() -> None:
    runtimes = (
        RuntimeFacts(name="openvino", version="2026.1", devices=("CPU", "GPU.0")),
        RuntimeFacts(name="onnxruntime", version=None, devices=(), available=False, reason="not installed"),
    )
    host = facts().model_copy(update={"runtimes": runtimes, "warnings": ("governor is powersave",)})
    lines = plain_text(terminal.render_host(host)).splitlines()
    assert "  openvino     2026.1   CPU, GPU.0" in lines
    assert "  onnxruntime  -        not available: not installed" in lines
    assert lines[-2:] == ["Warnings", "  - governor is powersave"]


def test_host_says_of_each_device_whether_it_is_usable() -> None:
    devices = (
        DeviceFacts(id="CPU", kind="CPU"),
        DeviceFacts(
            id="GPU", kind="GPU", name="llvmpipe", usable=True, software_rasteriser=True, reason="a rasteriser"
        ),
        DeviceFacts(id="NPU", kind="NPU", usable=False, reason="no driver"),
        DeviceFacts(id="GPU.1", kind="GPU", name="UHD", driver="24.1", usable=True),
    )
    runtimes = (RuntimeFacts(name="openvino", version="1", devices=("CPU",), device_facts=devices),)
    card = KernelDevice(
        kind="GPU", id="8086:46d2", name="Intel", driver="i915", node="/dev/dri/renderD128", accessible=False
    )
    text = plain_text(terminal.render_host(facts().model_copy(update={"runtimes": runtimes, "devices": (card,)})))
    assert "openvino GPU (llvmpipe): a rasteriser" in text
    assert "openvino NPU: not usable: no driver" in text
    assert "openvino GPU.1 (UHD, 24.1): usable" in text
    assert "openvino CPU" not in text
    assert "GPU Intel 8086:46d2, driver i915, /dev/dri/renderD128 (may not be opened by this user" in text


def test_models_and_inspection() -> None:
    model = SimpleNamespace(
        name="net", family="f", input_shape=(1, 3, 8, 8), gflops=None, mparams=2.5, output_layout=None
    )
    row = plain_text(terminal.render_models(SimpleNamespace(models=[model]))).splitlines()[-1]
    assert row.split() == ["net", "f", "1x3x8x8", "-", "2.5", "-"]
    report = SimpleNamespace(
        name="net", kind="file", family="f", path="net.onnx", sha256="ab", input_shape=(1, 8), gflops=1.5, mparams=2.0,
        kernels=model_work().kernels, runtime="openvino", int8=False, file_batch=1,
    )  # fmt: skip
    text = plain_text(terminal.render_inspection(report))
    assert "1.5 GFLOPs, 2 million parameters" in text
    assert "1 after fusion" in text
    assert "conv1" in text


def test_predictions_show_unknown_as_a_dash() -> None:
    known = Prediction(
        platform="a", model="net", config=RunConfig(streams=1, threads=2), latency_ms=None,
        throughput_fps=Interval(p10=80.0, p50=100.0, p90=125.0), evidence=Evidence.SPEC, nearest_measured=None,
        bottleneck="compute", extrapolated=True, stand_in=True, notes=("careful",),
    )  # fmt: skip
    report = terminal.render_predictions(PredictionReport(**STAMP, predictions=(known,)))
    text = plain_text(report)
    row = next(line for line in text.splitlines() if line.startswith("  a "))
    assert row.split()[:6] == ["a", "100", "(80", "-", "125)", "-"]
    assert "extrapolated, stand-in" in text
    assert "data sheet only" in text
    assert "  - careful" in text
    assert max(map(len, plain_text(report, 70).splitlines())) <= 70


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
    text = plain_text(terminal.render_bench(report))
    assert "Failed\n  - net, openvino, CPU, f32, streams automatic, threads automatic: killed by signal 9" in text
    assert "peak/openvino/f32/avx2/t1" in text
    assert "150,000,000,000" in text
    assert text.endswith("Not measured\n  - no bf16\nmeasured in 12 s\n")
    empty = terminal.render_bench(BenchReport(**STAMP, host_fingerprint="x", measurements=()))
    assert plain_text(empty) == "no model was measured\n"


def test_many_items_that_were_not_measured_are_counted_by_kind() -> None:
    names = tuple(f"net-{index}" for index in range(12))
    report = BenchReport(
        **STAMP, host_fingerprint="x", measurements=(), left_out=(*names, "no bf16 here"),
        left_out_by_kind={"kernel profiles of models": 3, "timings of models": 9},
    )  # fmt: skip
    text = " ".join(plain_text(terminal.render_bench(report)).split())
    assert "Not measured - 3 kernel profiles of models, 9 timings of models, for want of time (all by name" in text
    assert text.endswith("- no bf16 here")
    assert "net-" not in text
    few = report.model_copy(update={"left_out": names[:2], "left_out_by_kind": {"timings of models": 2}})
    assert plain_text(terminal.render_bench(few)).endswith("Not measured\n  - net-0\n  - net-1\n")


def test_catalogue_entries_carry_their_sources() -> None:
    catalogue = Catalogue.load()
    platform = catalogue.platforms()[0]
    words = " ".join(plain_text(terminal.render_entry(platform)).split())
    assert f"memory_bytes {platform.memory_bytes.value / 2**30:g} GiB [{platform.memory_bytes.kind}, " in words
    assert platform.memory_bytes.source in words
    for part in platform.price_breakdown:
        assert f"{part.value} [{part.kind}, {part.date}; {part.source}]" in words


def test_an_entry_is_shown_in_readable_units() -> None:
    catalogue = Catalogue.load()
    platform = catalogue.platforms()[0]
    assert platform.storage_bytes is not None
    sold = platform.model_copy(update={"storage_bytes": platform.storage_bytes.model_copy(update={"value": 5.12e11})})
    assert "storage_bytes 512 GB [" in " ".join(plain_text(terminal.render_entry(sold)).split())
    sold = platform.model_copy(update={"storage_bytes": platform.storage_bytes.model_copy(update={"value": 2e12})})
    assert "storage_bytes 2 TB [" in " ".join(plain_text(terminal.render_entry(sold)).split())
    words = " ".join(plain_text(terminal.render_entry(catalogue.processor("intel-core-i7-8700"))).split())
    for shown in ("base_hz 3.2 GHz [", "l3_bytes 12 MiB [", "tdp_w 65 W [", "performance_cores 6 ["):
        assert shown in words


def test_the_list_of_the_catalogue_has_figures_to_the_right() -> None:
    listed = SimpleNamespace(columns=("id", "price_usd", "name"), rows=[("a", None, "A"), ("b", 1234.0, "B")])
    assert plain_text(terminal.render_catalogue(listed)).splitlines() == [
        "id    USD  name", "──  ─────  ────", "a       -  A", "b   1,234  B",
    ]  # fmt: skip


def test_calibration_runs_and_documents() -> None:
    report = SimpleNamespace(lines=["error 9 %"], columns=("class", "error"), rows=[("avx2", 9.0)])
    assert plain_text(terminal.render_calibration(report)).startswith("error 9 %\n\nclass")
    run = {"id": "plan-1", "kind": "plan", "created": "2026-11-21T08:00:00Z", "title": "shop: box"}
    assert plain_text(terminal.render_runs([run])).splitlines()[-1] == "plan-1  plan  2026-11-21 08:00  shop: box"
    assert plain_text(terminal.render_runs([])).startswith("no run is stored yet")
    for document, rendered in (
        (shop_plan(), terminal.render_plan(shop_plan())),
        (verdict(), terminal.render_verdict(verdict())),
    ):
        assert plain_text(terminal.render_document(document)) == plain_text(rendered)
    with pytest.raises(TypeError, match="ModelWork"):
        terminal.render_document(model_work())
