"""Between one pass by itself and all cores busy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp

from advisor.records.base import Evidence, Interval
from advisor.records.config import RunConfig

from .analytic.runtime_defaults import usable_cores
from .chain.belief import Belief
from .chain.question import Question
from .chain.source import CPU
from .elsewhere.partial_load import partial_loads
from .elsewhere.transfer_time import TransferTime
from .here.measurements import HostMeasurements


@dataclass(frozen=True)
class Contention:
    """What a pass takes while all other cores idle, and while all of them work."""

    alone_s: Interval
    full_s: Interval | None
    """None: the configuration's own streams take all cores."""
    rise: tuple[float, ...]
    """Share of the difference that is reached with 1/n, 2/n, ... of the other cores busy."""


def may_contend(question: Question, belief: Belief, host: HostMeasurements) -> bool:
    """Whether a pass leaves cores to others, on a device and machine that the physical model knows.

    What other models do to a single stream was not measured on the machine at hand.
    """
    settings = question.settings
    if is_measured(question, belief, host):
        return settings.streams > 1
    each = settings.threads / settings.streams
    return (
        usable_cores(question.machine) > each
        and question.device.upper().startswith(CPU)
        and belief.evidence is not Evidence.UNKNOWN
    )


def is_measured(question: Question, belief: Belief, host: HostMeasurements) -> bool:
    """Whether a pass by itself follows from measurements of this machine, as that under full load does."""
    return host.is_host(question.machine) and belief.evidence in (Evidence.MEASURED, Evidence.ANCHORED)


def alone(question: Question) -> Question:
    """One of the streams, with its own threads, and the others idle."""
    settings = question.settings
    config = _single(question.config, max(1, settings.threads // settings.streams))
    return Question.of(question.machine, question.work, config, question.table)


@lru_cache(maxsize=8192)
def _single(config: RunConfig, threads: int) -> RunConfig:
    """Cached, since machines with equally many cores share their configurations."""
    return config.model_copy(update={"streams": 1, "threads": threads, "requests": 1})


def contentions(
    questions: Sequence[Question],
    singles: Sequence[Question],
    beliefs: Sequence[Belief],
    transfer_time: TransferTime,
    host: HostMeasurements,
    ask: Callable[[Sequence[Question]], list[Belief]],
) -> list[Contention | None]:
    """Contention of each question, given what is believed of it; None: nothing contends, or not known.

    ``singles``: :func:`alone` of each.
    A machine that was measured is asked again for one stream (``ask``); of all others the time that is believed, with
    its interval, goes by the physical model's ratio and by what published figures of single requests leave over.
    """
    found: list[Contention | None] = [None] * len(questions)
    mine = [i for i, pair in enumerate(zip(questions, beliefs, strict=True)) if may_contend(*pair, host)]
    if not mine:
        return found
    asked, single = [questions[i] for i in mine], [singles[i] for i in mine]
    loads = partial_loads(
        transfer_time.batch(
            [question.machine for question in asked],
            [question.table for question in asked],
            [question.config for question in asked],
            [question.settings for question in asked],
        )
    )
    measured = [k for k, i in enumerate(mine) if is_measured(questions[i], beliefs[i], host)]
    answers = dict(zip(measured, ask([single[k] for k in measured]), strict=True)) if measured else {}
    for k, i in enumerate(mine):
        load = loads[k]
        if k in answers:
            found[i] = Contention(answers[k].time_s, None, load.rise)
            continue
        whole, one = asked[k], single[k]
        moved = transfer_time.residual(one.machine, one.table, one.config, one.settings)
        moved -= transfer_time.residual(whole.machine, whole.table, whole.config, whole.settings)
        time_s = beliefs[i].time_s
        full_s = time_s.scaled(load.full) if load.full > 1.0 else None
        found[i] = Contention(time_s.scaled(min(1.0, load.alone * exp(moved))), full_s, load.rise)
    return found
