"""Simulations of the boxes of a page at random settings near their limits: what the limits are learnt from."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.planner.question.load_case import Load, LoadCase
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.joint import JointBelief
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import Setup, set_up
from advisor.planner.search.simulate import failed_slo
from advisor.planner.search.study import SearchCounters, Study
from advisor.planner.search.threads import in_threads
from advisor.records.scenario import ObjectCount, Scenario

from .features import features

CAMERAS = (0.4, 2.5)
RATES = (0.5, 1.7)
OBJECTS = tuple(round(0.2 + 0.05 * step, 2) for step in range(47))
"""Factors on the scenario's cameras, rates and objects among which settings are drawn: the domain of the page."""
SETTINGS, FEWEST, MOST, OTHER = 270, 9, 40, 4
"""Settings for all cores of all boxes together; of one box at least and at most; and for each other way to use it."""
NEAR_LIMIT = 3
"""Draws are taken from the last third of those that no closed form rules out: elsewhere they hold."""
LONGEST_S = 30.0
"""Simulated time of one [s]: many short simulations teach more than half as many long ones."""
FULL = 0.9
"""Simulated utilisation from where on its ratio to the closed form is left out: no limit of headroom lies there."""


@dataclass(frozen=True)
class Sample:
    """One simulation, with what it is learnt from."""

    place: int
    """Number of the way to use a box."""
    features: Sequence[float]
    utilisation: float
    device: float
    """Share of its time for which the busiest device is busy; 0 without any."""
    failed: bool
    is_draw: bool
    """Of one joint draw near the limit; else at the median."""


@dataclass(frozen=True, eq=False)
class Place:
    """One way to use a box, and the scenarios that it may be asked for: with and without int8."""

    model: PlatformModel
    scenarios: Sequence[Scenario]
    samples: int


@dataclass(frozen=True, eq=False)
class _Run:
    """One simulation that is still to be made."""

    study: Study
    model: PlatformModel
    setup: Setup
    load: Load
    place: int
    features: Sequence[float]
    is_draw: bool

    def sample(self) -> Sample:
        outcome = self.study.run(self.model, self.setup, self.load, MEDIAN, longest_s=LONGEST_S)
        failed = failed_slo(self.study.scenario, outcome) is not None
        device = max(outcome.devices.values(), default=0.0)
        return Sample(self.place, self.features, outcome.cpu, device, failed, self.is_draw)


def changed(scenario: Scenario, cameras: Mapping[str, int], fps: Mapping[str, float], objects: float) -> Scenario:
    """The scenario with other cameras and rates, and ``objects`` times its objects."""
    groups = tuple(
        group.model_copy(update={"count": cameras[group.group], "fps": fps[group.group]}) for group in scenario.cameras
    )
    classes = {name: _scaled(count, objects) for name, count in scenario.activity.objects_per_frame.items()}
    activity = scenario.activity.model_copy(update={"objects_per_frame": classes})
    return scenario.model_copy(update={"cameras": groups, "activity": activity})


def _scaled(count: ObjectCount, factor: float) -> ObjectCount:
    def times(value: float | None) -> float | None:
        return None if value is None else value * factor

    return ObjectCount(mean=count.mean * factor, p95=times(count.p95), max=times(count.max))


def simulate_places(study: Study, places: Sequence[Place], lowest_fps: Mapping[str, float]) -> list[Sample]:
    """Simulate every place at settings of its own, drawn from the plan's seed; ``lowest_fps`` by group."""
    own = replace(study, counters=SearchCounters())
    runs = [run for index, place in enumerate(places) for run in _runs(own, index, place, lowest_fps)]
    return in_threads(_Run.sample, runs)


def _runs(study: Study, index: int, place: Place, lowest_fps: Mapping[str, float]) -> list[_Run]:
    name = "/".join(map(str, place.model.variant))
    rng = np.random.default_rng([study.inputs.seed, zlib.crc32(name.encode())])
    runs: list[_Run] = []
    for _ in range(place.samples):
        scenario = place.scenarios[int(rng.integers(len(place.scenarios)))]
        factor = math.exp(rng.uniform(math.log(CAMERAS[0]), math.log(CAMERAS[1])))
        # Every second setting keeps the rates: most who ask change one thing only.
        rate = rng.uniform(*RATES) if rng.random() < 0.5 else 1.0
        cameras = {group.group: max(1, round(group.count * factor)) for group in scenario.cameras if group.count}
        cameras |= {group.group: 0 for group in scenario.cameras if not group.count}
        fps = {group.group: max(lowest_fps[group.group], group.fps * rate) for group in scenario.cameras}
        other = changed(scenario, cameras, fps, OBJECTS[int(rng.integers(len(OBJECTS)))])
        runs += _at(replace(study, _results={}).for_case(LoadCase.of(other)), index, place.model, rng)
    return runs


def _at(study: Study, index: int, model: PlatformModel, rng: np.random.Generator) -> list[_Run]:
    """The least configuration at the median and in one draw near its limit, with as many boxes as the load takes."""
    scenario = study.scenario
    if not all(model.options(scenario, stage) for stage in scenario.stages):
        return []
    for count in range(1, study.case.max_boxes + 1):
        load = study.case.required(count)
        facts = study.facts(load)
        busy, choice = LeastCosts(model, scenario, facts).busiest()
        if busy <= scenario.margin.usable_share * model.cores:
            break
    setup = set_up(model, scenario, choice, load)
    belief = study.belief(model, setup, load)
    middle_s = float(np.median(belief.path_s))
    runs = [_Run(study, model, setup, load, index, features(model, scenario, facts, setup, middle_s), is_draw=False)]
    return runs + _near_limit(study, belief, load, index, rng)


def _near_limit(study: Study, belief: JointBelief, load: Load, index: int, rng: np.random.Generator) -> list[_Run]:
    if belief.possible < NEAR_LIMIT:
        return []
    # More where holding ends, which is what is to be learnt.
    rank = belief.possible - 1 - int(belief.possible / NEAR_LIMIT * rng.random() ** 1.5)
    model, drawn = belief.at(rank)
    path_s = float(belief.path_s[belief.order[rank]])
    facts = study.facts(load)
    of_draw = features(model, study.scenario, facts, drawn, path_s)
    return [_Run(study, model, drawn, load, index, of_draw, is_draw=True)]
