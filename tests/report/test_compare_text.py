from advisor.records.comparison import Agreement, Comparison, PrecisionGain, Ratio, VariantResult
from advisor.records.config import RunConfig
from advisor.report.compare_tables import comparison_csv
from advisor.report.compare_text import gain_line, ratio_text, render_comparison
from advisor.report.html import render_comparison_html
from advisor.report.layout import plain_text


def variant(label: str, **fields: object) -> VariantResult:
    values: dict[str, object] = {
        "key": "k", "label": label, "model": "net<1>", "config": RunConfig(), "mode": "sync", "status": "done",
        "simd": "as the processor", "accuracy_note": "as the file", "rounds": 9,
    }  # fmt: skip
    return VariantResult.model_validate({**values, **fields})


def comparison() -> Comparison:
    agreed = Agreement(kind="top-1", value=0.985, inputs=200, compared=200, against="openvino f32")
    return Comparison(
        sizer_version="0",
        created="2026-11-29T00:00:00Z",
        host_fingerprint="x",
        machine="Test, 2 usable cores, avx2",
        load_at_start=0.25,
        rounds_wanted=9,
        took_s=12.0,
        variants=(
            variant("openvino f32", baseline=True, time_ms=4.0, memory_ratio=1.0, model_bytes=8.0 * 2**20),
            variant(
                "openvino int8",
                time_ms=2.0,
                time_ratio=Ratio(value=0.5, lower=0.48, upper=0.53, pairs=9),
                model_bytes=2.0 * 2**20,
                memory_ratio=0.25,
                agreement=agreed,
            ),
            variant(
                "onnxruntime f32 at most sse42",
                status="failed",
                failure="simd_cap sse42: not for onnxruntime: it cannot be capped",
                simd="cannot be capped",
            ),
        ),
        gains=(
            PrecisionGain(
                model="net<1>",
                label="openvino int8",
                against="openvino f32",
                time_ratio=Ratio(value=0.5, lower=0.48, upper=0.53, pairs=9),
                memory_ratio=0.25,
                agreement=agreed,
            ),
        ),
    )


def test_fastest_first_ratios_with_intervals_and_failures_by_name() -> None:
    text = plain_text(render_comparison(comparison()), 120)
    lines = text.splitlines()
    places = [next(i for i, line in enumerate(lines) if line.startswith(f"  {name}")) for name in
              ("openvino int8", "openvino f32", "onnxruntime f32")]  # fmt: skip
    assert places == sorted(places)
    assert "0.5 (0.48 - 0.53)" in lines[places[0]]
    assert "98.5 % top-1" in lines[places[0]]
    assert lines[places[2]].endswith("cannot be capped")
    assert "net<1> onnxruntime f32 at most sse42: simd_cap sse42" in text
    assert len(lines) < 40


def test_gains_are_told_with_their_interval_and_what_was_judged() -> None:
    gain = comparison().gains[0]
    assert gain_line(gain) == (
        "net<1> openvino int8 against openvino f32: time -50 % (-52 % to -47 %), memory -75 %; "
        "98.5 % of top-1 agree on 200 inputs"
    )
    assert gain_line(gain.model_copy(update={"agreement": None})).endswith("accuracy not judged")
    assert ratio_text(Ratio(value=0.5, lower=None, upper=None, pairs=3)) == "0.5 (3 rounds)"


def test_the_page_has_pictures_with_words_and_escapes_names() -> None:
    page = render_comparison_html(comparison())
    assert page.count("<svg") == 2
    assert "net&lt;1&gt;" in page
    assert "net<1>" not in page
    assert "it cannot be capped" in page
    assert 'aria-label="net' in page


def test_csv_has_a_line_per_variant_with_units_in_the_columns() -> None:
    head, *rows = comparison_csv(comparison()).splitlines()
    assert head.startswith("model,variant,baseline,status,failure")
    assert len(rows) == 3
    assert "0.5,0.48,0.53,9" in rows[1]
