"""One file of the catalogue: read it, or say everything that is wrong with it.

A figure that decides about money must say where it comes from: each fact is ``{value, kind, source, date}``, and a file
with a bare number is refused as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from advisor.errors import CatalogueError, nearest
from advisor.records.base import Record, SimdLevel, Sourced, SourcedText, ValueKind
from advisor.records.device import Device
from advisor.records.platform import Accelerator, Platform, Processor

from .faults import fault_words
from .fields import shown
from .files import check_schema, read_text
from .plausible import OF_A_FACT, outside
from .yamltext import Lines, YamlTextError, parse_yaml

Entry = Processor | Platform | Accelerator | Device

_KINDS: dict[str, type[Entry]] = {
    "sizer.processor/1": Processor,
    "sizer.platform/1": Platform,
    "sizer.accelerator/1": Accelerator,
    "sizer.device/1": Device,
}
_DUTIES = ("value", "kind", "source", "date")
# Facts that are counts: a value with a fraction is a slip.
_COUNTS = {
    "performance_cores", "efficiency_cores", "low_power_cores", "e_cores_per_cluster", "threads", "memory_channels",
    "memory_channels_populated", "max_sockets", "release_year", "execution_units", "cores",
}  # fmt: skip
# Facts for which zero says something: no small cores, no third cache level, nothing to pay.
_ZERO_ALLOWED = {
    "efficiency_cores", "low_power_cores", "l3_bytes", "idle_power_w", "list_price_usd", "price_usd", "storage_bytes",
}  # fmt: skip


def read_entry(path: Path | str) -> Entry:
    """Read one file. CatalogueError names file, line and the first broken rule."""
    entry, found = inspect_entry(path)
    if found:
        raise CatalogueError(found[0])
    assert entry is not None
    return entry


def inspect_entry(path: Path | str) -> tuple[Entry | None, list[str]]:
    """Read one file and list what is wrong with it; the entry is None if anything is."""
    path = Path(path)
    try:
        data, lines, cls = _values(path)
    except CatalogueError as error:
        return None, [str(error)]
    found = [f"{path}, line {lines.get(where, lines.get(where[:1], 1))}: {text}" for where, text in _facts(data, cls)]
    if found:
        return None, found
    try:
        entry = cls.model_validate(data)
    except ValidationError as error:
        return None, [_worded(fault, path, lines, cls) for fault in error.errors(include_url=False)]
    found = [f"{path}, line {lines.get((key,), 1)}: {text}" for key, text in _sense(entry)]
    return (None, found) if found else (entry, [])


def _values(path: Path) -> tuple[dict[str, Any], Lines, type[Entry]]:
    text = read_text(path, CatalogueError, limit_bytes=2**20)
    try:
        data, lines = parse_yaml(text)
    except YamlTextError as error:
        raise CatalogueError(f"{path}{f', line {error.line}' if error.line else ''}: {error}") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    cls = _KINDS.get(str(schema))
    if cls is None:
        name = str(schema).split("/")[0]
        check_schema(path, data, f"{name}/1" if f"{name}/1" in _KINDS else "sizer.platform/1", CatalogueError)
        raise AssertionError("check_schema refuses what is not known here")
    return data, lines, cls


def _fact_type(annotation: Any) -> type[Record] | None:
    """Sourced or SourcedText, where a field holds one or several."""
    if annotation in {Sourced, SourcedText}:
        found: type[Record] = annotation
        return found
    kinds = [_fact_type(argument) for argument in getattr(annotation, "__args__", ())]
    return next((kind for kind in kinds if kind is not None), None)


def _facts(data: dict[str, Any], cls: type[Entry]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what a fact lacks of value, kind, source and date."""
    for key, value in data.items():
        field = cls.model_fields.get(key)
        fact = _fact_type(field.annotation) if field is not None else None
        if fact is None or value is None:
            continue
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            path: tuple[str | int, ...] = (key,) if index is None else (key, index)
            text = _fact_fault(key, item, numeric=fact is Sourced)
            if text:
                yield path, f"{shown(path)}: {text}"


