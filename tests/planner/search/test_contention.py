"""What passes cost when they contend with each other and alone: in the bounds, the simulation, the explanation."""

from __future__ import annotations

import pytest

from advisor.planner.question.load_case import Load
from advisor.planner.search.combination_table import CombinationTable
from advisor.planner.search.costs import choice_cores, load_facts
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import set_up
from advisor.planner.search.simulate import DRIFT_SHARE, build_spec, evaluate
from advisor.planner.search.space import stage_batches
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario


class Contending(FakePredictor):
    """One of several streams takes two thirds of its time while the others idle."""

    def __init__(self, work_s: dict[str, float], moment_sigma: float | None = None) -> None:
        super().__init__(work_s)
        self.moment_sigma = moment_sigma

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        plain = super().service(machine, work, config)
        alone = plain.latency_s.scaled(2 / 3) if (config.streams or 1) > 1 else None
        update = {"alone_s": alone, "moment_sigma": self.moment_sigma, "pass_sigma": 0.2}
        return plain.model_copy(update=update)


def shop(cameras: int):
    return scenario(
        cameras=[{"group": "line", "count": cameras, "resolution": "640x480", "codec": "raw", "fps": 10.0}],
        stages=[{"id": "person", "model": "like:person"}],
        activity={"objects_per_frame": {}},
    )


def model_of(cameras: int, cores: int = 2, moment_sigma: float | None = None):
    case = inputs([candidate("box", cores, 100.0)], Contending({"person": 0.03}, moment_sigma), shop(cameras))
    model = PlatformModel(case, case.candidates[0])
    (option,) = [o for o in model.every_option(case.scenario, case.scenario.stages[0]) if o.threads_per_stream == 1]
    return case, model, {"person": option}


def outcome(cameras: int):
    case, model, choice = model_of(cameras)
    load = Load({"line": cameras})
    return evaluate(model, case.scenario, set_up(model, case.scenario, choice, load), load, 0.0, 1, 60.0)


def test_an_idle_cascade_runs_at_the_time_alone_and_a_full_one_at_that_with_all_streams_busy() -> None:
    # One camera never meets another pass; next to 5.5 of 6.7 possible ones a pass takes nearly as long as in a loop.
    assert outcome(1).p50_ms == pytest.approx(20.0 + 1.0, rel=0.05)
    busy = outcome(6).result.stages[0]
    assert busy.mean_service_s == pytest.approx(0.03, rel=0.1)


def test_bounds_count_the_least_core_time_and_explanations_the_most() -> None:
    case, model, choice = model_of(4)
    facts = load_facts(case.scenario, Load({"line": 4}), stage_batches)
    least = choice_cores(model, case.scenario, choice, facts, 0.0)
    most = choice_cores(model, case.scenario, choice, facts, 0.0, contended=True)
    assert (least, most) == (pytest.approx(40 * (0.02 + 0.001)), pytest.approx(40 * (0.03 + 0.001)))
    table = CombinationTable(model, case.scenario, facts, 0.0)
    assert table.demand.min() <= least
    assert table.path_s.min() <= 0.02 + 0.001
    simulated = outcome(4).result
    assert least <= simulated.utilisation * 2.0 <= most


def test_a_machine_that_drifts_fills_its_queues_in_slow_seconds() -> None:
    case, model, choice = model_of(6, moment_sigma=0.2)
    load = Load({"line": 6})
    spec = build_spec(model, case.scenario, set_up(model, case.scenario, choice, load), load, 0.0)
    assert spec.drift_sigma == pytest.approx(0.2 * DRIFT_SHARE**0.5)
    # A part of the spread of passes is the machine's.
    assert spec.stages[0].service_sigma ** 2 + spec.drift_sigma**2 == pytest.approx(0.2**2)
    case, model, choice = model_of(6)
    assert build_spec(model, case.scenario, set_up(model, case.scenario, choice, load), load, 0.0).drift_sigma == 0.0


def test_an_option_is_no_worse_alone_than_with_all_streams_busy() -> None:
    _, _, choice = model_of(1)
    option = choice["person"]
    for z in (-1.0, 0.0, 1.0):
        assert option.alone_s(z) == pytest.approx(option.pass_s(z) * 2 / 3)
        assert option.contention(z) == pytest.approx(0.5)
        assert option.least_core_s(z) == pytest.approx(option.core_s(z) * 2 / 3)
