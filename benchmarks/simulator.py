"""The simulator's speed: against a SimPy model of the same cascade, and over the number of cameras.

``run()`` returns the tables in Markdown; ``python -m benchmarks.simulator`` from the checkout prints them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from advisor.simulate import ObjectClass, ObjectsSpec, SimCamera, SimSpec, SimStage, simulate
from tests.simulate.oracle import Oracle

DURATION_S = 60.0


def cascade(cameras: int, cores: float = 8.0) -> SimSpec:
    """Cameras at 15/s with decode; person every third frame, face at every fourth camera, objects in batches."""
    return SimSpec(
        tuple(
            SimCamera(15.0, "entrance" if c % 4 == 3 else "aisle", decode_core_s=0.003, decode_sigma=0.2)
            for c in range(cameras)
        ),
        (
            SimStage("person", (0.0, 0.012), interval_frames=3.0, finds=0, streams=max(2, cameras // 10)),
            SimStage("face", (0.0, 0.006), groups=("entrance",), interval_frames=3.0, streams=max(1, cameras // 50)),
            SimStage(
                "reid", (0.0, *(0.002 + 0.001 * b for b in range(1, 9))), parent=0, interval_frames=5.0, batch_max=8,
                streams=max(1, cameras // 20),
            ),
        ),
        cores,
        ObjectsSpec((ObjectClass(4.0),), persistence_s=0.0),
        decode_workers=max(2, cameras // 15),
    )  # fmt: skip


def oracle(spec: SimSpec) -> Oracle:
    """The same cascade for the oracle."""
    cameras = [
        {
            "group": c.group, "number": i, "fps": c.fps, "phase": (i * 0.618 % 1) / c.fps, "decode": c.decode_core_s,
            "sigma": c.decode_sigma,
        }
        for i, c in enumerate(spec.cameras)
    ]  # fmt: skip
    stages = [
        {
            "id": s.id, "service": s.service_s, "interval": s.interval_frames, "batch": s.batch_max,
            "streams": s.streams, "threads": s.threads_per_stream, "limit": s.queue_limit, "drop": s.drop,
            "groups": s.groups, "finds": s.finds,
        }
        | ({} if s.parent is None else {"parent": s.parent})
        for s in spec.stages
    ]  # fmt: skip
    return Oracle(cameras, stages, spec.cores, spec.decode_workers, [c.mean for c in spec.objects.classes], 1)


def timed(work: Callable[[], object]) -> float:
    """Wall time of one call [s]."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def against_oracle(pairs: int = 7) -> list[str]:
    """One minute of 8 cameras, both models in turn, so that a busy moment hits both."""
    spec = cascade(8)
    simulate(spec, DURATION_S)
    ours, theirs, ratios = [], [], []
    for _ in range(pairs):
        fast = statistics.median(timed(lambda: simulate(spec, DURATION_S)) for _ in range(9))
        slow = timed(lambda: oracle(spec).run(DURATION_S))
        ours.append(fast)
        theirs.append(slow)
        ratios.append(slow / fast)
    return [
        "| one minute, 8 cameras, 3 stages | median | least |",
        "|---|---|---|",
        f"| sizer | {statistics.median(ours) * 1e3:.2f} ms | {min(ours) * 1e3:.2f} ms |",
        f"| SimPy oracle | {statistics.median(theirs) * 1e3:.0f} ms | {min(theirs) * 1e3:.0f} ms |",
        f"| paired ratio | {statistics.median(ratios):.0f} | {min(ratios):.0f} |",
    ]


def scaling(counts: tuple[int, ...] = (1, 10, 100, 1000, 10_000)) -> list[str]:
    """Time per frame must not grow with the number of cameras."""
    lines = ["| cameras | frames | time | per frame |", "|---|---|---|---|"]
    for count in counts:
        spec = cascade(count, cores=max(1.0, count / 6))
        duration_s = DURATION_S if count <= 1000 else 10.0
        took = min(timed(lambda s=spec, d=duration_s: simulate(s, d)) for _ in range(3))  # type: ignore[misc]
        frames = count * 15 * duration_s
        lines.append(f"| {count} | {frames:.0f} | {took * 1e3:.1f} ms | {took / frames * 1e9:.0f} ns |")
    return lines


def later_start() -> list[str]:
    """First simulation of a fresh process whose code is compiled already."""
    program = (
        "import time; t = time.perf_counter(); from advisor.simulate import *;"
        "simulate(SimSpec((SimCamera(15.0),), (SimStage('m', (0.0, 0.01)),), 2.0), 10.0);"
        "print(time.perf_counter() - t)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    return [f"First run of a later process, imports included: {min(took):.2f} s (least of 3)."]


def run() -> str:
    """All tables."""
    return "\n".join([*against_oracle(), "", *scaling(), "", *later_start()])


if __name__ == "__main__":
    print(run())
