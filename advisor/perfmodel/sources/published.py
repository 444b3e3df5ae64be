"""Second link: what the figures published of other machines say that the physical model leaves over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.perfmodel.analytic.interval import ErrorWidth
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.perfmodel.elsewhere.evidence import PublishedEvidence, published_evidence

from .context import Context, ShippedSource


class PublishedResidual(ShippedSource):
    """Residual of published figures with its error band."""

    devices = CPU

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._evidence: dict[tuple[str, str, int, bool], PublishedEvidence] = {}

    def update_many(self, questions: Sequence[Question], beliefs: Sequence[Belief]) -> list[Belief]:
        # All residuals of a plan at once are much cheaper than one by one.
        self._context.transfer_time.prepare(
            [question.machine for question in questions],
            [question.table for question in questions],
            [question.config for question in questions],
        )
        return super().update_many(questions, beliefs)

    def update(self, question: Question, belief: Belief) -> Belief:
        machine, table, config, settings = question.machine, question.table, question.config, question.settings
        known = self._evidence_of(question)
        residual = self._context.transfer_time.residual(machine, table, config, settings)
        if not belief.says_something:
            return replace(
                belief.shifted(residual).noted(*known.notes),
                evidence=known.evidence, nearest=known.nearest, extrapolated=known.extrapolated,
            )  # fmt: skip
        # One copy instead of the four of `shifted`, `widened` and `noted`: a plan asks thousands of times.
        width = belief.width.joined(ErrorWidth(-abs(known.width.low), abs(known.width.high), known.width.machine_share))
        return replace(
            belief, log_time_s=belief.log_time_s + residual, low=width.low, high=width.high,
            machine_share=width.machine_share, notes=(*belief.notes, *known.notes), evidence=known.evidence,
            nearest=known.nearest, extrapolated=known.extrapolated,
        )  # fmt: skip

    def _evidence_of(self, question: Question) -> PublishedEvidence:
        precision, latency = PRECISIONS.index(question.config.precision), question.settings.latency_share > 0.5
        key = (question.machine.key, question.table.key, precision, latency)
        if key not in self._evidence:
            self._evidence[key] = published_evidence(
                self._context.transfer, question.machine, question.table, precision, latency
            )
        return self._evidence[key]
