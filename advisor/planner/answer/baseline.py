"""What the chosen configuration gains over usual ones: the named baselines of every plan.

OpenVINO's own compile each model by itself with f32 and batch 1, as a program does that sets a performance hint and
nothing else: THROUGHPUT takes about one inference stream per core over all cores, LATENCY one stream over the cores of
a socket; AUTO takes the CPU with the LATENCY hint where there is nothing else. That several models share the machine is
not known to any of them. The partition keeps the chosen options and gives every stage, and decode, whole cores of its
own in proportion to their load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from advisor.perfmodel.analytic.runtime_defaults import default_streams, latency_threads
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import frame_cores, stage_cores
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import Setup
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.records.plan import DefaultGain, PredictedLoad
from advisor.simulate.spec import DECODE

from .predicted_load import capacity_cameras, capacity_factor

Hint = Literal["throughput", "latency"]
Name = Literal["throughput", "latency", "auto", "partition"]
REST_CORES = 0.01
"""Cores that are left for parts which are never reached."""
PARTITION = "cores of their own for every stage and decode"


@dataclass(frozen=True)
class _Baseline:
    name: Name
    precision: str
    words: str
    setup: Setup


def gain_over_default(deployment: Deployment, predicted: PredictedLoad) -> tuple[DefaultGain, ...]:
    """Compare capacities at the median on the same boxes; a baseline that cannot run is left out."""
    baselines: list[_Baseline] = []
    throughput, latency = _default_setup(deployment, "throughput"), _default_setup(deployment, "latency")
    if throughput is not None:
        baselines.append(_Baseline("throughput", "f32", "OpenVINO's THROUGHPUT default in f32", throughput))
    if latency is not None:
        baselines.append(_Baseline("latency", "f32", "OpenVINO's LATENCY default (and device AUTO) in f32", latency))
    partition = _partitioned(deployment)
    if partition is not None:
        baselines.append(_Baseline("partition", "as chosen", PARTITION, partition))
    gains = [_gain(deployment, predicted, baseline) for baseline in baselines]
    # AUTO on a machine with nothing but its CPU is the LATENCY hint: one simulation serves both names.
    gains += [gain.model_copy(update={"hint": "auto"}) for gain in gains if gain.hint == "latency"]
    return tuple(gains)


def latency_shape(model: PlatformModel) -> tuple[int, int]:
    """Streams and threads of OpenVINO's hint LATENCY."""
    return 1, min(model.physical_threads, latency_threads(model.machine, 0)[0])


def _default_config(model: PlatformModel, hint: Hint) -> RunConfig:
    cores = model.physical_threads
    streams, threads = (min(cores, default_streams(cores)), cores) if hint == "throughput" else latency_shape(model)
    return RunConfig(
        runtime="openvino", precision="f32", streams=streams, threads=threads, batch=1, requests=streams, pinning=False
    )


def _default_setup(deployment: Deployment, hint: Hint) -> Setup | None:
    model, inputs, setup = deployment.model, deployment.study.inputs, deployment.setup
    stages = deployment.scenario.stages
    config = _default_config(model, hint)
    works = [inputs.works(stage.id, "openvino", "f32", 1) for stage in stages]
    requests = [(model.machine, work, config) for work in works if work is not None]
    if len(requests) < len(works):
        return None
    estimates = inputs.predictor.service_many(requests)
    if any(estimate.evidence is Evidence.UNKNOWN for estimate in estimates):
        return None
    choice = {
        stage.id: replace(setup.choice[stage.id], config=config, estimate=estimate, busy=None, collected=None)
        for stage, estimate in zip(stages, estimates, strict=True)
    }
    return Setup(choice, dict.fromkeys(choice, config.streams or 1), setup.decode_workers, setup.decode_device)


def _partitioned(deployment: Deployment) -> Setup | None:
    """Chosen options on whole cores of their own; None where there are fewer cores than parts."""
    setup, model = deployment.setup, deployment.model
    facts = deployment.facts(deployment.nominal)
    loads = {name: stage_cores(option, facts.stages[name], MEDIAN) for name, option in setup.choice.items()}
    loads[DECODE] = frame_cores(model, deployment.scenario, facts, MEDIAN)
    busy = {name: load for name, load in loads.items() if load > 0}
    shares = whole_cores(busy, model.physical_threads)
    if shares is None:
        return None
    if len(busy) < len(loads):
        # What is never reached shares a rest that must be there; it takes nothing from it.
        shares[max(shares, key=lambda name: shares[name])] -= REST_CORES
    return replace(setup, partition=tuple(shares.items()))


def whole_cores(loads: Mapping[str, float], cores: int) -> dict[str, float] | None:
    """Share whole cores out so that the busiest part is as little busy as can be; None with fewer cores than parts.

    One core each, then each further core to the part with the highest load per core: optimal for the largest ratio,
    since any other order leaves that part where it was.
    """
    if not loads or cores < max(2, len(loads)) or not math.isfinite(sum(loads.values())):
        return None
    shares = dict.fromkeys(loads, 1.0)
    for _ in range(cores - len(loads)):
        shares[max(shares, key=lambda name: loads[name] / shares[name])] += 1.0
    return shares


def _gain(deployment: Deployment, predicted: PredictedLoad, baseline: _Baseline) -> DefaultGain:
    default = deployment.with_setup(baseline.setup)
    cameras = predicted.capacity_cameras
    if cameras is not None:
        ours, unit = cameras.p50, "cameras"
        theirs = float(capacity_cameras(default, MEDIAN))
    else:
        requests = predicted.capacity_requests_per_s
        assert requests is not None  # a scenario has cameras or requests
        offered = sum(group.rate_per_s for group in deployment.scenario.requests)
        ours, unit = requests.p50, "requests/s"
        theirs = capacity_factor(default, MEDIAN) * offered
    _, failed = deployment.study.assess(deployment.model, baseline.setup, deployment.required)
    ratio = ours / theirs if theirs > 0 else None
    if ratio is None:
        text = f"{baseline.words}: carries nothing, this configuration {ours:.3g} {unit}"
    else:
        text = f"{ours:.3g} {unit} against {theirs:.3g} with {baseline.words}: {ratio:.2f} times as many"
        if ratio < 1.0:
            # Capacity is counted at the median and without headroom; the choice was made with it and at the confidence.
            outcome = "holds, too, with more core time" if failed is None else f"fails: {failed.reason}"
            text += f"; as asked it {outcome}"
    return DefaultGain(
        hint=baseline.name,
        precision=baseline.precision,
        capacity_cameras=theirs if cameras is not None else None,
        capacity_requests_per_s=theirs if cameras is None else None,
        holds=failed is None,
        ratio=ratio,
        text=text,
    )
