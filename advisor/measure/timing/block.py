"""A block of passes: what was started between two moments, and how much of it was done."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.records.measurement import Interference


class Block:
    """Passes that were started between two moments."""

    def __init__(self, lanes: int = 1) -> None:
        self._lanes = lanes
        self.starts_s: list[float] = []
        """When each was requested: the call, or the scheduled time of a paced one."""
        self.finishes_s: list[float | None] = []
        self.window_s = 0.0
        self.begin_s = 0.0
        self.cpu_s = 0.0
        self.interference = Interference()

    def latencies_s(self) -> list[float]:
        """Latency of each finished pass, in order of issue."""
        return [end - start for start, end in zip(self.starts_s, self.finishes_s, strict=True) if end is not None]

    def passes_in_window(self) -> float:
        """Passes done inside the window; one that outlives it counts by the share of its service that lies inside.

        Without the shares a closed loop of n requests would lose half a pass per request at the end of each block. Of
        more requests than ``lanes`` (passes that the runtime works on at once) some wait inside the runtime: the k-th
        pass to finish was begun when the one ``lanes`` places before it had finished, and not before it was requested.
        """
        end_s = self.begin_s + self.window_s
        passes = sorted(
            (finish, start)
            for start, finish in zip(self.starts_s, self.finishes_s, strict=True)
            if finish is not None and finish > start
        )
        total = 0.0
        for k, (finish, start) in enumerate(passes):
            begun_s = start if k < self._lanes else max(start, passes[k - self._lanes][0])
            if finish <= end_s:
                total += 1.0
            elif begun_s < end_s:
                total += (end_s - begun_s) / (finish - begun_s)
        return total


@dataclass(frozen=True)
class Pass:
    """What a callback needs to know about the pass that ended."""

    block: Block
    index: int
