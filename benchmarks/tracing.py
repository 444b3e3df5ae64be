"""What tracing costs a real run: the row of a pass with its requests against the row without them, in turns.

``run()`` returns the table in Markdown; ``python -m benchmarks.tracing`` from the checkout prints it.
"""

from __future__ import annotations

import time
from statistics import median
from types import SimpleNamespace
from typing import Any

from advisor.verification.frames import Log
from advisor.verification.stages import Work, request_row

PASSES, ROUNDS = 2_000, 40
SHORTEST_PASS_S = 0.2e-3
"""Of the smallest model of the shipped scenarios on one core; a longer pass makes the share smaller."""


def cost_s(requests: int) -> float:
    """Core time that tracing adds to one pass of so many requests [s]: the median over rounds of alternating blocks."""
    frame: Any = SimpleNamespace(feed=SimpleNamespace(index=3), sequence=1000)
    works = [Work(frame, (None,), 1.0) for _ in range(requests)]
    plain, traced = Log(), Log((0.0, 1e9))

    def block(log: Log) -> float:
        began_s = time.thread_time()
        for _ in range(PASSES):
            of = ([request_row(work) for work in works],) if log.traces(12.0) else ()
            log.add("b", "person", 0, 0.1, 1.0, 2.0, 3.0, 4.0, requests, *of)
        lasted_s = time.thread_time() - began_s
        log.take()
        return lasted_s / PASSES

    pairs = [(block(plain), block(traced)) for _ in range(ROUNDS)]
    return median(with_s - without_s for without_s, with_s in pairs)


def run() -> str:
    """Make the table."""
    lines = ["| requests in a batch | added to a pass, us | share of a pass of 0.2 ms, % |", "|---|---|---|"]
    for requests in (1, 4, 16):
        added_s = cost_s(requests)
        lines.append(f"| {requests} | {1e6 * added_s:.2f} | {100 * added_s / SHORTEST_PASS_S:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
