"""Bounds that skip most combinations say what going through all of them one by one says, over random boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from advisor.planner.question.load_case import Load
from advisor.planner.search import combination_sums
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.bounds import LOAD_IN_DOUBT, PATH_IN_DOUBT, admitted, lasting, slow_decode
from advisor.planner.search.combination_table import CombinationTable
from advisor.planner.search.costs import (
    LoadFacts,
    busy_choice_cores,
    choice_memory_bytes,
    decode_traffic,
    device_load,
    engine_load,
)
from advisor.planner.search.joint import DrawnOptions
from advisor.planner.search.judge_model import has_cores, judge_model, least_choice, nearer
from advisor.planner.search.judgement import Failing
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import decode_worker_choices
from advisor.planner.search.study import Study
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from tests.planner.fakes import FakePredictor, candidate

from .test_devices import asked, device, shop

RISE = (0.0, 0.05, 0.3, 1.0)


class Uneven(FakePredictor):
    """Passes take longer the more cores are busy, with a share of the error in common."""

    def __init__(self, rng: np.random.Generator, work_s: dict[str, float]) -> None:
        super().__init__(work_s, spread=float(rng.uniform(1.1, 2.5)))
        self._full, self._share = float(rng.choice([1.0, rng.uniform(1.2, 3.0)])), float(rng.uniform(0.0, 1.0))

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        plain = super().service(machine, work, config)
        alone_s = plain.latency_s.scaled(1.0 / self._full)
        update = {"alone_s": alone_s, "contention_rise": RISE, "machine_share": self._share}
        return plain.model_copy(update=update)

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return () if self._full == 1.0 else tuple((self._full - 1.0) * part for part in RISE)


class Batched(Uneven):
    """A larger batch takes less time per input, so that options with most core time per input suit few objects best."""

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        plain = super().service(machine, work, config)
        times = ("latency_s", "core_s", "alone_s")
        return plain.model_copy(update={name: getattr(plain, name).scaled(config.batch**-0.3) for name in times})


def study_of(seed: int) -> Study:
    """A random box with a device beside its cores, under random cameras, stages and limits."""
    rng = np.random.default_rng(seed)

    def one_of(*values: object) -> object:
        return values[int(rng.integers(len(values)))]

    stages: list[dict[str, object]] = [
        {"id": "person", "model": "like:person", "every": one_of("1 frame", "3 frames")},
        {"id": "reid", "model": "like:reid", "on": "person", "batch": {"max": one_of(1, 4, 8)}},
        {"id": "face", "model": "like:face", "every": "2 frames", "batch": {"max": one_of(1, 2)}},
    ][: int(rng.integers(1, 4))]
    case = shop(
        stages, ["CPU", "GPU"],
        slo={"camera_fps": 15.0, "latency_p95_ms": float(rng.uniform(15.0, 400.0)), "window_s": 5.0},
        margin={"headroom_pct": float(rng.uniform(0.0, 50.0)), "confidence_pct": one_of(60.0, 90.0, 95.0)},
    )  # fmt: skip
    work_s = {"person": rng.uniform(0.002, 0.08), "reid": rng.uniform(0.001, 0.02), "face": rng.uniform(0.002, 0.03)}
    box = candidate("box", int(rng.integers(2, 25)), 300.0, memory_gib=float(one_of(2.2, 3.0, 16.0)))  # type: ignore[arg-type]
    per_s = {stage["id"]: float(10.0 ** rng.uniform(0.5, 3.3)) for stage in stages if rng.random() < 0.8}
    given = asked(case, box, per_s, {"person": 0.02}, device())  # type: ignore[arg-type]
    return Study.of(replace(given, predictor=Uneven(rng, work_s), seed=seed))


@dataclass
class OneByOne:
    """Every combination of a model under a load, each costed by itself."""

    study: Study
    model: PlatformModel
    load: Load

    def __post_init__(self) -> None:
        study, model, scenario, facts = self.study, self.model, self.study.scenario, self.facts
        self.z = study.quantile(model, least_choice(study, model, self.load), self.load, scenario.margin.confidence)
        self.table = CombinationTable(model, scenario, facts, self.z)
        self.choices = [self.table.choice(index) for index in range(len(self.table))]
        memory_z = study.part_quantile("memory")
        self.memory = np.array([choice_memory_bytes(choice, facts.cameras, memory_z) for choice in self.choices])
        self.median = np.array([busy_choice_cores(model, scenario, one, facts, MEDIAN) for one in self.choices])
        self.demand = np.array([busy_choice_cores(model, scenario, one, facts, self.z) for one in self.choices])
        self.device = np.array([device_load(choice, facts, MEDIAN) for choice in self.choices])
        self.engine = engine_load(model, scenario, facts, MEDIAN)

    @property
    def facts(self) -> LoadFacts:
        return self.study.facts(self.load)

    def fits(self) -> np.ndarray:
        """Whether each keeps what no quantile changes."""
        usable = self.study.scenario.margin.usable_share
        fits = (self.median <= usable * self.model.cores) & (self.memory <= (self.model.machine.memory_bytes or 0.0))
        bandwidth = self.model.bandwidth_bytes_per_s(MEDIAN)
        if bandwidth is not None:
            fits &= self.table.traffic <= usable * bandwidth
        return fits & (self.device <= usable) & (self.engine <= usable)

    def possible(self) -> tuple[list[int], bool]:
        """Which may hold by closed forms and draws, in the order to be tried; whether one does at the median."""
        budget_s, study = self.study.scenario.slo.latency_p95_ms / 1000.0, self.study
        at_median = self.fits() & (self.table.median_path_s <= budget_s)
        certain = self.fits() & (self.table.path_s <= budget_s) & (self.demand <= self.model.cores)
        doubtful = at_median & ~certain & (self.demand <= LOAD_IN_DOUBT * self.model.cores)
        doubtful &= self.table.path_s <= PATH_IN_DOUBT * budget_s
        room = max(0, study.tries_allowed(self.model) - int(certain.sum()))
        drawn = DrawnOptions(study.inputs.seed, self.model, study.scenario, self.facts)
        held = [int(i) for i in np.flatnonzero(doubtful)[:room] if drawn.possible(self.choices[i]) >= study.draws_asked]
        return sorted([*map(int, np.flatnonzero(certain)), *held]), bool(at_median.any())

    def failed(self, holds_at_median: bool) -> tuple[str, bool]:
        """Check that none keeps, and whether at the median: the first in the order in which they are told."""
        usable, budget_s = self.study.scenario.margin.usable_share, self.study.scenario.slo.latency_p95_ms / 1000.0
        decode = slow_decode(self.model, self.study.scenario, self.load, self.study.part_quantile("decode"))
        if decode is not None:
            return "camera_fps", decode.at_median or not holds_at_median
        late, late_at_median = self.table.path_s.min() > budget_s, bool(self.table.median_path_s.min() > budget_s)
        full_at_median = self.median.min() > usable * self.model.cores
        bandwidth = self.model.bandwidth_bytes_per_s(MEDIAN)
        checks = [
            ("device", self.engine > usable, True),
            ("latency_p95", late, late_at_median or bool(full_at_median)),
            ("cpu", full_at_median, True),
            ("memory", self.memory.min() > (self.model.machine.memory_bytes or 0.0), True),
            ("memory_bandwidth", bandwidth is not None and self.table.traffic.min() > usable * bandwidth, True),
            ("device", self.device.min() > usable, True),
            ("cpu", self.demand.min() > self.model.cores, False),
        ]  # fmt: skip
        check, at_median = next(((name, median) for name, fails, median in checks if fails), ("none", False))
        if check != "none" and (at_median or holds_at_median):
            return check, at_median
        return "latency_p95", not holds_at_median

    def least_full(self) -> int:
        """Which keeps cores and device, the fuller of both, least busy; the first to be tried of equals."""
        busy = self.median if self.model.use is None else np.maximum(self.median / self.model.cores, self.device)
        return int(np.flatnonzero(busy <= busy.min() * (1.0 + 1e-9))[0])


@pytest.mark.parametrize("most", [8192, 6])
@pytest.mark.parametrize("seed", range(24))
def test_a_model_is_judged_as_by_all_of_its_combinations(seed: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``most``: combinations that are listed; where there are more, the least loaded may not be among them."""
    monkeypatch.setattr(combination_sums, "MAX_COMBINATIONS", most)
    study = study_of(seed)
    (box,) = study.inputs.candidates
    load = study.case.required(1)
    for model in study.models(box):
        if not model.has_options(study.scenario):
            continue
        all_of_them = OneByOne(study, model, load)
        expected, at_median = all_of_them.possible()
        combinations = study.combinations(model, load)
        left = lasting(model, study.scenario, combinations)
        assert sorted(left) == sorted(all_of_them.table.listed[all_of_them.fits()])
        z = all_of_them.z
        low, high = study.quantile_range(least_choice(study, model, load))
        assert low <= z <= high
        found = study.possible(
            model, combinations, load, z, admitted(model, study.scenario, combinations, left, z)
        )  # fmt: skip
        assert sorted(found) == sorted(all_of_them.table.listed[expected])
        tried, configurations = study.counters.judged_by_simulation, study.counters.configurations
        judged = judge_model(study, model, 1)
        assert judged is not None
        workers = len(decode_worker_choices(model, study.scenario, load, z))
        assert study.counters.configurations - configurations == (len(combinations) + combinations.left_out) * workers
        decode = slow_decode(model, study.scenario, load, study.part_quantile("decode"))
        assert (study.counters.judged_by_simulation > tried) == bool(expected and decode is None)
        if study.counters.judged_by_simulation == tried:
            assert isinstance(judged, Failing)
            assert judged.deployment is not None
            assert (judged.failed.check, judged.failed.at_median) == all_of_them.failed(at_median)
            usable, least = study.scenario.margin.usable_share * model.cores, float(all_of_them.median.min())
            if least <= usable:
                assert judged.deployment.setup.choice == all_of_them.choices[all_of_them.least_full()]
                continue
            chosen = judged.deployment.setup.choice
            assert busy_choice_cores(model, study.scenario, chosen, study.facts(load), MEDIAN) == pytest.approx(least)
            if judged.failed.check == "cpu":
                assert judged.failed.closeness == pytest.approx(usable / least)


