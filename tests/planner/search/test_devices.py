"""Stages on a device of the box: what they take of it and of the host, and how plans choose among devices."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace

import pytest

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.costs import device_loads, engine_load
from advisor.planner.search.devices import (
    BESIDE_CORES,
    BESIDE_PASSES,
    DeviceUse,
    device_precisions,
    device_times,
    times,
    uses_of,
)
from advisor.planner.search.judgement import Failing, Feasible
from advisor.planner.search.rank import deployment_tco
from advisor.planner.search.search import judge
from advisor.planner.search.simulate import build_spec
from advisor.planner.search.space import undominated
from advisor.planner.search.study import Study
from advisor.records.base import Evidence, Interval, Precision
from advisor.records.device import DeviceKind, DeviceSpec
from advisor.records.machine import MachineSpec
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, best_of, candidate, inputs, scenario

BAND = (-0.1, 0.1)
DETECTOR = {"id": "person", "model": "like:person", "every": "3 frames"}
REID = {"id": "reid", "model": "like:reid", "on": "person", "every": "5 frames"}


def device(kind: DeviceKind = "igpu", name: str = "box-chip-gpu") -> DeviceSpec:
    return DeviceSpec(id=name, machine="box", chip="box-chip", name=name, kind=kind, family="xe-lp")


def answer(per_s: float, latency_s: float | None = None) -> DeviceAnswer:
    middle = None if latency_s is None else math.log(latency_s)
    return DeviceAnswer(math.log(per_s), BAND, middle, BAND, Evidence.PUBLISHED, "test")


def shop(stages: list[dict[str, object]], devices: list[str], **changes: object) -> Scenario:
    return scenario(stages=stages, candidates={"devices": devices}, **changes)


def asked(
    case: Scenario,
    box: Candidate,
    per_s: dict[str, float],
    work_s: dict[str, float] | None = None,
    *devices: DeviceSpec,
) -> PlanInputs:
    """Inputs in which a device runs so many inputs of each stage per second; a stage that is left out is unknown."""

    def known(_: DeviceSpec, key: str, precision: Precision) -> DeviceAnswer | None:
        return answer(per_s[key]) if key in per_s and precision == "f16" else None

    predictor = FakePredictor(work_s or {"person": 0.2, "reid": 0.004})
    return replace(inputs([replace(box, devices=devices or (device(),))], predictor, case), device_answer=known)


def judged(given: PlanInputs) -> Feasible | Failing:
    return judge(Study.of(given), given.candidates[0], 1)


def devices_of(found: Feasible | Failing) -> dict[str, str]:
    assert isinstance(found, Feasible), found.failed
    return {name: config.device for name, config in found.deployment.setup.configs.items()}


def test_a_device_is_used_only_where_it_is_permitted() -> None:
    """40 detections per second of 0.2 s of a core each are too much for four cores and little for the device."""
    box, fast = candidate("box", 4, 200.0), {"person": 400.0}
    assert isinstance(judged(asked(shop([DETECTOR], []), box, fast)), Failing)
    assert devices_of(judged(asked(shop([DETECTOR], ["CPU", "GPU"]), box, fast))) == {"person": "GPU"}
    pinned = shop([{**DETECTOR, "device": "GPU"}], [])
    assert devices_of(judged(asked(pinned, box, fast))) == {"person": "GPU"}


def test_cores_that_do_are_preferred_at_the_same_price() -> None:
    given = asked(shop([DETECTOR], ["CPU", "GPU"]), candidate("box", 4, 200.0), {"person": 400.0}, {"person": 0.01})
    assert devices_of(judged(given)) == {"person": "CPU"}


def test_a_stage_without_evidence_on_the_device_stays_on_the_cores() -> None:
    case = shop([DETECTOR, REID], ["CPU", "GPU"])
    given = asked(case, candidate("box", 8, 200.0), {"person": 900.0})
    assert devices_of(judged(given)) == {"person": "GPU", "reid": "CPU"}


def test_a_stage_that_no_device_knows_is_not_guessed() -> None:
    found = judged(asked(shop([DETECTOR, REID], ["GPU"]), candidate("box", 8, 200.0), {"person": 900.0}))
    assert isinstance(found, Failing)
    assert found.failed.check == "evidence"
    assert "cannot tell" in found.failed.reason


def test_stages_on_one_device_share_its_time() -> None:
    """Rate over throughput, summed, is held to the headroom: 0.5 alone, above 0.7 together with a second stage."""
    second = {"id": "face", "model": "like:face", "every": "3 frames"}
    slowed = BESIDE_CORES.p50
    box, rate = candidate("box", 8, 200.0), 40.0
    per_s = {"person": rate / 0.5 / slowed, "face": rate / 0.4 / slowed}
    alone = judged(asked(shop([DETECTOR], ["GPU"]), box, per_s))
    assert isinstance(alone, Feasible)
    assert alone.deployment.device_load(alone.deployment.nominal, 0.0) == pytest.approx(0.5)
    assert alone.outcome.devices["GPU"] == pytest.approx(0.5, rel=0.05)
    both = judged(asked(shop([DETECTOR, second], ["GPU"]), box, per_s, {"person": 0.2, "face": 0.2}))
    assert isinstance(both, Failing)
    assert both.failed.check == "device"
    assert "GPU would be 90 % busy" in both.failed.reason


def test_two_devices_are_never_added() -> None:
    """Each of two devices carries the load of one stage alone: no plan gives each of them one."""
    second = {"id": "face", "model": "like:face", "every": "3 frames"}
    case = shop([DETECTOR, second], ["GPU", "NPU"])
    per_s = {"person": 40.0 / 0.5 / BESIDE_CORES.p50, "face": 40.0 / 0.5 / BESIDE_CORES.p50}
    given = asked(case, candidate("box", 8, 200.0), per_s, None, device(), device("npu", "box-chip-npu"))
    assert isinstance(judged(given), Failing)


def test_stages_that_are_pinned_to_two_devices_run_on_both() -> None:
    """Each device is filled by its own stage alone, and each is slower since the other infers, too."""
    first, second = DETECTOR | {"device": "GPU"}, {**DETECTOR, "id": "face", "model": "like:face", "device": "NPU"}
    devices = device(), device("npu", "box-chip-npu")
    per_s = dict.fromkeys(("person", "face"), 40.0 / 0.5 / BESIDE_PASSES.p50)
    given = asked(shop([first, second], []), candidate("box", 8, 200.0), per_s, None, *devices)
    found = judged(given)
    assert devices_of(found) == {"person": "GPU", "face": "NPU"}
    assert isinstance(found, Feasible)
    facts = found.deployment.facts(found.deployment.nominal)
    assert device_loads(found.deployment.setup.choice, facts, 0.0) == pytest.approx({"GPU": 0.5, "NPU": 0.5})
    assert found.outcome.devices == pytest.approx({"GPU": 0.5, "NPU": 0.5}, rel=0.05)
    much = dict.fromkeys(("person", "face"), 40.0 / 0.8 / BESIDE_PASSES.p50)
    failing = judged(asked(shop([first, second], []), candidate("box", 8, 200.0), much, None, *devices))
    assert isinstance(failing, Failing)
    assert "GPU or NPU would be 80 % busy" in failing.failed.reason


def test_stages_that_are_pinned_to_the_cores_beside_two_devices_are_slowed_too() -> None:
    stages = [DETECTOR | {"device": "GPU"}, REID | {"device": "NPU"}, {**DETECTOR, "id": "face", "model": "like:face"}]
    devices = device(), device("npu", "box-chip-npu")
    work_s = {"person": 0.2, "reid": 0.004, "face": 0.02}
    given = asked(shop(stages, []), candidate("box", 8, 200.0), {"person": 400.0, "reid": 400.0}, work_s, *devices)
    study = Study.of(given)
    alone, beside = study.models(given.candidates[0])
    assert beside.use is not None
    assert beside.use.key == ("box-chip-gpu+box-chip-npu", "passes")
    fastest = [min(of.options(study.scenario, study.scenario.stages[2]), key=lambda option: option.pass_s(0.0))
               for of in (alone, beside)]  # fmt: skip
    assert fastest[1].pass_s(0.0) == pytest.approx(fastest[0].pass_s(0.0) / BESIDE_PASSES.p50)
    assert devices_of(judged(given)) == {"person": "GPU", "reid": "NPU", "face": "CPU"}


def test_a_second_device_is_used_only_where_stages_are_pinned_to_both() -> None:
    graphics, neural = device(), device("npu", "box-chip-npu")
    second = {"id": "face", "model": "like:face", "every": "3 frames"}

    def keys(*stages: dict[str, object], devices: tuple[DeviceSpec, ...] = (graphics, neural)) -> list[str]:
        return [use.key[0] for use in uses_of(devices, shop([*stages], ["GPU", "NPU"]))]

    assert keys(DETECTOR, second) == ["box-chip-gpu", "box-chip-npu"]
    assert keys(DETECTOR | {"device": "GPU"}, second) == ["box-chip-gpu"]
    assert keys(DETECTOR | {"device": "GPU"}, second | {"device": "NPU"}) == ["box-chip-gpu+box-chip-npu"]
    assert keys(DETECTOR | {"device": "GPU"}, second | {"device": "NPU"}, devices=(graphics,)) == []


def test_an_added_device_beside_graphics_is_as_fast_as_alone() -> None:
    added, graphics = device("accelerator", "hailo-8"), device()
    first, second = DeviceUse(added, "cores", (graphics,)).each
    assert first.shared_speed == Interval.exact(1.0)
    assert second.shared_speed == BESIDE_CORES
    assert DeviceUse(graphics, "cores", (device("npu", "box-chip-npu"),)).shared_speed == BESIDE_PASSES
    assert DeviceUse(added, "passes", (graphics,)).slows_cores


def test_the_host_pays_for_every_request() -> None:
    found = judged(asked(shop([DETECTOR], ["GPU"]), candidate("box", 4, 200.0), {"person": 400.0}))
    assert isinstance(found, Feasible)
    decode_and_prepare = 120 * 0.008 + 40 * 0.001
    busy = found.deployment.cores(found.deployment.nominal, 0.0)
    assert busy == pytest.approx(decode_and_prepare + 40 * 0.0008, rel=0.001)


def test_a_device_and_cores_that_both_infer_are_slower() -> None:
    case = shop([DETECTOR, REID], ["CPU", "GPU"])
    study = Study.of(asked(case, candidate("box", 8, 200.0), {"person": 900.0}))
    cores, *beside = study.models(study.inputs.candidates[0])
    use = {model.use.beside: model for model in beside if model.use is not None}
    (on_device,) = [option for option in use["passes"].options(case, case.stages[0]) if option.config.device == "GPU"]
    assert on_device.busy_s(0.0) == pytest.approx(1 / 900.0 / BESIDE_PASSES.p50)
    mine = {option.config: option for option in use["passes"].every_option(case, case.stages[1])}
    for option in cores.every_option(case, case.stages[1]):
        assert mine[option.config].pass_s(0.0) == pytest.approx(option.pass_s(0.0) / BESIDE_PASSES.p50)


def test_an_added_device_shares_no_power_with_the_cores() -> None:
    added = DeviceUse(device("accelerator", "hailo-8"), "passes")
    busy, alone = device_times(answer(100.0, 0.02), added.shared_speed) or pytest.fail("known")
    assert (busy.p50, alone.p50) == pytest.approx((0.01, 0.02))
    assert busy.p90 == pytest.approx(0.01 * math.exp(0.1))


def test_a_pass_is_never_shorter_than_what_it_takes_of_the_device() -> None:
    use = DeviceUse(device("accelerator", "hailo-8"), "cores")
    for latency_s in (0.001, None):
        busy, alone = device_times(answer(100.0, latency_s), use.shared_speed) or pytest.fail("known")
        assert alone.p10 >= busy.p10
        assert alone.p50 >= busy.p50
        assert alone.p90 >= busy.p90
    nothing = DeviceAnswer(None, BAND, math.log(0.01), BAND, Evidence.PUBLISHED, "test")
    assert device_times(nothing, use.shared_speed) is None


@pytest.mark.parametrize(
    ("precisions", "expected"),
    [(["f32"], ("f16",)), (["bf16"], ("f16",)), (["int8"], ("int8",)), (["f32", "int8"], ("f16", "int8"))],
)
def test_floating_precisions_permit_f16_and_int8_is_never_assumed(precisions, expected) -> None:
    assert device_precisions(scenario(accuracy={"precisions": precisions})) == expected


def test_cores_infer_beside_a_device_only_where_both_are_permitted() -> None:
    def beside(case: Scenario) -> list[str]:
        return [use.beside for use in uses_of((device(),), case)]

    assert beside(shop([DETECTOR, REID], [])) == []
    assert beside(shop([DETECTOR, REID], ["GPU"])) == ["cores"]
    assert beside(shop([DETECTOR, REID], ["CPU", "GPU"])) == ["cores", "passes"]
    assert beside(shop([DETECTOR], ["CPU", "GPU"])) == ["cores"]
    assert beside(shop([{**DETECTOR, "device": "GPU"}, REID], [])) == ["passes"]


def test_products_of_intervals_add_their_logarithms_in_squares() -> None:
    one = Interval(p10=1 / math.exp(0.3), p50=1.0, p90=math.exp(0.3))
    other = Interval(p10=2 / math.exp(0.4), p50=2.0, p90=2 * math.exp(0.4))
    found = times(one, other)
    assert (found.p10, found.p50, found.p90) == pytest.approx((2 / math.exp(0.5), 2.0, 2 * math.exp(0.5)))


def test_a_plan_says_where_its_stages_run_and_what_it_left_out() -> None:
    case = shop([DETECTOR], ["CPU", "GPU"])
    found = plan(asked(case, candidate("box", 4, 200.0), {"person": 400.0}))
    best = best_of(found)
    assert best.config.stages["person"].device == "GPU"
    assert best.config.stages["person"].precision == "f16"
    assert best.config.stages["person"].threads is None
    assert best.predicted.utilisation["GPU"].p50 == pytest.approx(40 / 400.0 / BESIDE_CORES.p50, rel=0.05)
    assert best.predicted.evidence["person"] is Evidence.PUBLISHED
    assert found.not_considered == ("accelerators", "neural processors")
    assert any("devices:" in text for text in found.assumptions)
    assert any(item.resource == "GPU" or "GPU" in item.text for item in best.breaks_first)


def test_a_plan_on_cores_alone_knows_no_device() -> None:
    given = asked(shop([DETECTOR], []), candidate("box", 8, 200.0), {"person": 400.0}, {"person": 0.02})
    study = Study.of(given)
    assert [model.use for model in study.models(given.candidates[0])] == [None]
    found = plan(given)
    assert found.not_considered == ("accelerators", "integrated graphics", "neural processors")
    assert "GPU" not in best_of(found).predicted.utilisation


def test_what_is_bought_for_a_box_is_used_in_it() -> None:
    """The box without it is a candidate of its own: an added device that idles is no answer."""
    box = replace(candidate("box-with-hailo-8", 4, 270.0), bought_with="hailo-8")
    given = asked(
        shop([DETECTOR], ["CPU", "hailo-8"]), box, {"person": 400.0}, {"person": 0.01},
        device("accelerator", "hailo-8"),
    )  # fmt: skip
    assert devices_of(judged(given)) == {"person": "hailo-8"}


class OneChip(FakePredictor):
    """All boxes have one chip."""

    def alike(self, machine: MachineSpec) -> Hashable:
        return machine.performance_cores


def test_boxes_of_one_chip_share_what_is_predicted_with_devices_and_without() -> None:
    """A device that may be bought for a box makes another candidate, of which the cores are asked about no more."""
    hailo = device("accelerator", "hailo-8")
    elsewhere = hailo.model_copy(update={"machine": "other"})
    case = shop([DETECTOR, REID], ["CPU", "hailo-8"])
    given = asked(case, candidate("plain", 4, 200.0), {"person": 400.0, "reid": 900.0})
    boxes = [
        candidate("plain", 4, 200.0),
        candidate("other", 4, 210.0),
        replace(candidate("with", 4, 270.0), bought_with="hailo-8", devices=(hailo,)),
        replace(
            candidate("other-with", 4, 280.0),
            bought_with="hailo-8",
            devices=(elsewhere,),
        ),
    ]
    predictor = OneChip({"person": 0.01, "reid": 0.004})
    study = Study.of(replace(given, candidates=tuple(boxes), predictor=predictor))
    study.prepare(boxes[:1])
    asked_before = predictor.asked
    assert asked_before > 0
    study.prepare(boxes)
    for box in boxes:
        for model in study.models(box):
            assert all(model.options(case, stage) for stage in case.stages)
    assert predictor.asked == asked_before
    (with_one, *_), (with_other, *_) = study.models(boxes[2]), study.models(boxes[3])
    assert with_one.like == with_other.like
    assert with_one.options(case, case.stages[0]) == with_other.options(case, case.stages[0])
    # On an added device nothing slows the cores: their options are there as they are without it.
    beside = next(model for model in study.models(boxes[2]) if model.use is not None and model.use.beside == "passes")
    plain = study.model(boxes[0]).options(case, case.stages[0])
    assert [item for item in beside.options(case, case.stages[0]) if item.busy is None] == list(plain)
    assert list(beside.options(case, case.stages[0])) == list(undominated(beside.every_option(case, case.stages[0])))


CODED = {"group": "yard", "count": 12, "resolution": "1920x1080", "codec": "h264", "fps": 15.0, "bitrate_kbps": 4000.0}
N100 = "intel-processor-n100-gpu"


def twelve(cores: int, devices: list[str], **more: object) -> PlanInputs:
    """Twelve cameras of 15 frames per second: 1.44 cores of decoding in software, 180 pictures of an engine."""
    case = shop([DETECTOR], devices, cameras=[{**CODED, **more}])
    return asked(case, candidate("box", cores, 200.0), {"person": 900.0}, None, device(name=N100))


def test_an_engine_decodes_where_software_leaves_too_few_cores() -> None:
    """Of 2 cores 70 % may be used; zero copy leaves a twentieth of the 1.44 where all stages run on the graphics."""
    found = judged(twelve(2, ["CPU", "GPU"]))
    assert isinstance(found, Feasible), found.failed
    model, setup, camera = found.deployment.model, found.deployment.setup, found.deployment.scenario.cameras[0]
    assert setup.decode_device == "hardware"
    assert model.engines is not None
    assert model.engines.path == "zero-copy"
    software = found.deployment.study.model(found.deployment.candidate).decode(camera)
    assert model.decode(camera).alone_s.p50 == pytest.approx(0.05 * software.alone_s.p50)
    busy = 180 * model.engine_s(camera).p50
    assert found.outcome.devices["decode engine"] == pytest.approx(busy, rel=0.05)


def test_pictures_are_copied_back_to_stages_on_the_cores() -> None:
    given = twelve(8, ["CPU", "GPU"])
    study, camera = Study.of(given), given.scenario.cameras[0]
    models = [model for model in study.models(given.candidates[0]) if model.engines is not None and model.use is None]
    software = study.model(given.candidates[0]).decode(camera)
    assert [model.decode(camera).alone_s.p50 / software.alone_s.p50 for model in models] == [pytest.approx(0.7)]
    assert devices_of(judged(replace(given, device_answer=lambda *_: None, predictor=FakePredictor({"person": 0.005}))))


def test_more_pictures_than_the_engine_decodes_are_refused() -> None:
    """90 cameras send 1350 pictures per second, where such an engine was published at about 1300 at most."""
    given = twelve(4, ["GPU"], count=90)
    found = judge(Study.of(given), given.candidates[0], 1)
    assert isinstance(found, Failing)
    study = Study.of(given)
    for model in study.models(given.candidates[0]):
        if model.engines is not None:
            load = engine_load(model, given.scenario, study.facts(study.case.required(1)), 0.0)
            assert load > 0.7


def test_a_codec_without_an_engine_is_decoded_in_software() -> None:
    given = twelve(8, ["GPU"], codec="mjpeg")
    assert all(model.engines is None for model in Study.of(given).models(given.candidates[0]))


def test_sessions_bind_where_a_driver_was_seen_to() -> None:
    """A driver that carries 56 streams is full with 56 cameras, however few pictures they send."""
    case = shop([DETECTOR], ["GPU"], cameras=[{**CODED, "count": 56, "fps": 3.0}])
    graphics = device(name="intel-core-ultra-7-165h-gpu")
    given = asked(case, candidate("box", 16, 200.0), {"person": 900.0}, None, graphics)
    study = Study.of(given)
    (model,) = {m.variant: m for m in study.models(given.candidates[0]) if m.engines and m.use}.values()
    facts = study.facts(study.case.required(1))
    pixels = facts.decode["yard"] * model.engine_s(case.cameras[0]).p50
    assert engine_load(model, case, facts, 0.0) > 2.0 * pixels


def test_a_plan_says_that_engines_decode() -> None:
    found = plan(twelve(2, ["CPU", "GPU"]))
    best = best_of(found)
    assert best.config.decode.device == "hardware"
    assert 0.0 < best.predicted.utilisation["decode engine"].p50 < 0.7
    assert any(text.startswith("decoding in hardware: ") for text in found.assumptions)


def test_models_with_a_device_may_try_fewer_configurations() -> None:
    given = asked(shop([DETECTOR, REID], ["CPU", "GPU"]), candidate("box", 8, 200.0), {"person": 900.0})
    study = Study.of(given)
    cores, *others = study.models(given.candidates[0])
    assert {study.tries_allowed(model) for model in others} == {study.tries_allowed(cores) // 8}


def test_a_doubtful_device_lowers_the_probability_and_not_that_of_the_cores() -> None:
    """Errors of a device are its own: at 60 % of the time busy in the median, a wide band loses draws."""
    per_s = {"person": 40.0 / 0.68 / BESIDE_CORES.p50}
    given = asked(shop([DETECTOR], ["GPU"]), candidate("box", 8, 200.0), per_s)
    wide = replace(given, device_answer=lambda *_: replace(answer(per_s["person"]), throughput_band=(-1.0, 1.0)))
    sure, doubtful = judged(given), judged(wide)
    assert isinstance(sure, Feasible)
    assert isinstance(doubtful, Failing)
    assert not doubtful.failed.at_median


def test_of_cores_and_a_device_that_both_fail_the_one_that_lacks_less_is_told() -> None:
    """Four cores lack sixfold, the graphics a little: a buyer is told of the graphics."""
    box = candidate("box", 4, 200.0)
    per_s = {"person": 40.0 / 0.8 / BESIDE_CORES.p50}
    found = judged(asked(shop([DETECTOR], ["CPU", "GPU"]), box, per_s, {"person": 0.6}))
    assert isinstance(found, Failing)
    assert found.failed.check == "device"
    assert "GPU would be 80 % busy at the median, 70 % may be used" in found.failed.reason


def test_an_added_device_draws_its_own_power_at_all_hours_and_no_share_of_the_cores() -> None:
    """At half of a Hailo's time the bill was that of half of all cores; with the graphics it still is."""
    hailo = device("accelerator", "hailo-8").model_copy(update={"power_w": 2.5})
    box = replace(candidate("box", 4, 200.0), bought_with="hailo-8")
    per_s = {"person": 40.0 / 0.5}
    added = judged(asked(shop([DETECTOR], ["CPU", "hailo-8"]), box, per_s, None, hailo))
    assert isinstance(added, Feasible)
    (load,) = device_loads(
        added.deployment.setup.choice, added.deployment.facts(added.deployment.nominal), 0.0
    ).values()
    assert load == pytest.approx(0.5)
    cores = added.deployment.cores(added.deployment.nominal, 0.0)
    wall_w = FakePredictor({}).power_w(box.machine, cores / 4).p50
    tco = deployment_tco(added.deployment)
    assert tco.energy_kwh_per_year.p50 == pytest.approx(8.76 * (wall_w + 2.5))
    assert deployment_tco(added.deployment).wall_w.p50 == pytest.approx(wall_w + 2.5)


