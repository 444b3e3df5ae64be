"""Closed loops over OpenVINO's own requests, as ``benchmark_app`` runs them: no pass waits for the interpreter.

A callback in Python costs 0.1 to 0.3 ms per pass when a model empties the caches: taking the interpreter lock on
a foreign thread, waking the thread that waits for it, code and objects that have to come back from memory. That is 5 to
10 % of a small model's pass, in which an inference stream idles. Here times come from the requests' own clocks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import openvino as ov
from openvino._pyopenvino import AsyncInferQueue as BareQueue
from openvino._pyopenvino import InferRequest as BareRequest

from .protocol import Passes

_MS = 1e-3


def one_after_another(request: Any, end_s: float) -> Passes:
    """Run synchronous passes until ``end_s`` on ``time.perf_counter``, at least one.

    Raises
    ------
    RuntimeError
        A pass failed.
    """
    now, infer = time.perf_counter, BareRequest.infer
    starts_s, finishes_s = [], []
    now_s = now()
    while True:
        starts_s.append(now_s)
        infer(request, {}, True, False)
        finishes_s.append(now_s + _MS * request.latency)
        now_s = now()
        if now_s >= end_s:
            return Passes(starts_s, finishes_s, now_s)


class Crowd:
    """Requests of a queue of OpenVINO's, which notes in its own code when one is done.

    Parameters
    ----------
    compiled
        OpenVINO's compiled model.
    tensors : sequence of sequence
        For each request its input tensors; they are bound once.
    """

    def __init__(self, compiled: Any, tensors: Sequence[Sequence[Any]]) -> None:
        self._queue = ov.AsyncInferQueue(compiled, len(tensors))
        self._requests = [BareQueue.__getitem__(self._queue, at) for at in range(len(tensors))]
        for request, bound in zip(self._requests, tensors, strict=True):
            for index, tensor in enumerate(bound):
                request.set_input_tensor(index, tensor)

    def run(self, end_s: float) -> Passes:
        """Keep every request busy until ``end_s`` on ``time.perf_counter``; returns when the last pass is done.

        Raises
        ------
        RuntimeError
            A pass failed; the crowd is of no use any more.
        """
        now, idle, start = time.perf_counter, self._queue.get_idle_request_id, BareQueue.start_async
        queue, requests = self._queue, self._requests
        starts_s: list[float] = []
        finishes_s: list[float] = []
        carried: list[int | None] = [None] * len(requests)
        while True:
            at = idle()
            number = carried[at]
            if number is not None:
                finishes_s[number] = starts_s[number] + _MS * requests[at].latency
            now_s = now()
            if now_s >= end_s and starts_s:
                carried[at] = None
                break
            carried[at] = len(starts_s)
            starts_s.append(now_s)
            finishes_s.append(now_s)
            start(queue, {}, None)
        self._queue.wait_all()
        for request, number in zip(requests, carried, strict=True):
            if number is not None:
                finishes_s[number] = starts_s[number] + _MS * request.latency
        return Passes(starts_s, finishes_s, now_s)
