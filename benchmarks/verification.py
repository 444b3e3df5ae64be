"""Verification itself: how punctual its cameras are, what it costs, and whether it says the same thing twice."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.errors import Inconclusive
from advisor.records.config import LoadMode, RunConfig
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict
from advisor.verification import Order, verify

from .common import facts, header, model, percent, scratch, spread, table, threads_here
from .harness import Shape, theirs

MODELS = ("resnet-50", "squeezenet-1.1", "mobilenet-v2")
SMALL = "squeezenet-1.1"
OVERLOAD = 1.15
"""Offered frames over what benchmark_app did: a frame always waits, so that the cascade runs as fast as it can."""
SATURATED = 0.04
"""Share of frames dropped from which on a frame always waited."""
AIM = 0.95
DROPS_PCT = 10.0
"""What the repeated scenarios permit: a share that few seconds can prove or refute."""
CASES = {"feasible": (0.5, 8.0), "borderline": (1.0 / (1.0 - DROPS_PCT / 100.0), 4.0), "infeasible": (2.0, 2.5)}
"""Offered rate over capacity and measured seconds; at the borderline just the permitted share has to be dropped."""
NEVER = {"feasible": ("FAIL",), "infeasible": ("PASS",), "borderline": ()}
FRAMES = 900
"""Least frames of a run that is to pass: 90 independent blocks prove that a twentieth at most is late, and the slowest
frames follow each other over up to ten frames."""


def scenario(name: str, cameras: int, fps: float, codec: str, **stage: Any) -> Scenario:
    """Cameras of one kind in front of one model."""
    camera = {"group": "cam", "count": cameras, "resolution": "320x240", "codec": codec, "fps": fps}
    return Scenario.model_validate(
        {
            "scenario": name,
            "cameras": [camera if codec == "raw" else {**camera, "bitrate_kbps": 300.0}],
            "stages": [{"id": "model", "model": SMALL, **stage}],
            "slo": {"latency_p95_ms": 2000.0, "drops_max_pct": DROPS_PCT, "window_s": 2.0, "load": "mean"},
        }
    )


def played(wanted: Scenario, name: str, duration_s: float, threads: int, seed: int = 0) -> Verdict:
    """Run one scenario with as many streams as threads.

    Raises
    ------
    Inconclusive
        The run broke off.
    """
    config = RunConfig(streams=threads, threads=threads, requests=threads)
    verdict = verify(
        Order(wanted, {"model": model(name)}, {"model": config}, threads, duration_s, facts(), scratch() / "verify",
              seed=seed)
    )  # fmt: skip
    if any(check.name == "run_completed" and check.ok is not True for check in verdict.checks):
        raise Inconclusive(f"verification of {wanted.scenario}: {verdict.reason}")
    return verdict


def pacing(duration_s: float) -> str:
    """Eight cameras at 15 FPS, decoded for real, beside a model that leaves the machine room."""
    found = played(scenario("pacing", 8, 15.0, "h264", every="15 frames"), SMALL, duration_s, threads_here())
    released = sum(camera.released for camera in found.cameras)
    row = [f"8 at 15 FPS, {duration_s:.0f} s", released, f"{found.harness['pacing_p50_ms']:.3f}",
           f"{found.harness['pacing_p99_ms']:.3f}", _share(found.harness),
           percent(found.utilisation.get("cpu"))]  # fmt: skip
    head = ["cameras", "releases measured", "release error, ms: median", "p99", "harness share of the run's CPU",
            "CPU in use"]  # fmt: skip
    return table(head, [row])


def _share(harness: Mapping[str, float]) -> str | None:
    return percent(harness.get("cpu_share"))


@dataclass(frozen=True)
class Pair:
    """The cascade and benchmark_app, one right after the other, inferences per second."""

    model: str
    cascade_per_s: float
    app_per_s: float
    harness_share: float | None

    @property
    def ratio(self) -> float:
        """Cascade over benchmark_app."""
        return self.cascade_per_s / self.app_per_s


def saturated(name: str, offered_per_s: float, duration_s: float, threads: int) -> Verdict:
    """Drive the cascade of one model with more raw frames than it can take; offers more where it took them all.

    Raises
    ------
    Inconclusive
        It took whatever was offered, so that its rate is the cameras' and not its own.
    """
    for _ in range(4):
        found = played(scenario("saturated", 4, offered_per_s / 4, "raw"), name, duration_s, threads)
        if sum(camera.dropped for camera in found.cameras) >= SATURATED * sum(
            camera.released for camera in found.cameras
        ):
            return found
        offered_per_s *= 1.2
    raise Inconclusive(f"{name} took {offered_per_s / 1.2:.0f} frames/s; nothing was saturated")


def pairs(names: Sequence[str], repeats: int, duration_s: int) -> list[Pair]:
    """Measure pairs in turns; a first run of benchmark_app only says how many frames to offer."""
    threads = threads_here()
    shape = Shape("pair", RunConfig(streams=threads, threads=threads, requests=threads), LoadMode(kind="async"))
    found = []
    for name in names:
        offered = OVERLOAD * theirs(model(name), shape, 1).throughput_per_s
        for repeat in range(repeats):
            app = theirs(model(name), shape, duration_s) if repeat % 2 else None
            ours = saturated(name, offered, float(duration_s), threads)
            app = theirs(model(name), shape, duration_s) if app is None else app
            rate = ours.stages[-1].rate_per_s
            found.append(Pair(name, rate, app.throughput_per_s, ours.harness.get("cpu_share")))
    return found


def pair_table(found: Sequence[Pair]) -> str:
    """One row per model."""
    rows = []
    for name in dict.fromkeys(pair.model for pair in found):
        part = [pair for pair in found if pair.model == name]
        shares = [pair.harness_share for pair in part if pair.harness_share is not None]
        ratio = spread([pair.ratio for pair in part])
        rows.append([name, f"{spread([pair.cascade_per_s for pair in part]).median:.1f}", ratio.text(),
                     "yes" if ratio.median >= AIM else "no", percent(spread(shares).median) if shares else None,
                     len(part)])  # fmt: skip
    head = ["model", "cascade, inferences/s", "ratio to benchmark_app", f">= {AIM:g}", "harness share of the run's CPU",
            "pairs"]  # fmt: skip
    return table(head, rows)


def repeated(times: int) -> tuple[dict[str, Counter[str]], dict[str, list[float]], float]:
    """Judge each case ``times`` times, in turns; also returns the drops [%] and the capacity referred to [frames/s].

    One camera, since of two that are released in turn one drops more, and the worse one would be beyond the limit where
    both together are at it. Capacity is measured anew before every round, so that a drift of the machine does not turn
    one case into another.
    """
    threads = threads_here()
    shape = Shape("probe", RunConfig(streams=threads, threads=threads, requests=threads), LoadMode(kind="async"))
    offered = OVERLOAD * theirs(model(SMALL), shape, 1).throughput_per_s
    counts: dict[str, Counter[str]] = {name: Counter() for name in CASES}
    dropped: dict[str, list[float]] = {name: [] for name in CASES}
    capacities = []
    for number in range(times):
        capacity = saturated(SMALL, offered, 1.5, threads).stages[-1].rate_per_s
        capacities.append(capacity)
        for name, (share, least_s) in CASES.items():
            rate = share * capacity
            run_s = max(least_s, FRAMES / rate) if name == "feasible" else least_s
            verdict = played(scenario(name, 1, rate, "raw"), SMALL, run_s, threads, seed=number)
            counts[name][verdict.verdict] += 1
            dropped[name] += [camera.drops_pct for camera in verdict.cameras]
    return counts, dropped, spread(capacities).median


def repeat_table(counts: Mapping[str, Counter[str]], dropped: Mapping[str, Sequence[float]]) -> str:
    """One row per case; a borderline one is misjudged where it says PASS once and FAIL another time."""
    words = ("PASS", "INCONCLUSIVE", "FAIL")
    rows = []
    for name, seen in counts.items():
        wrong = sum(seen[word] for word in NEVER[name])
        if not NEVER[name]:
            wrong = min(seen["PASS"], seen["FAIL"])
        share = spread(dropped[name])
        drops = f"{share.median:.1f} % ({min(dropped[name]):.1f}-{max(dropped[name]):.1f})"
        rows.append([name, f"{CASES[name][0]:.2f}", drops, *(seen[word] for word in words), wrong])
    return table(["scenario", "offered over capacity", "dropped: median (range)", *words, "misjudged or flipped"], rows)


def run(quick: bool = False) -> str:
    """Measure and return the section: about six minutes, one with ``quick``."""
    start = header()
    punctual = pacing(6.0 if quick else 60.0)
    beside = pair_table(pairs(MODELS[1:2] if quick else MODELS, 1 if quick else 3, 2))
    times = 2 if quick else 10
    counts, dropped, capacity = repeated(times)
    return "\n".join(
        [
            start,
            "",
            "Pacing: |actual - scheduled| release, with real decoding at the same time (releases are never early).",
            "",
            punctual,
            "",
            "The cascade (raw frames, more than it can take, so that no decoding and no waiting for frames goes in)"
            " compared with `benchmark_app` on the same file, streams, threads, requests and precision, in turns. The"
            " cascade also resizes and converts each frame, which `benchmark_app` does not.",
            "",
            beside,
            "",
            f"The same scenarios {times} times, in turns; capacity ({capacity:.0f} frames/s) is measured before each"
            f" round. {DROPS_PCT:g} % of the frames may be dropped.",
            "",
            repeat_table(counts, dropped),
        ]
    )


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
