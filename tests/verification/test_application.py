from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import cast

import pytest

from advisor.verification.application import Application, burn
from advisor.verification.frames import Frame

FRAME_S = 0.02


def frames(count: int) -> list[Frame]:
    return [cast(Frame, SimpleNamespace(number=number)) for number in range(count)]


@pytest.mark.parametrize("core_s", [0.0, 0.003, 0.05])
def test_so_much_cpu_time_of_the_thread_is_taken(core_s: float) -> None:
    begun_s = time.thread_time()
    burn(core_s)
    assert core_s <= time.thread_time() - begun_s < core_s + 0.005


def test_others_may_use_the_interpreter_meanwhile() -> None:
    """Counting goes on in another thread while a core is kept busy for a while."""
    counted, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted[0]
    burn(0.2)
    stop.set()
    thread.join()
    assert counted[0] - before > 10_000


def test_every_frame_goes_on_once_its_time_is_up() -> None:
    delivered: list[Frame] = []
    done = threading.Event()

    def deliver(frame: Frame) -> None:
        delivered.append(frame)
        if len(delivered) == 5:
            done.set()

    application = Application(FRAME_S, 2, deliver, pytest.fail)
    application.start()
    offered = frames(5)
    for frame in offered:
        application.offer(frame)
    assert done.wait(10.0)
    assert {id(frame) for frame in delivered} == {id(frame) for frame in offered}
    assert 5 * FRAME_S <= sum(application.burnt_cpu_s) < 5 * (FRAME_S + 0.005)
    assert application.depth() == 0


def test_without_an_application_a_frame_goes_on_at_once() -> None:
    delivered: list[Frame] = []
    application = Application(0.0, 4, delivered.append, pytest.fail)
    (frame,) = frames(1)
    application.start()
    application.offer(frame)
    assert delivered == [frame]
    assert application.threads == []


def test_a_fault_behind_it_ends_the_run_with_its_reason() -> None:
    reasons: list[str] = []
    failed = threading.Event()

    def deliver(frame: Frame) -> None:
        raise ValueError("no stage takes it")

    def fail(reason: str) -> None:
        reasons.append(reason)
        failed.set()

    application = Application(0.001, 1, deliver, fail)
    application.start()
    application.offer(frames(1)[0])
    assert failed.wait(10.0)
    assert reasons == ["ValueError between decoding and the stages: no stage takes it"]
