"""What OpenVINO's AUTO would do at the start, in place of the devices that a plan names.

AUTO compiles for the CPU, too, with the hint LATENCY, and answers there while a GPU or NPU still compiles. Whether the
cores would carry the load in that time is simulated as if it did not end, since how long it lasts is seldom known.
"""

from __future__ import annotations

from dataclasses import replace

from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.setup import Setup
from advisor.planner.search.simulate import failed_slo, started
from advisor.planner.search.stage_option import StageOption
from advisor.records.base import Evidence, Precision
from advisor.records.config import RunConfig
from advisor.records.plan import AutoStart
from advisor.records.scenario import Stage

from .baseline import latency_shape

PINNED = (
    "The plan names the device, so that nothing switches, and sets streams rather than PERFORMANCE_HINT, which knows "
    "neither this load nor the other models"
)


def auto_start(deployment: Deployment) -> AutoStart | None:
    """Say what AUTO would do with the stages that OpenVINO runs on a device; None without any."""
    choice = deployment.setup.choice
    stages = [
        stage
        for stage in deployment.scenario.stages
        if choice[stage.id].busy is not None and choice[stage.id].config.runtime == "openvino"
    ]
    if not stages:
        return None
    compile_s = {stage.id: _compile_s(deployment, stage, choice[stage.id]) for stage in stages}
    ready_s = {name: time_s for name, time_s in compile_s.items() if time_s is not None}
    on_cores = _without_device(deployment, stages)
    outcome = None if on_cores is None else deployment.with_setup(on_cores).run(deployment.nominal, MEDIAN)
    lost_pct = None
    if on_cores is not None and len(ready_s) == len(stages):
        start = started(
            deployment.model, deployment.scenario, deployment.setup, on_cores, ready_s, deployment.nominal, MEDIAN,
            deployment.study.inputs.seed,
        )  # fmt: skip
        lost_pct = 100.0 * start.drops_fraction
    if outcome is None:
        carried = "whether the cores would carry today's load meanwhile is unknown"
    elif outcome.meets_slo:
        carried = f"the cores would carry today's load meanwhile (p95 {outcome.p95_ms:.3g} ms at the median)"
    else:
        failed = failed_slo(deployment.scenario, outcome)
        assert failed is not None  # it is what the outcome fails
        carried = f"the cores would not carry today's load meanwhile: on them {failed.reason} at the median"
        if lost_pct is not None:
            carried += f"; {lost_pct:.3g} % of the frames of that time would be lost"
    names = dict.fromkeys(choice[stage.id].config.device for stage in stages)
    devices, have = " and ".join(names), "has" if len(names) == 1 else "have"
    return AutoStart(
        compile_s=compile_s,
        holds=None if outcome is None else outcome.meets_slo,
        latency_p95_ms=None if outcome is None else outcome.p95_ms,
        lost_pct=lost_pct,
        text=f"Until the {devices} {have} compiled, AUTO would answer {', '.join(compile_s)} on the CPU: "
        f"{_how_long(compile_s, next(iter(names)))}; {carried}. {PINNED}",
    )


def _compile_s(deployment: Deployment, stage: Stage, option: StageOption) -> float | None:
    """Time to compile a stage's model for its device as it was measured; None: nobody has [s]."""
    inputs, use = deployment.study.inputs, deployment.model.use
    assert use is not None  # a stage runs on it
    device = next(one.device for one in use.each if one.name == option.config.device)
    answer = inputs.device_answer(device, inputs.work_key(stage), option.config.precision)
    return None if answer is None else answer.compile_s


def _how_long(compile_s: dict[str, float | None], device: str) -> str:
    unknown = [name for name, time_s in compile_s.items() if time_s is None]
    if unknown:
        return f"for how long is unknown (`sizer bench MODEL --device {device}` on such a box measures it)"
    times = ", ".join(f"{time_s:.3g} s" for time_s in compile_s.values())
    return f"for {times} (measured without a cache)"


def _without_device(deployment: Deployment, stages: list[Stage]) -> Setup | None:
    """The same boxes with these stages on the cores, as AUTO compiles them; None where nothing is known of one."""
    model, inputs, setup = deployment.model, deployment.study.inputs, deployment.setup
    streams, threads = latency_shape(model)
    requests = []
    for stage in stages:
        precision: Precision = "int8" if setup.choice[stage.id].config.precision == "int8" else "f32"
        work = inputs.works(inputs.work_key(stage), "openvino", precision, 1)
        if work is None:
            return None
        config = RunConfig(
            runtime="openvino", precision=precision, streams=streams, threads=threads, batch=1, requests=streams,
            pinning=False,
        )  # fmt: skip
        requests.append((model.machine, work, config))
    estimates = inputs.predictor.service_many(requests)
    if any(estimate.evidence is Evidence.UNKNOWN for estimate in estimates):
        return None
    changed = {
        stage.id: replace(setup.choice[stage.id], config=estimate.config, estimate=estimate, busy=None)
        for stage, estimate in zip(stages, estimates, strict=True)
    }
    return replace(
        setup, choice={**setup.choice, **changed}, streams={**setup.streams, **dict.fromkeys(changed, streams)}
    )
