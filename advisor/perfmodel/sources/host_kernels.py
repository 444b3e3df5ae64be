"""Fifth link: the kernels that this machine has timed, summed over the model's graph."""

from __future__ import annotations

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.records.base import Z90, Evidence

from .context import HostSource

_SHOWN = 0.01
"""Share of the time from which on kernels of a type that was never timed are named."""


class KernelSum(HostSource):
    """Sum of kernels looked up or predicted from alike ones; what was inferred from other machines gives way to it."""

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        if not self._context.host.is_host(question.machine):
            return belief
        kernels = self._context.kernels.predict(
            question.machine, question.work, question.table, question.config, question.settings
        )
        if kernels is None:
            return belief
        known = belief.measured_here(kernels.log_time_s, Z90 * kernels.deviation, Evidence.ANCHORED, belief.nearest)
        unseen = {name: share for name, share in kernels.passed.unseen_share.items() if share >= _SHOWN}
        if not unseen:
            return known
        return known.noted(
            f"{sum(unseen.values()):.0%} of the time is in kernels of types that were never timed here "
            f"({', '.join(unseen)}): its interval is that of a guess"
        )
