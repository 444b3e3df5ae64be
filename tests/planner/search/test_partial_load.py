"""Machines whose cores slow each other down: what the closed forms say of them against simulations."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.planner.question.load_case import Load
from advisor.planner.search.combination_table import CombinationTable
from advisor.planner.search.costs import choice_cores, load_facts
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.loads import LOADS, busy_cores, others_busy, risen
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import set_up
from advisor.planner.search.simulate import evaluate
from advisor.planner.search.space import stage_batches
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario

CORES = 8
RISE = (0.0, 0.02, 0.1, 0.3, 0.5, 0.67, 0.84, 1.0)
"""That of a hybrid chip: little while performance cores are left, then steep, then even."""
FULL = 2.4


class Hybrid(FakePredictor):
    """A pass or a decoder with all cores busy takes 2.4 times as long as by itself."""

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        plain = super().service(machine, work, config)
        update = {"alone_s": plain.latency_s.scaled(1 / FULL), "contention_rise": RISE}
        return plain.model_copy(update=update)

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return tuple((FULL - 1.0) * part for part in RISE)

    def stacking(self, machine: MachineSpec) -> float:
        return 0.0


def case_of(cameras: int, codec: str = "h264", **work_s: float):
    case = scenario(
        cameras=[{"group": "line", "count": cameras, "resolution": "1280x720", "codec": codec, "fps": 10.0}],
        stages=[{"id": "person", "model": "like:person"}, {"id": "face", "model": "like:face", "every": "2 frames"}],
        activity={"objects_per_frame": {}},
        slo={"latency_p95_ms": 2000},
    )
    return inputs([candidate("box", CORES, 100.0)], Hybrid({"person": 0.03, "face": 0.02} | work_s), case)


def test_between_its_points_a_rise_is_linear_and_without_any_it_is_a_line() -> None:
    assert [risen((0.2, 1.0), share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx([0, 0.1, 0.2, 0.6, 1])
    assert risen((), 0.3) == pytest.approx(0.3)


def test_a_job_is_not_among_the_others() -> None:
    assert others_busy(8.0, 2, 0.25) == 0.0
    assert others_busy(8.0, 2, 1.0) == 1.0
    assert others_busy(8.0, 2, 0.625) == pytest.approx(0.5)
    assert others_busy(4.0, 4, 1.0) == 0.0


def test_busy_cores_solve_the_law_or_show_the_overload() -> None:
    cores = 8.0
    # Demand 2 (1 + b) of b = B / C solves B = 2 + B / 4; 6 (1 + b) has no solution up to 8 cores.
    demands = np.array([[2.0 * (1.0 + load), 6.0 * (1.0 + load)] for load in LOADS])
    assert busy_cores(demands, cores) == pytest.approx([2.0 / 0.75, 12.0])


def test_busy_cores_of_many_combinations_are_the_first_crossings_of_each() -> None:
    cores = 8.0
    demands = np.cumsum(np.random.default_rng(1).random((len(LOADS), 500)), axis=0)
    for column, solved in zip(demands.T, busy_cores(demands, cores), strict=True):
        crossing = next((i for i in range(1, len(LOADS)) if column[i] <= LOADS[i] * cores), None)
        if crossing is None:
            assert solved == column[-1]
        else:
            assert LOADS[crossing - 1] * cores <= solved <= LOADS[crossing] * cores
            assert np.interp(solved / cores, LOADS, column) == pytest.approx(solved)


@pytest.mark.parametrize("cameras", [1, 4, 10, 30])
def test_the_least_busy_cores_are_those_of_the_whole_table(cameras: int) -> None:
    case = case_of(cameras)
    model = PlatformModel(case, case.candidates[0])
    facts = load_facts(case.scenario, Load({"line": cameras}), stage_batches)
    table = CombinationTable(model, case.scenario, facts, 0.0)
    every = table.busy_under(model, case.scenario, facts, 0.0)
    cores, choice = LeastCosts(model, case.scenario, facts).busiest()
    assert cores == every.min()
    assert choice == table.choice(int(every.argmin()))


@pytest.mark.parametrize("cameras", [2, 6, 10])
def test_demand_lies_just_below_what_is_simulated(cameras) -> None:
    case = case_of(cameras)
    model = PlatformModel(case, case.candidates[0])
    load = Load({"line": cameras})
    facts = load_facts(case.scenario, load, stage_batches)
    table = CombinationTable(model, case.scenario, facts, 0.0)
    checked = 0
    for index in range(len(table)):
        choice = table.choice(index)
        if any(option.threads_per_stream > 2 for option in choice.values()) or table.demand[index] > 0.9 * CORES:
            continue
        setup = set_up(model, case.scenario, choice, load)
        busy = evaluate(model, case.scenario, setup, load, 0.0, 1, 60.0).cpu * CORES
        assert table.demand[index] <= 1.01 * busy
        # What bursts add, where a few more busy cores slow all of them, no mean load can tell.
        assert busy < 2.0 * table.demand[index]
        checked += 1
    assert checked


def test_a_loaded_machine_needs_far_more_than_the_least_and_never_more_than_the_most() -> None:
    case = case_of(18)
    model = PlatformModel(case, case.candidates[0])
    facts = load_facts(case.scenario, Load({"line": 18}), stage_batches)
    table = CombinationTable(model, case.scenario, facts, 0.0)
    choice, demand = next(
        (table.choice(i), table.demand[i])
        for i in range(len(table))
        if {option.threads_per_stream for option in table.choice(i).values()} == {1}
    )
    least, most = (
        choice_cores(model, case.scenario, choice, facts, 0.0, contended=contended) for contended in (False, True)
    )
    assert 1.2 * least < demand < most
    assert most > 2.0 * least


def test_an_idle_box_decodes_and_infers_at_the_times_alone() -> None:
    case = case_of(1, face=1e-4)
    model = PlatformModel(case, case.candidates[0])
    load = Load({"line": 1})
    facts = load_facts(case.scenario, load, stage_batches)
    table = CombinationTable(model, case.scenario, facts, 0.0)
    (index, *_) = [i for i in range(len(table)) if {o.threads_per_stream for o in table.choice(i).values()} == {1}]
    choice = table.choice(index)
    outcome = evaluate(model, case.scenario, set_up(model, case.scenario, choice, load), load, 0.0, 1, 60.0)
    stage = outcome.result.stages[0]
    alone_s = choice["person"].alone_s(0.0) + choice["person"].least_preprocess_s(0.0)
    assert stage.mean_service_s == pytest.approx(alone_s, rel=0.03)
    (camera,) = case.scenario.cameras
    decode_s = outcome.result.busy_core_s["decode"] / (10.0 * outcome.result.window_s)
    assert decode_s == pytest.approx(model.decode(camera).alone_s.p50, rel=0.05)
    assert model.decode(camera).core_s.p50 == pytest.approx(FULL * model.decode(camera).alone_s.p50)
