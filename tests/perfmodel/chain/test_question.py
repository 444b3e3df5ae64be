from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.chain.question import Question
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, work


def ask(spec=None, model=None, **config) -> Question:
    model = model or work()
    return Question.of(spec or machine(), model, RunConfig(**config), table_of(model))


def test_what_is_left_to_the_runtime_is_filled_in() -> None:
    question = ask(hint="throughput")
    assert (question.settings.streams, question.settings.threads) == (4, 4)
    assert question.device == "CPU"


def test_questions_are_told_apart_by_contents_not_by_names() -> None:
    same = ask()
    assert same.key == ask().key
    others = [
        ask(machine(tdp_w=15.0)),
        ask(model=work([kernel(0)])),
        ask(batch=2),
        ask(device="GPU"),
    ]
    assert len({same.key, *(question.key for question in others)}) == 5
