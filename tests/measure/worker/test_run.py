import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.errors import SizerError
from advisor.measure.worker.job import Job, JobItem, JobOutcome, OutOfTimeError
from advisor.measure.worker.run import run_job

ROOT = Path(__file__).resolve().parents[3]


def job(*what: str, function: str = "run_each", **options: object) -> Job:
    items = tuple(JobItem(f"{k}-{do}", {"do": do, "bytes": 3 << 30}) for k, do in enumerate(what))
    return Job(f"tests.measure.worker_jobs:{function}", items, **options)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_items_share_one_process_with_its_environment() -> None:
    result = run_job(job("a", "noise", "b", environment={"SIZER_TEST_CAP": "avx2"}), 20)
    assert result.workers == 1
    values = [outcome.value for outcome in result.outcomes]
    assert [value["said"] for value in values if value] == ["a", "noise", "b"]
    assert len({value["pid"] for value in values if value} | {os.getpid()}) == 2
    assert values[0] is not None
    assert values[0]["env"] == "avx2"


def test_crash_refusal_and_exit_cost_only_their_own_item() -> None:
    seen: list[JobOutcome] = []
    result = run_job(job("a", "crash", "b", "refuse", "exit", "c"), 20, seen.append)
    by_name = {outcome.id.split("-")[1]: outcome for outcome in result.outcomes}
    assert by_name["crash"].failure == "crashed with SIGSEGV"
    assert by_name["refuse"].failure == "operator Foo is not supported"
    assert by_name["exit"].failure is not None
    assert by_name["exit"].failure.startswith("ended early with exit code 7")
    assert [by_name[name].status for name in "abc"] == ["done"] * 3
    assert result.workers == 3
    assert [outcome.id for outcome in seen] == [outcome.id for outcome in result.outcomes]


@pytest.mark.timing
def test_hang_is_killed_and_the_rest_goes_on() -> None:
    result = run_job(job("hang", "a"), 0.5)
    assert result.outcomes[0].failure == "hung: no result within 0.5 s"
    assert 0.5 <= result.outcomes[0].wall_s < 30
    assert result.outcomes[1].status == "done"


@pytest.mark.timing
@pytest.mark.parametrize(("bad", "word"), [("hang", "hung"), ("crash", "SIGSEGV")])
def test_interleaved_work_blames_the_item_whose_turn_it_was(bad: str, word: str) -> None:
    result = run_job(job("a", bad, "b", function="in_turns"), 0.5)
    assert [outcome.status for outcome in result.outcomes] == ["done", "failed", "done"]
    assert word in (result.outcomes[1].failure or "")
    assert result.workers == 2


@pytest.mark.parametrize(("function", "begun", "done"), [("run_each", 2, 2), ("in_turns", 2, 0), ("in_turns", 3, 3)])
def test_no_item_begins_when_time_is_over_and_those_begun_are_completed(function: str, begun: int, done: int) -> None:
    asked: list[bool] = []
    seen: list[JobOutcome] = []

    def over() -> bool:
        asked.append(len(asked) >= begun)
        return asked[-1]

    work = job("a", "b", "c", function=function)
    if begun == 3:
        assert len(run_job(work, 20, seen.append, over).outcomes) == 3
    else:
        with pytest.raises(OutOfTimeError):
            run_job(work, 20, seen.append, over)
    assert [outcome.status for outcome in seen] == ["done"] * done


def test_memory_beyond_the_limit_is_a_failure_in_words() -> None:
    result = run_job(job("allocate", "a", memory_limit_bytes=1 << 30), 20)
    assert (result.outcomes[0].failure or "").startswith("out of memory")
    assert result.outcomes[1].status == "done"


def test_a_worker_that_cannot_start_says_why() -> None:
    with pytest.raises(SizerError, match="broken before the first item"):
        run_job(job("a", function="raises_outright"), 20)


def test_kill_of_the_parent_leaves_no_worker_behind() -> None:
    script = (
        "from tests.measure.worker.test_run import job\n"
        "from advisor.measure.worker.run import run_job\n"
        "run_job(job('a', 'hang'), 60, lambda o: print(o.value['pid'], flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert alive(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.perf_counter() + 60
    while alive(worker) and time.perf_counter() < until:
        time.sleep(0.02)
    assert not alive(worker)


def test_a_runtime_that_cannot_be_imported_is_each_items_failure() -> None:
    result = run_job(job("a", "b", on_import=("no_such_runtime",)), 20)
    assert [outcome.status for outcome in result.outcomes] == ["failed", "failed"]
    assert "no_such_runtime" in (result.outcomes[0].failure or "")
