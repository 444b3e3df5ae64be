"""Last link that states a time: the very configuration, measured on this machine."""

from __future__ import annotations

from dataclasses import replace
from math import log

from advisor.perfmodel.analytic.interval import ErrorWidth
from advisor.perfmodel.chain.belief import Belief, Repetition
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.records.base import Evidence

from .context import HostSource


class DirectMeasurement(HostSource):
    """A timing of this model in this configuration takes the place of every prediction.

    What it says of another moment is uncertain by the machine's own changes of state, which all models on it share.
    """

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        if not self._context.host.is_host(question.machine):
            return belief
        settings = question.settings
        timed = self._context.host.exact_match(question.work, question.config, settings.threads, settings.streams)
        if timed is None:
            return belief
        note = "measured on it in this configuration" + (", on a disturbed machine" if timed.dirty else "")
        # What differs between moments is the machine's: all of its models run in the same one.
        moments = self._context.host.between_moments
        width = ErrorWidth(-timed.half_width, timed.half_width, timed.machine_share)
        width = width.joined(ErrorWidth(-moments, moments, 1.0))
        measured = belief.measured_here(
            log(timed.latency_s), width.high, Evidence.MEASURED, timed.label, width.machine_share
        )
        repetition = Repetition(timed.throughput_per_s, timed.pass_sigma, timed.moment_sigma)
        return replace(measured, repetition=repetition).noted(note)