def test_cores_are_counted_of_listed_combinations_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more combinations than are listed the least loaded one may be left out: it says nothing of those listed."""
    monkeypatch.setattr(combination_sums, "MAX_COMBINATIONS", 6)
    least_was_left_out = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        given = study_of(seed).inputs
        work_s = {"person": 0.005, "reid": rng.uniform(0.001, 0.02), "face": rng.uniform(0.002, 0.01)}
        study = Study.of(replace(given, predictor=Batched(rng, work_s)))
        load = study.case.required(1)
        for model in study.models(study.inputs.candidates[0]):
            if not model.has_options(study.scenario):
                continue
            facts = study.facts(load)
            of_least = busy_choice_cores(model, study.scenario, least_choice(study, model, load), facts, MEDIAN)
            least = float(OneByOne(study, model, load).median.min())
            if least >= model.cores:
                continue
            least_was_left_out += of_least < 0.999 * least
            # What is allowed lies at all four sides of the two figures.
            for cores in (0.999 * of_least, 0.999 * least, 1.001 * least, 0.5 * (of_least + least)):
                margin = study.scenario.margin.model_copy(update={"headroom_pct": 100.0 * (1.0 - cores / model.cores)})
                shop_with = study.scenario.model_copy(update={"margin": margin})
                other = Study.of(replace(study.inputs, scenario=shop_with))
                (same,) = (one for one in other.models(other.inputs.candidates[0]) if one.variant == model.variant)
                allowed = margin.usable_share * model.cores
                assert has_cores(other, same, other.case.required(1)) == (least <= allowed)
    assert least_was_left_out >= 5


@pytest.mark.parametrize("seed", range(100, 108))
def test_figures_of_all_are_those_of_the_table_to_the_last_digit(seed: int) -> None:
    study = study_of(seed)
    (box,) = study.inputs.candidates
    load = study.case.required(1)
    for model in study.models(box):
        if not model.has_options(study.scenario):
            continue
        facts, combinations = study.facts(load), study.combinations(model, load)
        for z in (-0.3, MEDIAN, 1.1):
            table = CombinationTable(model, study.scenario, facts, z)
            order = table.listed
            assert (combinations.demand(z)[order] == table.demand).all()
            assert (combinations.path_s(z)[order] == table.path_s).all()
            assert combinations.least_path_s(z) == table.path_s.min()
            assert LeastCosts(model, study.scenario, facts).path_s(z) == table.path_s.min()
            assert combinations.first(z) == table.choice(0)
            some = np.flatnonzero(np.random.default_rng(seed).random(len(combinations)) < 0.3)
            assert (combinations.demand(z, some) == combinations.demand(z)[some]).all()
            if len(some):
                among = combinations.table(z, some)
                at = [int(np.flatnonzero(order == place)[0]) for place in among.listed]
                assert at == sorted(at)
                assert (among.likely == table.likely[at]).all()
                assert (among.demand == table.demand[at]).all()
                assert (among.path_s == table.path_s[at]).all()
        assert (combinations.median_cores()[order] == table.busy_under(model, study.scenario, facts, MEDIAN)).all()
        assert (combinations.traffic[order] == table.traffic).all()
        assert combinations.traffic.min() >= decode_traffic(study.scenario, facts)
        if combinations.device_load is not None and table.device_load is not None:
            assert (combinations.device_load[order] == table.device_load).all()


@pytest.mark.parametrize("seed", range(200, 208))
def test_what_comes_no_nearer_is_not_configured(seed: int) -> None:
    study = study_of(seed)
    (box,) = study.inputs.candidates
    known = [model for model in study.models(box) if model.has_options(study.scenario)]
    alone = {model.variant: judge_model(study, model, 1) for model in known}
    for than in [judged for judged in alone.values() if isinstance(judged, Failing)]:
        for model in known:
            judged, other = judge_model(study, model, 1, than), alone[model.variant]
            if not isinstance(other, Failing):
                assert isinstance(judged, type(other))
            elif judged is None:
                assert not nearer(model, other.failed, than)
            else:
                assert isinstance(judged, Failing)
                assert judged.failed == other.failed
