"""Checks of the run's own conditions: outputs, configuration, memory, heat, interference, pacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.verdict import Check

from .checks import DISTURBED, Case
from .trend import memory_slope

MEMORY_SLACK_BYTES = 64 * 2**20
MEMORY_MIN_S = 60.0
"""In a shorter run runtimes and decoders still fill their pools: the figure only informs."""
SLOPE_MIN_S = 600.0
CLOCK_LOSS = 0.05
SLOWER = 1.10
PACING_SHARE = 0.1
"""Of the shortest frame period: a release later than that would shift the load."""


def outputs(case: Case) -> Check:
    """Every stage must have run and must have answered with finite, non-empty tensors."""
    seen = case.seen
    faults = [f"{stage}: {fault}" for stage, fault in seen.faults.items()]
    silent = [stage.id for stage in case.scenario.stages if stage.id not in seen.passes]
    ok: bool | None = True
    measured = f"{len(case.scenario.stages)} stages answer"
    if faults:
        ok, measured = False, "; ".join(faults)
    elif silent:
        ok, measured = None, f"never ran: {', '.join(silent)}"
    advice = {True: "", False: "check the model file and its precision", None: _of_silence(case, silent)}
    return Check(
        name="outputs", required="finite and not empty from every stage", measured=measured, ok=ok, met=ok,
        advice=advice[ok],
    )  # fmt: skip


def _of_silence(case: Case, silent: Sequence[str]) -> str:
    """What to do about stages that never ran; a real detector that finds nothing may see pictures in a wrong range."""
    stages = {stage.id: stage for stage in case.scenario.stages}
    for name in silent:
        parent = stages.get(stages[name].on or "")
        if parent is None or case.seen.objects.get(parent.id) != "real" or case.seen.found[parent.id]["objects"].any():
            continue
        other = {"0-1": "0-255", "0-255": "0-1"}[parent.pixels]
        return (
            f"{parent.id} found nothing in any frame: show it objects, check labels, or, if its file expects pixels of "
            f"{other}, write 'pixels: {other}' at the stage (now {parent.pixels})"
        )
    return "run longer, or give objects to find"


def differences(requested: RunConfig, effective: EffectiveConfig) -> list[str]:
    """Settings that were requested and not granted; what was left to the runtime cannot differ."""
    pairs = {
        "precision": (requested.precision, effective.precision),
        "streams": (requested.streams, effective.streams),
        "threads": (requested.threads, effective.threads),
        "batch": (requested.batch, effective.batch),
        "pinning": (requested.pinning, effective.pinning),
    }
    return [
        f"{name} {requested} -> {granted}"
        for name, (requested, granted) in pairs.items()
        if requested is not None and granted is not None and requested != granted
    ]


def effective_config(case: Case) -> Check:
    """What the runtime reports must be what was planned."""
    found = []
    for stage, effective in case.seen.effective.items():
        changed = differences(case.configs[stage], effective)
        if changed:
            found.append(f"{stage}: {', '.join(changed)}")
    complete = len(case.seen.effective) == len(case.configs)
    ok = False if found else (True if complete else None)
    return Check(
        name="effective_config", required="as requested", measured="; ".join(found) if found else (
            "as requested" if complete else "not every stage was compiled"),
        ok=ok, met=ok, advice="plan again on this machine: the run did not test the planned settings" if found else "",
    )  # fmt: skip


def _quarters(values: Sequence[float]) -> list[float]:
    return [float(np.median(part)) for part in np.array_split(np.asarray(values, dtype=np.float64), 4)]


def memory_growth(case: Case) -> Check:
    """Resident memory after the first quarter: a leak grows in every quarter, caches that fill up do not."""
    rows = [row["rss"] for row in case.seen.samples if row["t"] >= case.seen.warmup_s and row["rss"] is not None]
    required = f"<= {MEMORY_SLACK_BYTES / 2**20:.0f} MiB + 5 % from the second to the last quarter"
    if len(rows) < 8:
        return Check(name="memory_growth", required=required, measured="too few samples", ok=None, counts=False)
    quarters = _quarters(rows)
    grown = quarters[3] - quarters[1]
    met = grown <= MEMORY_SLACK_BYTES + 0.05 * quarters[1]
    steady_rise = quarters[0] < quarters[1] < quarters[2] < quarters[3]
    advice = "run the soak profile: a leak ends the service some day"
    if _waiting_bytes(case) > 0.5 * grown:
        advice = (
            "the box cannot keep up: more and more pictures wait for their stages, which is no leak; see what binds"
        )
    return Check(
        name="memory_growth", required=required,
        measured=f"{grown / 2**20:+.1f} MiB at {quarters[3] / 2**20:.0f} MiB{_slope_text(case)}",
        ok=None if not met and not steady_rise else met, met=met, counts=case.seen.seen_s >= MEMORY_MIN_S,
        advice="" if met else advice,
    )  # fmt: skip


def _waiting_bytes(case: Case) -> float:
    """What the pictures take of the frames that came to wait from the second to the last quarter (4:2:0) [B]."""
    rows = [row["in_flight"] for row in case.seen.samples if row["t"] >= case.seen.warmup_s]
    pixels = [feed.size[0] * feed.size[1] for feed in case.seen.feeds if feed.is_camera]
    if not rows or not pixels:
        return 0.0
    waiting = _quarters(rows)
    return (waiting[3] - waiting[1]) * 1.5 * float(np.mean(pixels))


def _slope_text(case: Case) -> str:
    """Slope of a run that is long enough for one to mean something."""
    if case.seen.seen_s < SLOPE_MIN_S:
        return ""
    slope = memory_slope([(row["t"], row["rss"]) for row in case.seen.samples if row["rss"] is not None])
    return "" if slope is None else f", {slope[0]:+.1f} MiB/h ({slope[1]:+.1f} to {slope[2]:+.1f})"


def thermal_drift(case: Case) -> Check:
    """Clock and service times, last against first tenth of the run."""
    seen = case.seen
    rows = [row for row in seen.samples if row["t"] >= seen.warmup_s]
    tenth = max(len(rows) // 10, 1)
    slow_pct = (SLOWER - 1) * 100
    required = f"clock not {CLOCK_LOSS * 100:.0f} % lower, or throttled, with passes {slow_pct:.0f} % slower at the end"
    hz = [row["hz"] for row in rows if row["hz"] is not None]
    clock_loss = 1.0 - float(np.mean(hz[-tenth:])) / float(np.mean(hz[:tenth])) if len(hz) >= 2 * tenth else None
    throttled = [row["throttled"] for row in rows if row.get("throttled") is not None]
    slower = _slowdown(case)
    if slower is None:
        return Check(
            name="thermal_drift", required=required, measured="too few passes to compare", ok=None, counts=False
        )
    heat = [row["temperature_c"] for row in rows if row["temperature_c"] is not None]
    observed = [
        "clock unknown" if clock_loss is None else f"clock {-clock_loss * 100:+.1f} %",
        f"passes {(slower - 1) * 100:+.1f} %",
    ]
    if heat:
        observed.append(f"up to {max(heat):.0f} C")
    times = throttled[-1] - throttled[0] if throttled else 0
    if times:
        observed.append(f"throttled {times} times")
    hot = slower > SLOWER and ((clock_loss is not None and clock_loss > CLOCK_LOSS) or times > 0)
    return Check(
        name="thermal_drift", required=required, measured=", ".join(observed), ok=not hot, met=not hot,
        advice="cooling or power limit: run the soak profile at the site's temperature" if hot else "",
        counts=clock_loss is not None or bool(throttled),
    )  # fmt: skip


def _slowdown(case: Case) -> float | None:
    """Largest ratio of median pass times, last tenth to first tenth, over stages with enough passes."""
    seen = case.seen
    tenth_s = seen.seen_s / 10
    ratios = []
    for passes in seen.passes.values():
        started, taken = passes["started_s"], passes["ended_s"] - passes["begun_s"]
        first = taken[(started >= seen.warmup_s) & (started < seen.warmup_s + tenth_s)]
        last = taken[(started >= seen.end_s - tenth_s) & (started < seen.end_s)]
        if min(len(first), len(last)) >= 5 and np.median(first) > 0:
            ratios.append(float(np.median(last) / np.median(first)))
    return max(ratios, default=None)


def interference(case: Case) -> Check:
    """Cores that other processes and the hypervisor took. A PASS in spite of them counts; a FAIL may not."""
    usage = case.usage
    required = f"<= {DISTURBED * 100:.0f} % of the usable cores"
    if usage.other_cores is None:
        return Check(name="interference", required=required, measured="not readable here", ok=None, counts=False)
    disturbed = usage.lost_fraction > DISTURBED
    stolen = 0.0 if usage.steal_cores is None else usage.steal_cores
    advice = "stop other work and repeat: misses that it may have caused were not counted as failures"
    return Check(
        name="interference", required=required,
        measured=f"{usage.other_cores:.2f} cores by others, {stolen:.2f} stolen, of {usage.usable_cores:g}",
        ok=not disturbed, met=not disturbed, counts=False, advice=advice if disturbed else "",
    )  # fmt: skip


def pacing(case: Case) -> Check | None:
    """How late the harness released frames; latency counts from the schedule, so lateness is never in its favour."""
    errors = np.asarray(case.seen.errors_s, dtype=np.float64)
    if errors.size == 0:
        return None
    limit_s = PACING_SHARE * min(1.0 / figure.feed.rate_per_s for figure in case.figures)
    p50, p99 = (float(value) for value in np.quantile(errors, (0.5, 0.99)))
    return Check(
        name="pacing", required=f"p99 <= {limit_s * 1e3:.1f} ms late",
        measured=f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms", ok=p99 <= limit_s, met=p99 <= limit_s, counts=False,
        advice="" if p99 <= limit_s else "the machine is so busy that even releasing frames came late",
    )  # fmt: skip
