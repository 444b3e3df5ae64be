from __future__ import annotations

import pytest

from advisor.planner.plan import plan
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.study import Study
from tests.planner.fakes import best_of, candidate, inputs

from .test_collecting import Batching, shop

BOX = [candidate("box", 8, 300.0)]


def options_of(service_class: str | None):
    asked = shop(8, service_class=service_class)
    study = Study.of(inputs(BOX, Batching(0.5), asked))
    (model, *_) = study.models(study.inputs.candidates[0])
    return model.options(asked, asked.stages[0])


def test_latency_takes_the_shortest_pass_of_one_input() -> None:
    (only,) = options_of("latency")
    every = options_of(None)
    assert only.config.batch == 1
    assert only.pass_s(MEDIAN) == min(option.pass_s(MEDIAN) for option in every if option.config.batch == 1)
    assert only.threads_per_stream == 8


def test_throughput_takes_the_least_core_time_of_an_input() -> None:
    (only,) = options_of("throughput")
    assert (only.config.batch, only.threads_per_stream) == (4, 1)
    assert only.core_s(MEDIAN) / 4 == min(option.core_s(MEDIAN) / option.config.batch for option in options_of(None))


@pytest.mark.parametrize(("service_class", "batch"), [("latency", 1), ("throughput", 4)])
def test_the_plan_sets_what_the_class_asks_for(service_class: str, batch: int) -> None:
    asked = shop(2, service_class=service_class)
    config = best_of(plan(inputs(BOX, Batching(0.5), asked))).config.stages["person"]
    assert config.batch == batch


def test_a_stage_has_the_last_word() -> None:
    asked = shop(2, service_class="throughput")
    own = asked.stages[0].model_copy(update={"service_class": "latency"})
    assert (asked.class_of(asked.stages[0]), asked.class_of(own)) == ("throughput", "latency")
    result = plan(inputs(BOX, Batching(0.5), asked.model_copy(update={"stages": (own,)})))
    assert best_of(result).config.stages["person"].batch == 1
    assert best_of(result).batching == ()  # a runtime that waits for others is not asked
