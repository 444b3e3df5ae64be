from pathlib import Path

import pytest

from advisor.records.comparison import Comparison
from benchmarks import runtime_ratios, runtimes
from benchmarks.page import names
from tests.report.test_compare_text import comparison, variant


def test_the_page_has_a_place_for_every_section() -> None:
    assert names(runtimes.PAGE.read_text(encoding="utf-8")) == [section.name for section in runtimes.SECTIONS]


def test_rows_name_failures_without_places_of_this_machine() -> None:
    rows = [*comparison().variants, variant("ncnn f32", status="failed", failure="model /home/me/x.onnx: operator Foo")]
    text = runtimes.variants(rows)
    assert "| net<1> | openvino int8 | 2 | 0.50 (0.48-0.53) | 2 | - |  |" in text
    assert "it cannot be capped" in text
    assert "/home" not in text
    assert "- ncnn f32: operator Foo" in text
    assert "| ncnn f32 |" not in text


def test_a_reason_that_holds_for_many_variants_is_told_once() -> None:
    missing = [variant("torch f32", model=model, status="failed", failure="not installed") for model in ("a", "b")]
    one = variant("torch int8", model="b", status="failed", failure="not installed")
    text = runtimes.variants([variant("openvino f32", model="a"), *missing, one])
    assert "- torch f32; torch int8 of b: not installed" in text


def test_ratios_of_this_machine_take_the_place_of_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "runtimes.csv"
    monkeypatch.setattr(runtimes, "RATIOS", table)
    base = comparison()
    ratio = {"value": 3.0, "lower": None, "upper": None, "pairs": 9}
    other = variant("onnxruntime f32", model="resnet-18", time_ratio=ratio, config={"runtime": "onnxruntime"})
    own = variant("openvino f32", model="resnet-18", baseline=True, time_ratio={**ratio, "value": 1.0})
    found = Comparison.model_validate(
        {
            **base.model_dump(by_alias=True),
            "variants": (own, other),
            "versions": {"onnxruntime": "1", "openvino": "2-x"},
        }
    )
    for _ in range(2):
        runtimes.write_ratios(found)
        head, *rows = table.read_text().splitlines()
        assert head.startswith("source,runtime,release")
        assert rows == ["sizer,onnxruntime,1,2,this-project-x,avx2,resnet-18,resnet,f32,1,3.0000"]


def test_what_is_judged_is_printed_with_the_bar() -> None:
    text = runtime_ratios.run()
    assert "machine left out" in text
    assert "tvm" in text


def test_figures_stand_beside_the_published_ones_or_say_why_not() -> None:
    found = comparison()
    assert runtimes.times_as_fast(found, "net<1>", "openvino int8", "tvm f32") == (
        "not measured: tvm f32 is not among the variants"
    )
    assert "cannot be capped" in runtimes.times_as_fast(
        found, "net<1>", "openvino int8", "onnxruntime f32 at most sse42"
    )
    whole = {"value": 1.0, "lower": None, "upper": None, "pairs": 9}
    both = found.model_copy(update={"variants": (variant("a", time_ratio=whole),
                                                 variant("b", time_ratio={**whole, "value": 3.0}))})  # fmt: skip
    assert runtimes.times_as_fast(both, "net<1>", "a", "b") == "3.00 times"
