"""A block of passes: what was started between two moments, and how much of it was done."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

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
        self._counted: float | None = None

    def latencies_s(self) -> list[float]:
        """Latency of each finished pass, in order of issue."""
        return [end - start for start, end in zip(self.starts_s, self.finishes_s, strict=True) if end is not None]

    def passes_in_window(self) -> float:
        """Passes done inside the window; one that outlives it counts by the share of its service that lies inside.

        Without the shares a closed loop of n requests would lose half a pass per request at the end of each block. Of
        more requests than ``lanes`` (passes that the runtime works on at once) some wait inside the runtime: the k-th
        pass to finish was begun when the one ``lanes`` places before it had finished, and not before it was requested.
        """
        if self._counted is not None:
            return self._counted
        end_s = self.begin_s + self.window_s
        total = 0.0
        for begun_s, _, finish_s in self._served():
            if finish_s <= end_s:
                total += 1.0
            elif begun_s < end_s:
                total += (end_s - begun_s) / (finish_s - begun_s)
        return total

    def pass_s(self) -> float:
        """Time that a pass held its lane on average [s]; 0 where none was done."""
        passes = self.passes_in_window()
        return self._lanes * self.window_s / passes if passes > 0 else 0.0

    def without_ramp(self, shortest_s: float) -> list[Block]:
        """Blocks of at least ``shortest_s`` [s] and a pass, from when each lane has done its first pass; may be none.

        While the first passes run, all lanes are at the same place of the network, and caches hold what ran before. A
        pass counts in each block by the share of its service inside, its latency where it finishes.
        """
        passes = self._served()
        if len(passes) <= self._lanes:
            return []
        begin_s, end_s = passes[self._lanes - 1][2], self.begin_s + self.window_s
        count = int((end_s - begin_s) / max(shortest_s, self.pass_s()))
        if count < 1:
            return []
        edges_s = [begin_s + (end_s - begin_s) * k / count for k in range(count + 1)]
        return [self._part(passes, low_s, high_s) for low_s, high_s in pairwise(edges_s)]

    def _part(self, passes: list[tuple[float, float, float]], low_s: float, high_s: float) -> Block:
        part = Block(self._lanes)
        part.begin_s, part.window_s, part.interference = low_s, high_s - low_s, self.interference
        inside = [(start, finish) for _, start, finish in passes if low_s < finish <= high_s]
        part.starts_s, part.finishes_s = [start for start, _ in inside], [finish for _, finish in inside]
        part.cpu_s = self.cpu_s * len(inside) / len(passes)
        part._counted = sum(
            max(0.0, min(finish, high_s) - max(begun, low_s)) / (finish - begun) for begun, _, finish in passes
        )
        return part

    def _served(self) -> list[tuple[float, float, float]]:
        """When each pass was begun, requested and finished, in the order in which they finished."""
        passes = sorted(
            (finish, start)
            for start, finish in zip(self.starts_s, self.finishes_s, strict=True)
            if finish is not None and finish > start
        )
        return [
            (start if k < self._lanes else max(start, passes[k - self._lanes][0]), start, finish)
            for k, (finish, start) in enumerate(passes)
        ]


@dataclass(frozen=True)
class Pass:
    """What a callback needs to know about the pass that ended."""

    block: Block
    index: int
