from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.measure.campaign.campaign import Entry
from advisor.measure.items.preparation import PreparationItem
from advisor.records.box import BoxExport
from advisor.records.model import ModelFile
from advisor.workflows import bench
from advisor.workflows.bench import BenchRequest, bench_machine
from tests.measure.specs import time_shortly
from tests.measure.toy_kind import HashItem


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are not looked at."""
    time_shortly(monkeypatch)


def test_quick_keeps_its_promise_unless_told_otherwise() -> None:
    assert bench._budget_s(BenchRequest(mode="quick")) == bench.QUICK_BUDGET_S < 120
    assert bench._budget_s(BenchRequest(mode="quick", budget_s=600.0)) == 600
    assert bench._budget_s(BenchRequest(mode="full")) is None
    assert bench._budget_s(BenchRequest(models=("resnet-50",), mode="quick")) is None
    assert bench._budget_s(BenchRequest(matrix=Path("m.yaml"))) is None


def test_what_was_left_out_is_counted_by_kind_before_what_is_said_in_sentences() -> None:
    items = [PreparationItem((64, 48), (16, 16 + size)) for size in range(2)]
    hashes = [HashItem(size) for size in (1, 2, 3)]
    entries = [Entry(item, 1.0) for item in (*items, *hashes)]
    labels = [hashes[2].label, "no bf16 here", items[0].label, hashes[0].label]
    assert bench._left_out_by_kind(labels, entries) == (
        (hashes[2].label, hashes[0].label, items[0].label, "no bf16 here"),
        {"other measurements": 2, "timings of pre-processing": 1},
    )


@pytest.mark.parametrize("name", ["openvin", "hailort", "fake"])
def test_a_runtime_that_runs_no_models_is_refused_before_anything_is_measured(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"--runtime {name}: unknown.*known: openvino, onnxruntime, ncnn"):
        bench_machine(BenchRequest(models=("resnet-50",), runtime=name), store_url=f"sqlite:///{tmp_path}/s.db")


def test_a_fault_of_a_matrix_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("products:\n  - models: [resnet-50]\n    axes: {threads: [lots]}\n")
    request = BenchRequest(matrix=path)
    with pytest.raises(InputError, match=r"m\.yaml: configuration: threads: 'lots'"):
        bench_machine(request, store_url=f"sqlite:///{tmp_path}/s.db")


@pytest.mark.runtime
@pytest.mark.usefixtures("_short")
def test_a_box_takes_the_kernels_of_what_was_measured_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.runtimes.real_runtimes", lambda: ("openvino",))  # the devices of one are enough
    store_url, first, later = f"sqlite:///{tmp_path}/s.db", tmp_path / "box.json", tmp_path / "later.json"
    request = BenchRequest(models=("squeezenet-1.1",), threads="1", budget_s=30.0, export_file=first)
    bench_machine(request, store_url=store_url)
    bench_machine(BenchRequest(export_file=later), store_url=store_url)
    for path in (first, later):
        (work,) = BoxExport.model_validate_json(path.read_text(encoding="utf-8")).works
        assert (work.model, work.precision, work.batch) == ("squeezenet-1.1", "f32", 1)
        assert work.kernels


@pytest.mark.parametrize(
    ("runtime", "streams", "ways"),
    [
        ("openvino", None, [("latency", None, "sync"), ("throughput", None, "async")]),
        ("openvino", "1", [("none", 1, "sync")]),
        ("openvino", "4", [("none", 4, "async")]),
        ("onnxruntime", None, [("none", 1, "sync")]),
        ("ncnn", None, [("none", 1, "sync")]),
    ],
)
def test_on_other_devices_the_runtime_chooses_unless_told(monkeypatch, runtime: str, streams: str | None, ways) -> None:
    model = ModelFile(
        reference="m", name="m", family="f", kind="file", path="m.onnx", sha256="0" * 64, input_shape=(1, 3, 8, 8)
    )
    monkeypatch.setattr(bench, "resolve_models", lambda references, input_shape: (model,))
    request = BenchRequest(models=("m",), runtime=runtime, device="GPU", streams=streams)
    items = [entry.item for entry in bench._of_models_elsewhere(request, 8)]
    assert [(item.config.hint, item.config.streams, item.mode.kind) for item in items] == ways
    assert all(item.config.device == "GPU" and item.config.threads is None for item in items)


@pytest.mark.runtime
@pytest.mark.usefixtures("_short")
def test_a_measurement_on_auto_says_where_it_ran(tmp_path: Path) -> None:
    from advisor.runtimes.conformance_networks import small_network

    model = small_network(tmp_path / "n.onnx")
    request = BenchRequest(models=(str(model),), device="AUTO:CPU", streams="1", threads="1", budget_s=30.0)
    report, _ = bench_machine(request, store_url=f"sqlite:///{tmp_path}/s.db")
    (row,) = report.measurements
    assert row.effective is not None
    assert (row.effective.device, row.effective.execution_devices) == ("AUTO:CPU", ("CPU",))


@pytest.mark.runtime
@pytest.mark.usefixtures("_short")
def test_two_files_of_one_name_are_two_models_in_the_table(tmp_path: Path) -> None:
    from advisor.runtimes.conformance_networks import small_network

    paths = [tmp_path / folder / "best.onnx" for folder in ("one", "two")]
    for size, path in zip((32, 40), paths, strict=True):
        path.parent.mkdir()
        small_network(path, size=size)
    store = f"sqlite:///{tmp_path / 'store.db'}"

    def names(*models: Path) -> set[str]:
        request = BenchRequest(models=tuple(map(str, models)), threads="1", budget_s=60.0)
        return {row.model for row in bench_machine(request, store_url=store)[0].measurements}

    assert names(paths[0]) == {"best"}
    assert names(*paths) == {"one/best.onnx", "two/best.onnx"}
