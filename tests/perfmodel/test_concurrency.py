from math import log

import pytest

from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.concurrency import alone, is_known_alone
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.base import Evidence
from advisor.records.config import RunConfig

from .makers import machine, work

HOST = HostMeasurements.join(machine("this"), [], [], None)


def ask(name: str = "this", **config) -> Question:
    return Question.of(machine(name), work(), RunConfig(**config), table_of(work()))


def test_a_stream_by_itself_has_its_own_threads_only() -> None:
    question = alone(ask(streams=2, threads=4, requests=4, batch=2))
    assert (question.settings.streams, question.settings.threads) == (1, 2)
    assert (question.config.requests, question.config.batch) == (1, 2)


@pytest.mark.parametrize(("name", "streams", "evidence", "known"), [
    ("this", 2, Evidence.MEASURED, True),
    ("this", 2, Evidence.ANCHORED, True),
    ("this", 2, Evidence.PUBLISHED, False),
    ("this", 1, Evidence.MEASURED, False),
    ("box", 2, Evidence.ANCHORED, False),
])  # fmt: skip
def test_only_of_several_streams_of_a_measured_machine_it_is_told(name, streams, evidence, known) -> None:
    belief = Belief(log(0.01), -0.1, 0.1, evidence, None, extrapolated=False)
    assert is_known_alone(ask(name, streams=streams, threads=streams), belief, HOST) is known
