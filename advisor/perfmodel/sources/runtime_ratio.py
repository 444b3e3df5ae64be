"""Fourth link: what another runtime takes over OpenVINO, whose figures all that came before rests on."""

from __future__ import annotations

from dataclasses import replace

from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.perfmodel.elsewhere.transfer_time import ratio_of
from advisor.records.base import Z90, Evidence, weakest

from .context import ShippedSource


class RuntimeRatio(ShippedSource):
    """Ratio of times from machines on which both runtimes were timed; without any, nothing is known."""

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        runtime = question.config.runtime
        if runtime == "openvino":
            return belief
        ratio = ratio_of(question.config, question.machine, question.table)
        if ratio is None:
            return replace(belief, evidence=Evidence.UNKNOWN).noted(
                f"no figure of {runtime} at {question.config.precision} beside OpenVINO's on any machine: measure it "
                "there with `sizer bench`"
            )
        half = Z90 * ratio.deviation
        # A figure of this model and chip is OpenVINO's: of this runtime it is as good as one of other models.
        evidence = weakest([belief.evidence, Evidence.ANCHORED])
        widened = belief.shifted(ratio.log_ratio).widened(half, half, ratio.machine_share)
        return replace(widened, evidence=evidence).noted(ratio.said)
