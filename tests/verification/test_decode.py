from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from advisor.verification.decode import WAITING_MAX, DecodePool, SourceError, SourceGone
from advisor.verification.frames import Frame, Ledger, Log
from advisor.verification.running import DONE, DROPPED, LOST
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
        self.codec = "scripted"

    def decode(self, frame: Frame) -> Sequence[tuple[int, Any]]:
        self.go.acquire()
        answer = self.answers.pop(0) if self.answers else "picture"
        if isinstance(answer, Exception):
            raise answer
        return [(frame.sequence, answer)] if isinstance(answer, str) else answer

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


class Packet:
    """As much of an arrival as the pool looks at."""

    def __init__(self, presented: int | None, is_key: bool = False, context: str = "decoder") -> None:
        self.presented, self.is_key, self.context = presented, is_key, context
        self.before: list[Any] = []
        self.packet = self


def live_frames(rig: Rig, packets: Sequence[Packet], first: int = 0) -> list[Frame]:
    """Release a frame per packet, one second apart."""
    frames = [Frame(rig.feeds[0], first + n, float(first + n), packet=packet) for n, packet in enumerate(packets)]
    for frame in frames:
        rig.ledger.release(frame, 0.0)
        rig.pool.offer(frame)
    return frames


def test_pictures_go_to_their_frames_and_count_from_the_packet_that_completed_them() -> None:
    # sent I0 P3 B1 B2, as an encoder orders them; shown 0 1 2 3; the decoder holds one picture back
    source = Scripted([], [(0, "I0")], [(2, "B1")], [(3, "B2"), (1, "P3")])
    rig = Rig(1, source)
    source.go.release(4)
    frames = live_frames(rig, [Packet(0, is_key=True), Packet(3), Packet(1), Packet(2)])
    rig.wait(0)
    assert rig.delivered == [(0, 0, "I0"), (0, 2, "B1"), (0, 3, "B2"), (0, 1, "P3")]
    assert [frame.released_s for frame in frames] == [1.0, 3.0, 2.0, 3.0]
    assert [tuple(row) for row in rig.log.take() if row[0] == "p"] == [("p", 0, 0, 1.0), ("p", 0, 1, 3.0)]
    rig.pool.close()


@pytest.mark.parametrize("stamped", [True, False])
def test_frames_whose_turn_has_passed_are_the_sources_loss(stamped) -> None:
    # joined in the middle of a group: nothing decodes before the key frame, number 20
    answers: list[Any] = [[] for _ in range(20)]
    source = Scripted(*answers, *([(number, "picture")] for number in range(20, 40)))
    rig = Rig(1, source)
    for number in range(40):
        live_frames(rig, [Packet(number if stamped else None, is_key=number == 20)], number)
        source.go.release(1)
        wait_until_idle(rig)
    rig.wait(0)
    assert (rig.ledger.done, rig.ledger.lost, rig.ledger.dropped) == (20, 20, 0)
    rig.pool.close()


def test_frames_of_an_earlier_connection_are_not_waited_for() -> None:
    source = Scripted([], [(1, "picture")])
    rig = Rig(1, source)
    source.go.release(2)
    live_frames(rig, [Packet(5, context="first"), Packet(0, is_key=True, context="second")])
    rig.wait(0)
    assert (rig.ledger.done, rig.ledger.lost) == (1, 1)
    rig.pool.close()


def test_what_a_decoder_holds_back_at_the_end_counts_after_the_run() -> None:
    source = Scripted([], [(0, "picture")])
    rig = Rig(1, source)
    source.go.release(2)
    live_frames(rig, [Packet(0, is_key=True), Packet(1)])
    rig.wait(1)
    wait_until(lambda: rig.pool.lose_held() or not rig.ledger.in_flight, "the held frame given up")
    moved = [row[2] for row in rig.log.take() if row[0] == "p"]
    assert moved == [0, 1]
    assert rig.ledger.lost == 1
    rig.pool.close()


def test_packets_of_dropped_frames_still_reach_the_decoder_up_to_a_key_frame() -> None:
    source = Scripted()
    rig = Rig(1, source)
    live_frames(rig, [Packet(0, is_key=True)])
    wait_until_idle(rig)
    packets = [Packet(number) for number in range(1, WAITING_MAX + 4)]
    live_frames(rig, packets, 1)
    assert rig.ledger.dropped == 3
    source.go.release(2)  # one done, one in hand: there is room again
    wait_until(lambda: rig.pool.depth() < WAITING_MAX, "room in the queue")
    late = Packet(20)
    live_frames(rig, [late], 20)
    assert late.before == packets[-3:]
    live_frames(rig, [Packet(number) for number in range(21, 26)], 21)
    source.go.release(100)
    rig.wait(0)
    key = Packet(30, is_key=True)
    live_frames(rig, [key], 30)
    assert key.before == []
    rig.wait(0)
    rig.pool.close()


@pytest.mark.parametrize("fault", [SourceGone("no picture in it"), ZeroDivisionError("a bug of a decoder")])
def test_a_source_that_dies_costs_its_own_camera_only(fault) -> None:
    dead, good = Scripted("picture", fault), Scripted()
    rig = Rig(1, dead, good)
    dead.go.release(10)
    good.go.release(10)
    rig.offer(0, 0, 1, 2, 3)
    rig.offer(1, 0, 1)
    rig.wait(0)
    rig.offer(0, 4)
    rig.wait(0)
    assert (rig.ledger.done, rig.ledger.lost, rig.ledger.dropped) == (3, 4, 0)
    assert [index for index, _ in rig.status] == [0]
    assert rig.status[0][1].startswith("failed: ")
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
