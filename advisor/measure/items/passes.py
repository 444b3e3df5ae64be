"""Each pass of a short measurement, for a trace; nothing of it is stored."""

from __future__ import annotations

from dataclasses import replace

from advisor.errors import Inconclusive
from advisor.measure.timing.harness import QUICK
from advisor.measure.worker.job import Job, JobItem
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig

from .item import MeasureContext
from .throughput import TimingItem


def measured_passes(item: TimingItem, context: MeasureContext) -> tuple[list[tuple[float, float]], EffectiveConfig]:
    """Measure shortly, in a worker as any other timing; when each pass was requested and finished [s], and how it ran.

    Raises
    ------
    Inconclusive
        It failed; the message carries the reason.
    """
    short = replace(item, spec=QUICK)
    setup = short.worker()
    ((name, payload),) = short.payloads(context).items()
    job = Job(
        setup.function, (JobItem(name, {**payload, "traced": True}),), dict(setup.environment),
        on_import=setup.on_import,
    )  # fmt: skip
    (outcome,) = run_job(job, setup.timeout_s).outcomes
    if outcome.value is None:
        raise Inconclusive(f"{item.label}: {outcome.failure}")
    passes = [(float(begin_s), float(end_s)) for begin_s, end_s in outcome.value["passes_s"]]
    return passes, EffectiveConfig.model_validate(outcome.value["effective"])
