from __future__ import annotations

from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import BenchReport, BenchRow, Interference
from advisor.report.bench_text import FEW_ROWS, MOST_NETWORKS, render_bench
from advisor.report.layout import plain_text
from tests.store.samples import micro_benchmark

STAMP = {"sizer_version": "0.1.0", "created": "2026-11-21T08:00:00Z", "host_fingerprint": "x"}


def row(model: str, precision: str, per_s: float, *, dirty: bool = False) -> BenchRow:
    return BenchRow(
        model=model, config=RunConfig(precision=precision), mode=LoadMode(), status="done", failure=None,
        throughput_fps=per_s, avg_time_ms=1e3 / per_s, latency_ms={"p50": 1e3 / per_s}, samples=9,
        interference=Interference(dirty=dirty), started="x", effective=None,
    )  # fmt: skip


def quick() -> BenchReport:
    """500 measurements, as ``--quick`` takes on a machine of many cores."""
    micro = [
        micro_benchmark().model_copy(update={"name": f"{kind}/t{n}", "value": 1e9 * n * scale, "unit": unit})
        for kind, scale, unit in (
            ("peak/openvino/f32/native", 100.0, "FLOP/s"), ("peak/openvino/f32/avx2", 50.0, "FLOP/s"),
            ("bandwidth/dram", 10.0, "B/s"), ("barrier", 1.0, "s"),
        )
        for n in range(1, 101)
    ]  # fmt: skip
    rows = [row(f"net-{index % 20:02d}", "f32", 10.0 + index, dirty=index == 3) for index in range(100)]
    return BenchReport(**STAMP, measurements=tuple(rows), micro=tuple(micro), took_s=117.0)


def test_many_measurements_are_a_summary_of_the_machine() -> None:
    lines = plain_text(render_bench(quick()), 100).splitlines()
    assert len(lines) < 40
    assert lines[0] == "100 measurements of 20 networks and 400 micro-benchmarks of this machine"
    rows = [line.split() for line in lines]
    assert ["arithmetic", "f32", "GFLOP/s", "100", "10,000", "100"] in rows
    assert ["bandwidth", "dram", "GB/s", "10", "1,000", "100"] in rows
    assert not any("avx2" in line or "barrier" in line for line in lines)
    assert ["net-00", "f32", "90", "11.1"] in rows
    assert "  and 8 more" in lines
    assert any(line.startswith("1 of them were disturbed") for line in lines)
    assert lines[-1] == "measured in 117 s"


def test_a_summary_that_leaves_no_network_out_says_nothing_of_more() -> None:
    rows = tuple(item for item in quick().measurements if int(item.model.removeprefix("net-")) < MOST_NETWORKS)
    text = plain_text(render_bench(quick().model_copy(update={"measurements": rows})), 100)
    assert text.count("net-") == MOST_NETWORKS
    assert "more" not in text


def test_details_and_few_measurements_are_printed_one_by_one() -> None:
    assert len(plain_text(render_bench(quick(), details=True)).splitlines()) > 500
    few = quick().model_copy(update={"measurements": quick().measurements[:FEW_ROWS], "micro": ()})
    assert plain_text(render_bench(few)).count("net-") == FEW_ROWS
