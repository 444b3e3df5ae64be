from advisor.planner.question.inputs import Candidate
from advisor.workflows.plan import is_candidate
from tests.measure.hosts import facts
from tests.planner.fakes import candidate

HOST = candidate("this", 4, 0.0).machine


def test_a_machine_is_a_candidate_by_its_name_or_as_a_box_that_was_measured() -> None:
    here = facts()
    other = candidate("box", 4, 100.0)
    assert not is_candidate(HOST, here, [other])
    assert is_candidate(HOST, here, [other, Candidate(other.platform, HOST)])
    measured = other.platform.model_copy(update={"measured_fingerprint": here.fingerprint})
    assert is_candidate(HOST, here, [Candidate(measured, other.machine)])
    elsewhere = other.platform.model_copy(update={"measured_fingerprint": "f" * 16})
    assert not is_candidate(HOST, here, [Candidate(elsewhere, other.machine)])
