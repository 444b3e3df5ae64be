"""Rules between the parts of a scenario that no single field can check.

Each rule yields faults with the path inside the file; the loader reports the first. Rates are compared in frames
between two calls, per group of cameras, since ``every: 2/s`` means another number of frames at another camera rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from advisor.errors import nearest
from advisor.records.device import RUNTIME_DEVICES
from advisor.records.platform import Platform
from advisor.records.scenario import Scenario, Stage

from .catalogue import Catalogue

MAX_CAMERAS = 10_000
MAX_STAGES = 100
MAX_BATCH = 1024
MAX_EDGE_PIXELS = 16_384
# Far beyond what anyone has: such a figure is a slip of the pen, and arithmetic on it would end in infinities or never.
# Parts of a path that are indices or chosen names are written as *.
LIMITS = {
    ("cameras", "*", "fps"): 1e3,
    ("cameras", "*", "bitrate_kbps"): 1e6,
    ("cameras", "*", "gop_frames"): 1e6,
    ("cameras", "*", "jitter_ms"): 1e4,
    ("requests", "*", "rate_per_s"): 1e6,
    ("activity", "objects_per_frame", "*", "mean"): 1e3,
    ("activity", "objects_per_frame", "*", "p95"): 1e3,
    ("activity", "objects_per_frame", "*", "max"): 1e4,
    ("activity", "persistence_s"): 1e6,
    ("stages", "*", "batch", "timeout_ms"): 6e4,
    ("stages", "*", "queue_frames"): 1e4,
    ("slo", "latency_p95_ms"): 1e7,
    ("slo", "window_s"): 1e6,
    ("margin", "growth_cameras"): MAX_CAMERAS,
    ("margin", "growth_requests_pct"): 1e5,
    ("site", "max_power_w"): 1e6,
    ("site", "ambient_c"): 85.0,
    ("money", "usd_rate"): 1e7,
    ("money", "electricity_per_kwh"): 1e7,
    ("money", "lifetime_years"): 100.0,
    ("money", "tax_pct"): 100.0,
    ("money", "licence_per_box"): 1e12,
    ("money", "storage_per_box"): 1e12,
    ("candidates", "max_price"): 1e12,
    ("candidates", "max_boxes"): 1e4,
    ("candidates", "prices", "*", "value"): 1e12,
    ("sites", "*", "count"): 1e7,
    ("application", "overhead_ms_per_frame"): 1e5,
    ("application", "overhead_ms_per_object"): 1e5,
    ("sites", "*", "cameras", "*"): MAX_CAMERAS,
}
# Below them nothing is meant either: one frame in 17 minutes is no video, and windows without length have no end.
LEAST = {
    ("cameras", "*", "fps"): 1e-3,
    ("cameras", "*", "bitrate_kbps"): 1.0,
    ("requests", "*", "rate_per_s"): 1e-4,
    ("slo", "camera_fps"): 1e-3,
    ("slo", "latency_p95_ms"): 1e-2,
    ("slo", "window_s"): 1.0,
    ("money", "usd_rate"): 1e-6,
    ("money", "lifetime_years"): 1e-2,
    ("site", "max_power_w"): 1e-2,
    ("site", "ambient_c"): -60.0,
    ("candidates", "max_price"): 1e-2,
}
# Least that a codec needs of a still scene at night, and what a picture takes in 8 bits per colour without any codec.
# Between them lies every camera: 1080p at 15/s from 16 kbit/s to 746 Mbit/s. Project assumption.
LEAST_BITS_PER_PIXEL = 0.0005
MOST_BITS_PER_PIXEL = 24.0
MOST_USD_PER_KWH = 5.0
"""Above it a price of electricity is meant in cents; diesel in the desert costs less."""
RESERVED_STAGES = frozenset({"application", "decode"})
"""Names under which reports list what is no stage of the scenario."""


@dataclass(frozen=True)
class Fault:
    """One broken rule."""

    path: tuple[str | int, ...]
    text: str


def faults(scenario: Scenario) -> Iterator[Fault]:
    """Yield broken rules; later rules rely on the earlier ones and are reached only where those hold."""
    for rule in (
        _limits,
        _bit_rates,
        _shares,
        _sources,
        _names,
        _links,
        _cycles,
        _groups,
        _objects,
        _rates,
        _sites,
        _candidates,
        _service_classes,
    ):
        found = list(rule(scenario))
        if found:
            yield from found
            return


def _service_classes(scenario: Scenario) -> Iterator[Fault]:
    for index, stage in enumerate(scenario.stages):
        if scenario.class_of(stage) == "latency" and stage.batch.timeout_ms > 0:
            yield Fault(
                ("stages", index, "batch", "timeout_ms"),
                f"stage {stage.id} is of service class latency, which waits for no other request: leave timeout_ms "
                "out, or give the stage the class throughput",
            )


def _limits(scenario: Scenario) -> Iterator[Fault]:
    document = scenario.model_dump()
    for pattern, most in LIMITS.items():
        for path, value in _values(document, pattern):
            if value is not None and value > most:
                yield Fault(path, f"{value:g} is above {most:,.0f}, the most that is taken for meant")
    for pattern, least in LEAST.items():
        for path, value in _values(document, pattern):
            if value is not None and value < least:
                yield Fault(path, f"{value:g} is below {least:g}, the least that is taken for meant")


def _bit_rates(scenario: Scenario) -> Iterator[Fault]:
    """Bit rates that no codec has at that size and rate: thousands lost to a separator, or bits for kilobits."""
    for index, camera in enumerate(scenario.cameras):
        if camera.bitrate_kbps is None or camera.codec == "raw":
            continue
        width, height = camera.size
        kbps = camera.bitrate_kbps
        bits_per_pixel = kbps * 1e3 / (width * height * camera.fps)
        factor = 1e3 if bits_per_pixel < LEAST_BITS_PER_PIXEL else 1e-3
        if LEAST_BITS_PER_PIXEL <= bits_per_pixel <= MOST_BITS_PER_PIXEL:
            continue
        likely = LEAST_BITS_PER_PIXEL <= bits_per_pixel * factor <= MOST_BITS_PER_PIXEL
        yield Fault(
            ("cameras", index, "bitrate_kbps"),
            f"{kbps:g} kilobit per second is too {'little' if factor > 1 else 'much'} for {camera.resolution} at"
            f" {camera.fps:g} frames per second ({bits_per_pixel:.2g} bits per pixel);"
            + (f" if {kbps * factor:g} is meant, write that" if likely else " leave it out if it is not known"),
        )


def _shares(scenario: Scenario) -> Iterator[Fault]:
    """Percentages written as shares, milliseconds as seconds, and money written in cents."""
    headroom = scenario.margin.headroom_pct
    if 0 < headroom < 1:
        yield Fault(
            ("margin", "headroom_pct"),
            f"{headroom:g} is less than one percent; write {100 * headroom:g} for {100 * headroom:g} %, or 0",
        )
    latency_ms = scenario.slo.latency_p95_ms
    if scenario.camera_count and latency_ms < 1:  # no frame is decoded in less
        yield Fault(
            ("slo", "latency_p95_ms"),
            f"{latency_ms:g} is less than one millisecond; write {1e3 * latency_ms:g} for {latency_ms:g} s",
        )
    money = scenario.money
    usd_per_kwh = money.electricity_per_kwh / (money.usd_rate or 1.0)
    if usd_per_kwh > MOST_USD_PER_KWH:
        yield Fault(
            ("money", "electricity_per_kwh"),
            f"{money.electricity_per_kwh:g} {money.currency} per kilowatt-hour is above {MOST_USD_PER_KWH:g} USD; write"
            f" {money.currency}, not hundredths of it",
        )


def _values(part: Any, pattern: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the values at the places that ``pattern`` matches, with their paths."""
    if not pattern:
        yield (), part
        return
    keys: Iterable[str | int] = pattern[:1]
    if pattern[0] == "*":
        keys = part if isinstance(part, dict) else range(len(part))
    for key in keys:
        for path, value in _values(part[key], pattern[1:]):
            yield (key, *path), value


