"""Passes in flight of a runtime that serves them with threads of its own."""

from __future__ import annotations

import threading

from .protocol import Array, Done


class InFlight:
    """Admits as many passes as the model has requests, delivers their results, waits for all.

    Parameters
    ----------
    requests : int
        Most passes at a time.
    """

    def __init__(self, requests: int) -> None:
        self.requests = requests
        self.permits = threading.Semaphore(requests)
        """Held by each pass, a synchronous one included."""
        self._changed = threading.Condition()
        self._count = 0
        self._callback_error: BaseException | None = None

    def begin(self) -> None:
        """Wait for a free request and take it for an asynchronous pass."""
        self.permits.acquire()
        with self._changed:
            self._count += 1

    def deliver(
        self, done: Done, token: object, outputs: list[Array] | None, finish_s: float, failure: BaseException | None
    ) -> None:
        """Hand the result of an asynchronous pass to its callback, then free its request.

        What the callback raises is raised by :meth:`wait_all`: here it would end the thread of the runtime.
        """
        try:
            done(token, outputs, finish_s, failure)
        except Exception as broken:
            self._callback_error = broken
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()
            self.permits.release()

    def wait_all(self) -> None:
        """Wait for all asynchronous passes; raises what a callback raised since the last call."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)
        if self._callback_error is not None:
            error, self._callback_error = self._callback_error, None
            raise error

    def idle(self) -> int:
        """Requests that could start an asynchronous pass at once."""
        return self.requests - self._count
