"""Forms that give figures of a named machine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from advisor.imports.formats.base import Imported, ImportOptions, Machine
from advisor.imports.formats.registry import format_named
from advisor.store.figures import FigureStore
from tests.imports import samples
from tests.imports.conftest import Write

BOX = Machine("intel-core-i7-8700", "Intel Core i7-8700")


def read(form: str, path: Path, **given: object) -> Imported:
    return format_named(form).read(path, ImportOptions(machine=BOX, **given))  # type: ignore[arg-type]


def test_a_report_in_json(write: Write) -> None:
    (one,) = read("benchmark-app", write("r.json", samples.BENCHMARK_JSON), observed=dt.date(2026, 5, 1)).figures
    assert (one.machine, one.model, one.runtime, one.device) == ("intel-core-i7-8700", "resnet50", "openvino", "CPU")
    assert (one.precision, one.batch, one.mode, one.requests, one.streams, one.threads) == ("f32", 1, "async", 4, 4, 8)
    assert (one.throughput_per_s, one.passes) == (199.93, 12000)
    assert one.latency_p50_s == pytest.approx(0.0198)
    assert one.latency_avg_s == pytest.approx(0.02)
    assert (one.latency_min_s, one.latency_max_s) == (pytest.approx(0.0125), pytest.approx(0.0441))
    assert one.duration_s == pytest.approx(60.0215)
    assert "hash of the model file" in one.missing
    assert "95 % point of the latency" in one.missing
    assert not {"precision", "threads", "day (--observed-at)"} & set(one.missing)


def test_a_report_in_csv_with_another_percentile(write: Write) -> None:
    (one,) = read("benchmark-app", write("r.csv", samples.BENCHMARK_CSV)).figures
    assert (one.device, one.batch, one.mode, one.throughput_per_s) == ("GPU", 8, "sync", 400.0)
    assert one.latency_p50_s is None
    assert one.latency_p95_s == pytest.approx(0.022)
    assert {"precision", "median latency"} <= set(one.missing)


def test_a_report_of_the_tool_in_cpp(write: Write) -> None:
    text = """{"configuration_setup": {"topology": "net", "target_device": "CPU", "api": "async", "batch_size": 2,
      "nireq": 3, "num_streams": 3}, "execution_results": {"throughput": 10.5, "latency_median": 250.0,
      "percentile_boundary": 90, "latency_avg": 240.0, "iterations_num": 60}}"""
    (one,) = read("benchmark-app", write("r.json", text)).figures
    assert (one.batch, one.requests, one.streams, one.passes) == (2, 3, 3, 60)
    assert (one.latency_p50_s, one.latency_p90_s) == (None, 0.25)


def test_a_table_of_dli_and_the_test_that_failed(write: Write) -> None:
    found = read("dli", write("t.csv", samples.DLI))
    (one,) = found.figures
    assert (one.model, one.precision, one.batch, one.mode, one.threads) == ("resnet-50", "f32", 1, "sync", 6)
    assert (one.throughput_per_s, one.latency_p50_s, one.latency_avg_s, one.passes) == (82.6, 0.0121, 0.0125, 1000)
    assert one.source == "DLI, t.csv, line 2"
    assert [(note.place, note.reason) for note in found.notes] == [("line 3", "the test ended with 'Failed'")]


def test_a_table_of_an_early_dli(write: Write) -> None:
    (one,) = read("dli", write("t.csv", samples.DLI_OLD)).figures
    assert (one.model, one.batch, one.device, one.passes) == ("squeezenet1.1", 4, "CPU", 100)
    assert one.precision is None


def test_perf_analyzer_counts_in_microseconds(write: Write) -> None:
    one, four = read("triton", write("perf.csv", samples.PERF), model="net").figures
    assert (one.model, one.requests, one.throughput_per_s) == ("net", 1, 100.0)
    assert (one.latency_p50_s, one.latency_p99_s) == (pytest.approx(0.0098), pytest.approx(0.012))
    assert (four.requests, four.batch, four.device) == (4, None, None)


def test_model_analyzer_counts_in_milliseconds_and_in_one_of_its_tables(write: Write) -> None:
    found = read("triton", write("out.csv", samples.ANALYZER))
    (one,) = found.figures
    assert (one.model, one.batch, one.requests, one.device, one.throughput_per_s) == ("net", 1, 2, "GPU", 195.0)
    assert one.latency_p99_s == pytest.approx(0.011)
    assert one.source == "Model Analyzer, out.csv, line 7"
    assert [note.reason for note in found.notes if note.place == "line 8"] == [
        "Throughput (infer/sec) '0' is not above 0"
    ]  # fmt: skip


def test_figures_are_kept_once_and_go_with_their_machine(write: Write, tmp_path: Path) -> None:
    figures = read("triton", write("perf.csv", samples.PERF), model="net").figures
    with FigureStore(f"sqlite:///{tmp_path / 's.db'}") as store:
        assert (store.record(figures), store.record(figures)) == (2, 0)
        assert set(store.of_machine("intel-core-i7-8700")) == set(figures)
        assert store.of_machine("another") == ()
        assert (store.forget("another"), store.forget("intel-core-i7-8700")) == (0, 2)
        assert store.of_machine("intel-core-i7-8700") == ()
