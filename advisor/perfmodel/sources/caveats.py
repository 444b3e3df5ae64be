"""Closing links: they state no time, but widen what rests on something that was not measured."""

from __future__ import annotations

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU

from .context import ShippedSource

_UNKNOWN_SHARE = 0.02
"""Share of the traffic in kernels of unknown type from which on it counts."""


class UnknownKernels(ShippedSource):
    """Kernels of a type that the work table does not know are counted as memory-bound, which may be wrong.

    Other models hold other kernels: that error is the model's own.
    """

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        share = question.table.unknown_share
        if share <= _UNKNOWN_SHARE:
            return belief
        return belief.widened(share, share, machine_share=0.0).noted(
            f"{share:.0%} of the traffic is in kernels of unknown type, taken as memory-bound"
        )
