"""Verification: the real cascade on this machine, and a verdict that owes nothing to prediction."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..measure.progress import Progress
    from ..records.base import Precision
    from ..records.config import RunConfig
    from ..records.host import HostFacts
    from ..records.model import ModelFile
    from ..records.scenario import Scenario
    from ..records.verdict import CapacityResult, Verdict


def verify(
    scenario: Scenario,
    models: Mapping[str, ModelFile],
    configs: Mapping[str, RunConfig],
    decode_threads: int,
    *,
    duration_s: float,
    facts: HostFacts,
    work_dir: Path,
    seed: int = 0,
    predicted: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    strict: bool = False,
    cameras: Mapping[str, int] | None = None,
    stop: threading.Event | None = None,
) -> Verdict:
    """Run the cascade of a scenario for ``duration_s`` after warm-up and judge it.

    Parameters
    ----------
    scenario : Scenario
        What to run and what is required.
    models, configs : mapping
        Per stage id: the model's file and how it is run.
    decode_threads : int
        Workers of the decode pool.
    duration_s : float
        Measured time [s]; a tenth of it, at most 3 s, is spent on warm-up before.
    facts : HostFacts
        Of this machine; ``warnings`` are those of the preflight.
    work_dir : Path
        Folder for synthesised clips; they are kept for the next run.
    seed : int
        Of phases, objects, arrivals and clips.
    predicted : mapping, optional
        ``predicted`` of a plan's option; shown beside the result.
    progress : Progress, optional
        Told what happens, with live figures.
    strict : bool
        Refuse to run while ``facts.warnings`` is not empty.
    cameras : mapping, optional
        Cameras per group instead of the scenario's.
    stop : threading.Event, optional
        Set it, or press Ctrl-C, to end early with an INCONCLUSIVE verdict on what was seen.

    Raises
    ------
    InputError
        Something is missing, or the runtime refuses a model or setting; crashes of a run are a FAIL, not an error.
    """
    from .run import run_verify

    return run_verify(
        scenario, models, configs, decode_threads, duration_s=duration_s, facts=facts, work_dir=work_dir, seed=seed,
        predicted=predicted, progress=progress, strict=strict, cameras=cameras, stop=stop,
    )  # fmt: skip


def find_capacity(
    scenario: Scenario,
    models: Mapping[str, ModelFile],
    configs: Mapping[str, RunConfig],
    decode_threads: int,
    *,
    duration_s: float,
    facts: HostFacts,
    work_dir: Path,
    seed: int = 0,
    predicted: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> CapacityResult:
    """Find the most cameras, in the scenario's proportion of groups, whose figures meet the requirement.

    ``duration_s`` is one probe [s]; the other parameters are those of :func:`verify`. ``predicted`` is a plan's, whose
    ``capacity_cameras`` the result is held against.
    """
    from .capacity import search_capacity
    from .setup import spread_cameras

    def probe(total: int) -> Verdict:
        return verify(
            scenario, models, configs, decode_threads, duration_s=duration_s, facts=facts, work_dir=work_dir,
            seed=seed, progress=progress, cameras=spread_cameras(scenario, total), stop=stop,
        )  # fmt: skip

    promise = None if predicted is None else predicted.get("capacity_cameras")
    return search_capacity(probe, scenario.camera_count, promise)


def default_configs(scenario: Scenario, facts: HostFacts, precision: Precision) -> dict[str, RunConfig]:
    """Return a configuration per stage where no plan gives one: the throughput hint on the usable cores."""
    from .defaults import default_configs as make

    return make(scenario, facts, precision)
