from __future__ import annotations

from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.space import stage_batches
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from tests.planner.fakes import FakePredictor, scenario

from .parts import WORK_S, platform_model


def test_batches_are_one_four_and_the_largest() -> None:
    shop = scenario(stages=[{"id": "person", "model": "a", "batch": {"max": 16}}])
    assert stage_batches(shop.stages[0]) == (1, 4, 16)
    assert stage_batches(scenario().stage("person")) == (1,)


class Dominated(FakePredictor):
    """int8 takes as long as f32 and more traffic; nothing speaks for it."""

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        plain = super().service(machine, work, config.model_copy(update={"precision": "f32"}))
        traffic = plain.bandwidth_bytes * (2.0 if config.precision == "int8" else 1.0)
        return plain.model_copy(update={"config": config, "bandwidth_bytes": traffic})


def test_dominated_options_are_left_out() -> None:
    shop = scenario(accuracy={"precisions": ["f32", "int8"]})
    dominated = platform_model(shop, predictor=Dominated(WORK_S))
    stage = shop.stage("person")
    assert len(dominated.every_option(shop, stage)) == 2 * len(dominated.options(shop, stage))
    assert {item.config.precision for item in dominated.options(shop, stage)} == {"f32"}


def test_options_come_with_the_least_core_time_first() -> None:
    shop = scenario(accuracy={"precisions": ["f32", "int8"]})
    options = platform_model(shop).options(shop, shop.stage("reid"))
    core_s = [item.core_s(MEDIAN) for item in options]
    assert core_s == sorted(core_s)
