"""OpenVINO's automatic batching (device BATCH) as one more way to run a stage, ruled out by closed forms first.

One stream collects the requests of all frames: as soon as enough have come they make one pass, and a clock makes those
that are left wait for at most its period (``SimStage.collected``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from advisor.perfmodel.resources.cold_pass import plus
from advisor.records.scenario import Scenario, Stage

from .belief import MEDIAN
from .platform_model import PlatformModel
from .space import stage_batches
from .stage_option import Collected, StageOption

FILL = 2.0
"""Period of the clock over the mean time in which a batch fills, where the scenario names no time-out: of Poisson
arrivals 4 come within it with probability 0.96, 8 with 0.99. Derived here."""
MOST_BUSY = 0.8
"""Share of its time for which the one stream may be busy: requests that find it so wait for a whole pass."""
DEFAULT_TIMEOUT_S = 1.0
"""OpenVINO's own. Source: its documentation of ov::auto_batch_timeout."""


@dataclass(frozen=True)
class RuledOut:
    """A batch that the runtime shall not make, and why."""

    batch: int
    timeout_s: float
    reason: str


def timeout_s(stage: Stage, batch: int, items_per_s: float) -> float:
    """Period of the clock, in whole milliseconds as OpenVINO takes them: the scenario's, else :data:`FILL`."""
    wanted_s = stage.batch.timeout_ms / 1000.0 or FILL * batch / items_per_s
    return max(1, math.ceil(wanted_s * 1000.0 - 1e-9)) / 1000.0


def collecting_options(
    model: PlatformModel, scenario: Scenario, stage: Stage, current: StageOption, items_per_s: float
) -> tuple[list[StageOption], list[RuledOut]]:
    """Ways to let the runtime batch that closed forms do not rule out, at the precision of the ``current`` option.

    Ruled out: requests so sparse that the clock strikes before a batch has come, a wait and a pass that exceed the
    SLO by themselves, and a stream that could not keep up.
    """
    slo_s = scenario.slo.latency_p95_ms / 1000.0
    every = [
        option
        for option in model.every_option(scenario, stage)
        if option.config.runtime == "openvino"
        and option.config.device == "CPU"
        and option.config.precision == current.config.precision
    ]
    singles = {option.threads_per_stream: option for option in every if option.config.batch == 1}
    found: list[StageOption] = []
    out: list[RuledOut] = []
    for batch in stage_batches(stage)[1:]:
        clock_s = timeout_s(stage, batch, items_per_s)
        fill_s = batch / items_per_s
        wide = [option for option in every if option.config.batch == batch and option.threads_per_stream in singles]
        if not wide:
            continue
        if clock_s < fill_s:
            reason = (
                f"{items_per_s:.3g} requests/s bring {batch} in {1e3 * fill_s:.0f} ms, after a time-out of "
                f"{1e3 * clock_s:.0f} ms: they would wait it out and run one by one"
            )
            out.append(RuledOut(batch, clock_s, reason))
            continue
        fast = min(option.pass_s(MEDIAN) for option in wide)
        if clock_s + fast > slo_s:
            reason = (
                f"the last requests of a burst wait out up to {1e3 * clock_s:.0f} ms, which is more than the SLO's "
                f"{scenario.slo.latency_p95_ms:g} ms leave beside a pass of {1e3 * fast:.1f} ms"
            )
            out.append(RuledOut(batch, clock_s, reason))
            continue
        able = [option for option in wide if items_per_s * option.pass_s(MEDIAN) / batch <= MOST_BUSY]
        if not able:
            reason = f"one stream cannot carry {items_per_s:.3g} requests/s, and several would each collect their own"
            out.append(RuledOut(batch, clock_s, reason))
            continue
        best = min(able, key=lambda option: (option.least_core_s(MEDIAN), option.pass_s(MEDIAN)))
        found.append(_collecting(best, singles[best.threads_per_stream], batch, clock_s))
    return found, out


def _collecting(full: StageOption, single: StageOption, batch: int, clock_s: float) -> StageOption:
    """Option of one collector; OpenVINO keeps the model compiled for one and for a batch."""
    threads = full.threads_per_stream
    config = full.config.model_copy(
        update={
            "device": f"BATCH:CPU({batch})", "batch": 1, "streams": 1, "threads": threads, "requests": batch,
            "auto_batch_timeout_s": clock_s,
        }
    )  # fmt: skip
    estimate = full.estimate.model_copy(
        update={
            "config": config,
            "core_s": full.estimate.core_s.scaled(1.0 / batch),
            "bandwidth_bytes": full.estimate.bandwidth_bytes / batch,
            "memory_bytes": plus(full.estimate.memory_bytes, single.estimate.memory_bytes),
        }
    )
    one_stream = single.config.model_copy(update={"streams": 1, "threads": threads, "requests": 1})
    alone = replace(single, config=one_stream)
    return replace(full, config=config, estimate=estimate, collected=Collected(batch, clock_s, alone))
