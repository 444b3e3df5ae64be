"""Pipelines of DL Streamer as text for ``gst-launch-1.0``: sources, gvadetect, gvaclassify and gvainference.

Source: DL Streamer's reference of elements (model, device, batch-size, inference-interval, inference-region,
model-instance-id) and GStreamer's syntax of gst-launch.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from advisor.addresses import source, without_secrets
from advisor.errors import InputError
from advisor.imports.draft import CameraDraft, ScenarioDraft, StageDraft, codec_of, identifier, resolution_of
from advisor.imports.models import model_named
from advisor.records.imported import ImportNote
from advisor.store.files import read_text

from .base import Imported, ImportOptions

DEVICE = "a plan chooses box and device itself, and plans the processor's cores"
INFERENCE = ("gvadetect", "gvaclassify", "gvainference")
_SOURCES = {
    "filesrc": "location", "rtspsrc": "location", "urisourcebin": "uri", "uridecodebin": "uri", "uridecodebin3": "uri",
    "multifilesrc": "location", "v4l2src": "device", "souphttpsrc": "location", "videotestsrc": "",
}  # fmt: skip
_CODECS = {"264": "h264", "265": "h265", "jpeg": "mjpeg"}
_WORK = re.compile(
    r"gvatrack|gvawatermark|gvameta\w*|gvapython|gvamotiondetect|gvaattachroi|\w*enc\Z|compositor|\w*mux\Z"
)
_PROPERTY = re.compile(r"([A-Za-z][\w:-]*)=(.*)\Z", re.DOTALL)
_RATE = re.compile(r"framerate=(?:\(fraction\))?(\d+)(?:/(\d+))?")
_SIDE = r"{}=(?:\(int\))?(\d+)"


@dataclass
class Element:
    """One element of a pipeline, or a filter of caps."""

    line: int
    name: str
    properties: dict[str, str] = field(default_factory=dict)


class DlStreamerFormat:
    """One camera for each source, one stage for each element that infers."""

    name = "dlstreamer"
    title = "DL Streamer pipeline (gst-launch text)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read all pipelines of the file."""
        chains = list(_chains(_tokens(read_text(path, InputError), path)))
        builder = PipelineBuilder(path, options)
        for branches in _by_source(chains):
            builder.add_source(branches)
        return builder.finish(f"the pipelines of {path.name}")


def _tokens(text: str, path: Path) -> Iterator[tuple[int, str]]:
    """Words of the file with their lines; a quote may run over several lines."""
    start, whole = 1, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not whole:
            start = number
            if line.strip().startswith("#"):
                continue
        whole += line.strip().removesuffix("\\") + " "
        try:
            words = shlex.split(whole)
        except ValueError:
            continue  # a quote is open
        yield from ((start, word) for word in words)
        whole = ""
    if whole:
        raise InputError(f"{path}, line {start}: a quote is opened here and never closed")


def _chains(tokens: Iterator[tuple[int, str]]) -> Iterator[list[Element]]:
    """Elements that are linked with ``!``, from a source or a pad to the end."""
    chain: list[Element] = []
    linked = True
    started = False
    for line, word in tokens:
        if word.rpartition("/")[2].startswith("gst-launch"):
            if chain:
                yield chain
            chain, linked, started = [], True, True
            continue
        if not started:
            if word.startswith("-") or "=" in word or not re.fullmatch(r"[\w.]+", word):
                continue
            started = True  # a bare pipeline, without the command
        if word == "!":
            linked = True
        elif word.startswith("-") or word in {"(", ")", "&", "&&", "|", "2>&1"}:
            continue
        elif (found := _PROPERTY.match(word)) and chain and not linked and "/" not in found[1]:
            chain[-1].properties[found[1]] = found[2]
        elif linked:
            chain.append(Element(line, word))
            linked = False
        else:
            yield chain
            chain, linked = [Element(line, word)], False
    if chain:
        yield chain


def _by_source(chains: Iterable[list[Element]]) -> list[list[list[Element]]]:
    """Branches of each source: a chain that begins at the pad of a named element (``t.``) goes on from there."""
    found: list[list[list[Element]]] = []
    named: dict[str, tuple[int, list[Element]]] = {}
    for chain in chains:
        start, mark, _ = chain[0].name.partition(".")
        if mark and start in named:
            source_index, before = named[start]
            whole = [*before, *chain[1:]]
            found[source_index].append(whole)
        else:
            source_index, whole = len(found), chain
            found.append([whole])
        for place, element in enumerate(whole):
            if "name" in element.properties:
                named[element.properties["name"]] = (source_index, whole[: place + 1])
    return found


