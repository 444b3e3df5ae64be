"""A box is judged by the memory that may be needed, not by what is likely, and the system has its share of it."""

from __future__ import annotations

from advisor.planner.plan import plan
from advisor.planner.search.costs import MEMORY_OF_CAMERA_BYTES, MEMORY_OF_SYSTEM_BYTES
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate

from .fakes import FakePredictor, candidate, inputs, scenario

GIB = 1024.0**3
LIKELY, POSSIBLE = 1.0, 2.0
"""Memory of one model [GiB]: P50 and P90."""
CAMERAS, MODELS = 8, 2
FIXED_GIB = (MEMORY_OF_SYSTEM_BYTES + CAMERAS * MEMORY_OF_CAMERA_BYTES) / GIB


class Heavy(FakePredictor):
    """Every model may take twice the memory that it is believed to take."""

    def __init__(self) -> None:
        super().__init__({"person": 0.02, "reid": 0.004})

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        found = super().service(machine, work, config)
        return found.model_copy(
            update={"memory_bytes": Interval(p10=0.5 * LIKELY * GIB, p50=LIKELY * GIB, p90=POSSIBLE * GIB)}
        )


def test_a_box_that_would_likely_do_is_refused_where_it_may_not() -> None:
    need, likely = FIXED_GIB + MODELS * POSSIBLE, FIXED_GIB + MODELS * LIKELY
    boxes = [
        candidate("likely", 16, 100.0, memory_gib=(need + likely) / 2),
        candidate("a-little-short", 16, 110.0, memory_gib=need - 0.01),
        candidate("enough", 16, 120.0, memory_gib=need + 0.01),
        candidate("plenty", 16, 900.0, memory_gib=64.0),
    ]
    alone = plan(inputs(boxes, Heavy(), scenario(candidates={"max_boxes": 1})))
    refused = {item.platform: item.check for item in alone.rejected}
    assert (refused["likely"], refused["a-little-short"]) == ("memory", "memory")
    # With half of the cameras each, two may do: every box offered holds what it may need.
    result = plan(inputs(boxes, Heavy()))
    assert result.recommended is not None
    assert alone.recommended is not None
    assert {result.recommended.platform, alone.recommended.platform} == {"enough"}
    for option in (result.recommended, *result.alternatives):
        (box,) = [item for item in boxes if item.platform.id == option.platform]
        assert option.predicted.memory_bytes is not None
        assert option.predicted.memory_bytes.p90 <= (box.machine.memory_bytes or 0.0)


def test_memory_of_models_alone_is_not_enough() -> None:
    """The system and the cameras take theirs."""
    result = plan(inputs([candidate("models-only", 16, 100.0, memory_gib=MODELS * POSSIBLE + 0.1)], Heavy()))
    assert result.recommended is None
    assert [item.check for item in result.rejected] == ["memory"]
