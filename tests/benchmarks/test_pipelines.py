"""The section on whole pipelines: how rows are read, how ratios are summed up, and in which order ways must come."""

from __future__ import annotations

import pytest

from benchmarks.pipelines import WAYS, Pipeline, parts_ms, planned_streams, published, scenario_of, summary, work_of


def one(name: str, classified: bool = False, cores: int | None = None) -> Pipeline:
    return next(
        item
        for item in published()[0]
        if item.name == name and bool(item.classifiers) is classified and cores in {None, item.cores}
    )


def test_only_pipelines_of_the_cpu_alone_are_modelled() -> None:
    pipelines, others = published()
    assert len(pipelines) == 13
    assert others == 36
    assert {item.platform for item in pipelines} == {
        "intel-core-i5-12400", "intel-core-ultra-7-165h", "intel-xeon-gold-6430-2s",
    }  # fmt: skip


def test_ratios_are_summed_up_by_median_range_and_share_within_a_factor() -> None:
    (line,) = summary({"one way": [0.5, 0.7, 1.0, 1.49, 4.0]})
    assert line == ["one way", "1.00", "0.50 to 4.00", "60 %"]


def test_a_factor_behind_a_work_scales_its_operations_and_not_its_weights() -> None:
    whole, part = work_of("yolo-medium"), work_of("yolo-medium*0.4225")
    assert sum(kernel.flop for kernel in part.kernels) == pytest.approx(
        0.4225 * sum(kernel.flop for kernel in whole.kernels)
    )
    assert part.weight_bytes == whole.weight_bytes
    assert whole.flop == pytest.approx(49.0e9, rel=0.05)  # as published for YOLOv5m at 640 x 640


def test_objects_are_handed_to_every_classifier() -> None:
    shop = scenario_of(one("va_medium", classified=True), "none", 2.0)
    assert [stage.on for stage in shop.stages] == [None, "detect", "detect"]
    assert shop.activity.objects_per_frame["object"].mean == 2.0


def test_an_encoder_is_most_of_a_pipeline_and_everything_else_is_little() -> None:
    assert parts_ms(one("va", classified=True)) < 1.0
    assert 30.0 < parts_ms(one("ai_vsaas")) < 60.0
    assert parts_ms(one("smart_nvr")) < 5.0


def test_what_is_counted_around_the_models_lowers_what_is_predicted() -> None:
    pipeline = one("ai_vsaas")
    alone, usual, stated = (WAYS[way](pipeline, 1.0) for way in ("models alone", "as usual", "its parts stated"))
    assert alone > usual > stated > 0.0


def test_a_wall_carries_no_more_than_its_cells() -> None:
    pipeline = one("smart_nvr")
    assert planned_streams(pipeline, "none") == pipeline.cells == 36
