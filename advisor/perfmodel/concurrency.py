"""One of several inference streams by itself: what it takes while the other streams of its configuration idle."""

from __future__ import annotations

from advisor.records.base import Evidence

from .chain.belief import Belief
from .chain.question import Question
from .here.measurements import HostMeasurements


def is_known_alone(question: Question, belief: Belief, host: HostMeasurements) -> bool:
    """Whether the time of one stream with the others idle follows from that with all of them busy.

    Of other machines the ratio of the two would be the physical model's alone, which was never checked.
    """
    return (
        question.settings.streams > 1
        and host.is_host(question.machine)
        and belief.evidence in (Evidence.MEASURED, Evidence.ANCHORED)
    )


def alone(question: Question) -> Question:
    """One of the streams, with its own threads, and the others idle."""
    settings = question.settings
    threads = max(1, settings.threads // settings.streams)
    config = question.config.model_copy(update={"streams": 1, "threads": threads, "requests": 1})
    return Question.of(question.machine, question.work, config, question.table)
