"""First link: the physical model on the machine's data sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.records.base import Evidence

from .context import ShippedSource


class AnalyticTime(ShippedSource):
    """Roofline time of every class of kernel, as wide as the uncertain fields of the data sheet make it.

    The model's own error is not in it: the next link, which knows the errors on published machines, adds that. A field
    that is wrong is wrong for every model, so that all of this width is the machine's.
    """

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        return self.update_many([question], [belief])[0]

    def update_many(self, questions: Sequence[Question], beliefs: Sequence[Belief]) -> list[Belief]:
        batch = self._context.transfer_time.batch(
            [question.machine for question in questions],
            [question.table for question in questions],
            [question.config for question in questions],
            [question.settings for question in questions],
        )
        half_widths, bottlenecks = batch.sheet_uncertainty(), batch.bottlenecks()
        return [
            replace(
                belief,
                log_time_s=log(float(batch.parts.total[i])),
                low=-float(half_widths[i]),
                high=float(half_widths[i]),
                machine_share=1.0,
                evidence=Evidence.UNKNOWN,
                bottleneck=bottlenecks[i],
                traffic_bytes=float(batch.parts.traffic[i]),
            )
            for i, belief in enumerate(beliefs)
        ]