def test_a_pass_on_a_device_takes_what_its_evidence_says_and_no_cold_caches_of_the_cores() -> None:
    """A device of 202 passes per second was 22 % busy with 40 of them."""
    found = judged(asked(shop([DETECTOR], ["GPU"]), candidate("box", 4, 200.0), {"person": 400.0}))
    assert isinstance(found, Feasible)
    deployment = found.deployment
    spec = build_spec(deployment.model, deployment.scenario, deployment.setup, deployment.nominal, 0.0)
    (person,) = spec.stages
    assert person.device == "GPU"
    assert person.cold_s == 0.0
    assert found.outcome.devices["GPU"] == pytest.approx(deployment.device_load(deployment.nominal, 0.0), rel=0.01)


@pytest.mark.parametrize(
    ("stage", "devices"), [({**DETECTOR, "device": "NPU"}, ["CPU", "GPU", "NPU"]), (DETECTOR, ["NPU", "hailo-8"])]
)
def test_a_box_without_the_device_that_a_stage_needs_is_excluded_and_not_unknown(
    stage: dict[str, object], devices: list[str]
) -> None:
    """It was said that nothing is known of the stage on it, and that a measurement there would tell."""
    case = shop([stage], devices)
    given = asked(case, candidate("box", 8, 200.0), {"person": 900.0})
    alone = plan(replace(given, named=True))
    names = "NPU" if "device" in stage else "NPU or hailo-8"
    (item,) = alone.rejected
    assert (item.check, alone.nothing_known) == ("candidates.devices", False)
    assert item.reason == f"stage person may run on {names} alone, and the catalogue lists none of it"
    # Beside a box that has one, of which nothing is known, there is no answer, and not a no.
    other = replace(candidate("other", 8, 300.0), devices=(device("npu", "other-chip-npu"),))
    both = plan(replace(given, candidates=(*given.candidates, other), device_answer=lambda *_: None))
    assert both.nothing_known
    assert {item.platform: item.check for item in both.rejected} == {"box": "candidates.devices", "other": "evidence"}
    unknown = next(item.reason for item in both.rejected if item.platform == "other")
    assert f"of the stages that may run on {names} alone not every one is known there" in unknown
