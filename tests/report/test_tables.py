from __future__ import annotations

import csv
import io
import sys

import pandas as pd
import pytest

from advisor import __version__
from advisor.errors import InputError
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.frames import MEASUREMENT_COLUMNS, measurement_frame
from advisor.records.measurement import Footprint, Interference, Percentile, Timing
from advisor.report.tables import COLUMNS, campaign_table, measurements_csv, measurements_parquet
from tests.store.samples import measurement

FAILED = {"status": "failed", "failure": 'refused: operator "X", see log', "timing": None}


def test_csv_reads_back_with_failures_and_empty_unknowns() -> None:
    text = measurements_csv([measurement(), measurement("k2", **FAILED)])
    good, bad = csv.DictReader(io.StringIO(text))
    assert tuple(good)[: len(COLUMNS)] == COLUMNS
    assert (good["model"], good["status"], good["failure"]) == ("resnet-50", "done", "")
    assert float(good["throughput_per_s"]) == 100.0
    assert (float(good["latency_p50_ms"]), float(good["avg_time_ms"])) == (10.0, 10.0)
    assert (good["threads_requested"], good["threads_effective"]) == ("2", "")
    assert (good["samples"], good["dirty"], good["host_fingerprint"]) == ("3", "False", "box-1")
    assert (bad["status"], bad["failure"]) == ("failed", 'refused: operator "X", see log')
    assert bad["throughput_per_s"] == bad["latency_p50_ms"] == bad["samples"] == ""
    assert bad["model_sha256"] == "a" * 64


def test_models_are_rows_and_configurations_columns() -> None:
    int8 = RunConfig(threads=2, streams=1, precision="int8")
    dirty = Interference(dirty=True, reasons=("load",))
    columns, rows = campaign_table(
        [
            measurement("1"),
            measurement("2", config=int8, interference=dirty),
            measurement("3", model="yolo", config=int8, **FAILED),
        ]
    )
    assert columns == [f"openvino CPU {name} sync, batch 1, 1 streams, 2 threads" for name in ("f32", "int8")]
    table = {model: [(cell.state, cell.text) for cell in cells] for model, cells in rows}
    assert table == {
        "resnet-50": [("done", "10 ms, 10 ms, 100 FPS"), ("disturbed", "10 ms, 10 ms, 100 FPS (disturbed)")],
        "yolo": [("", ""), ("failed", 'failed: refused: operator "X", see log')],
    }


def test_no_measurement_hides_another() -> None:
    base = RunConfig(threads=2, streams=1)
    kinds = [
        measurement("1", config=base),
        measurement("2", config=base.model_copy(update={"hint": "latency"})),
        measurement("3", config=base.model_copy(update={"requests": 4})),
        measurement("4", config=base.model_copy(update={"simd_cap": "sse42"})),
        measurement("5", config=base, mode=LoadMode(kind="paced", rate_per_s=12.5)),
    ]
    columns, rows = campaign_table([*kinds, measurement("6", **FAILED), measurement("7", model_sha256="b" * 64)])
    assert len(columns) == 5
    assert [model for model, _ in rows] == ["resnet-50 (aaaaaaaa)", "resnet-50 (bbbbbbbb)"]
    first = rows[0][1][0]
    assert first.state == "failed"  # two measurements of one configuration: both stand there
    assert first.text == '10 ms, 10 ms, 100 FPS; failed: refused: operator "X", see log'


def test_nothing_measured() -> None:
    assert campaign_table([]) == ([], [])
    names = measurements_csv([]).strip().split(",")
    assert tuple(names[: len(COLUMNS)]) == COLUMNS
    assert len(names) == len(set(names)) == len(MEASUREMENT_COLUMNS)


WRITTEN_BY_0_1 = """\
model,status,failure,runtime,device,precision,mode,rate_per_s,batch,streams_requested,streams_effective,\
threads_requested,threads_effective,simd_cap,hint,requests,throughput_per_s,avg_time_ms,latency_p50_ms,latency_p95_ms,\
latency_p99_ms,samples,steady,dirty,peak_memory_bytes,memory_baseline_bytes,memory_per_stream_bytes,first_inference_s,\
read_s,compile_s,cached_compile_s,started,runtime_version,model_sha256,host_fingerprint
"odd ""name"", v2",done,,onnxruntime,CPU,int8,paced,12.5,8,2,1,4,3,avx2,latency,3,0.3333333333333333,\
12.345678900000001,100.0,300.0,9.999999999999999e-05,59,False,True,123456784.0,1e+17,65536.0,0.0,0.5,1.25,1e-05,\
2026-11-21T07:00:00Z,1.23.0-x,aaaa,box-1
resnet-50,failed,"refused: a, b",openvino,CPU,f32,sync,,1,,,,,,none,,,,,,,,,,,,,,,,,2026-11-22T08:09:10Z,,bbbb,box-2
"""


def _tail(value_s: float) -> Percentile:
    return Percentile(value_s=value_s, lower_s=None, upper_s=None)


def test_regression_the_columns_of_0_1_are_written_as_before() -> None:
    full = measurement(
        model='odd "name", v2', model_sha256="aaaa", started="2026-11-21T07:00:00Z",
        config=RunConfig(
            runtime="onnxruntime", precision="int8", hint="latency", streams=2, threads=4, batch=8, requests=3,
            simd_cap="avx2",
        ),
        mode=LoadMode(kind="paced", rate_per_s=12.5),
        effective=EffectiveConfig(device="CPU", precision="u8", streams=1, threads=3, runtime_version="1.23.0-x"),
        timing=Timing(
            samples=59, duration_s=1.0, throughput_per_s=1 / 3, avg_time_s=0.0123456789, p50=_tail(0.1), p90=_tail(0.2),
            p95=_tail(0.3), p99=_tail(1e-7), min_s=1e-9, read_s=0.5, compile_s=1.25, first_inference_s=0.0,
            peak_memory_bytes=1.0, steady=False,
        ),
        footprint=Footprint(
            baseline_bytes=1e17, peak_bytes=1e17 + 123456784.0, resident_bytes=1e17, streams=1, compile_s=1.5,
            per_stream_bytes=65536.0, cached_compile_s=1e-5,
        ),
        interference=Interference(dirty=True, reasons=("load",)),
    )  # fmt: skip
    bare = measurement(
        "k2", model_sha256="bbbb", config=RunConfig(), host_fingerprint="box-2", status="failed",
        failure="refused: a, b", timing=None, started="2026-11-22T08:09:10Z",
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(measurements_csv([full, bare]))))
    assert [row[: len(COLUMNS)] for row in rows] == list(csv.reader(io.StringIO(WRITTEN_BY_0_1)))


def test_parquet_reads_back_as_the_table_with_its_schema() -> None:
    measurements = [measurement(), measurement("k2", **FAILED)]
    found = pd.read_parquet(io.BytesIO(measurements_parquet(measurements)))
    assert {"schema": found.attrs["schema"], "sizer_version": found.attrs["sizer_version"]} == {
        "schema": "sizer.measurements/1",
        "sizer_version": __version__,
    }
    # Parquet has no seconds and pandas reads texts back in its own storage: values are compared, types one by one.
    frame = measurement_frame(measurements)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)
    assert found["samples"].dtype == frame["samples"].dtype
    assert found["latency_p50_s"].dtype == frame["latency_p50_s"].dtype
    assert found["latency_p50_s"][1] is pd.NA


def test_without_pyarrow_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"pip install 'sizer\[parquet\]'"):
        measurements_parquet([measurement()])
