"""The section on whole pipelines: how rows are read, how ratios are summed up, and in which order ways must come."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.perfmodel.analytic.work_table import load_works, table_of
from advisor.store.paths import profiles_dir
from benchmarks.pipeline_rows import (
    Pipeline,
    encode_load,
    parts_ms,
    published,
    scenario_of,
    summary,
    work_of,
)
from benchmarks.pipelines import WAYS, planned_streams
from benchmarks.pipelines_devices import Unknown, device_limits, peak_share


def one(name: str, classified: bool = False, cores: int | None = None) -> Pipeline:
    return next(
        item
        for item in published()[0]
        if item.name == name and bool(item.classifiers) is classified and cores in {None, item.cores}
    )


def on_devices(name: str, platform: str, *devices: str, detector: str | None = None) -> Pipeline:
    return next(
        item
        for item in published()[1]
        if (item.name, item.platform, item.devices) == (name, f"intel-core-{platform}", devices)
        and detector in {None, item.detector}
    )


def test_pipelines_of_the_cpu_alone_are_told_from_those_on_devices() -> None:
    pipelines, others = published()
    assert len(pipelines) == 13
    assert len(others) == 34
    assert all(item.decode_device == "GPU" for item in others)
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


def test_a_work_has_the_table_that_it_was_made_from() -> None:
    known = load_works(profiles_dir() / "calibration" / "works.json")["resnet-50"].table
    made = table_of(work_of("resnet-50")).table
    np.testing.assert_allclose(made[:, :4], known[:, :4])
    np.testing.assert_allclose(made[:, 4], known[:, 4], rtol=0.25)  # of whole kernels


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


def test_what_is_full_first_decides() -> None:
    small = on_devices("ai_vsaas", "ultra-7-165h", "GPU")
    with_encoder = device_limits(small, "none", 1.0, encodes=True)
    without = device_limits(small, "none", 1.0, encodes=False)
    assert with_encoder.first == "engines"
    assert without.first == "GPU"
    assert with_encoder.streams == min(with_encoder.cameras.values()) < without.streams
    assert with_encoder.cameras["GPU"] == without.cameras["GPU"]


def test_each_device_serves_its_own_stages_alone() -> None:
    split = device_limits(on_devices("va", "ultra-7-165h", "GPU", "NPU"), "none", 3.0, encodes=False)
    together = device_limits(on_devices("va", "ultra-7-165h", "GPU", "GPU"), "none", 3.0, encodes=False)
    assert set(split.cameras) == {"cores", "engines", "GPU", "NPU"}
    assert split.cameras["GPU"] > together.cameras["GPU"]  # the detector alone
    assert split.cameras["cores"] < together.cameras["cores"]  # pictures are copied back for the other device


def test_a_model_without_a_figure_on_the_npu_is_unknown() -> None:
    with pytest.raises(Unknown, match="no figure of yolo11n on its NPU"):
        device_limits(on_devices("va", "ultra-7-165h", "NPU", "NPU"), "none", 3.0, encodes=False)


def test_engines_encode_what_the_source_says_of_encoding_alone() -> None:
    # 26 cameras of 1080p30 in H.265; a wall of 4K at 20 of the 30 frames per second of which 8 are published.
    assert encode_load(on_devices("ai_vsaas", "ultra-7-165h", "GPU")) == (pytest.approx(1 / 26), 0.0)
    assert encode_load(on_devices("smart_nvr", "ultra-7-165h", "GPU")) == (0.0, pytest.approx(20 / 30 / 8))
    # A chip without a figure: three quarters of the nearest one's.
    assert encode_load(on_devices("ai_vsaas", "i5-13600", "GPU"))[0] == pytest.approx(1 / 14 / 0.75)
    # Its script encodes for graphics with one model alone.
    assert encode_load(on_devices("ai_vsaas", "i5-13600", "GPU", "GPU")) == (0.0, 0.0)


def test_rows_above_the_peak_of_the_graphics_are_seen() -> None:
    share = peak_share(on_devices("ai_vsaas", "i5-13600", "GPU", detector="yolo-small*0.4225"))
    assert share is not None
    assert share > 1.0
    assert peak_share(on_devices("va", "ultra-7-165h", "NPU", "NPU")) is None


def test_scaling_and_encoding_are_on_the_graphics_where_they_decode() -> None:
    assert parts_ms(on_devices("ai_vsaas", "ultra-7-165h", "GPU")) < 1.0
    assert parts_ms(on_devices("smart_nvr", "ultra-7-165h", "GPU")) < 1.0
