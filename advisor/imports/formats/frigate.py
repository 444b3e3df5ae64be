"""Configuration of Frigate, versions 0.13 to 0.17.

Source: Frigate's "Full Reference Config". A camera's stream with the role ``detect`` is decoded and its model runs
where something moves; the stream with the role ``record`` is copied. What the file leaves to the stream itself (its
size, its rate, its codec) only the user can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from advisor.addresses import source, without_secrets
from advisor.errors import InputError
from advisor.imports.draft import CameraDraft, ScenarioDraft, StageDraft, identifier, resolution_of
from advisor.imports.models import model_named
from advisor.records.imported import ImportNote
from advisor.store.files import read_text
from advisor.store.yamltext import Lines, YamlTextError, parse_yaml

from .base import Imported, ImportOptions
from .dlstreamer import DEVICE

DETECT_FPS = 5.0
"""Frigate's default of ``detect.fps``."""
_DETECT = "detect"
_NO_LOAD = "does not change what is computed"
_OWN_MODEL = "runs models of its own; add a stage with `on: detect` for it"
_REASONS = {
    "mqtt": _NO_LOAD, "database": _NO_LOAD, "auth": _NO_LOAD, "tls": _NO_LOAD, "proxy": _NO_LOAD, "ui": _NO_LOAD,
    "logger": _NO_LOAD, "environment_vars": _NO_LOAD, "telemetry": _NO_LOAD, "networking": _NO_LOAD,
    "camera_groups": _NO_LOAD, "notifications": _NO_LOAD, "timestamp_style": _NO_LOAD, "onvif": _NO_LOAD,
    "live": _NO_LOAD, "best_image_timeout": _NO_LOAD, "webui_url": _NO_LOAD, "type": _NO_LOAD, "profiles": _NO_LOAD,
    "objects": "labels, masks and filters choose what is kept, not what is computed",
    "zones": "zones choose what is kept, not what is computed",
    "review": "choose what is kept, not what is computed",
    "motion": "Frigate's own search for motion is part of the application, at its usual cost per frame",
    "record": "recording copies a stream without decoding it; state the disks in money.storage_per_box",
    "snapshots": "pictures of events are part of the application; state the disks in money.storage_per_box",
    "birdseye": "its picture is encoded for viewers, which is not planned",
    "audio": "audio detection runs a model on sound, which is not planned",
    "audio_transcription": "runs a model on sound, which is not planned",
    "genai": "runs elsewhere, or a language model that is not planned",
    "semantic_search": _OWN_MODEL, "face_recognition": _OWN_MODEL, "lpr": _OWN_MODEL, "classification": _OWN_MODEL,
    "mqtt_client": _NO_LOAD,
}  # fmt: skip
_READ = {"cameras", "version", "model", "detect", "ffmpeg", "go2rtc", "detectors", "safe_mode"}
_READ_OF_CAMERA = {"enabled", "enabled_in_config", "name", "friendly_name", "ffmpeg", "detect"}


class FrigateFormat:
    """Cameras, their detect streams and the detector's model."""

    name = "frigate"
    title = "Frigate configuration (YAML)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read the configuration; every camera that detects becomes one of the scenario."""
        return _Reader(path, options).read()


