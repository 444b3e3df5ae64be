import pytest

from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.chain.belief import NOTHING, Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import CPU, EvidenceSource
from advisor.records.config import RunConfig
from tests.perfmodel.makers import machine, work


class Counting(EvidenceSource):
    devices = CPU

    def update(self, question: Question, belief: Belief) -> Belief:
        return belief.noted(question.machine.id)


@pytest.mark.parametrize(("device", "spoken"), [
    ("CPU", True), ("cpu", True), ("AUTO", True), ("BATCH:CPU(4)", True), ("GPU", False), ("BATCH:GPU", False),
])  # fmt: skip
def test_a_source_speaks_of_the_devices_that_it_names(device, spoken) -> None:
    assert Counting.speaks_of(device) is spoken


def test_many_questions_are_answered_one_by_one_unless_a_source_does_better() -> None:
    model = work()
    questions = [Question.of(machine(name), model, RunConfig(), table_of(model)) for name in ("a", "b")]
    assert [belief.notes for belief in Counting().update_many(questions, [NOTHING, NOTHING])] == [("a",), ("b",)]
