from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.platform_model import PlatformModel
from advisor.records.machine import MachineSpec
from advisor.records.preparation import Preparation
from tests.planner.fakes import FakeCost, FakePredictor, candidate, inputs, scenario

from .parts import WORK_S, option, platform_model

BOX = candidate("box", 4, 300.0)


def test_streams_fill_the_cores_for_every_number_of_threads() -> None:
    shop = scenario()
    options = platform_model(shop, cores=6).every_option(shop, shop.stage("person"))
    assert {(item.threads_per_stream, item.config.streams) for item in options} == {(1, 6), (2, 3), (4, 1), (6, 1)}


def test_bf16_is_considered_where_the_chip_computes_in_it_only() -> None:
    shop = scenario(accuracy={"precisions": ["f32", "bf16"]})
    amx = Candidate(BOX.platform, BOX.machine.model_copy(update={"simd_level": "amx"}))
    for box, precisions in ((BOX, {"f32"}), (amx, {"f32", "bf16"})):
        options = PlatformModel(inputs([box], shop=shop), box).every_option(shop, shop.stages[0])
        assert {item.config.precision for item in options} == precisions


def test_the_least_option_is_kept_per_batch() -> None:
    shop = scenario()
    model = platform_model(shop)
    least = model.least_options(shop, shop.stage("reid"), MEDIAN)
    assert [item.config.batch for item in least] == [1, 4]
    # More threads lose to one in core time: n threads take n ** 0.1 as much.
    assert [item.threads_per_stream for item in least] == [1, 1]
    assert [item.least_core_s(MEDIAN) for item in least] == pytest.approx([0.004, 0.016])


def test_no_inference_stream_spans_numa_nodes() -> None:
    one = candidate("one", 16, 300.0)
    two = Candidate(one.platform, one.machine.model_copy(update={"numa_nodes": 2}))
    for box, most in ((one, 16), (two, 8)):
        options = PlatformModel(inputs([box]), box).every_option(scenario(), scenario().stages[0])
        assert max(item.threads_per_stream for item in options) == most


def test_a_runtime_is_considered_where_it_was_measured_only() -> None:
    given = replace(inputs([BOX]), runtimes_measured={"box": ("onnxruntime",)})
    stage = scenario().stages[0]
    for plan_inputs, runtimes in ((inputs([BOX]), {"openvino"}), (given, {"openvino", "onnxruntime"})):
        options = PlatformModel(plan_inputs, BOX).every_option(scenario(), stage)
        assert {item.config.runtime for item in options} == runtimes


def test_only_openvino_runs_on_performance_cores_alone() -> None:
    hybrid = candidate("hybrid", 4, 300.0, efficiency_cores=4)
    given = replace(inputs([hybrid]), runtimes_measured={"hybrid": ("onnxruntime",)})
    model = PlatformModel(given, hybrid, "performance")
    options = model.every_option(scenario(), scenario().stages[0])
    assert model.cores == 4.0
    assert {(item.config.runtime, item.config.core_type) for item in options} == {("openvino", "performance")}


def test_no_more_streams_are_planned_than_the_runtime_will_grant() -> None:
    """OpenVINO leaves out the two low-power cores of a Core Ultra H: the acceptance run would see 14 for 16 asked."""
    box = candidate("core-ultra", 6, 300.0, efficiency_cores=8)
    machine = box.machine.model_copy(update={"low_power_cores": 2, "threads": 22})
    ultra = replace(box, machine=machine)
    model = PlatformModel(inputs([ultra]), ultra)
    options = model.every_option(scenario(), scenario().stages[0])
    assert model.cores == 14.0
    assert max(item.config.streams or 0 for item in options) == 14
    assert max(item.config.threads or 0 for item in options) == 14


class PixelPredictor(FakePredictor):
    """Preparation costs 1 ns per pixel of the picture."""

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> FakeCost:
        width, height = preparation.source
        return FakeCost(self._interval(width * height * 1e-9))


def test_a_picture_is_prepared_at_its_own_size_and_a_crop_at_that_of_the_model() -> None:
    camera = {"group": "aisle", "count": 1, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}
    whole, halved = scenario(cameras=[camera]), scenario(cameras=[{**camera, "resolution": "960x540"}])
    model = PlatformModel(inputs([], PixelPredictor(WORK_S)), BOX)
    for shop, pixels in ((whole, 1920 * 1080), (halved, 960 * 540)):
        assert option(model, shop, "person").preprocess_s(MEDIAN) == pytest.approx(pixels * 1e-9)
        assert option(model, shop, "reid").preprocess_s(MEDIAN) == pytest.approx(544 * 320 * 1e-9)


def test_estimates_are_requested_once() -> None:
    shop, predictor = scenario(), FakePredictor(WORK_S)
    model = platform_model(shop, predictor=predictor)
    model.options(shop, shop.stage("person"))
    asked = predictor.asked
    model.options(shop, shop.stage("person"))
    model.every_option(scenario(margin={"headroom_pct": 10.0}), shop.stage("person"))
    assert predictor.asked == asked > 0
    assert model.missing_requests(shop, shop.stage("person")) == []
    assert model.missing_requests(shop, shop.stage("reid"))