def _fact_fault(key: str, item: Any, numeric: bool) -> str | None:
    """What is wrong with one fact; None if nothing is."""
    if not isinstance(item, dict):
        return f"is the bare value {item!r}; write {{value: {item!r}, kind: ..., source: ..., date: ...}}"
    absent = [duty for duty in _DUTIES if item.get(duty) is None]
    if absent:
        return f"has no {', '.join(absent)}; every fact is {{value, kind, source, date}}"
    if item["kind"] not in get_args(ValueKind):
        kinds = get_args(ValueKind)
        return f"unknown kind {item['kind']!r}; expected {', '.join(kinds)}{nearest(str(item['kind']), kinds)}"
    if not numeric:
        return None if isinstance(item["value"], str) else f"value {item['value']!r} is not a text"
    figures = (item[name] for name in ("value", "low", "high") if item.get(name) is not None)
    return next((text for figure in figures if (text := _figure_fault(key, figure)) is not None), None)


def _figure_fault(key: str, value: Any) -> str | None:
    """What is wrong with one figure of a fact; None if nothing is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"value {value!r} is not a number; write digits only, SI without prefix"
    if value < 0 or (value == 0 and key not in _ZERO_ALLOWED):
        return f"value {value!r} must be above zero; leave an unknown fact out"
    if key in _COUNTS and value != int(value):
        return f"value {value!r} is not a whole number"
    if key in OF_A_FACT and (text := outside(value, OF_A_FACT[key])) is not None:
        return f"value {text}; write SI without prefix"
    return None


def _worded(fault: Any, path: Path, lines: Lines, cls: type[Entry]) -> str:
    where = tuple(fault["loc"])
    text = fault_words(fault)
    if fault["type"] == "extra_forbidden" and len(where) == 1:
        text = f"unknown key{nearest(str(where[0]), [field.alias or name for name, field in cls.model_fields.items()])}"
    return f"{path}, line {lines.get(where, lines.get(where[:1], 1))}: {shown(where)}: {text}"


def _sense(entry: Entry) -> Iterator[tuple[str, str]]:
    """Rules between the facts of one entry."""
    if not isinstance(entry, Processor):
        return
    levels = get_args(SimdLevel)
    if entry.simd_level.value not in levels:
        level = entry.simd_level.value
        yield "simd_level", f"unknown simd_level {level!r}; expected {', '.join(levels)}{nearest(level, levels)}"
    small = [fact.value for fact in (entry.efficiency_cores, entry.low_power_cores) if fact is not None]
    cores = entry.performance_cores.value + sum(small)
    if entry.threads.value < cores:
        yield "threads", f"threads: {entry.threads.value:g} are fewer than the {cores:g} cores"
    if entry.base_hz is not None and entry.boost_hz is not None and entry.boost_hz.value < entry.base_hz.value:
        yield "boost_hz", f"boost_hz: {entry.boost_hz.value:g} is below base_hz {entry.base_hz.value:g}"
    for key in ("base_hz", "boost_hz", "all_core_turbo_hz", "e_core_turbo_hz", "low_power_core_turbo_hz"):
        clock = getattr(entry, key)
        if clock is not None and not 1e8 <= clock.value <= 2e10:
            yield key, f"{key}: {clock.value:g} Hz is not a plausible processor clock; write Hz without prefix"


def platform_faults(platform: Platform, chip: Processor) -> Iterator[str]:
    """Rules between a box and its processor."""
    if chip.max_sockets is not None and platform.sockets > chip.max_sockets.value:
        yield f"sockets: {platform.sockets} are more than the {chip.max_sockets.value:g} that {chip.name} is made for"
    used = platform.memory_channels_populated.value
    if chip.memory_channels is not None and used > chip.memory_channels.value * platform.sockets:
        yield f"memory_channels_populated: {used:g} are more than {chip.name} has"
