import os
import time
from pathlib import Path

import pytest

from advisor.errors import SizerError
from advisor.measure.worker.turns import TurnWorker

from .test_run import alive, job


def test_items_begin_only_when_they_are_told_to_in_one_process() -> None:
    with TurnWorker(job("a", "b", function="when_told")) as one, TurnWorker(job("c", "d", function="when_told")) as two:
        said = [worker.turn(20).value for worker in (one, two, two, one)]
    assert [value["said"] for value in said if value] == ["a", "c", "d", "b"]
    pids = [value["pid"] for value in said if value]
    assert pids[0] == pids[3] != pids[1] == pids[2]


def test_between_its_turns_a_worker_takes_no_time_of_the_processor() -> None:
    with TurnWorker(job("spin", "a", function="when_told")) as worker:
        outcome = worker.turn(20)
        assert outcome.value is not None
        before = cpu_ticks(outcome.value["pid"])
        time.sleep(0.3)
        assert cpu_ticks(outcome.value["pid"]) - before <= 1
        assert worker.turn(20).status == "done"
    assert not alive(outcome.value["pid"])


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(
    ("do", "reason"), [("crash", "crashed with SIGSEGV"), ("refuse", "operator Foo"), ("exit", "exit code 7")]
)
def test_a_failure_ends_the_worker_and_says_why(do: str, reason: str) -> None:
    with TurnWorker(job("a", do, "b", function="when_told")) as worker:
        assert worker.turn(20).status == "done"
        outcome = worker.turn(20)
        assert outcome.status == "failed"
        assert reason in (outcome.failure or "")
        with pytest.raises(SizerError, match="no item left"):
            worker.turn(20)


@pytest.mark.timing
def test_a_turn_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.measure.worker.turns.START_TIMEOUT_S", 5.0)
    with TurnWorker(job("a", "hang", function="when_told")) as worker:
        pid = (worker.turn(20).value or {})["pid"]
        assert worker.turn(0.2).failure == "hung: no result within 0.2 s"
        assert not alive(pid)
    assert pid != os.getpid()
