from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.records.config import RunConfig
from advisor.records.scenario import Stage
from advisor.runtimes.fake import Behaviour, FakeRuntime
from advisor.runtimes.protocol import CompileOptions
from advisor.verification.frames import Frame, Ledger, Log
from advisor.verification.running import DROPPED
from advisor.verification.setup import feeds_of
from advisor.verification.stages import Granted, Lanes, RunServices, StageRunner, Work
from tests.waiting import wait_until

from .support import model, scenario


class Rig:
    def __init__(
        self, tmp_path: Any, stage: dict[str, Any], batch: int = 1, requests: int = 1, **behaviour: Any
    ) -> None:
        self.log = Log()
        self.ledger = Ledger(self.log, time.perf_counter)
        self.answers: list[list[tuple[int, int]]] = []
        self.failures: list[str] = []
        self.gate = threading.Event()
        self.feed = feeds_of(scenario())[0]
        compiled = FakeRuntime(Behaviour(**behaviour)).compile(
            Path(model(tmp_path / "m.onnx").path),
            RunConfig(runtime="fake", streams=1, batch=batch, requests=requests),
            CompileOptions(input_shape=(1, 3, 8, 8), input_kind="u8_nhwc", want_outputs=True),
        )
        self.runner = StageRunner(
            Stage.model_validate({"id": "s", "model": "m", **stage}), compiled, Granted(batch, streams=1, passes=1),
            self._fill, self._answer, RunServices(self.ledger, self.log, time.perf_counter, self.failures.append),
            [np.zeros(spec.shape, spec.dtype) for spec in compiled.inputs],
        )  # fmt: skip

    def _fill(self, work: Work, number: int, row: np.ndarray) -> None:
        self.gate.wait(60)
        row[...] = 7

    def _answer(self, works: list[Work], outputs: list[np.ndarray]) -> None:
        assert outputs[0].shape[1] == 10
        self.answers.append([(work.frame.sequence, len(work.boxes)) for work in works])
        for work in works:
            self.ledger.answer(work.frame, "s")
            self.ledger.close(work.frame)

    def frame(self, number: int) -> Frame:
        frame = Frame(self.feed, number, time.perf_counter())
        self.ledger.release(frame, 0.0)
        return frame

    def offer_frames(self, *numbers: int) -> None:
        for number in numbers:
            frame = self.frame(number)
            self.ledger.expect(frame, "s", 1)
            self.runner.offer_frame(Work(frame, (None,), time.perf_counter()))

    def finish(self) -> None:
        self.gate.set()
        wait_until(lambda: not self.ledger.in_flight or self.failures, "every frame to end")
        self.runner.close()


def dropped(rig: Rig) -> list[int]:
    return [row[2] for row in rig.log.take() if row[0] == "e" and row[3] == DROPPED]


@pytest.mark.parametrize(("policy", "victims"), [("newest", [4, 5]), ("oldest", [0, 1])])
def test_a_full_queue_drops_by_its_policy(tmp_path, policy, victims) -> None:
    rig = Rig(tmp_path, {"drop": policy, "queue_frames": 4})
    rig.offer_frames(*range(6))  # nobody serves yet
    rig.runner.start()
    rig.finish()
    assert sorted(dropped(rig)) == victims
    assert rig.ledger.released == rig.ledger.done + rig.ledger.dropped == 6


def test_objects_of_one_frame_stay_together_and_are_cut_into_batches(tmp_path) -> None:
    rig = Rig(tmp_path, {"on": "x", "batch": {"max": 4}}, batch=4)
    box = (0.0, 0.0, 1.0, 1.0)
    for number, count in enumerate([9, 2]):
        frame = rig.frame(number)
        frame.pending = 1
        rig.runner.offer_objects(frame, [box] * count, time.perf_counter())
        rig.ledger.close(frame)
    rig.runner.start()
    rig.finish()
    assert rig.answers == [[(0, 4)], [(0, 4)], [(0, 1)], [(1, 2)]]


def test_with_a_timeout_objects_of_several_frames_share_a_batch(tmp_path) -> None:
    rig = Rig(tmp_path, {"on": "x", "batch": {"max": 4, "timeout_ms": 50}}, batch=4)
    for number in range(3):
        frame = rig.frame(number)
        rig.runner.offer_objects(frame, [(0.0, 0.0, 1.0, 1.0)] * 2, time.perf_counter())
    rig.runner.start()
    rig.finish()
    assert rig.answers == [[(0, 2), (1, 2)], [(2, 2)]]


