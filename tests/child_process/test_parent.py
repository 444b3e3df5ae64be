import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from advisor.child_process.parent import ChildProcess, map_in_threads

ROOT = Path(__file__).resolve().parents[2]
CHILD = "tests.child_process.children"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends within a minute."""
    until = time.perf_counter() + 60
    while alive(pid) and time.perf_counter() < until:
        time.sleep(0.02)
    return not alive(pid)


def messages(child: ChildProcess) -> list[dict[str, Any]]:
    """All messages until the child has ended."""
    received: list[dict[str, Any]] = []
    while (some := child.receive()) is not None:
        received += some
    return received


def test_messages_arrive_apart_from_what_libraries_print() -> None:
    environment = {"SIZER_TEST_CAP": "avx2", "HOME": None}
    with ChildProcess(CHILD, ("echo",), environment) as child:
        child.send_line("hello")
        first, second = messages(child)
        assert first == {"pid": child.pid, "cap": "avx2", "home": None}
        assert second == {"line": "hello"}
        assert child.exit_code() == 0
        assert child.stderr_tail() == "a library prints"
    assert "HOME" in os.environ


def test_waiting_ends_without_a_message() -> None:
    with ChildProcess(CHILD, ("echo",)) as child:
        assert child.wait(60)
        assert len(child.receive() or []) == 1
        assert not child.wait(0.01)
        child.send_line("go on")
        assert messages(child) == [{"line": "go on"}]


def test_a_crash_is_named_by_its_signal() -> None:
    with ChildProcess(CHILD, ("crash",)) as child:
        assert messages(child) == []
        assert child.exit_reason() == "crashed with SIGSEGV"


def test_an_early_end_keeps_the_end_of_stderr_and_a_line_to_it_is_no_error() -> None:
    with ChildProcess(CHILD, ("exit",)) as child:
        assert messages(child) == []
        assert child.exit_reason() == "ended early with exit code 3"
        child.send_line("too late")
    assert child.stderr_tail().endswith("stands here")
    assert len(child.stderr_tail()) == 300


def test_leaving_kills_what_the_child_started() -> None:
    with ChildProcess(CHILD, ("family",)) as child:
        (started,) = child.receive() or []
        assert alive(started["pid"])
    assert gone(started["pid"])
    assert gone(child.pid)


@pytest.mark.parametrize("waited", [False, True])
def test_what_a_child_that_has_ended_left_behind_is_killed_too(waited: bool) -> None:
    with ChildProcess(CHILD, ("abandon",)) as child:
        (started,) = child.receive() or []
        assert gone(child.pid)  # a zombie until it is waited for
        if waited:
            assert child.exit_code() == 0
    assert gone(started["pid"])


def test_a_killed_parent_takes_the_child_along() -> None:
    script = (
        "import os\n"
        "from advisor.child_process.parent import ChildProcess\n"
        f"with ChildProcess({CHILD!r}, ('orphan', str(os.getpid()))) as child:\n"
        "    print(child.receive()[0]['pid'], flush=True)\n"
        "    child.receive()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


def test_an_interrupt_ends_children_that_other_threads_wait_for() -> None:
    """Ctrl-C while two models were compiled took as long as the compilations, up to 203 s."""
    started: list[int] = []
    refused: list[str] = []

    def compile_for_hours(_: int) -> None:
        with ChildProcess(CHILD, ("family",)) as child:
            started.append(child.pid)
            if len(started) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            child.receive()
            assert child.receive() is None  # killed
        try:
            with ChildProcess(CHILD, ("family",)):
                pass
        except RuntimeError as error:  # as a worker would be started again for the items that are left
            refused.append(str(error))

    begun_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        map_in_threads(compile_for_hours, range(6), 2)
    assert time.monotonic() - begun_s < 60  # the children sleep for an hour
    assert len(started) == 2
    assert len(refused) == 2
    assert all(gone(pid) for pid in started)
    with ChildProcess(CHILD, ("echo",)) as child:  # afterwards all is as before
        child.send_line("hello")
        assert messages(child)[1] == {"line": "hello"}


def test_what_a_killed_child_left_in_its_folder_goes_with_it() -> None:
    """Copies of models stayed in /tmp after each run: the cascade's process ends without tearing anything down."""
    with ChildProcess(CHILD, ("scratch",)) as child:
        (message,) = child.receive() or [{}]
        left = Path(message["wrote"])
        assert left.is_file()
    assert not left.exists()
    assert not left.parent.exists()