class _Reader:
    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.path = path
        self.options = options
        try:
            data, self.lines = parse_yaml(read_text(path, InputError))
        except YamlTextError as error:
            raise InputError(f"{path}{f', line {error.line}' if error.line else ''}: {error}") from error
        if not isinstance(data, dict) or not isinstance(data.get("cameras"), dict) or not data["cameras"]:
            raise InputError(f"{path}: names no 'cameras'; is it Frigate's config.yml?")
        self.data: dict[str, Any] = data
        self.notes: list[ImportNote] = []
        self.stage_ids: dict[str | None, str] = {}

    def read(self) -> Imported:
        cameras = [camera for name in self.data["cameras"] if (camera := self._camera(name)) is not None]
        if not cameras:
            reasons = "; ".join(f"{note.place}: {note.reason}" for note in self.notes[:3])
            raise InputError(f"{self.path}: no camera detects anything ({reasons}); nothing is left to size")
        self._top()
        draft = ScenarioDraft(self.options.name, f"Frigate's {self.path.name}", tuple(cameras), self._stages())
        return Imported(draft, notes=(*self.notes, *draft.notes()))

    def _note(self, where: tuple[str | int, ...], kind: Any, reason: str) -> None:
        self.notes.append(ImportNote(place=_place(where, self.lines), kind=kind, reason=reason))

    def _fault(self, where: tuple[str | int, ...], text: str) -> InputError:
        return InputError(f"{self.path}, {_place(where, self.lines)}: {text}")

    def _section(self, where: tuple[str | int, ...]) -> Mapping[str, Any]:
        value: Any = self.data
        for key in where:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._fault(where, "is no mapping of keys to values")
        return value

    def _camera(self, name: str) -> CameraDraft | None:
        where = ("cameras", name)
        camera = self._section(where)
        if not _is_on(camera.get("enabled", True)):
            self._note((*where, "enabled"), "left out", "the camera is switched off")
            return None
        detect: dict[str, tuple[Any, tuple[str | int, ...]]] = {}
        for section in (("detect",), (*where, "detect")):
            detect |= {key: (value, (*section, key)) for key, value in self._section(section).items()}
        if "enabled" in detect and not _is_on(detect["enabled"][0]):
            self._note(detect["enabled"][1], "left out", f"camera {name} does not detect, so nothing is decoded")
            return None
        if "enabled" not in detect:
            self._note(where, "assumed", "detect.enabled is not stated (on before 0.16, off from it): taken as on")
        stream = self._detect_input(where)
        if stream is None:
            self._note(where, "left out", "no input has the role detect, so nothing is decoded")
            return None
        place, address = stream
        resolution = self._resolution(where, detect)
        detect_fps = self._number(detect, "fps", DETECT_FPS)
        if "fps" not in detect:
            self._note(where, "assumed", f"detect.fps is not stated: Frigate's default of {DETECT_FPS:g} per second")
        fps = self.options.fps if self.options.fps is not None else detect_fps
        if fps < detect_fps:
            raise self._fault(where, f"detect.fps {detect_fps:g} is above the {fps:g} of --fps that the camera sends")
        if self.options.fps is None:
            reason = (
                f"the camera sends the {fps:g} frames per second that are detected; if it sends more, all are decoded"
            )
            self._note(where, "assumed", f"{reason}: say --fps")
        for key in camera:
            if key not in _READ_OF_CAMERA:
                self._note((*where, key), "left out", _REASONS.get(key, "is not known to sizer"))
        return CameraDraft(
            name=name, resolution=resolution, codec=self._codec(where), fps=fps,
            source=self._source(place, address), stages=(self._stage_of(detect_fps),),
        )  # fmt: skip

    def _number(self, found: Mapping[str, tuple[Any, tuple[str | int, ...]]], key: str, default: float) -> float:
        if key not in found:
            return default
        value, where = found[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e5:
            raise self._fault(where, f"{str(value)[:40]!r} is not a number above 0")
        return float(value)

    def _resolution(self, where: tuple[str | int, ...], detect: Mapping[str, tuple[Any, tuple[str | int, ...]]]) -> str:
        stated = [key for key in ("width", "height") if key in detect]
        if len(stated) == 2:
            width, height = (self._number(detect, key, 0) for key in ("width", "height"))
            self._note(detect["width"][1], "assumed", "the camera sends the size that is detected; a larger one is"
                       " decoded whole: mend resolution then")  # fmt: skip
            return resolution_of(f"{width:g}x{height:g}", f"{self.path}, {_place(detect['width'][1], self.lines)}")
        if self.options.resolution is not None:
            self._note(where, "assumed", f"{self.options.resolution} as said with --resolution")
            return resolution_of(self.options.resolution, "--resolution")
        raise self._fault(where, "states no detect width and height (Frigate asks the stream); say --resolution WxH")

    def _detect_input(self, where: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], str] | None:
        inputs = self._section((*where, "ffmpeg")).get("inputs")
        place = (*where, "ffmpeg", "inputs")
        if not isinstance(inputs, list) or not inputs:
            raise self._fault(where, "has no ffmpeg.inputs; is it Frigate's config.yml?")
        for index, entry in enumerate(inputs):
            if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
                raise self._fault((*place, index), "an input is a mapping with path and roles")
            roles = entry.get("roles", [_DETECT] if len(inputs) == 1 else [])
            if _DETECT in ([roles] if isinstance(roles, str) else roles or []):
                return (*place, index, "path"), entry["path"]
        return None

    def _source(self, place: tuple[str | int, ...], address: str) -> str | None:
        """Address of the stream behind Frigate's own restream, without secrets."""
        streams = self._section(("go2rtc", "streams"))
        own = address.partition("://")[2]
        if own.startswith(("127.0.0.1:8554/", "localhost:8554/")):
            stream = own.partition("/")[2].partition("?")[0]
            behind = streams.get(stream)
            first = behind[0] if isinstance(behind, list) and behind else behind
            if not isinstance(first, str):
                self._note(
                    place, "left out", "the address is Frigate's own restream, and go2rtc.streams has none of it"
                )
                return None
            address, place = first.removeprefix("ffmpeg:"), ("go2rtc", "streams", stream)
        cleaned, changed = without_secrets(address)
        try:
            usable = source(cleaned).kind == "network" and "{" not in cleaned
        except ValueError:
            usable = False
        if not usable:
            self._note(place, "left out", "its address is none that sizer plays; `sizer verify` makes a clip instead")
            return None
        if changed:
            self._note(place, "secret removed", "the address is written without user, password and keys; complete it"
                       " where you run `sizer verify`, and keep that file to yourself")  # fmt: skip
        return cleaned

    def _codec(self, where: tuple[str | int, ...]) -> str:
        if self.options.codec is not None:
            return self.options.codec
        for section in ((*where, "ffmpeg"), ("ffmpeg",)):
            arguments = str(self._section(section).get("hwaccel_args", ""))
            for mark, codec in (("h265", "h265"), ("hevc", "h265"), ("h264", "h264")):
                if mark in arguments:
                    return codec
        self._note(where, "assumed", "no codec is stated: h264; say --codec h265 if it is that")
        return "h264"

    def _top(self) -> None:
        version = str(self.data.get("version", ""))
        if version and not re.match(r"0\.1[3-7](?!\d)", version):
            self._note(("version",), "assumed", "is none of 0.13 to 0.17; what its keys mean may differ")
        for key, value in self.data.items():
            if key not in _READ:
                self._note((key,), "left out", _REASONS.get(key, "is not known to sizer"))
            elif key == "detectors":
                self._detectors(value)
            elif key == "go2rtc":
                self._note(
                    (key,), "left out", "restreaming copies streams without decoding them; its addresses were used"
                )
        if self._section(("ffmpeg",)).get("hwaccel_args") is not None:
            self._note(("ffmpeg", "hwaccel_args"), "left out", "a plan decodes on the processor's cores")

    def _detectors(self, value: Any) -> None:
        entries: Iterator[Any] = iter(value.items()) if isinstance(value, dict) else iter(())
        for name, entry in entries:
            kind = entry.get("type") if isinstance(entry, dict) else None
            device = entry.get("device") if isinstance(entry, dict) else None
            shown = " on ".join(str(part)[:40] for part in (kind, device) if part is not None)
            self._note(("detectors", name), "left out", f"detector {shown or 'of no type'}: {DEVICE}")

    def _stages(self) -> tuple[StageDraft, ...]:
        """One stage for each rate of detection; a single one where cameras send what is detected."""
        described = self._section(("model",))
        named = described.get("path")
        model, comment = model_named(named if isinstance(named, str) else None, self.options.model)
        sizes = [described.get(key) for key in ("width", "height")]
        if all(isinstance(size, int) for size in sizes):
            comment += f"; Frigate feeds it pictures of {sizes[0]}x{sizes[1]}"
        reason = (
            "Frigate runs the model on each region around motion or an object, often several in a frame; the scenario"
        )
        self._note(("model",) if described else (), "assumed", f"{reason} runs it once per frame with motion")
        return tuple(
            StageDraft(stage, model, every=every, motion=True, comment=comment)
            for every, stage in self.stage_ids.items()
        )

    def _stage_of(self, detect_fps: float) -> str:
        """Id of the stage that detects at this rate [1/s]."""
        every = None if self.options.fps is None else f"{detect_fps:g}/s"
        if every not in self.stage_ids:
            self.stage_ids[every] = identifier(_DETECT, self.stage_ids.values())
        return self.stage_ids[every]


def _is_on(value: object) -> bool:
    """Whether Frigate takes a value as true; it knows yes and on, too."""
    return value is True or str(value).lower() in {"true", "yes", "on", "1"}


def _place(where: tuple[str | int, ...], lines: Lines) -> str:
    """Line and key of a place in the file."""
    if not where:
        return "-"
    line = next((lines[where[:length]] for length in range(len(where), 0, -1) if where[:length] in lines), None)
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    return f"line {line}, {key}" if line is not None else key
