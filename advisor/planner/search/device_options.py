"""Ways to run a stage elsewhere than on x86 cores: on a device of the box, on cores beside it, on Arm cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.records.base import Interval
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import Scenario, Stage

from .arm import arm_estimates
from .devices import CPU, DeviceUse, device_estimate, device_precisions, permitted, slowed_by_device
from .stage_option import StageOption


def device_passes(
    inputs: PlanInputs, platform: str, scenario: Scenario, stage: Stage, use: DeviceUse
) -> list[tuple[ServiceEstimate, Interval]]:
    """Passes of ``stage`` on each device that may run it, with the time that one keeps the device busy [s].

    None where the scenario does not permit a device, or nothing is known of the model on it.
    """
    key, model = inputs.work_key(stage), inputs.model_of(stage)
    work = inputs.works(key, "openvino", "f32", 1)
    weight_bytes = 0.0 if work is None else work.weight_bytes
    passes = []
    for one in use.each:
        if one.name not in permitted(scenario, stage):
            continue
        for precision in device_precisions(scenario):
            answer = inputs.device_answer(one.device, key, precision)
            if answer is None:
                continue
            found = device_estimate(platform, model.name, weight_bytes, precision, answer, one, stand_in=model.stand_in)
            if found is not None:
                passes.append(found)
    return passes


def options_beside(use: DeviceUse, on_cores: Sequence[StageOption]) -> list[StageOption]:
    """Ways to run a stage on the cores while the device infers, too: slower where both share power and memory."""
    if not use.slows_cores:
        return list(on_cores)
    return [replace(option, estimate=slowed_by_device(option.estimate)) for option in on_cores]


def arm_passes(inputs: PlanInputs, candidate: Candidate, scenario: Scenario, stage: Stage) -> list[ServiceEstimate]:
    """Passes under ncnn, where the box has Arm cores; the tables are of the fastest of them."""
    cores = candidate.arm_cores
    if cores is None:
        return []
    key, model = inputs.work_key(stage), inputs.model_of(stage)
    work = inputs.works(key, "openvino", "f32", 1)
    found = arm_estimates(
        candidate.platform.id, model.name, 0.0 if work is None else work.weight_bytes, cores,
        device_precisions(scenario), lambda precision, threads: inputs.arm_answer(cores, key, precision, threads),
    )  # fmt: skip
    return [estimate.model_copy(update={"stand_in": model.stand_in}) for estimate in found]


def why_no_option(scenario: Scenario, stage: Stage, use: DeviceUse | None) -> str:
    """Say why a stage has no option on a box, of which ``use`` is the device that stages may run on."""
    names = permitted(scenario, stage)
    if names == (CPU,):
        return (
            f"cannot tell: no evidence of how stage {stage.id} runs on it at the permitted precisions; "
            "`sizer bench` on one would settle that"
        )
    if use is None and CPU not in names:
        where = " or ".join(names)
        return (
            f"cannot tell: of the stages that may run on {where} alone not every one is known there; "
            f"`sizer predict --device {names[0]}` tells what is known"
        )
    where = CPU if use is None else " or ".join(one.name for one in use.each if one.name in names) or use.names
    return (
        f"cannot tell: no evidence of how stage {stage.id} runs on its {where} at the permitted precisions; "
        f"`sizer predict --device {where}` tells what is known"
    )
