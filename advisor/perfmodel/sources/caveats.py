"""Closing links: they state no time, but widen what rests on something that was not measured."""

from __future__ import annotations

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.records.base import Evidence

from .context import ShippedSource

_ONNXRUNTIME_HALF_WIDTH = 0.35
_UNKNOWN_SHARE = 0.02
"""Share of the traffic in kernels of unknown type from which on it counts."""


class UnmeasuredRuntime(ShippedSource):
    """Published figures are OpenVINO's: those of ONNX Runtime rest on an assumed factor until it was measured."""

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        known = belief.evidence in (Evidence.MEASURED, Evidence.ANCHORED)
        if question.config.runtime != "onnxruntime" or known:
            return belief
        return belief.widened(_ONNXRUNTIME_HALF_WIDTH, _ONNXRUNTIME_HALF_WIDTH).noted(
            "no ONNX Runtime figures for this machine: OpenVINO's, times an assumed factor"
        )


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
