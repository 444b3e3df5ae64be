"""A list of cameras as CSV: exported from an ONVIF tool or kept by hand.

Headings: name, address, resolution (or width and height), codec, fps, bitrate, under the names that ONVIF's video
encoder configuration has for them, too (Encoding, FrameRateLimit, BitrateLimit in kbit/s).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from advisor.addresses import source, without_secrets
from advisor.errors import InputError
from advisor.imports.draft import CameraDraft, ScenarioDraft, StageDraft, codec_of, identifier, resolution_of
from advisor.imports.models import model_named
from advisor.market.text_table import TableRow, TextTable, read_bytes, read_table
from advisor.records.imported import ImportNote

from .base import Imported, ImportOptions
from .cells import number

_HEADINGS = {
    "name": ("name", "camera", "camera name", "title", "device name"),
    "address": ("address", "url", "uri", "rtsp", "rtsp url", "stream", "stream url", "source", "host", "ip", "xaddr"),
    "resolution": ("resolution", "size", "video resolution"),
    "width": ("width", "resolution.width", "resolution width"),
    "height": ("height", "resolution.height", "resolution height"),
    "codec": ("codec", "encoding", "video codec", "compression", "encoder"),
    "fps": ("fps", "framerate", "frame rate", "frameratelimit", "ratecontrol.frameratelimit", "frames per second"),
    "bitrate": ("bitrate", "bitrate_kbps", "bitrate kbps", "bitratelimit", "ratecontrol.bitratelimit", "bit rate"),
}
_BITRATE = re.compile(r"([\d.,]+)\s*(kbps|kbit/s|kb/s|k|mbps|mbit/s|mb/s|m|)\Z", re.IGNORECASE)
_STAGE = "detect"


class CameraListFormat:
    """One camera for each row; the model is the user's."""

    name = "cameras"
    title = "list of cameras (CSV)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read all rows; those that cannot be taken are listed one by one."""
        table = read_table(read_bytes(path), str(path))
        columns = _columns(table)
        notes = [ImportNote(place=f"line {line}", kind="left out", reason=why) for line, why in table.torn]
        cameras: list[CameraDraft] = []
        for row in table.rows:
            cells = {field: row.cells[heading] for field, heading in columns.items()}
            found: list[ImportNote] = []
            try:
                cameras.append(_camera(row, cells, options, len(cameras) + 1, found))
            except InputError as error:
                notes.append(ImportNote(place=f"line {row.line}", kind="left out", reason=str(error)))
            else:
                notes += found
        if not cameras:
            reason = f" ({notes[0].place}: {notes[0].reason})" if notes else ""
            raise InputError(f"{path}: no row is a camera{reason}")
        read = set(columns.values())
        notes += [
            ImportNote(place=f"column {heading}", kind="left out", reason="is not known to sizer")
            for heading in table.headings
            if heading and heading not in read
        ]
        model, comment = model_named(None, options.model)
        draft = ScenarioDraft(
            options.name, f"the list {path.name}", tuple(cameras), (StageDraft(_STAGE, model, comment=comment),)
        )
        return Imported(draft, notes=(*notes, *draft.notes()))


def _columns(table: TextTable) -> dict[str, str]:
    folded = {heading.casefold(): heading for heading in table.headings}
    found = {
        field: next(folded[name] for name in names if name in folded)
        for field, names in _HEADINGS.items()
        if any(name in folded for name in names)
    }
    if not {"name", "address"} & set(found):
        raise InputError(f"{table.name}: no heading is 'name' or 'address'; is it a list of cameras?")
    return found


def _camera(
    row: TableRow, cells: Mapping[str, str], options: ImportOptions, count: int, notes: list[ImportNote]
) -> CameraDraft:
    place = f"line {row.line}"
    size = cells.get("resolution", "")
    if not size and cells.get("width") and cells.get("height"):
        size = f"{cells['width']}x{cells['height']}"
    if not size and options.resolution is None:
        raise InputError("states no resolution; say --resolution WxH")
    fps = number(cells.get("fps", ""), "fps")
    if fps is None and options.fps is None:
        raise InputError("states no frames per second; say --fps N")
    codec = cells.get("codec", "") or options.codec
    if not codec:
        notes.append(
            ImportNote(place=place, kind="assumed", reason="no codec is stated: h264; say --codec if it is not")
        )
    return CameraDraft(
        name=identifier(cells.get("name") or f"camera-{count}"),
        resolution=resolution_of(size or str(options.resolution), "resolution"),
        codec=codec_of(codec or "h264", "codec"),
        fps=fps if fps is not None else float(options.fps or 0),
        bitrate_kbps=_bitrate_kbps(cells.get("bitrate", "")),
        source=_source(cells.get("address", ""), place, notes),
        stages=(_STAGE,),
    )


def _bitrate_kbps(text: str) -> float | None:
    if not text:
        return None
    found = _BITRATE.match(text)
    value = None if found is None else number(found[1], "bitrate")
    if found is None or value is None:
        raise InputError(f"bitrate {text[:40]!r} is not a number of kbit/s")
    return value * 1000 if found[2].lower().startswith("m") else value


def _source(address: str, place: str, notes: list[ImportNote]) -> str | None:
    if not address:
        return None
    cleaned, changed = without_secrets(address)
    try:
        usable = "://" in cleaned and source(cleaned).kind == "network"
    except ValueError:
        usable = False
    if not usable or ("/onvif/" in cleaned and cleaned.startswith("http")):
        reason = "its address is that of a camera, not of a stream (rtsp://...); `sizer verify` makes a clip instead"
        notes.append(ImportNote(place=place, kind="left out", reason=reason))
        return None
    if changed:
        reason = (
            "the address is written without user, password and keys; complete it where you run `sizer verify`, and keep"
            " that file to yourself"
        )
        notes.append(ImportNote(place=place, kind="secret removed", reason=reason))
    return cleaned
