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
from advisor.planner.search.costs import decode_cores, stage_cores
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.simulate import Setup
from advisor.planner.search.space import Z90, PlatformModel, StageOption, at
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.records.plan import DefaultGain, PredictedLoad
from advisor.simulate.spec import DECODE

from .predicted_load import capacity_cameras, capacity_factor

Hint = Literal["throughput", "latency"]
Name = Literal["throughput", "latency", "auto", "partition"]
REST_CORES = 0.01
PARTITION = "cores of their own for every stage and decode"


@dataclass(frozen=True)
class _Baseline:
    name: Name
    precision: str
    words: str
    setup: Setup


def gain_over_default(
    searcher: Searcher, judged: Judgement, ask: Ask, predicted: PredictedLoad
) -> tuple[DefaultGain, ...]:
    """Compare capacities at the median belief on the same boxes; a baseline that cannot run is left out."""
    found: list[_Baseline] = []
    throughput = _default_setup(searcher, judged, ask, "throughput")
    latency = _default_setup(searcher, judged, ask, "latency")
    if throughput is not None:
        found.append(_Baseline("throughput", "f32", "OpenVINO's THROUGHPUT default in f32", throughput))
    if latency is not None:
        found.append(_Baseline("latency", "f32", "OpenVINO's LATENCY default (and device AUTO) in f32", latency))
    split = _partitioned(searcher, judged, ask)
    if split is not None:
        found.append(_Baseline("partition", "as chosen", PARTITION, split))
    gains = [_gain(searcher, judged, ask, predicted, item) for item in found]
    # AUTO on a machine with nothing but its CPU is the LATENCY hint: one simulation serves both names.
    gains += [gain.model_copy(update={"hint": "auto"}) for gain in gains if gain.hint == "latency"]
    return tuple(gains)


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


def _partitioned(searcher: Searcher, judged: Judgement, ask: Ask) -> Setup | None:
    """Chosen options on whole cores of their own; None where there are fewer cores than parts."""
    setup, model = judged.setup, judged.model
    assert setup is not None  # callers have seen to it
    facts = searcher.facts(ask.scenario, ask.nominal(judged.count))
    loads = {name: stage_cores(option, facts.stages[name], 0.0) for name, option in setup.choice.items()}
    loads[DECODE] = decode_cores(model, ask.scenario, facts, 0.0)
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


def _gain(
    searcher: Searcher, judged: Judgement, ask: Ask, predicted: PredictedLoad, baseline: _Baseline
) -> DefaultGain:
    model, count = judged.model, judged.count
    cameras = predicted.capacity_cameras
    if cameras is not None:
        ours, unit = cameras.p50, "cameras"
        theirs = float(capacity_cameras(searcher, model, baseline.setup, ask, count, 0.0))
    else:
        requests = predicted.capacity_requests_per_s
        assert requests is not None  # a scenario has cameras or requests
        offered = sum(group.rate_per_s for group in ask.scenario.requests)
        ours, unit = requests.p50, "requests/s"
        theirs = capacity_factor(searcher, model, baseline.setup, ask, count, 0.0) * offered
    _, refused = searcher.assess(model, ask.scenario, baseline.setup, ask.load(count), Z90)
    ratio = ours / theirs if theirs > 0 else None
    if ratio is None:
        text = f"{baseline.words}: carries nothing, this configuration {ours:.3g} {unit}"
    else:
        text = f"{ours:.3g} {unit} against {theirs:.3g} with {baseline.words}: {ratio:.2f} times as many"
        if ratio < 1.0:
            # Capacity is counted at the median and without headroom; the choice was made on the pessimistic side.
            text += f"; as asked it {'holds, too, with more core time' if refused is None else f'fails: {refused[1]}'}"
    return DefaultGain(
        hint=baseline.name,
        precision=baseline.precision,
        capacity_cameras=theirs if cameras is not None else None,
        capacity_requests_per_s=theirs if cameras is None else None,
        holds=refused is None,
        ratio=ratio,
        text=text,
    )
