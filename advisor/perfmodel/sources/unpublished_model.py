"""Third link: what this host's measurements of a model say of the same model on other machines."""

from __future__ import annotations

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.perfmodel.here.host_anchors import anchor

from .context import ShippedSource

_CARRIED = 0.7
"""Share of a model's own deviation here that is expected elsewhere; source: project assumption, not measured."""


class UnpublishedModel(ShippedSource):
    """For a model that no published figure is of: the part of its deviation here that belongs to the model."""

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        if (
            not self._context.host.configurations
            or self._context.host.is_host(question.machine)
            or self._context.transfer.model_label(question.table) >= 0
        ):
            return belief
        query = anchor(question.table, question.config, question.settings)
        return belief.shifted(_CARRIED * self._context.anchors.every.model_part(query))
