"""From an observation to PASS, FAIL or INCONCLUSIVE, with the figures that a report shows.

FAIL: a check that counts is proved not to be met. INCONCLUSIVE: none is, but one cannot be decided, or the user stopped
the run. PASS: every check that counts holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from advisor import __version__
from advisor.clock import utc_now
from advisor.records.codec import coded_size
from advisor.records.config import RunConfig
from advisor.records.host import HostFacts
from advisor.records.host_settings import NOTHING_ASKED, HostSettings
from advisor.records.scenario import Scenario
from advisor.records.trace import Timeline, timeline
from advisor.records.verdict import CameraResult, CameraTail, Check, ConfigPair, StageResult, Verdict

from . import checks, conditions
from .bottleneck import most_useful_change
from .compare import compared
from .granted import host_settings
from .histogram import Histogram
from .observation import Observation
from .running import CURVE_POINTS, WorkLog
from .statistics import FeedFigures, figures
from .trace import trace_of, window_s
from .trend import trend
from .usage import Usage, usage

Word = Literal["PASS", "FAIL", "INCONCLUSIVE"]


def decide(results: Sequence[Check], stopped: bool = False) -> tuple[Word, str]:
    """Verdict and its reason from checks alone."""
    counting = [check for check in results if check.counts]
    failed = [check for check in counting if check.ok is False]
    undecided = [check for check in counting if check.ok is None]
    if stopped:
        seen = f"; so far failed: {', '.join(check.name for check in failed)}" if failed else ""
        return "INCONCLUSIVE", f"stopped by the user{seen}"
    if any(check.name == "planned_box" for check in undecided):
        return "INCONCLUSIVE", _of_another_box(failed, undecided)
    if failed:
        return "FAIL", "; ".join(f"{check.name}: {check.measured} (required {check.required})" for check in failed)
    if undecided:
        need = max((check.need_s for check in undecided if check.need_s is not None), default=None)
        more = f"; measure {need:.0f} s longer to decide (--duration)" if need is not None else ""
        causes = [check.advice for check in results if check.name == "interference" and check.ok is False]
        cause = f"; {causes[0].partition(';')[0]}" if causes else ""
        return "INCONCLUSIVE", "not decided: " + ", ".join(check.name for check in undecided) + more + cause
    return "PASS", f"all {len(counting)} checks hold"


def _of_another_box(failed: Sequence[Check], undecided: Sequence[Check]) -> str:
    """Whatever a machine does that the plan is not for, it neither holds nor breaks the plan."""
    box = next(check for check in undecided if check.name == "planned_box")
    others = [check for check in undecided if check is not box]
    words = [f"this is not the planned box: {box.measured}"]
    words += [f"here failed: {', '.join(check.name for check in failed)}"] if failed else []
    words += [f"not decided: {', '.join(f'{check.name} ({check.measured})' for check in others)}"] if others else []
    return "; ".join(words)


def judge(
    scenario: Scenario,
    seen: Observation,
    configs: Mapping[str, RunConfig],
    facts: HostFacts,
    predicted: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    other_box: str | None = None,
    host: HostSettings = NOTHING_ASKED,
) -> Verdict:
    """Judge a run; ``predicted`` is only shown next to the result, no check looks at it.

    ``other_box`` says why this machine is not the planned one, where that is to be held against the run; ``host`` what
    was requested of the operating system.
    """
    usable = facts.limits.usable_cores or float(facts.cpu.threads or 1)
    if (host.cpuset or host.numa_nodes) and seen.host is not None and seen.host.cpuset:
        usable = min(usable, float(len(seen.host.cpuset)))
    case = checks.Case(scenario, seen, figures(seen), usage(seen, usable), configs, other_box, host)
    found = [
        checks.run_completed(case), conditions.planned_box(case), checks.sources(case), conditions.streams(case),
        checks.camera_fps(case), checks.drops(case), checks.latency(case), checks.queue_growth(case),
        conditions.outputs(case), conditions.effective_config(case),
        host_settings(case, facts.limits.usable_cores),
        conditions.memory_growth(case), conditions.thermal_drift(case), conditions.interference(case),
        conditions.pacing(case),
    ]  # fmt: skip
    results = tuple(check for check in found if check is not None)
    word, reason = decide(results, seen.stopped)
    missed = any(check.met is False for check in results if check.name in {"camera_fps", "drops", "latency_p95"})
    cameras = tuple(_camera(case, figure) for figure in case.figures)
    stages = _stages(case)
    verdict = Verdict(
        sizer_version=__version__,
        created=utc_now(),
        scenario=scenario.scenario,
        verdict=word,
        reason=reason + _objects_used(seen),
        checks=results,
        cameras=cameras,
        stages=stages,
        host=facts.model_dump(mode="json", by_alias=True),
        config=ConfigPair(
            requested=dict(configs), effective=dict(seen.effective), requested_host=host, effective_host=seen.host
        ),
        predicted=None,
        capacity=None,
        binding=(case.usage.binding() or _slowest(stages)) if missed else None,
        change=most_useful_change(case.usage, {**seen.slots, "decode": seen.decode_threads}) if missed else None,
        duration_s=seen.seen_s,
        utilisation=case.usage.utilisation,
        harness=_harness(case.usage, seen),
        interference={
            "other_cpu_cores": case.usage.other_cores,
            "steal_cores": case.usage.steal_cores,
            "lost_fraction": case.usage.lost_fraction,
        },
        timeline=_timeline(seen),
        requests=_requests(scenario, seen, configs),
        trend=trend(seen),
        notes=_notes(scenario, seen),
        warnings=tuple(warnings),
    )
    if predicted is None:
        return verdict
    return verdict.model_copy(update={"predicted": {**predicted, "compared": compared(predicted, verdict)}})


def _objects_used(seen: Observation) -> str:
    """Whose objects the stages on objects ran on: it decides the load, so it stands beside the verdict."""
    words = {"real": "found by the model", "drawn": "as many as the scenario says"}
    used = [f"{stage}: {words[kind]}" for stage, kind in seen.objects.items() if kind in words]
    return f"; objects of {', '.join(used)}" if used else ""


def _camera(case: checks.Case, figure: FeedFigures) -> CameraResult:
    whole = figure.whole
    reports = case.seen.status.get(figure.feed.index, ())
    return CameraResult(
        name=figure.feed.name,
        fps=figure.fps(whole),
        drops_pct=whole.drops_fraction * 100,
        longest_gap_ms=whole.longest_gap_s * 1e3,
        latency_ms=CameraTail(**whole.latencies.tail_ms()),
        released=whole.released,
        done=whole.done,
        dropped=whole.dropped,
        lost=whole.lost,
        in_flight=whole.open,
        windows_fps=tuple(figure.fps(window) for window in figure.windows),
        phase_ms=_phase_ms(case.seen, figure),
        status=_status(case, figure, [text for _, text in reports]),
    )


def _status(case: checks.Case, figure: FeedFigures, reports: Sequence[str]) -> str:
    """How a camera fared in a word: what its source reported, then what the machine did not do with its frames."""
    if reports and reports[-1] != "ok":
        return reports[-1]
    whole, troubles = figure.whole, [text for text in reports if text != "ok"]
    if whole.drops_fraction > case.allowed_drops:
        troubles.append(f"drops {whole.drops_fraction * 100:.3g} %, allowed {case.allowed_drops * 100:g} %")
    if whole.lost > checks.SOURCE_SLACK * whole.released + 2:
        troubles.append(f"lost {whole.lost} of {whole.released} frames")
    return "; ".join(troubles[-2:]) if troubles else "ok"


def _phase_ms(seen: Observation, figure: FeedFigures) -> float | None:
    """When within its period a camera released its first frame, live ones included."""
    frames = seen.frames.get(figure.feed.index)
    if not figure.feed.is_camera or frames is None or frames.first_released_s is None:
        return None
    return frames.first_released_s % (1.0 / figure.feed.rate_per_s) * 1e3


def _stages(case: checks.Case) -> tuple[StageResult, ...]:
    seen, length_s = case.seen, case.seen.seen_s or 1.0
    results = []
    if seen.decoded.total:
        results.append(
            StageResult(
                id="decode",
                rate_per_s=seen.decoded.count / length_s,
                service_ms=CameraTail(**seen.decoded.service.tail_ms()),
                waiting_ms=CameraTail(**Histogram().tail_ms()),
                batch_mean=1.0,
                cpu_cores=case.usage.decode_cores,
                dropped=seen.dropped.get("decode", 0),
            )
        )
    if case.usage.application_cores > 0:
        released = sum(figure.whole.released for figure in case.figures if figure.feed.is_camera)
        results.append(
            StageResult(
                id="application",
                rate_per_s=released / length_s,
                service_ms=CameraTail(**Histogram().tail_ms()),
                waiting_ms=CameraTail(**Histogram().tail_ms()),
                batch_mean=1.0,
                cpu_cores=case.usage.application_cores,
                dropped=seen.dropped.get("application", 0),
            )
        )
    for stage in case.scenario.stages:
        passes = seen.passes.get(stage.id) or WorkLog(seen.span)
        objects = seen.objects.get(stage.id, "none")
        results.append(
            StageResult(
                id=stage.id,
                rate_per_s=passes.inputs / length_s,
                service_ms=CameraTail(**passes.service.tail_ms()),
                waiting_ms=CameraTail(**passes.waited.tail_ms()),
                batch_mean=passes.inputs / passes.count if passes.count else None,
                cpu_cores=case.usage.stage_cores.get(stage.id),
                dropped=seen.dropped.get(stage.id, 0),
                objects="real" if objects == "real" else "drawn" if objects == "drawn" else "none",
            )
        )
    return tuple(results)


def _slowest(stages: Sequence[StageResult]) -> str | None:
    """Where a frame spends most time when no resource is full."""

    def spent(stage: StageResult) -> float:
        return (stage.service_ms.p95 or 0.0) + (stage.waiting_ms.p95 or 0.0)

    slow = max(stages, key=spent, default=None)
    return None if slow is None or spent(slow) == 0.0 else f"time in {slow.id} (no resource is full)"


def _harness(use: Usage, seen: Observation) -> dict[str, float]:
    """The run's own cost, as far as it is known."""
    found = {"cpu_cores": use.harness_cores, "cpu_share": use.harness_fraction, "power_w": use.power_w}
    for name, share in (("pacing_p50_ms", 0.5), ("pacing_p99_ms", 0.99)):
        late_s = seen.errors.quantile(share)
        found[name] = None if late_s is None else late_s * 1e3
    return {name: value for name, value in found.items() if value is not None}


