"""What the chosen configuration gains over OpenVINO's own defaults: the named baselines of every plan.

Both baselines compile each model by itself with f32 and batch 1, as a program does that sets a performance hint and
nothing else: THROUGHPUT takes about one inference stream per core over all cores, LATENCY one stream over the cores of
a socket. That several models share the machine is not known to either.
"""

from __future__ import annotations

from typing import Literal

from advisor.perfmodel.observations import default_streams, latency_threads
from advisor.planner.evaluate import Setup
from advisor.planner.outlook import capacity_cameras, fluid_factor
from advisor.planner.search import Ask, Judgement, Searcher
from advisor.planner.space import PlatformModel, StageOption, at
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.records.plan import DefaultGain, PredictedLoad

Hint = Literal["throughput", "latency"]
HINTS: tuple[Hint, ...] = ("throughput", "latency")


def gain_over_default(
    searcher: Searcher, judged: Judgement, ask: Ask, predicted: PredictedLoad
) -> tuple[DefaultGain, ...]:
    """Compare capacities at the median belief on the same boxes; a baseline that cannot run is left out."""
    found = []
    for hint in HINTS:
        setup = _default_setup(searcher, judged, ask, hint)
        if setup is not None:
            found.append(_gain(searcher, judged, ask, predicted, setup, hint))
    return tuple(found)


def _default_config(model: PlatformModel, hint: Hint) -> RunConfig:
    cores = model.physical_threads
    if hint == "throughput":
        streams, threads = min(cores, default_streams(cores)), cores
    else:
        streams, threads = 1, min(cores, latency_threads(model.machine, 0)[0])
    return RunConfig(
        runtime="openvino", precision="f32", streams=streams, threads=threads, batch=1, requests=streams, pinning=False
    )


def _default_setup(searcher: Searcher, judged: Judgement, ask: Ask, hint: Hint) -> Setup | None:
    model, inputs = judged.model, searcher.inputs
    assert judged.setup is not None  # callers have seen to it
    config = _default_config(model, hint)
    works = [inputs.works(stage.id, "openvino", "f32", 1) for stage in ask.scenario.stages]
    requests = [(model.machine, work, config) for work in works if work is not None]
    if len(requests) < len(works):
        return None
    estimates = inputs.predictor.service_many(requests)
    if any(estimate.evidence is Evidence.UNKNOWN for estimate in estimates):
        return None
    choice = {
        stage.id: StageOption(config, estimate, judged.setup.choice[stage.id].preprocess, at(estimate.latency_s, 1.0))
        for stage, estimate in zip(ask.scenario.stages, estimates, strict=True)
    }
    return Setup(choice, dict.fromkeys(choice, config.streams or 1), judged.setup.decode_workers)


def _gain(
    searcher: Searcher, judged: Judgement, ask: Ask, predicted: PredictedLoad, setup: Setup, hint: Hint
) -> DefaultGain:
    model, count = judged.model, judged.count
    name = f"OpenVINO's {hint.upper()} default in f32"
    if predicted.capacity_cameras is None:
        assert judged.setup is not None
        ours = fluid_factor(searcher, model, judged.setup, ask, count, 0.0)
        ratio = ours / fluid_factor(searcher, model, setup, ask, count, 0.0)
        text = f"{ratio:.1f} times the requests of {name}"
        return DefaultGain(hint=hint, precision="f32", capacity_cameras=None, ratio=ratio, text=text)
    ours = predicted.capacity_cameras.p50
    theirs = capacity_cameras(searcher, model, setup, ask, count, 0.0)
    if theirs == 0:
        text = f"{name} carries no camera, this configuration {ours:.0f}"
        return DefaultGain(hint=hint, precision="f32", capacity_cameras=0.0, ratio=None, text=text)
    ratio = ours / theirs
    text = f"{ours:.0f} cameras against {theirs} with {name}: {ratio:.1f} times as many"
    return DefaultGain(hint=hint, precision="f32", capacity_cameras=float(theirs), ratio=ratio, text=text)
