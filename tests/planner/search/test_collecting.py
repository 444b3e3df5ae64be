from __future__ import annotations

from typing import Any

import pytest

from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.collecting import collecting_options
from advisor.planner.search.setup import set_up
from advisor.planner.search.simulate import build_spec
from advisor.planner.search.study import Study
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario


class Batching(FakePredictor):
    """A model whose input in a batch takes a part of its time alone."""

    def __init__(self, share: float, work_s: float = 0.02) -> None:
        super().__init__({"person": work_s})
        self.share = share

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        found = super().service(machine, work, config)
        if config.batch == 1:
            return found
        scaled = {"latency_s": found.latency_s.scaled(self.share), "core_s": found.core_s.scaled(self.share)}
        return found.model_copy(update=scaled)


def shop(cameras: int = 8, timeout_ms: float = 0.0, **changes: Any):
    batch = {"max": 4, "timeout_ms": timeout_ms}
    stages = [{"id": "person", "model": "like:person", "every": "3 frames", "batch": batch}]
    return scenario(cameras=[camera(cameras)], stages=stages, **changes)


def weighed(asked, predictor: FakePredictor, items_per_s: float):
    study = Study.of(inputs([candidate("box", 8, 300.0)], predictor, asked))
    (model, *_) = study.models(study.inputs.candidates[0])
    stage = asked.stages[0]
    current = model.options(asked, stage)[0]
    return model, collecting_options(model, asked, stage, current, items_per_s)


def test_what_helps_is_one_stream_that_collects_for_full_passes() -> None:
    asked = shop()
    model, (options, out) = weighed(asked, Batching(0.5), 40.0)
    assert out == []
    (option,) = options
    assert option.config.device == "BATCH:CPU(4)"
    assert (option.config.batch, option.config.streams, option.config.requests) == (1, 1, 4)
    assert option.config.auto_batch_timeout_s == 0.2  # two times the 100 ms in which 4 of 40/s come
    # A pass of four at half the time of each: 40 ms on one thread, of which an input has 10.
    assert option.pass_s(MEDIAN) == pytest.approx(0.04)
    assert option.least_core_s(MEDIAN) == pytest.approx(0.01)
    load = Study.of(inputs([model.candidate], Batching(0.5), asked)).case.nominal(1)
    spec = build_spec(model, asked, set_up(model, asked, {"person": option}, load), load, MEDIAN)
    (stage,) = spec.stages
    assert (stage.collected, stage.batch_max, stage.batch_timeout_s) == ("by_runtime", 4, 0.2)
    assert stage.service_s == pytest.approx((0.0, 0.02, 0.02, 0.02, 0.04))
    assert stage.core_s == pytest.approx((0.0, 0.02, 0.02, 0.02, 0.04))
    drawn = option.at(1.0, 0.0, 0.0, 0.0)
    assert drawn.collected is not None
    assert drawn.collected.single.alone_s(0.0) > 0.02  # both passes are slow together


@pytest.mark.parametrize(
    ("asked", "share", "work_s", "items_per_s", "says"),
    [
        (shop(timeout_ms=20.0), 0.5, 0.02, 40.0, "40 requests/s bring 4 in 100 ms, after a time-out of 20 ms"),
        (shop(), 0.5, 0.02, 2.0, "wait out up to 4000 ms, which is more than the SLO's 300 ms"),
        (shop(), 0.9, 0.2, 200.0, "one stream cannot carry 200 requests/s"),
    ],
)
def test_what_cannot_help_is_ruled_out_in_closed_form(asked, share, work_s, items_per_s, says) -> None:
    _, (options, out) = weighed(asked, Batching(share, work_s), items_per_s)
    assert options == []
    (ruled,) = out
    assert says in ruled.reason
