"""What was asked, in words, so that a plan or a page can be read without its scenario file."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.records.scenario import CameraGroup, ObjectCount, Scenario, Stage

from .text import counted, number

INTERVALS = (
    "Figures are P50 (P10 - P90): the true value is believed to lie below them with a probability of 50, 10 and 90 %."
)
"""How every interval of a report is read; said once on each."""


def question_rows(asked: Scenario) -> list[tuple[str, str]]:
    """Load, models, requirement, margins and limits of a scenario: name and text of each row."""
    rows = [
        ("cameras" if asked.cameras else "requests", load_text(asked)),
        ("models", "; ".join(_stage(stage) for stage in asked.stages)),
        ("objects", _objects(asked)),
        ("must hold", requirement_text(asked)),
        ("margins", margins_text(asked)),
        ("limits", _limits(asked)),
    ]
    return [(name, text) for name, text in rows if text]


def load_text(asked: Scenario) -> str:
    """Cameras or callers; groups of one kind together, those of another size, codec or rate each by themselves."""
    if not asked.cameras:
        return ", ".join(f"{number(group.rate_per_s)}/s {group.group} ({group.arrivals})" for group in asked.requests)
    alike: dict[str, list[CameraGroup]] = {}
    for group in asked.cameras:
        alike.setdefault(_camera(group), []).append(group)
    if len(asked.cameras) == 1 and not asked.requests:
        (group,) = asked.cameras
        return f"{counted(group.count, 'camera')} ({group.group}): {_camera(group)}"
    kinds = [f"{_named(groups)}: {kind}" for kind, groups in alike.items()]
    requests = "".join(f"; {number(group.rate_per_s)}/s {group.group}" for group in asked.requests)
    return f"{counted(asked.camera_count, 'camera')}: {'; '.join(kinds)}{requests}"


def _named(groups: Sequence[CameraGroup]) -> str:
    return " + ".join(f"{group.count} {group.group}" for group in groups)


def _camera(group: CameraGroup) -> str:
    rate = "usual bit rate" if group.bitrate_kbps is None else f"{group.bitrate_kbps:,.0f} kbit/s"
    stream = "raw" if group.codec == "raw" else f"{group.codec}, {rate}"
    return f"{group.resolution}, {number(group.fps)} FPS, {stream}"


def _stage(stage: Stage) -> str:
    source = "" if stage.on is None else f" on objects of {stage.on}"
    every = "" if stage.every is None else f" {'at' if stage.every.endswith('/s') else 'every'} {stage.every}"
    groups = f" ({', '.join(stage.groups)} only)" if stage.groups else ""
    motion = " on motion" if stage.trigger == "motion" else ""
    device = "" if stage.device is None else f" on {stage.device} alone"
    return f"{stage.id} = {stage.model}{source}{every}{motion}{groups}{device}"


def _objects(asked: Scenario) -> str:
    return "; ".join(f"{name} {_count(count)}" for name, count in asked.activity.objects_per_frame.items())


def _count(count: ObjectCount) -> str:
    busy = "" if count.p95 is None else f", in the busy hour {number(count.p95)}"
    return f"{number(count.mean)} a frame{busy}"


def requirement_text(asked: Scenario) -> str:
    """What must hold: rate, latency, drops."""
    slo = asked.slo
    rate = []
    if asked.cameras:
        rate = ["every camera's own rate" if slo.camera_fps is None else f"{number(slo.camera_fps)} FPS per camera"]
    latency = f"95 % within {number(slo.latency_p95_ms)} ms"
    drops = f"at most {number(slo.drops_max_pct)} % dropped"
    return ", ".join([*rate, latency, drops, f"in every {number(slo.window_s)} s"])


def margins_text(asked: Scenario) -> str:
    """Room to keep: confidence, headroom, growth, a spare box."""
    margin = asked.margin
    words = [f"{margin.confidence_pct:g} % confidence", f"{margin.headroom_pct:g} % headroom"]
    if margin.growth_cameras:
        words.append(f"growth by {counted(margin.growth_cameras, 'camera')}")
    if margin.growth_requests_pct:
        words.append(f"growth of requests by {margin.growth_requests_pct:g} %")
    if margin.redundancy == "n+1":
        words.append("one box may fail (n+1)")
    return ", ".join(words)


def _limits(asked: Scenario) -> str:
    site, candidates = asked.site, asked.candidates
    most = "one box" if candidates.max_boxes == 1 else f"at most {candidates.max_boxes} boxes"
    words = [f"precisions {', '.join(asked.accuracy.precisions)}", most]
    if site.max_power_w is not None:
        words.append(f"{site.max_power_w:g} W at the wall per box")
    if site.fanless:
        words.append("fanless")
    if candidates.max_price is not None:
        words.append(f"{candidates.max_price:,.0f} {asked.money.currency} per box")
    words += [f"only {', '.join(names)}" for names in (candidates.vendors, candidates.form_factor) if names]
    return ", ".join(words)
