from __future__ import annotations

import csv
import io

from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import Interference
from advisor.report.tables import COLUMNS, campaign_table, measurements_csv
from tests.store.samples import measurement

FAILED = {"status": "failed", "failure": 'refused: operator "X", see log', "timing": None}


def test_csv_reads_back_with_failures_and_empty_unknowns() -> None:
    text = measurements_csv([measurement(), measurement("k2", **FAILED)])
    good, bad = csv.DictReader(io.StringIO(text))
    assert tuple(good) == COLUMNS
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
    assert measurements_csv([]).strip() == ",".join(COLUMNS)
