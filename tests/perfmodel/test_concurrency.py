from dataclasses import replace
from math import log

import numpy as np
import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.concurrency import alone, contentions, may_contend
from advisor.perfmodel.elsewhere.partial_load import STEPS, partial_loads
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.base import Evidence
from advisor.records.config import RunConfig

from .makers import machine, work

HOST = HostMeasurements.join(machine("this"), [], [], None)
HYBRID = {
    "performance_cores": 6, "efficiency_cores": 8, "threads": 20, "simd_level": "avx2_vnni", "boost_hz": 4.8e9,
    "fma_bits_per_e_core": 256.0, "e_core_turbo_hz": 3.6e9, "sustained_power_w": 45.0, "tdp_w": 45.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


def ask(name: str = "this", facts: dict | None = None, **config) -> Question:
    return Question.of(machine(name, **(facts or {})), work(), RunConfig(**config), table_of(work()))


def loads_of(shipped: Predictor, question: Question):
    batch = shipped._context.transfer_time.batch(
        [question.machine], [question.table], [question.config], [question.settings]
    )
    return batch, partial_loads(batch)[0]


def test_a_stream_by_itself_has_its_own_threads_only() -> None:
    question = alone(ask(streams=2, threads=4, requests=4, batch=2))
    assert (question.settings.streams, question.settings.threads) == (1, 2)
    assert (question.config.requests, question.config.batch) == (1, 2)


@pytest.mark.parametrize(("name", "streams", "threads", "evidence", "known"), [
    ("this", 2, 2, Evidence.MEASURED, True),
    ("this", 2, 2, Evidence.ANCHORED, True),
    ("this", 1, 1, Evidence.MEASURED, False),
    ("this", 1, 1, Evidence.SPEC, True),
    ("box", 2, 2, Evidence.SPEC, True),
    ("box", 1, 2, Evidence.SPEC, True),
    ("box", 1, 4, Evidence.SPEC, False),
    ("box", 2, 2, Evidence.UNKNOWN, False),
])  # fmt: skip
def test_a_pass_contends_where_it_leaves_cores_to_others(name, streams, threads, evidence, known) -> None:
    belief = Belief(log(0.01), -0.1, 0.1, evidence, None, extrapolated=False)
    assert may_contend(ask(name, streams=streams, threads=threads), belief, HOST) is known


def test_a_device_that_is_no_cpu_has_no_cores_to_share() -> None:
    belief = Belief(log(0.01), -0.1, 0.1, Evidence.SPEC, None, extrapolated=False)
    assert not may_contend(ask("box", streams=2, threads=2, device="GPU"), belief, HOST)


def test_the_measured_machine_is_asked_and_others_are_worked_out(shipped) -> None:
    questions = [ask("this", streams=4, threads=4), ask("box", streams=4, threads=4)]
    beliefs = [Belief(log(0.01), -0.1, 0.1, evidence, None, extrapolated=False)
               for evidence in (Evidence.MEASURED, Evidence.SPEC)]  # fmt: skip
    asked = []

    def answer(single):
        asked.extend(single)
        return [replace(beliefs[0], log_time_s=log(0.004)) for _ in single]

    here, there = contentions(
        questions, [alone(item) for item in questions], beliefs, shipped._context.transfer_time, HOST, answer
    )
    assert [(one.machine.id, one.settings.streams) for one in asked] == [("this", 1)]
    assert here.alone_s.p50 == pytest.approx(0.004)
    assert 0.004 < there.alone_s.p50 < 0.01
    # The interval is that of the full machine.
    assert there.alone_s.p90 / there.alone_s.p50 == pytest.approx(beliefs[1].time_s.p90 / beliefs[1].time_s.p50)


def test_the_ends_are_the_physical_model_with_one_stream_and_with_all(shipped) -> None:
    question = ask("box", HYBRID, streams=14, threads=14)
    batch, load = loads_of(shipped, question)
    _, single = loads_of(shipped, alone(question))
    assert batch.at_load(1.0) == pytest.approx(batch.parts.total)
    lone = shipped._context.transfer_time.batch(
        [question.machine], [question.table], [alone(question).config], [alone(question).settings]
    )
    assert load.alone * batch.parts.total[0] == pytest.approx(lone.parts.total[0])
    assert load.full == 1.0
    # The same pass asked for as a single stream ends at the same time under load.
    assert single.full == pytest.approx(1.0 / load.alone)
    assert single.alone == pytest.approx(1.0)


def test_on_a_hybrid_chip_time_rises_steeply_past_the_clock_and_evenly_past_the_performance_cores(shipped) -> None:
    _, load = loads_of(shipped, ask("box", HYBRID, streams=14, threads=14))
    assert load.alone < 0.6
    assert len(load.rise) == STEPS
    assert load.rise[-1] == 1.0
    assert np.all(np.diff((0.0, *load.rise)) >= 0.0)
    # Two of thirteen others cost next to nothing: a straight line would say an eighth of the whole.
    assert load.rise[0] < 0.06


def test_where_neither_clock_nor_cache_change_nothing_rises(shipped) -> None:
    facts = {
        "performance_cores": 2,
        "threads": 2,
        "all_core_turbo_hz": 4.0e9,
        "sustained_power_w": 200.0,
        "l3_bytes": 1e9,
    }
    _, load = loads_of(shipped, ask("box", facts, streams=2, threads=2))
    assert load.alone == pytest.approx(1.0, abs=0.05)


def test_a_stream_that_leaves_cores_idle_is_slower_when_others_take_them(shipped) -> None:
    _, load = loads_of(shipped, ask("box", HYBRID, streams=1, threads=8))
    assert load.alone == 1.0
    assert load.full > 1.1


def test_decoding_slows_down_with_the_cores_that_are_busy(shipped) -> None:
    hybrid, uniform, single = (
        machine("h", **HYBRID),
        machine("u", sustained_power_w=200.0),
        machine("s", performance_cores=1),
    )
    steep, flat = shipped.slowing(hybrid), shipped.slowing(uniform)
    assert 0.6 < steep[-1] < 2.0
    assert steep[0] < 0.1 * steep[-1]
    assert flat[-1] < 0.25
    assert shipped.slowing(single) == ()
