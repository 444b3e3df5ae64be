"""A scenario in the making: cameras and stages as a file tells them, written as YAML with comments.

Nothing is invented: what no file says stands in the text as a default with a comment that it is to be set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.addresses import hidden
from advisor.errors import InputError
from advisor.records.codec import CODECS, OTHER_NAMES
from advisor.records.imported import ImportNote
from advisor.store.yamltext import scalar

MODEL_TO_FILL_IN = "FILL-IN.onnx"
"""Stands where a model is not known: a plan refuses it as a file that does not exist."""
LATENCY_MS = 500.0
OBJECTS_MEAN, OBJECTS_P95 = 4.0, 12.0
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_WIDTH = 110

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class CameraDraft:
    """One camera."""

    name: str
    resolution: str
    """Width x height [pixels]."""
    codec: str
    fps: float
    """Frames per second as sent."""
    bitrate_kbps: float | None = None
    source: str | None = None
    """Address without secrets; None: not known, or of no use."""
    stages: tuple[str, ...] = ()
    """Ids of stages that its frames go through first."""


@dataclass(frozen=True)
class StageDraft:
    """One stage."""

    id: str
    model: str
    on: str | None = None
    every: str | None = None
    batch: int = 1
    motion: bool = False
    """Runs on frames with motion alone."""
    comment: str = ""
    """What a reader must know of the model."""


@dataclass(frozen=True)
class ScenarioDraft:
    """All that a file tells."""

    name: str
    origin: str
    """Form and file, for the first line."""
    cameras: tuple[CameraDraft, ...]
    stages: tuple[StageDraft, ...]
    precisions: tuple[str, ...] = ("f32",)

    def notes(self) -> list[ImportNote]:
        """What the scenario holds although no file says so."""
        found = [
            ImportNote(
                place="-",
                kind="to fill in",
                reason=f"slo.latency_p95_ms: no file states it; {LATENCY_MS:g} ms stands there",
            )
        ]
        if self._parents():
            found.append(
                ImportNote(
                    place="-",
                    kind="to fill in",
                    reason=f"activity.objects_per_frame: no file states how many objects a frame shows;"
                    f" {OBJECTS_MEAN:g} on average and {OBJECTS_P95:g} in the busy hour stand there as an example",
                )
            )
        if any(stage.motion for stage in self.stages):
            found.append(
                ImportNote(
                    place="-",
                    kind="to fill in",
                    reason="activity.motion_duty: no file states how often something moves; 1 (always) stands there",
                )
            )
        unknown = [stage.id for stage in self.stages if stage.model == MODEL_TO_FILL_IN]
        if unknown:
            found.append(
                ImportNote(
                    place="-",
                    kind="to fill in",
                    reason=f"model of stage {', '.join(unknown)}: name a file or architecture in the scenario, or"
                    " import again with --model NAME",
                )
            )
        return found

    def _parents(self) -> list[str]:
        """Stages on whose objects others run, in order."""
        used = {stage.on for stage in self.stages if stage.on is not None}
        return [stage.id for stage in self.stages if stage.id in used]

    def text(self, notes: Sequence[ImportNote] = ()) -> str:
        """YAML of the scenario; ``notes`` follow as comments."""
        groups = _groups(self.cameras)
        comments: dict[Path, str] = {}
        document: dict[str, Any] = {"scenario": self.name, "cameras": []}
        for index, (name, members) in enumerate(groups.items()):
            first = members[0]
            entry: dict[str, Any] = {
                "group": name, "count": len(members), "resolution": first.resolution, "codec": first.codec,
                "fps": first.fps,
            }  # fmt: skip
            if first.bitrate_kbps is not None:
                entry["bitrate_kbps"] = first.bitrate_kbps
            sources = [camera.source for camera in members if camera.source is not None]
            if len(sources) == len(members):
                entry["source"] = sources
            document["cameras"].append(entry)
            if len(members) > 1:
                comments["cameras", index] = "cameras: " + ", ".join(camera.name for camera in members)
        document |= self._activity(comments)
        document["stages"] = [self._stage(index, groups, comments) for index in range(len(self.stages))]
        comments["slo", "latency_p95_ms"] = (
            "TO BE SET: no file states how soon a frame must be done; 95 % of them within so many ms"
        )
        document["slo"] = {"latency_p95_ms": LATENCY_MS, "drops_max_pct": 1.0}
        document["margin"] = {"headroom_pct": 30.0, "confidence_pct": 90.0, "growth_cameras": 0}
        comments["accuracy",] = "add int8 only if you have checked the accuracy of your int8 models"
        document["accuracy"] = {"precisions": list(self.precisions)}
        head = [
            f"# Made by `sizer import` from {_clean(self.origin)}. Set what is marked TO BE SET, then: sizer plan FILE",
            "# What was not carried over is listed at the end.",
        ]
        tail = [f"# {_clean(note.place)}: {note.kind}: {_clean(note.reason)}" for note in notes]
        return "\n".join([*head, *_mapping(document, comments, (), 0), *(["", *tail] if tail else [])]) + "\n"

    def _activity(self, comments: dict[Path, str]) -> dict[str, Any]:
        activity: dict[str, Any] = {}
        parents = self._parents()
        if parents:
            activity["objects_per_frame"] = {name: {"mean": OBJECTS_MEAN, "p95": OBJECTS_P95} for name in parents}
            comments["activity", "objects_per_frame"] = (
                "TO BE SET: objects that one frame shows, on average and in the busy hour; an example, from no file"
            )
        if any(stage.motion for stage in self.stages):
            activity["motion_duty"] = 1.0
            comments["activity", "motion_duty"] = "TO BE SET: share of frames in which something moves; 1 is the most"
        return {"activity": activity} if activity else {}

    def _stage(
        self, index: int, groups: Mapping[str, Sequence[CameraDraft]], comments: dict[Path, str]
    ) -> dict[str, Any]:
        stage = self.stages[index]
        entry: dict[str, Any] = {"id": stage.id, "model": stage.model}
        if stage.on is not None:
            entry["on"] = stage.on
        if stage.every is not None:
            entry["every"] = stage.every
        if stage.batch > 1:
            entry["batch"] = {"max": stage.batch}
        if stage.motion:
            entry["trigger"] = "motion"
        if stage.on is None:
            fed = [name for name, members in groups.items() if stage.id in members[0].stages]
            if len(fed) < len(groups):
                entry["groups"] = fed
        comment = stage.comment
        if stage.model == MODEL_TO_FILL_IN:
            comment = f"TO BE SET: {comment or 'the model is not known here'}; name a file, architecture or like:NAME"
        if comment:
            comments["stages", index, "model"] = comment
        return entry


def _groups(cameras: Sequence[CameraDraft]) -> dict[str, list[CameraDraft]]:
    """Cameras that are alike, under a name of the scenario."""
    alike: dict[tuple[object, ...], list[CameraDraft]] = {}
    for camera in cameras:
        key = (camera.resolution, camera.codec, camera.fps, camera.bitrate_kbps, frozenset(camera.stages))
        alike.setdefault(key, []).append(camera)
    found: dict[str, list[CameraDraft]] = {}
    for members in alike.values():
        first = members[0]
        name = first.name if len(members) == 1 else f"{first.codec}-{first.resolution}"
        found[identifier(name, found)] = members
    return found


def identifier(text: str, taken: Iterable[str] = ()) -> str:
    """Name that a scenario takes: a letter, then letters, digits, ``-`` or ``_``; another one if it is taken."""
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:56]
    name = words if re.match(r"[A-Za-z]", words) else f"x-{words}".rstrip("-")
    used = set(taken)
    return next(one for one in (name, *(f"{name}-{count}" for count in range(2, 100_000))) if one not in used)


def resolution_of(text: str, where: str) -> str:
    """``1920 x 1080``, ``1920*1080`` or ``1080p`` as a scenario writes it. InputError names ``where``."""
    found = re.fullmatch(r"\s*([1-9]\d{1,4})\s*[xX×*]\s*([1-9]\d{1,4})\s*", text)
    if found:
        return f"{found[1]}x{found[2]}"
    lines = {"720p": "1280x720", "1080p": "1920x1080", "1440p": "2560x1440", "2160p": "3840x2160"}
    if text.strip().lower() in lines:
        return lines[text.strip().lower()]
    raise InputError(f"{where}: {text[:40]!r} is not WIDTHxHEIGHT, such as 1920x1080")


def codec_of(text: str, where: str) -> str:
    """Codec as a scenario names it. InputError names ``where``."""
    squeezed = re.sub(r"[^a-z0-9]", "", text.lower())
    without_profile = squeezed.removesuffix("main").removesuffix("high").removesuffix("baseline")
    codec = OTHER_NAMES.get(without_profile, without_profile)
    if codec not in CODECS:
        raise InputError(f"{where}: {text[:40]!r} is none of {', '.join(CODECS)}")
    return codec


def _clean(text: str) -> str:
    """One printable line without secrets."""
    return hidden("".join(mark for mark in " ".join(text.split()) if mark.isprintable()))


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.match(value) and isinstance(scalar(value), str)
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:.10g}"
    return json.dumps(value)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and "," in value else _scalar(value)


def _comment(text: str, pad: str) -> list[str]:
    import textwrap

    return textwrap.wrap(_clean(text), _WIDTH, initial_indent=f"{pad}# ", subsequent_indent=f"{pad}# ")


def _mapping(value: Mapping[str, Any], comments: Mapping[Path, str], path: Path, depth: int) -> list[str]:
    pad = "  " * depth
    found: list[str] = []
    for key, item in value.items():
        place = (*path, key)
        if place in comments:
            found += _comment(comments[place], pad)
        if isinstance(item, list) and item and isinstance(item[0], Mapping):
            found.append(f"{pad}{key}:")
            for index, one in enumerate(item):
                if (*place, index) in comments:
                    found += _comment(comments[*place, index], f"{pad}  ")
                body = _mapping(one, comments, (*place, index), depth + 2)
                # The dash stands at the first key, below the comments on it.
                first = next(position for position, line in enumerate(body) if not line.lstrip().startswith("#"))
                body[first] = f"{pad}  - {body[first].lstrip()}"
                found += body
        elif isinstance(item, Mapping) and depth == 0:
            found += [f"{pad}{key}:", *_mapping(item, comments, place, depth + 1)]
        else:
            found.append(f"{pad}{key}: {_flow(item)}")
    return found
