"""The most cameras that pass, with few probes: jump by measured headroom, bracket, confirm at the edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from advisor.records.verdict import CapacityResult, Verdict

PROBES_MAX = 12
FULL = 0.95
"""Utilisation at which the jump from measured headroom aims."""
_FIGURES = ("run_completed", "camera_fps", "drops", "latency_p95", "queue_growth")


def passes(verdict: Verdict) -> bool | None:
    """Whether the figures of a probe meet the requirement; None if a disturbed or broken probe says nothing.

    A probe is too short to prove a tail, so its figures count as they are; edges are probed twice for that.
    """
    if verdict.reason.startswith("stopped"):
        return None
    relevant = [check for check in verdict.checks if check.name in _FIGURES]
    if any(check.ok is False for check in relevant):
        return False
    if all(check.met is True for check in relevant):
        return True
    disturbed = float(verdict.interference.get("lost_fraction") or 0.0) > 0.05
    return None if disturbed else False


def jump(cameras: int, verdict: Verdict) -> int:
    """Cameras at which the busiest resource would be full, or all frames of this probe would have been done."""
    busiest = max(verdict.utilisation.values(), default=0.0)
    released = sum(camera.released for camera in verdict.cameras)
    delivered = sum(camera.done for camera in verdict.cameras) / released if released else 1.0
    factor = min(FULL / busiest if busiest > 0 else 2.0, delivered if delivered < 1.0 else math.inf)
    return max(math.floor(cameras * factor), 1)


def search_capacity(
    probe: Callable[[int], Verdict], start: int, predicted: Mapping[str, float] | None = None
) -> CapacityResult:
    """Find the largest number of cameras n with n passing twice and n + 1 failing twice.

    Parameters
    ----------
    probe : callable
        Runs a number of cameras and judges it.
    start : int
        Cameras of the first probe.
    predicted : mapping, optional
        ``p10`` and ``p90`` of what was promised; a result outside is a broken promise.

    Returns
    -------
    CapacityResult
        ``cameras`` None if disturbance or the limit of probes left no answer, 0 where not even one camera passes.
    """
    search = _Search(probe)
    low, high = 0, None
    current = max(start, 1)
    while search.left and (high is None or high - low > 1):
        verdict, good = search.run(current)
        if good is None:
            return search.result(None, None, predicted)
        if good:
            low = max(low, current)
            aim = max(jump(current, verdict), current + 1)
        else:
            # One jump down by what the probe showed; if that fails too, its figures mislead: halve.
            aim = min(jump(current, verdict), current - 1) if high is None else current // 2
            high = current if high is None else min(high, current)
        current = aim
        if high is not None and not low < current < high:
            current = (low + high) // 2
        current = max(current, 1)
        if high is not None and high - low <= 1 and search.left:
            low, high = search.confirm(low, high)
    if high is None or high - low > 1:
        return search.result(None, None, predicted)
    return search.result(low, search.binding(high), predicted)


class _Search:
    """Keeps every probe."""

    def __init__(self, probe: Callable[[int], Verdict]) -> None:
        self._probe = probe
        self._seen: list[tuple[int, Verdict, bool | None]] = []

    @property
    def left(self) -> int:
        return PROBES_MAX - len(self._seen)

    def run(self, cameras: int) -> tuple[Verdict, bool | None]:
        """Probe; one that says nothing is repeated once."""
        for _ in range(2):
            verdict = self._probe(cameras)
            good = passes(verdict)
            self._seen.append((cameras, verdict, good))
            if good is not None or verdict.reason.startswith("stopped") or not self.left:
                break
        return verdict, good

    def confirm(self, low: int, high: int) -> tuple[int, int]:
        """Probe both sides of the edge again where they were probed once; a contradiction moves the edge down or up.

        One success after a failure does not make a pass: the pessimistic side is kept.
        """
        if low > 0 and self._count(low) < 2:
            _, good = self.run(low)
            if good is not True:
                return low - 1, low
        if self.left and self._count(high) < 2:
            self.run(high)
        return low, high

    def _count(self, cameras: int) -> int:
        return sum(1 for number, _, _ in self._seen if number == cameras)

    def binding(self, cameras: int) -> str | None:
        """What bound in the last probe of a number of cameras."""
        found = [verdict.binding for number, verdict, _ in self._seen if number == cameras]
        return found[-1] if found else None

    def result(self, cameras: int | None, binding: str | None, predicted: Mapping[str, float] | None) -> CapacityResult:
        rows: tuple[dict[str, Any], ...] = tuple(
            {"cameras": number, "passes": good, "verdict": verdict.verdict, "binding": verdict.binding,
             "utilisation": verdict.utilisation}
            for number, verdict, good in self._seen
        )  # fmt: skip
        broken = None
        if cameras is not None and predicted is not None:
            broken = not predicted["p10"] - 1e-9 <= cameras <= predicted["p90"] + 1e-9
        return CapacityResult(
            cameras=cameras, predicted=dict(predicted) if predicted is not None else None, binding=binding,
            probes=rows, broken_promise=broken,
        )  # fmt: skip