class PipelineBuilder:
    """Cameras and stages from chains of elements; also used for workloads of intel-retail."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[ImportNote] = []
        self.cameras: list[CameraDraft] = []
        self.stages: dict[tuple[object, ...], StageDraft] = {}
        self.precisions: set[str] = set()

    def note(self, place: str, kind: Literal["left out", "assumed", "secret removed"], reason: str) -> None:
        """Add one note."""
        self.notes.append(ImportNote(place=place, kind=kind, reason=reason))

    def finish(self, origin: str) -> Imported:
        """Draft of all that was added. InputError where there is no camera or no stage."""
        if not self.cameras:
            raise InputError(f"{self.path}: has no source (filesrc, rtspsrc, urisourcebin ...); is it a pipeline?")
        if not self.stages:
            raise InputError(f"{self.path}: no element infers ({', '.join(INFERENCE)}); nothing is left to size")
        precisions = ("f32", "int8") if self.precisions == {"INT8"} else ("f32",)
        if "int8" in precisions:
            self.note("-", "assumed", "all models of the file run in INT8: accuracy.precisions permits int8")
        draft = ScenarioDraft(self.options.name, origin, tuple(self.cameras), tuple(self.stages.values()), precisions)
        return Imported(draft, notes=(*dict.fromkeys(self.notes), *draft.notes()))

    def add_source(self, branches: list[list[Element]]) -> None:
        """Add the branches of one source; one that infers and begins at no source cannot be followed."""
        chain = branches[0]
        head = chain[0]
        place = f"line {head.line}"
        if head.name not in _SOURCES:
            infer = [element.name for element in chain if element.name in INFERENCE]
            if infer:
                raise InputError(
                    f"{self.path}, {place}: {infer[0]} hangs on {head.name[:40]!r}, not on a source; write the pipeline"
                    " as one chain per camera"
                )
            return
        roots = [
            root
            for branch in branches
            for root in self.add_inference(branch, lambda element: f"line {element.line}, {element.name}")
        ]
        if not roots:
            self.note(place, "left out", f"no element behind this {head.name} infers")
            return
        address = head.properties.get(_SOURCES[head.name], "")
        self.cameras.append(
            CameraDraft(
                name=identifier(f"camera-{len(self.cameras) + 1}"), resolution=self._resolution(chain, place),
                codec=self._codec(chain, place), fps=self._fps(chain, place),
                source=self.source(address, place), stages=tuple(dict.fromkeys(roots)),
            )
        )  # fmt: skip

    def add_inference(self, chain: list[Element], where: Callable[[Element], str]) -> list[str]:
        """Add the stages of a chain; returns the ids of those that run on frames."""
        roots: list[str] = []
        detector: str | None = None
        for element in chain:
            place = where(element)
            if element.name not in INFERENCE:
                if _WORK.match(element.name):
                    self.note(place, "left out", "is part of the application, at its usual cost per frame")
                continue
            of_objects = element.properties.get(
                "inference-region", "roi-list" if element.name == "gvaclassify" else "full-frame"
            )
            on = detector if of_objects in {"1", "roi-list"} else None
            if of_objects in {"1", "roi-list"} and on is None:
                raise InputError(f"{self.path}, {place}: runs on objects, and no gvadetect stands before it")
            stage = self._stage(element, on, place)
            if on is None and stage.id not in roots:
                roots.append(stage.id)
            if element.name == "gvadetect":
                detector = stage.id
        return roots

    def _stage(self, element: Element, on: str | None, place: str) -> StageDraft:
        given = element.properties
        interval = self._count(given, "inference-interval", place)
        batch = self._count(given, "batch-size", place)
        named = given.get("model")
        instance = given.get("model-instance-id")
        key = (element.name, instance or named, on, interval, batch)
        if key not in self.stages:
            if named is None and instance is None:
                raise InputError(f"{self.path}, {place}: names no model")
            model, comment = model_named(named, self.options.model)
            taken = {stage.id for stage in self.stages.values()}
            short = element.name.removeprefix("gva").replace("inference", "infer")
            every = None if interval == 1 else f"{interval} frames"
            self.stages[key] = StageDraft(identifier(short, taken), model, on, every, batch, comment=comment)
            device = given.get("device", "CPU")
            if device != "CPU":
                self.note(place, "left out", f"device {device[:40]}: {DEVICE}")
            for name in ("nireq", "ie-config", "model-proc", "pre-process-backend", "threshold", "reclassify-interval",
                         "object-class", "cpu-throughput-streams", "gpu-throughput-streams"):  # fmt: skip
                if name in given:
                    self.note(place, "left out", f"{name}: {_DROPPED.get(name, 'a plan chooses such settings itself')}")
        return self.stages[key]

    def _count(self, given: Mapping[str, str], name: str, place: str) -> int:
        text = given.get(name, "1")
        if not (text.isascii() and text.isdigit() and 0 <= int(text[:6]) <= 1024):
            raise InputError(f"{self.path}, {place}: {name}={text[:40]!r} is not a whole number up to 1024")
        return max(1, int(text))  # 0 stands for what the element chooses by itself

    def source(self, address: str, place: str) -> str | None:
        """Address without secrets; None where it is none that sizer plays."""
        cleaned, changed = without_secrets(address)
        try:
            taken = source(cleaned)
        except ValueError:
            taken = None
        if taken is None or "$" in cleaned or "{" in cleaned:
            self.note(place, "left out", "its source is none that sizer plays; `sizer verify` makes a clip instead")
            return None
        if changed:
            self.note(place, "secret removed", "the address is written without user, password and keys; complete it"
                      " where you run `sizer verify`, and keep that file to yourself")  # fmt: skip
        return cleaned

    def _as_sent(self, chain: list[Element]) -> list[Element]:
        """Elements up to the first that changes size or rate, or infers."""
        changed = re.compile(r"videoscale|videorate|videocrop|\w*postproc|" + "|".join(INFERENCE))
        end = next((place for place, element in enumerate(chain) if changed.match(element.name)), len(chain))
        return chain[:end]

    def _resolution(self, chain: list[Element], place: str) -> str:
        for element in self._as_sent(chain):
            sides = [re.search(_SIDE.format(side), element.name) for side in ("width", "height")]
            if element.name.startswith("video/") and sides[0] and sides[1]:
                return f"{sides[0][1]}x{sides[1][1]}"
        return self.resolution(place)

    def resolution(self, place: str) -> str:
        """Size as said by the user. InputError where it is not."""
        if self.options.resolution is None:
            raise InputError(f"{self.path}, {place}: does not say how large the pictures are; say --resolution WxH")
        return resolution_of(self.options.resolution, "--resolution")

    def _fps(self, chain: list[Element], place: str) -> float:
        for element in self._as_sent(chain):
            rate = _RATE.search(element.name)
            if element.name.startswith("video/") and rate and int(rate[1]) and int(rate[2] or 1):
                return int(rate[1]) / int(rate[2] or 1)
        return self.fps(place)

    def fps(self, place: str) -> float:
        """Rate as said by the user [1/s]. InputError where it is not."""
        if self.options.fps is None:
            raise InputError(f"{self.path}, {place}: does not say how many frames per second come; say --fps N")
        return self.options.fps

    def _codec(self, chain: list[Element], place: str) -> str:
        for element in self._as_sent(chain):
            found = next((codec for mark, codec in _CODECS.items() if mark in element.name), None)
            if found is not None:
                return found
            if element.name.startswith("video/x-raw") and chain[0].name in {"v4l2src", "videotestsrc"}:
                return "raw"
        return self.codec(place)

    def codec(self, place: str) -> str:
        """Codec as said by the user, or h264 with a note."""
        if self.options.codec is not None:
            return codec_of(self.options.codec, "--codec")
        self.note(place, "assumed", "no codec is stated: h264; say --codec h265 if it is that")
        return "h264"


_DROPPED = {
    "model-proc": "what is done with results is part of the application",
    "threshold": "how many objects are found stands in activity.objects_per_frame",
    "object-class": "which objects it runs on: lower the objects of a frame by hand",
    "reclassify-interval": "the stage runs on every object of its detector: set `every` by hand",
}
