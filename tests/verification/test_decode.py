from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from advisor.verification.decode import WAITING_MAX, DecodePool, SourceError
from advisor.verification.frames import Frame, Ledger, Log
from advisor.verification.observation import DONE, DROPPED, LOST
from advisor.verification.setup import feeds_of
from tests.waiting import wait_until

from .support import scenario


class Scripted:
    """A source that answers as told, once it may."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.go = threading.Semaphore(0)
        self.closed = False
        self.reading = True

    def decode(self, packet: Any) -> Any:
        self.go.acquire()
        answer = self.answers.pop(0) if self.answers else "picture"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, workers: int, *sources: Scripted) -> None:
        self.log = Log()
        self.ledger = Ledger(self.log, time.perf_counter)
        self.delivered: list[tuple[int, int, Any]] = []
        self.status: list[tuple[int, str]] = []
        self.feeds = feeds_of(scenario())
        self.sources = dict(enumerate(sources))
        self.pool = DecodePool(
            self.sources, workers, self.ledger, self.log, self._deliver, time.perf_counter,
            lambda index, text: self.status.append((index, text)),
        )  # fmt: skip
        self.pool.start()

    def _deliver(self, frame: Frame) -> None:
        self.delivered.append((frame.feed.index, frame.sequence, frame.picture))
        frame.pending = 1
        self.ledger.close(frame)

    def offer(self, index: int, *numbers: int) -> None:
        for number in numbers:
            frame = Frame(self.feeds[index], number, 0.0)
            self.ledger.release(frame, 0.0)
            self.pool.offer(frame)

    def wait(self, count: int) -> None:
        wait_until(lambda: self.ledger.in_flight <= count, f"{count} frames in flight")
        assert self.ledger.in_flight == count

    def ends(self) -> dict[int, list[tuple[int, str]]]:
        found: dict[int, list[tuple[int, str]]] = {DONE: [], DROPPED: [], LOST: []}
        for kind, *row in self.log.take():
            if kind == "e":
                found[row[2]].append((row[1], row[4]))
        return found


def wait_until_idle(rig: Rig) -> None:
    wait_until(lambda: not rig.pool.depth(), "an empty decode queue")


def test_frames_of_a_camera_stay_in_order_and_the_ninth_that_waits_is_dropped() -> None:
    source = Scripted()
    rig = Rig(2, source)
    rig.offer(0, 0)
    while rig.pool.depth():  # the first is in hand
        time.sleep(0.001)
    rig.offer(0, *range(1, WAITING_MAX + 3))
    assert rig.ledger.dropped == 2
    source.go.release(100)
    rig.wait(0)
    assert [number for _, number, _ in rig.delivered] == list(range(WAITING_MAX + 1))
    assert rig.ends()[DROPPED] == [(WAITING_MAX + 1, "decode"), (WAITING_MAX + 2, "decode")]
    rig.pool.close()
    assert source.closed


def test_one_camera_that_hangs_does_not_stop_the_other() -> None:
    slow, quick = Scripted(), Scripted()
    rig = Rig(2, slow, quick)
    rig.offer(0, 0)
    quick.go.release(5)
    rig.offer(1, 0, 1, 2, 3, 4)
    rig.wait(1)
    assert {index for index, _, _ in rig.delivered} == {1}
    slow.go.release(1)
    rig.wait(0)
    rig.pool.close()


def test_pictures_that_a_decoder_holds_back_go_to_the_frames_they_belong_to() -> None:
    source = Scripted(None, None, "first", "second")
    rig = Rig(1, source)
    source.go.release(4)
    rig.offer(0, 0, 1, 2, 3)
    rig.wait(2)
    assert rig.delivered == [(0, 0, "first"), (0, 1, "second")]
    rig.pool.close()


def test_data_that_cannot_be_decoded_is_the_sources_fault_and_told_once() -> None:
    source = Scripted(SourceError("broken"), SourceError("broken"), "picture")
    rig = Rig(1, source)
    source.go.release(3)
    rig.offer(0, 0, 1, 2)
    rig.wait(0)
    assert (rig.ledger.lost, rig.ledger.done, rig.ledger.dropped) == (2, 1, 0)
    assert rig.status == [(0, "damaged: broken")]
    rig.pool.close()


def test_a_source_that_gives_nothing_is_no_fault_of_the_machine_and_the_others_go_on(monkeypatch) -> None:
    monkeypatch.setattr("advisor.verification.decode.BLOCKED_S", 0.05)
    silent, good = Scripted(), Scripted()
    rig = Rig(1, silent, good)  # the only worker is taken by the silent one
    rig.offer(0, 0)
    good.go.release(10)
    count = itertools.count()
    wait_until(lambda: rig.offer(1, next(count)) or bool(rig.delivered), "the pool's state")
    assert {index for index, _, _ in rig.delivered} == {1}
    for number in range(1, 20):
        rig.offer(0, number)  # more than may wait
    silent.go.release(100)
    wait_until(lambda: (0, "ok") in rig.status, "the pool's state")
    texts = [text for index, text in rig.status if index == 0]
    assert texts[0].startswith("stalled: ")
    assert texts[-1] == "ok"
    kinds = [row[3] for row in rig.log.take() if row[0] == "e" and row[1] == 0]
    assert kinds == [LOST] * 20
    rig.offer(0, 20)  # and it works again
    wait_until(lambda: any(index == 0 for index, _, _ in rig.delivered), "the pool's state")
    rig.pool.close()


def test_a_decoder_that_sleeps_over_a_frame_is_no_silent_camera(monkeypatch) -> None:
    monkeypatch.setattr("advisor.verification.decode.BLOCKED_S", 0.05)
    busy = Scripted()
    busy.reading = False  # the data is there: the thread waits for hardware that has too much to do
    rig = Rig(1, busy)
    rig.offer(0, 0)
    wait_until(lambda: not rig.pool.depth(), "the pool's state")
    time.sleep(0.2)
    rig.offer(0, *range(1, WAITING_MAX + 4))
    busy.go.release(100)
    rig.wait(0)
    assert rig.status == []
    assert (rig.ledger.lost, rig.ledger.dropped) == (0, 3)
    rig.pool.close()
