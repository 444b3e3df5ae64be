"""Verification: the real cascade on this machine, and a verdict that owes nothing to prediction."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from .request import Order

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress
    from advisor.records.base import Precision
    from advisor.records.config import RunConfig
    from advisor.records.host import HostFacts
    from advisor.records.scenario import Scenario
    from advisor.records.verdict import CapacityResult, Verdict

__all__ = ["Order", "verify", "find_capacity", "default_configs"]


def verify(order: Order, *, progress: Progress | None = None, stop: threading.Event | None = None) -> Verdict:
    """Run the cascade of a scenario after warm-up and judge it.

    Parameters
    ----------
    order : Order
        What to run, how and for how long.
    progress : Progress, optional
        Told what happens, with live figures.
    stop : threading.Event, optional
        Set it, or press Ctrl-C, to end early with an INCONCLUSIVE verdict on what was seen.

    Raises
    ------
    InputError
        Something is missing, or the runtime refuses a model or setting; crashes of a run are a FAIL, not an error.
    """
    from .run import run_verify

    return run_verify(order, progress, stop)


def find_capacity(
    order: Order, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> CapacityResult:
    """Find the most cameras, in the scenario's proportion of groups, whose figures meet the requirement.

    ``order.duration_s`` is one probe [s]; ``order.predicted`` is a plan's, whose ``capacity_cameras`` the result is
    held against.
    """
    from .capacity import search_capacity
    from .setup import spread_cameras

    def probe(total: int) -> Verdict:
        cameras = spread_cameras(order.scenario, total)
        return verify(
            replace(order, cameras=cameras, predicted=None, strict=False, traced=None), progress=progress, stop=stop
        )

    promise = None if order.predicted is None else order.predicted.get("capacity_cameras")
    return search_capacity(probe, order.scenario.camera_count, promise)


def default_configs(scenario: Scenario, facts: HostFacts, precision: Precision) -> dict[str, RunConfig]:
    """Return a configuration per stage where no plan gives one: the throughput hint on the usable cores."""
    from .defaults import default_configs as make

    return make(scenario, facts, precision)
