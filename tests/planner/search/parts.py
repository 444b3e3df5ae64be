"""Parts of the search with values that a test can choose: platform models of the fakes, outcomes made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import Choice
from advisor.planner.search.simulate import SimulatedOutcome
from advisor.planner.search.stage_option import StageOption
from advisor.records.scenario import Scenario
from advisor.simulate import SimResult
from tests.planner.fakes import FakePredictor, candidate, inputs

WORK_S = {"person": 0.02, "reid": 0.004}


def platform_model(shop: Scenario, cores: int = 4, predictor: FakePredictor | None = None) -> PlatformModel:
    box = candidate("box", cores, 300.0)
    return PlatformModel(inputs([box], predictor or FakePredictor(WORK_S), shop), box)


def option(model: PlatformModel, shop: Scenario, stage: str, threads: int = 1, batch: int = 1) -> StageOption:
    """The f32 option of a stage with this shape."""
    options = model.every_option(shop, shop.stage(stage))
    (only,) = (
        item
        for item in options
        if (item.threads_per_stream, item.config.batch, item.config.precision) == (threads, batch, "f32")
    )
    return only


def choice(model: PlatformModel, shop: Scenario, **batches: int) -> Choice:
    """One thread per stream in every stage."""
    return {stage.id: option(model, shop, stage.id, batch=batches.get(stage.id, 1)) for stage in shop.stages}


def outcome(**changes: Any) -> SimulatedOutcome:
    """A simulation that holds with room to spare, with ``changes``; only its window is known of the run itself."""
    values: dict[str, Any] = {
        "result": cast(SimResult, SimpleNamespace(window_s=60.0)), "camera_fps": 15.0, "drops_pct": 0.0, "p50_ms": 30.0,
        "p95_ms": 60.0, "p99_ms": 90.0, "cpu": 0.4, "bandwidth": 0.2, "failed": (), "done_share": 1.0,
    }  # fmt: skip
    return SimulatedOutcome(**(values | changes))