def _repeated(names: Iterable[str], path: tuple[str, ...], key: str, what: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            yield Fault((*path, index, key), f"{what} {name!r} appears twice (also {path[-1]}[{seen[name]}])")
        seen.setdefault(name, index)


def _sources(scenario: Scenario) -> Iterator[Fault]:
    if scenario.camera_count == 0 and not scenario.requests:
        yield Fault(("cameras",), "there is no camera and no requests group, so nothing to size; add one")
    if scenario.camera_count > MAX_CAMERAS:
        yield Fault(("cameras",), f"{scenario.camera_count} cameras are more than the {MAX_CAMERAS} of one scenario")
    for index, camera in enumerate(scenario.cameras):
        if camera.count and camera.fps * scenario.slo.window_s < 1.0:  # a run would see none, and all would hold
            yield Fault(
                ("slo", "window_s"),
                f"{scenario.slo.window_s:g} s hold no frame of group {camera.group!r} at {camera.fps:g} frames per"
                f" second; make it {1.0 / camera.fps:.3g} or more",
            )
        if max(camera.size) > MAX_EDGE_PIXELS:
            yield Fault(("cameras", index, "resolution"), f"{camera.resolution} has an edge above {MAX_EDGE_PIXELS}")
        if camera.count and scenario.slo.camera_fps is not None and scenario.slo.camera_fps > camera.fps:
            yield Fault(
                ("slo", "camera_fps"),
                f"{scenario.slo.camera_fps:g} is above the {camera.fps:g} frames per second of group"
                f" {camera.group!r}, which it can never deliver; lower it or leave it out",
            )


def _names(scenario: Scenario) -> Iterator[Fault]:
    cameras = [group.group for group in scenario.cameras]
    yield from _repeated(cameras, ("cameras",), "group", "group")
    yield from _repeated((group.group for group in scenario.requests), ("requests",), "group", "group")
    for index, group in enumerate(scenario.requests):
        if group.group in cameras:
            yield Fault(("requests", index, "group"), f"{group.group!r} is already a group of cameras")
    yield from _repeated((stage.id for stage in scenario.stages), ("stages",), "id", "stage")
    for index, stage in enumerate(scenario.stages):
        if stage.id in RESERVED_STAGES:
            yield Fault(("stages", index, "id"), f"{stage.id!r} is what reports call decoding; choose another name")


def _links(scenario: Scenario) -> Iterator[Fault]:
    ids = [stage.id for stage in scenario.stages]
    if len(ids) > MAX_STAGES:
        yield Fault(("stages",), f"{len(ids)} stages are more than the {MAX_STAGES} of one scenario")
    for index, stage in enumerate(scenario.stages):
        if not stage.model.strip():
            yield Fault(("stages", index, "model"), "is empty; name a file, an architecture or like:NAME")
        if stage.on is not None and stage.on not in ids:
            known = nearest(stage.on, ids) or f"; stages are {', '.join(ids)}"
            yield Fault(("stages", index, "on"), f"there is no stage {stage.on!r}{known}")
        if stage.batch.max > MAX_BATCH:
            yield Fault(("stages", index, "batch", "max"), f"{stage.batch.max} is above {MAX_BATCH}")


def _cycles(scenario: Scenario) -> Iterator[Fault]:
    for index, start in enumerate(scenario.stages):
        walked = [start.id]
        stage = start
        while stage.on is not None:
            stage = scenario.stage(stage.on)
            if stage.id == start.id:
                circle = " -> ".join([*walked, start.id])
                yield Fault(("stages", index, "on"), f"stages run on each other in a circle: {circle}")
                return
            if stage.id in walked:
                break  # a circle further up, reported at its own member
            walked.append(stage.id)


def _groups(scenario: Scenario) -> Iterator[Fault]:
    known = [group.group for group in scenario.cameras] + [group.group for group in scenario.requests]
    for index, stage in enumerate(scenario.stages):
        for place, name in enumerate(stage.groups):
            if name not in known:
                guess = nearest(name, known) or f"; groups are {', '.join(known)}"
                yield Fault(("stages", index, "groups", place), f"there is no group {name!r}{guess}")
            elif stage.on is not None and name not in scenario.groups_of(scenario.stage(stage.on)):
                fed = ", ".join(scenario.groups_of(scenario.stage(stage.on)))
                yield Fault(
                    ("stages", index, "groups", place),
                    f"stage {stage.on!r}, on which it runs, does not see group {name!r} (it sees: {fed or 'none'})",
                )


def _objects(scenario: Scenario) -> Iterator[Fault]:
    known = list(scenario.activity.objects_per_frame)
    used = {stage.on for stage in scenario.stages if stage.on is not None}
    for index, stage in enumerate(scenario.stages):
        name = scenario.object_class(stage)
        if name in known or (stage.objects is None and stage.id not in used):
            continue
        hint = nearest(name, known) or f"; classes are {', '.join(known) or 'none'}"
        if stage.objects is not None:
            yield Fault(("stages", index, "objects"), f"{name!r} is not in activity.objects_per_frame{hint}")
            continue
        child, user = next((place, other) for place, other in enumerate(scenario.stages) if other.on == stage.id)
        yield Fault(
            ("stages", child, "on"),
            f"stage {user.id!r} runs on the objects of {stage.id!r}, but {name!r} is not in"
            f" activity.objects_per_frame{hint}; add it there or set stages[{index}].objects",
        )


def _interval(stage: Stage, scenario: Scenario, rate_per_s: float) -> float:
    """Frames between two calls; a stage without ``every`` follows the stage that it runs on."""
    if stage.every is None and stage.on is not None:
        return _interval(scenario.stage(stage.on), scenario, rate_per_s)
    return stage.interval_frames(rate_per_s)


def _rates(scenario: Scenario) -> Iterator[Fault]:
    rates = {group.group: group.fps for group in scenario.cameras}
    rates |= {group.group: group.rate_per_s for group in scenario.requests}
    for index, stage in enumerate(scenario.stages):
        if stage.every is None:
            continue
        path = ("stages", index, "every")
        for name in scenario.groups_of(stage):
            try:
                own = _interval(stage, scenario, rates[name])
                above = None if stage.on is None else _interval(scenario.stage(stage.on), scenario, rates[name])
            except ValueError:
                yield Fault(
                    path,
                    f"{stage.every!r} must be above 0 and at most the {rates[name]:g} per second of group {name!r}",
                )
                break
            if above is not None and own < above * (1 - 1e-9):
                yield Fault(
                    path,
                    f"{stage.every!r} is more often than stage {stage.on!r} looks (every {above:g} frames of group"
                    f" {name!r}); objects exist only where that stage ran",
                )
                break


def _sites(scenario: Scenario) -> Iterator[Fault]:
    known = [group.group for group in scenario.cameras]
    yield from _repeated((site.name for site in scenario.sites), ("sites",), "name", "site")
    for index, site in enumerate(scenario.sites):
        for name in site.cameras:
            if name not in known:
                guess = nearest(name, known) or f"; groups are {', '.join(known) or 'none'}"
                yield Fault(("sites", index, "cameras", name), f"there is no camera group {name!r}{guess}")
        if not sum(site.cameras.values()):
            yield Fault(("sites", index, "cameras"), "a site without cameras needs no box; remove it")


def _candidates(scenario: Scenario) -> Iterator[Fault]:
    known = list(get_args(Platform.model_fields["form_factor"].annotation))
    for index, name in enumerate(scenario.candidates.form_factor):
        if name not in known:
            guess = nearest(name, known) or f"; known are {', '.join(known)}"
            yield Fault(("candidates", "form_factor", index), f"there is no form factor {name!r}{guess}")
    yield from _devices(scenario)


def _devices(scenario: Scenario) -> Iterator[Fault]:
    """Names of devices, which the catalogue is asked for only where they are none that a chip brings."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("candidates", "devices", index), name) for index, name in enumerate(scenario.candidates.devices)
    ]
    named += [(("stages", i, "device"), s.device) for i, s in enumerate(scenario.stages) if s.device is not None]
    own = tuple(RUNTIME_DEVICES.values())
    others = [(path, name) for path, name in named if name not in own]
    if not others:
        return
    # Cards are no accelerators here: nothing tells what the host must do for them.
    added = [device.id for device in Catalogue.load().devices() if device.kind == "accelerator"]
    for path, name in others:
        if name not in added:
            upper = f"; did you mean {name.upper()!r}?" if name.upper() in own else nearest(name, (*own, *added))
            known = upper or f"; known are {', '.join((*own, *added))}"
            yield Fault(path, f"there is no device {name!r}{known}")
        elif not scenario.candidates.add_accelerators:
            yield Fault(path, f"{name} is added to a box: permit that with candidates.add_accelerators: true")
