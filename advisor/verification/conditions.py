"""Checks of the run's own conditions: outputs, configuration, memory, heat, interference, pacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.records.codec import OTHER_NAMES
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.verdict import Check
from advisor.runtimes.devices import collected_requests

from .checks import DISTURBED, Case
from .observation import PictureKind
from .setup import Feed
from .trend import memory_slope

MEMORY_SLACK_BYTES = 64 * 2**20
MEMORY_MIN_S = 60.0
"""In a shorter run runtimes and decoders still fill their pools: the figure only informs."""
SLOPE_MIN_S = 600.0
CLOCK_LOSS = 0.05
SLOWER = 1.10
PLANNED_BITS = 8
"""Bits per sample that every plan assumes: the scenario has no other."""
SIZE_SLACK_PIXELS = 1
"""Odd sizes are coded with one pixel more or less."""
RATE_SLACK = 0.05
"""A file's rate this near the scenario's is the same. Another one is only shown: it is played at the scenario's."""
PACING_SHARE = 0.1
"""Of the shortest frame period: a release later than that would shift the load."""


def planned_box(case: Case) -> Check | None:
    """The plan must be for this machine, or the run says nothing about the plan; None where nothing was planned for."""
    if case.other_box is None:
        return None
    return Check(
        name="planned_box", required="the machine that the plan is for", measured=case.other_box, ok=None, met=False,
        advice="run it on the planned box, plan again with --on this, or judge this machine all the same with "
        "--any-box",
    )  # fmt: skip


def streams(case: Case) -> Check | None:
    """What the cameras send must be what the scenario says, since that is what was planned; None without sources."""
    cameras = [figure.feed for figure in case.figures if figure.feed.source is not None and figure.feed.is_camera]
    if not cameras:
        return None
    others, slower = [], []
    for feed in cameras:
        kinds = case.seen.pictures.get(feed.index, ())
        own = kinds[-1].rate_per_s if kinds else None
        if own is not None and abs(own / feed.rate_per_s - 1.0) > RATE_SLACK:
            slower.append(f"{feed.name}: recorded at {own:.3g}/s, played at the planned {feed.rate_per_s:.3g}/s")
        changed = [text for text in (_difference(feed, kind) for kind in kinds) if text]
        if changed:
            others.append(f"{feed.name}: {changed[-1]}")
    seen = sum(bool(case.seen.pictures.get(feed.index)) for feed in cameras)
    same = f"{seen} of {len(cameras)} seen, as planned"
    return Check(
        name="streams", required="codec, size and bit depth that the scenario states", ok=None if others else True,
        measured="; ".join((*(others or [same]), *slower)), met=not others,
        advice="write into the scenario what the cameras send and plan again, or set the cameras: other video was "
        "decoded than was planned" if others else "",
    )  # fmt: skip


def _difference(feed: Feed, kind: PictureKind) -> str:
    """Where a stream is not what its scenario says; empty where it is."""
    codec = OTHER_NAMES.get(kind.codec, kind.codec)  # FFmpeg's name
    pairs = []
    if codec != feed.codec:
        pairs.append((codec, str(feed.codec)))
    if max(abs(kind.width - feed.size[0]), abs(kind.height - feed.size[1])) > SIZE_SLACK_PIXELS:
        pairs.append((f"{kind.width}x{kind.height}", "{}x{}".format(*feed.size)))
    if kind.bits > PLANNED_BITS:
        pairs.append((f"{kind.bits} bit", f"{PLANNED_BITS} bit"))
    if not pairs:
        return ""
    return f"{', '.join(found for found, _ in pairs)} where {', '.join(planned for _, planned in pairs)} was planned"


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
        if parent is None or case.seen.objects.get(parent.id) != "real" or case.seen.found[parent.id][1]:
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
        "automatic batch": (collected_requests(requested.device), effective.auto_batch),
        "auto_batch_timeout_s": (requested.auto_batch_timeout_s, effective.auto_batch_timeout_s),
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
    ok = (None if case.other_box is not None else False) if found else (True if complete else None)
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
        first, _ = passes.slots.part(seen.warmup_s, seen.warmup_s + tenth_s)
        last, _ = passes.slots.part(seen.end_s - tenth_s, seen.end_s)
        before_s, after_s = first.quantile(0.5), last.quantile(0.5)
        if min(first.total, last.total) >= 5 and before_s and after_s:
            ratios.append(after_s / before_s)
    return max(ratios, default=None)


def interference(case: Case) -> Check:
    """Cores that other processes and the hypervisor took. A PASS in spite of them counts; a FAIL may not."""
    usage = case.usage
    required = f"<= {DISTURBED * 100:.0f} % of the usable cores"
    if usage.other_cores is None:
        return Check(name="interference", required=required, measured="not readable here", ok=None, counts=False)
    disturbed = usage.lost_fraction > DISTURBED
    stolen = 0.0 if usage.steal_cores is None else usage.steal_cores
    advice = f"{case.cause}; misses that it may have caused were not counted as failures"
    return Check(
        name="interference", required=required,
        measured=f"{usage.other_cores:.2f} cores by others, {stolen:.2f} stolen, of {usage.usable_cores:g}",
        ok=not disturbed, met=not disturbed, counts=False, advice=advice if disturbed else "",
    )  # fmt: skip


def pacing(case: Case) -> Check | None:
    """How late the harness released frames; latency counts from the schedule, so lateness is never in its favour."""
    p50, p99 = case.seen.errors.quantile(0.5), case.seen.errors.quantile(0.99)
    if p50 is None or p99 is None:
        return None
    limit_s = PACING_SHARE * min(1.0 / figure.feed.rate_per_s for figure in case.figures)
    return Check(
        name="pacing", required=f"p99 <= {limit_s * 1e3:.1f} ms late",
        measured=f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms", ok=p99 <= limit_s, met=p99 <= limit_s, counts=False,
        advice="" if p99 <= limit_s else "the machine is so busy that even releasing frames came late",
    )  # fmt: skip
