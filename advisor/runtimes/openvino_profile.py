"""Time of every kernel from OpenVINO's own counters."""

from __future__ import annotations

from typing import Any

from advisor.graph.kernels import runtime_kernels
from advisor.records.model import Kernel

_WARM = 3


def profile(compiled: Any, original: Any, request: Any, passes: int) -> tuple[Kernel, ...]:
    """Run ``passes`` synchronous passes on ``request`` and return the kernels with their mean times.

    Notes
    -----
    OpenVINO reports averages over all passes since compilation, in whole microseconds, so the mean of the passes
    after the warm ones is ``(n2 avg2 - n1 avg1) / (n2 - n1)``; rounding leaves an error below
    ``0.5 us (n1 + n2) / (n2 - n1)`` per kernel. A kernel that the counters say did not run has time 0.
    """
    done = 0
    for _ in range(_WARM):
        request.infer()
        done += 1
    before = _averages(request)
    for _ in range(passes):
        request.infer()
        done += 1
    after = _averages(request)
    taken: dict[str, int] = {}
    kernels = []
    for kernel in runtime_kernels(compiled, original):
        index = taken.get(kernel.name, 0)
        taken[kernel.name] = index + 1
        times = after.get(kernel.name, [])
        mean_s = None
        if index < len(times):
            earlier = before.get(kernel.name, [])
            first_s = earlier[index] if index < len(earlier) else 0.0
            mean_s = max(0.0, (done * times[index] - _WARM * first_s) / passes)
        kernels.append(kernel.model_copy(update={"time_s": mean_s}))
    return tuple(kernels)


def _averages(request: Any) -> dict[str, list[float]]:
    """Average time of each node since compilation [s], in order where a name occurs twice."""
    found: dict[str, list[float]] = {}
    for entry in request.profiling_info:
        found.setdefault(entry.node_name, []).append(entry.real_time.total_seconds())
    return found
