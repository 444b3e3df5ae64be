"""The fake: its times by formula, on a fake clock and a real one, and its faults."""

import subprocess
import sys

import numpy as np
import pytest

from advisor.clock import FakeClock
from advisor.errors import ModelError, RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes.fake import Behaviour, FakeRuntime, pass_time_s
from advisor.runtimes.protocol import CompileOptions

CRASH = """
import sys
import numpy as np
from pathlib import Path
from advisor.records.config import RunConfig
from advisor.runtimes.fake import Behaviour, FakeRuntime
runtime = FakeRuntime(Behaviour(base_s=0.0, {fault}=1))
compiled = runtime.compile(Path(sys.argv[1]), RunConfig(runtime="fake", threads=1))
for _ in range(3):
    compiled.infer([np.zeros((1, 3, 64, 64), np.float32)])
    print("pass", flush=True)
"""


def compiled_model(path, behaviour=None, clock=None, **config):
    path.write_bytes(b"anything")
    options = CompileOptions(want_outputs=config.pop("want_outputs", False))
    return FakeRuntime(behaviour, clock).compile(path, RunConfig(runtime="fake", **config), options)


def zeros(compiled):
    return [np.zeros(spec.shape, spec.dtype) for spec in compiled.inputs]


@pytest.mark.parametrize(
    ("changes", "expected_s"),
    [
        ({"threads": 1}, 1e-3),
        ({"threads": 2}, 1e-3 * (0.1 + 0.9 / 2)),
        ({"threads": 2, "streams": 2}, 1e-3),
        ({"threads": 1, "batch": 4}, 4e-3),
        ({"threads": 1, "precision": "int8"}, 1e-3 / 3),
    ],
)
def test_pass_time_follows_amdahl(changes, expected_s) -> None:
    assert pass_time_s(Behaviour(), RunConfig(**changes)) == pytest.approx(expected_s)


def test_synchronous_passes_move_a_fake_clock_by_the_pass(tmp_path) -> None:
    clock = FakeClock()
    compiled = compiled_model(tmp_path / "m", clock=clock, threads=1)
    for _ in range(5):
        compiled.infer(zeros(compiled))
    assert clock.now_s() == pytest.approx(5e-3)


def test_streams_share_a_fake_clock(tmp_path) -> None:
    """Two streams finish twice as many passes in the same time: 10 passes of 1 ms take 5 ms."""
    clock = FakeClock()
    compiled = compiled_model(tmp_path / "m", clock=clock, threads=2, streams=2)
    seen = []
    for index in range(10):
        compiled.start(zeros(compiled), index, lambda token, _, finish_s, error: seen.append(finish_s))
    compiled.wait_all()
    assert len(seen) == 10
    assert clock.now_s() == pytest.approx(5e-3)
    assert seen == sorted(seen)


def test_own_formula(tmp_path) -> None:
    clock = FakeClock()
    behaviour = Behaviour(service_s=lambda config: 0.25 * config.batch)
    compiled = compiled_model(tmp_path / "m", behaviour, clock, batch=2)
    compiled.infer(zeros(compiled))
    assert clock.now_s() == pytest.approx(0.5)


def test_refuses_and_fails_as_told(tmp_path) -> None:
    with pytest.raises(RuntimeRefusal, match="Frobnicate"):
        compiled_model(tmp_path / "m", Behaviour(refuse="Frobnicate"))
    with pytest.raises(RuntimeRefusal, match="bf16"):
        compiled_model(tmp_path / "m", precision="bf16")
    with pytest.raises(ModelError):
        FakeRuntime().compile(tmp_path / "none", RunConfig(runtime="fake"))
    compiled = compiled_model(tmp_path / "m", Behaviour(fail_at=1), FakeClock())
    compiled.infer(zeros(compiled))
    with pytest.raises(RuntimeRefusal, match="pass 1"):
        compiled.infer(zeros(compiled))
    compiled.infer(zeros(compiled))


def test_failure_reaches_the_callback(tmp_path) -> None:
    compiled = compiled_model(tmp_path / "m", Behaviour(fail_at=0), FakeClock())
    seen = []
    compiled.start(zeros(compiled), "token", lambda *result: seen.append(result))
    ((token, outputs, _, error),) = seen
    assert (token, outputs) == ("token", None)
    assert isinstance(error, RuntimeRefusal)


def test_crash_ends_the_process(tmp_path) -> None:
    (tmp_path / "m").write_bytes(b"anything")
    code = CRASH.format(fault="crash_at")
    command = [sys.executable, "-c", code, str(tmp_path / "m")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode < 0
    assert run.stdout == "pass\n"


def test_hang_never_ends(tmp_path) -> None:
    (tmp_path / "m").write_bytes(b"anything")
    code = CRASH.format(fault="hang_at")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "m")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"pass\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.kill()
        assert process.stdout.read() == b""
