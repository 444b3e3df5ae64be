"""The memory section on figures made up here; nothing is measured."""

from pathlib import Path

import pytest

from advisor.calibration.memory import read_rows
from advisor.errors import CatalogueError
from advisor.store.paths import profiles_dir
from benchmarks import memory
from benchmarks.memory import Judged, judged, tables
from tests.perfmodel.resources.test_memory import rows

MIB = 1024.0**2


def row(model: str, measured: float, predicted: float, **changes: object) -> Judged:
    facts: dict[str, object] = {
        "model": model, "family": model, "config": "1 streams, 1 threads, batch 1", "runtime": "openvino",
        "precision": "f32", "measured": measured * MIB, "p10": 0.9 * predicted * MIB, "p50": predicted * MIB,
        "p90": 1.1 * predicted * MIB,
    }  # fmt: skip
    return Judged(**(facts | changes))  # type: ignore[arg-type]


def cells(text: str, first: str) -> list[str]:
    """Cells of the one row that begins with ``first``."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_errors_are_of_the_measured_and_peaks_above_the_interval_are_counted() -> None:
    text = tables([row("a", 100, 110), row("b", 100, 80), row("c", 100, 100), row("d", 200, 300, precision="int8")])
    assert cells(text, "openvino f32") == ["openvino f32", "3", "10.0 %", "10.0 %", "67 %", "67 %", "33 %"]
    assert cells(text, "openvino int8")[3:] == ["50.0 %", "0 %", "0 %", "0 %"]
    assert cells(text, "all")[1] == "4"
    assert cells(text, "b")[-1] == "100 %"
    worst = next(line for line in text.splitlines() if line.startswith("- "))
    assert worst == (
        "- d, openvino int8, 1 streams, 1 threads, batch 1: 200 MiB measured, 300 (270-330) predicted, +50 %"
    )


def test_a_row_is_predicted_without_its_family() -> None:
    known = rows(7)
    for item in known:
        if item["family"] == "f0":
            for name in ("load_bytes", "run_bytes", "peak_bytes"):
                item[name] = str(3.0 * float(item[name]))
    odd = next(item for item in known if item["family"] == "f0")
    assert judged(odd, known).error == pytest.approx(-2 / 3, abs=0.02)
    even = next(item for item in known if item["family"] == "f1")
    assert abs(judged(even, known).error) < 0.2


def test_the_grid_has_both_runtimes_and_every_setting_once() -> None:
    grid = [(c.runtime, c.precision, c.streams, c.threads, c.batch) for c in memory.configs()]
    assert len(grid) == len(set(grid))
    assert {(runtime, precision) for runtime, precision, *_ in grid} == {
        ("openvino", "f32"), ("openvino", "int8"), ("openvino", "bf16"), ("onnxruntime", "f32"),
        ("onnxruntime", "int8"),
    }  # fmt: skip
    assert {(streams, batch) for *_, streams, _, batch in grid} == {(1, 1), (1, 8), (2, 1), (2, 8)}
    # Different configurations meet different models, and all of them are judged.
    taken = [config for index in range(memory._EVERY) for config in grid[index :: memory._EVERY]]
    assert sorted(taken) == sorted(grid)
    assert set(memory.SAMPLE) <= set(memory.MODELS)


def test_sizes_are_counted_anew_without_measuring_and_another_network_is_refused(tmp_path: Path) -> None:
    shipped = [row for row in read_rows(profiles_dir() / "measured" / "memory.csv") if row["model"] == "squeezenet-1.1"]
    path = tmp_path / "memory.csv"
    memory._write(path, [row | {"others": "99", "live_bytes": "1"} for row in shipped])
    memory.count(path)
    assert read_rows(path) == shipped
    memory._write(path, [row | {"window_bytes": "1"} for row in shipped])
    with pytest.raises(CatalogueError, match=r"squeezenet-1\.1 is another network today .* measure it anew"):
        memory.count(path)