def test_requests_that_share_a_batch_are_never_cut(tmp_path) -> None:
    """As the simulator does (tests/simulate/test_run.py, the same name)."""
    rig = Rig(tmp_path, {"on": "x", "batch": {"max": 8, "timeout_ms": 50}}, batch=8)
    for number in range(5):
        rig.runner.offer_objects(rig.frame(number), [(0.0, 0.0, 1.0, 1.0)] * 3, time.perf_counter())
    rig.runner.start()
    rig.finish()
    assert rig.answers == [[(0, 3), (1, 3)], [(2, 3), (3, 3)], [(4, 3)]]


def test_a_batch_that_may_grow_waits_in_the_queue_and_holds_no_caller(tmp_path) -> None:
    """With the stream busy, what comes meanwhile shares the next pass, whichever caller is idle."""
    rig = Rig(tmp_path, {"queue_frames": 8}, batch=4, requests=2)
    rig.runner.start()
    rig.offer_frames(0)
    wait_until(lambda: not rig.runner._queue, "the only stream to be taken")
    rig.offer_frames(1, 2, 3)
    time.sleep(0.1)  # ample for the second caller to take them one by one
    assert rig.runner.depth() == 3
    rig.offer_frames(4)  # a full batch may be prepared ahead
    wait_until(lambda: not rig.runner._queue, "the second caller to take a full batch")
    rig.finish()
    assert sorted([number for number, _ in answer] for answer in rig.answers) == [[0], [1, 2, 3, 4]]


def test_callers_do_not_share_out_a_batch_that_waits_to_fill(tmp_path) -> None:
    rig = Rig(tmp_path, {"batch": {"max": 4, "timeout_ms": 60_000}}, batch=4, requests=3)
    rig.runner.start()
    for number in range(4):
        rig.offer_frames(number)
        time.sleep(0.02)
    rig.finish()
    assert rig.answers == [[(0, 1), (1, 1), (2, 1), (3, 1)]]


def test_a_queue_has_room_for_the_batch_that_it_waits_for(tmp_path) -> None:
    rig = Rig(tmp_path, {"queue_frames": 2, "batch": {"max": 4, "timeout_ms": 60_000}}, batch=4)
    rig.offer_frames(*range(5))
    rig.runner.start()
    rig.finish()
    assert dropped(rig) == [4]
    assert [len(answer) for answer in rig.answers] == [4]


def test_frames_that_wait_are_put_into_one_pass(tmp_path) -> None:
    rig = Rig(tmp_path, {"queue_frames": 8}, batch=3)
    rig.offer_frames(*range(7))
    rig.runner.start()
    rig.finish()
    assert [[number for number, _ in answer] for answer in rig.answers] == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_failed_pass_ends_the_run_with_its_reason(tmp_path) -> None:
    rig = Rig(tmp_path, {}, fail_at=1)
    rig.offer_frames(0, 1)
    rig.runner.start()
    rig.finish()
    assert rig.failures == ["stage s: RuntimeRefusal: inference failed: pass 1 fails as scripted"]


def test_a_pass_that_waits_in_the_runtime_begins_when_one_in_work_ends() -> None:
    lanes = Lanes(2)
    first, second, third, fourth = (lanes.enter(float(at)) for at in range(4))
    assert lanes.leave(second, 10.0) == 1.0
    assert lanes.leave(third, 12.0) == 10.0  # the first to wait, since the second ended
    assert lanes.leave(first, 13.0) == 0.0
    assert lanes.leave(fourth, 15.0) == 12.0
    assert lanes.leave(lanes.enter(20.0), 21.0) == 20.0


def test_a_pass_that_overtakes_began_when_it_was_handed_over() -> None:
    lanes = Lanes(1)
    first, second, third = (lanes.enter(float(at)) for at in range(3))
    assert lanes.leave(third, 5.0) == 2.0
    assert lanes.leave(first, 6.0) == 0.0
    assert lanes.leave(second, 7.0) == 6.0


def test_what_callers_prepare_ahead_still_counts_as_waiting(tmp_path) -> None:
    rig = Rig(tmp_path, {"queue_frames": 1}, requests=2)
    rig.runner.start()
    rig.offer_frames(0)
    wait_until(lambda: not rig.runner._queue, "an empty queue")  # a caller pre-processes it: in work, not waiting
    rig.offer_frames(1)
    wait_until(lambda: not rig.runner._queue, "an empty queue")  # a second caller has it
    assert rig.runner.depth() == 1
    rig.offer_frames(2)  # one place only
    rig.finish()
    assert dropped(rig) == [2]
