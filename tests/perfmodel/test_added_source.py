"""A source of evidence from outside the package is used without an edit in it."""

from dataclasses import replace
from math import log

import pytest

from advisor.errors import Inconclusive
from advisor.perfmodel import Predictor
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import EvidenceSource
from advisor.records.base import Evidence
from advisor.records.config import RunConfig

from .makers import machine, work


class GpuDatasheet(EvidenceSource):
    """Four TFLOP/s, within a factor of two."""

    devices = ("GPU",)

    def update(self, question: Question, belief: Belief) -> Belief:
        time_s = question.table.flop / 4e12
        return replace(
            belief, log_time_s=log(time_s), low=-log(2.0), high=log(2.0), evidence=Evidence.SPEC, extrapolated=False
        )


class SharedBox(EvidenceSource):
    """Machines of one name are shared by two: everything takes twice as long."""

    devices = ("CPU",)

    def update(self, question: Question, belief: Belief) -> Belief:
        return belief.shifted(log(2.0)).noted("shared by two") if question.machine.id == "shared" else belief


class Silent(EvidenceSource):
    """Speaks of NPUs and knows nothing of them."""

    devices = ("NPU",)

    def update(self, question: Question, belief: Belief) -> Belief:
        return belief


def test_a_device_becomes_predictable_by_one_class() -> None:
    gpu = RunConfig(device="GPU.1")
    with pytest.raises(Inconclusive, match=r"GPU\.1.*sizer bench"):
        Predictor.load().service(machine(), work(), gpu)
    estimate = Predictor.load(sources=[GpuDatasheet()]).service(machine(), work(), gpu)
    assert estimate.latency_s.p50 == pytest.approx(20 * 2e8 / 4e12)
    assert estimate.latency_s.p90 == pytest.approx(2.0 * estimate.latency_s.p50)
    assert estimate.evidence is Evidence.SPEC
    # Nobody has said what binds it, and the physical model of the CPU is not asked.
    assert estimate.bottleneck == "unknown"
    assert estimate.kernels == ()


def test_a_source_refines_what_the_shipped_ones_say_and_only_where_it_speaks() -> None:
    requests = [(machine(name), work(), RunConfig()) for name in ("shared", "box")]
    shipped = Predictor.load().service_many(requests)
    added = Predictor.load(sources=[SharedBox(), GpuDatasheet()]).service_many(requests)
    assert added[0].latency_s.p50 == pytest.approx(2.0 * shipped[0].latency_s.p50)
    assert added[0].notes == (*shipped[0].notes, "shared by two")
    assert added[1] == shipped[1]


def test_devices_may_be_mixed_in_one_call() -> None:
    predictor = Predictor.load(sources=[GpuDatasheet()])
    requests = [(machine(), work(), RunConfig(device=device)) for device in ("GPU", "CPU", "GPU")]
    first, second, third = predictor.service_many(requests)
    assert first == third
    assert second == predictor.service_many(requests[1:2])[0]


def test_a_source_that_speaks_of_a_device_and_says_nothing_is_not_taken_for_an_answer() -> None:
    with pytest.raises(Inconclusive, match="NPU"):
        Predictor.load(sources=[Silent()]).service(machine(), work(), RunConfig(device="NPU"))
