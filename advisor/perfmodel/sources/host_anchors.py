"""Sixth link: this machine's timings of other configurations, as corrections of what is predicted for this one."""

from __future__ import annotations

from advisor.perfmodel.analytic.interval import ASSUMED_SHARE, ErrorWidth
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.perfmodel.here.host_anchors import anchor
from advisor.records.base import Z90, Evidence

from .context import HostSource


class AnchorCorrection(HostSource):
    """How far off predictions of the same kind were on this machine, shared between alike configurations."""

    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        host, config = self._context.host, question.config
        if not host.is_host(question.machine) or not (host.configurations or host.profiles):
            return belief
        kernels = self._context.kernels.predict(
            question.machine, question.work, question.table, config, question.settings
        )
        query = anchor(question.table, config, question.settings, mix=None if kernels is None else kernels.mix)
        anchors = self._context.anchors.like(config, kernels)
        shift, deviation = anchors.correction(query)
        width = ErrorWidth(-deviation, deviation, anchors.machine_share(query))
        if kernels is not None:
            width = width.joined(ErrorWidth(-kernels.deviation, kernels.deviation, ASSUMED_SHARE))
        # Anchors are of a quiet machine; a plan compares this configuration with others as they were timed.
        return belief.measured_here(
            belief.log_time_s + shift + host.present_slowdown(question.work),
            Z90 * width.high * self._context.calibration.width,
            Evidence.ANCHORED,
            host.nearest(question.table.network, config),
            width.machine_share,
        )
