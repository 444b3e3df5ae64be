"""Stands in for the application around the models: takes its core time for every frame and object, and does nothing.

``sizer verify`` runs no tracker, no drawing and no encoder. So that the run carries what the plan carries, this burns
the core time that the plan takes them to cost, with the interpreter left to others.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from .frames import Frame

BLOCK = bytes(32 * 1024)
"""What is hashed at a time, 15 to 80 us of a core; from 2 KiB on ``hashlib`` lets other threads run meanwhile."""


def burn(core_s: float) -> None:
    """Keep a core busy for so much CPU time of the calling thread [s], to half a block."""
    end_s = time.thread_time() + core_s
    while time.thread_time() < end_s:
        hashlib.sha256(BLOCK)


class Application:
    """Threads that take a frame between its decoding and its stages, as the simulator has it: no decoder waits for it.

    ``deliver`` is called with each frame when its time is up, on the thread that took it; ``fail`` ends the run.
    """

    def __init__(
        self, frame_s: float, threads: int, deliver: Callable[[Frame], None], fail: Callable[[str], None]
    ) -> None:
        self._frame_s, self._deliver, self._fail = frame_s, deliver, fail
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        count = threads if frame_s > 0 else 0
        self.burnt_cpu_s = [0.0] * count
        """CPU time of each thread that stands for the application; the rest of it is harness."""
        self.threads = [
            threading.Thread(target=self._work, args=(number,), name=f"application-{number}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self.threads:
            thread.start()

    def offer(self, frame: Frame) -> None:
        """Take a frame; without an application it goes on at once."""
        if self.threads:
            self._frames.put(frame)
        else:
            self._deliver(frame)

    def depth(self) -> int:
        """Frames that wait."""
        return self._frames.qsize()

    def _work(self, number: int) -> None:
        while True:
            frame = self._frames.get()
            begun_s = time.thread_time()
            burn(self._frame_s)
            self.burnt_cpu_s[number] += time.thread_time() - begun_s
            try:
                self._deliver(frame)
            except Exception as error:  # as a stage: whatever breaks ends the run with its reason
                self._fail(f"{type(error).__name__} between decoding and the stages: {error}")
                return