def _timeline(seen: Observation) -> dict[str, Any]:
    """Two seconds of requests from the middle of the planned run; counters and cameras over the whole of it."""
    begin = seen.shown_s[0]
    spans = []
    for name, log in (("decode", seen.decoded), *seen.passes.items()):
        rows = log.shown
        spans += [
            [f"{name} {int(lane)}", started - begin, ended - begin, begun - begin]
            for lane, started, begun, ended in zip(
                *(rows[column].tolist() for column in ("slot", "started_s", "begun_s", "ended_s")), strict=True
            )
        ]
    every = max(1, len(seen.samples) // CURVE_POINTS)
    names = ("t", "in_flight", "rss", "hz", "temperature_c", "queues")
    return {
        "spans": sorted(spans),
        "samples": [{name: row[name] for name in names} for row in seen.samples[::every]],
        "cameras": _over_time(seen),
    }


def _requests(scenario: Scenario, seen: Observation, configs: Mapping[str, RunConfig]) -> Timeline | None:
    """What happened to each request for two seconds; None where the run ended before them."""
    begin_s, end_s = window_s(seen.warmup_s, seen.duration_s)
    if seen.end_s < end_s:
        return None
    return timeline(trace_of(scenario, seen, configs, (begin_s, end_s)), begin_s, end_s - begin_s)


def _over_time(seen: Observation) -> dict[str, list[list[float | None]]]:
    """Per camera and bin of at least a second: start [s], frames done per second, frames dropped, mean latency [ms].

    The last bin takes what remains, so that no rate rests on a fraction of a second.
    """
    length_s = seen.span.point_s
    bins = max(1, round(seen.end_s / length_s))
    lasted_s = [length_s] * (bins - 1) + [max(seen.end_s - (bins - 1) * length_s, 1e-3)]
    return {
        feed.name: [
            [index * length_s, done / lasted_s[index], dropped, total_s / done * 1e3 if done else None]
            for index, (done, dropped, total_s) in enumerate(seen.frame_log(feed.index).curve(bins).tolist())
        ]
        for feed in seen.feeds
    }


def _notes(scenario: Scenario, seen: Observation) -> tuple[str, ...]:
    notes = []
    drawn = [stage for stage, kind in seen.objects.items() if kind == "drawn"]
    if drawn:
        notes.append(
            f"objects of {', '.join(drawn)} are drawn from the scenario's distribution ({scenario.slo.load} load): the "
            "model is a stand-in, has random weights, its output is not read, or nothing says which of its classes is "
            "the scenario's (labels of the stage, or --objects real)"
        )
    for stage, (frames, objects) in seen.found.items():
        notes.append(f"{stage}: {objects / frames:.2f} objects per frame on average")
    if any(feed.is_camera and feed.source is None and feed.codec != "raw" for feed in seen.feeds):
        notes.append("cameras without a source played a synthesised clip")
        sizes = {feed.size for feed in seen.feeds if feed.source is None and feed.codec not in {None, "raw"}}
        notes += [
            "the clip for {}x{} is {}x{}: encoders take even numbers of at least 64".format(*size, *coded_size(size))
            for size in sorted(sizes) if coded_size(size) != size
        ]  # fmt: skip
    if seen.decode_device != "software":
        notes.append(f"decoded by {seen.decode_device}")
    estimated = [stage.id for stage in scenario.stages if stage.id not in seen.measured]
    if estimated and seen.samples:
        notes.append(
            f"CPU of {', '.join(estimated)} is an estimate: the runtime's threads serve several stages, so their time "
            "is shared out by the time of passes"
        )
    return tuple(notes)
