import json
from pathlib import Path

import numpy as np
import pytest

from advisor.cli.main import run
from advisor.errors import InputError
from advisor.records.comparison import Comparison
from advisor.workflows.compare import CompareRequest, compare_models
from tests.measure.models import small_conv


@pytest.fixture
def model(tmp_path: Path) -> str:
    return small_conv(tmp_path).path


def request(model: str, **options: object) -> CompareRequest:
    values: dict[str, object] = {"models": (model,), "runtimes": ("fake",), "precisions": ("f32",), "rounds": 1}
    return CompareRequest(**{**values, **options})  # type: ignore[arg-type]


def test_every_combination_is_a_row_with_the_words_that_tell_it_apart(tmp_path: Path, model: str) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    asked = request(model, precisions=("f32", "bf16"), threads=("1", "2"), baseline=("f32", "2"))
    found = compare_models(asked, store_url=store)
    assert [(row.label, row.status, row.baseline) for row in found.variants] == [
        ("fake f32 1 thread", "done", False),
        ("fake bf16 1 thread", "failed", False),
        ("fake f32 2 threads", "done", True),
        ("fake bf16 2 threads", "failed", False),
    ]
    assert found.variants[1].failure == "precision bf16: the fake cannot compute in it; permit another"
    ratio = found.variants[0].time_ratio
    assert ratio is not None
    assert ratio.pairs == 1
    assert any("fewer than six rounds" in note for note in found.notes)
    again = compare_models(asked, store_url=store)
    assert [row.time_ms for row in again.variants] == [row.time_ms for row in found.variants]  # nothing measured anew


def test_a_layout_is_an_axis_that_a_runtime_without_it_fails_on(tmp_path: Path, model: str) -> None:
    found = compare_models(
        request(model, layouts=("nchw", "nhwc"), threads=("1",)), store_url=f"sqlite:///{tmp_path}/s"
    )
    assert [(row.label, row.config.layout) for row in found.variants] == [
        ("fake f32 nchw", None), ("fake f32 nhwc", "nhwc"),
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"--layouts nhcw: unknown.*'nhwc'"):
        compare_models(request(model, layouts=("nhcw",)), store_url=f"sqlite:///{tmp_path}/s")


def test_int8_gain_is_told_within_a_runtime_and_accuracy_is_said_not_to_be_judged(tmp_path: Path, model: str) -> None:
    found = compare_models(
        request(model, precisions=("f32", "int8"), threads=("1",)), store_url=f"sqlite:///{tmp_path}/s.db"
    )
    (gain,) = found.gains
    assert (gain.label, gain.against) == ("fake int8", "fake f32")
    assert gain.time_ratio.value < 1
    assert found.variants[1].accuracy_note == "not judged"
    assert any(note.startswith("accuracy is not judged") for note in found.notes)


@pytest.mark.slow  # ten processes, each of which loads a runtime
@pytest.mark.runtime
def test_answers_of_int8_are_compared_with_f32_on_the_users_own_inputs(tmp_path: Path, model: str) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        np.save(inputs / f"{number}.npy", rng.random((1, 16, 16, 16), np.float32))
    asked = request(
        model, runtimes=("openvino", "onnxruntime"), precisions=("f32", "int8"), threads=("1",), inputs=inputs
    )
    found = compare_models(asked, store_url=f"sqlite:///{tmp_path}/s.db")
    assert [row.failure for row in found.variants] == [None] * 4
    agreements = [row.agreement for row in found.variants]
    for agreed in agreements:
        assert agreed is not None
        assert (agreed.kind, agreed.inputs, agreed.against) == ("tensors", 3, "openvino f32")
        assert 0.9 < agreed.value <= 1.0
    assert agreements[0] is not None
    assert agreements[0].value == pytest.approx(1.0)
    assert all(row.model_bytes is not None for row in found.variants)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtimes": ("opnvino",)}, "--runtimes opnvino: unknown.*openvino"),
        ({"precisions": ("fp32",)}, "--precisions fp32: unknown.*f32"),
        ({"shapes": ("open",)}, "--shapes open: unknown"),
        ({"simd_caps": ("sse",)}, "--simd sse: unknown"),
        ({"hints": ("fast",)}, "--hints fast: unknown"),
        ({"threads": ("0",)}, "--threads '0' is neither"),
        ({"baseline": ("ncnn",)}, "--baseline ncnn: no variant has these words; the variants are: fake f32"),
        ({"inputs": Path("/nowhere")}, "--inputs /nowhere: no such folder"),
        ({"streams": ("4",), "threads": ("1",)}, "nothing to compare"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, model: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_models(request(model, **options), store_url=f"sqlite:///{tmp_path}/s.db")


def test_a_runtime_that_is_missing_is_a_failed_row_if_named_and_a_remark_if_not(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.measure.timing import keys

    def version(name: str) -> str:
        if name != "fake":
            raise InputError(f"runtime {name} is not installed; run: pip install {name}")
        return "1"

    monkeypatch.setattr(keys, "runtime_version", version)
    monkeypatch.setattr("advisor.runtimes.real_runtimes", lambda: ("fake", "ncnn"))
    store = f"sqlite:///{tmp_path}/s.db"
    named = compare_models(request(model, runtimes=("ncnn", "fake")), store_url=store)
    assert [(row.label, row.status, row.baseline) for row in named.variants] == [
        ("ncnn f32", "failed", False),
        ("fake f32", "done", True),
    ]
    assert "not installed" in (named.variants[0].failure or "")
    unnamed = compare_models(request(model, runtimes=None), store_url=store)
    assert [row.label for row in unnamed.variants] == ["fake f32"]
    assert any("ncnn: not installed here" in note for note in unnamed.notes)


def test_the_command_prints_a_table_and_writes_every_form(
    tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", f"sqlite:///{tmp_path}/s.db", "--quiet"]
    options = ["--runtimes", "fake", "--precisions", "f32,bf16", "--threads", "1", "--rounds", "1"]
    csv_file, html = tmp_path / "c.csv", tmp_path / "c.html"
    assert run(["compare", model, *options, "--csv", str(csv_file), "--html", str(html), *store]) == 0
    shown = capsys.readouterr().out
    assert "conv16: time and memory over fake f32" in shown
    assert "conv16 fake bf16: precision bf16: the fake cannot compute in it" in shown
    assert [line.split(",")[1] for line in csv_file.read_text().splitlines()] == ["variant", "fake f32", "fake bf16"]
    page = html.read_text()
    assert "<svg" in page
    assert "the fake cannot compute in it" in page
    assert run(["compare", model, *options, "--json", *store]) == 0
    assert Comparison.model_validate(json.loads(capsys.readouterr().out)).variants[0].label == "fake f32"
    assert run(["compare", model, "--runtimes", "fake", "--precisions", "bf16", "--rounds", "1", *store]) == 1
    assert run(["compare", model, "--runtimes", ",", *store]) == 2
