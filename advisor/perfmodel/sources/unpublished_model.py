"""Third link: what this host's timings of a model say of the same model on other machines."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from math import expm1, log, sqrt

from advisor.perfmodel.analytic.machine import error_class
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES, resolve
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU
from advisor.perfmodel.elsewhere.carried import CarriedRatios, CarriedTiming
from advisor.perfmodel.here.measurements import TimedConfiguration
from advisor.records.machine import MachineSpec

from .context import ShippedSource

LATENCY = 0.5
"""Share of a configuration's threads in latency mode from which on it counts as such."""


class UnpublishedModel(ShippedSource):
    """For a model that no published figure is of: how it did here beside networks that figures are published of."""

    devices = CPU

    @cached_property
    def _ratios(self) -> CarriedRatios | None:
        host = self._context.host.host
        if host is None:
            return None
        timings = [self._timing(host, item) for item in self._context.host.configurations if not item.dirty]
        return CarriedRatios(self._context.transfer, host, [item for item in timings if item is not None])

    def _timing(self, host: MachineSpec, item: TimedConfiguration) -> CarriedTiming | None:
        if item.config.runtime != "openvino":
            return None
        table = self._context.table_of_timing(item)
        if table is None:
            return None
        settings = resolve(host, item.config)
        expected = self._context.transfer_time.log_time_s(host, table, item.config, settings)
        mode = int(settings.latency_share > LATENCY)
        error = log(item.undisturbed_s) - expected
        return CarriedTiming(table, PRECISIONS.index(item.config.precision), mode, error, item.noise)

    def update(self, question: Question, belief: Belief) -> Belief:
        host = self._context.host
        if (
            not host.configurations
            or host.is_host(question.machine)
            or self._context.transfer.model_label(question.table) >= 0
        ):
            return belief
        precision = PRECISIONS.index(question.config.precision)
        ratios = self._ratios
        if ratios is None or not any(item.model == question.table.network for item in host.configurations):
            return belief
        name = question.config.precision
        if not ratios.times(question.table, precision):
            return belief.noted(
                f"its timings here are not used: in {name} all of them were disturbed, or none was taken"
            )
        if not ratios.published_beside(precision):
            return belief.noted(f"its timings here are not used: no published network was timed beside it in {name}")
        if not ratios.says_something_of(question.machine, precision):
            return belief.noted(f"its timings here are not used: this machine computes {name} by other instructions")
        mode = int(question.settings.latency_share > LATENCY)
        ratio = ratios.ratio(question.machine, question.table, precision, mode)
        percent = 100.0 * expm1(ratio.log_factor)
        left = max(ratio.variance_left, self._least_left(question, mode))
        return _narrowed(belief.shifted(ratio.log_factor), left).noted(
            f"moved by {percent:+.0f} % by its timings here beside {ratios.published_beside(precision)} published "
            "networks"
        )

    def _least_left(self, question: Question, mode: int) -> float:
        """Share of the variance that was left on machines left out once a model was measured on one other machine."""
        cell = error_class(question.machine), question.config.precision, MODES[mode]
        bands = self._context.transfer.bands
        once, never = bands.once(*cell), bands.spec(*cell, 0)
        return min(((once.high - once.low) / (never.high - never.low)) ** 2, 1.0)


def _narrowed(belief: Belief, variance_left: float) -> Belief:
    """What the timings take away is the model's own error: that of the machine in question stays."""
    kept = max(variance_left, belief.machine_share)
    factor, share = sqrt(kept), belief.machine_share / kept
    return replace(belief, low=belief.low * factor, high=belief.high * factor, machine_share=share)
