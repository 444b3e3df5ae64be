"""Paths into records: which record class a path leads to, and how a path is printed."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def shown(path: tuple[str | int, ...]) -> str:
    """``('stages', 1, 'every')`` as ``stages[1].every``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path)
    return text.removeprefix(".")


def _key(part: str) -> str:
    """A key as it stands, or in quotes with escapes where it would break the line or reach the terminal."""
    return part if part.isprintable() else repr(part)


def _record_in(annotation: Any) -> type[BaseModel] | None:
    """First record named by an annotation, through Annotated, Optional, tuples and dictionaries' values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Annotated:
        return _record_in(arguments[0])
    if origin in {typing.Union, types.UnionType, tuple, list, dict} or (
        isinstance(origin, type) and issubclass(origin, Mapping)
    ):
        for argument in arguments[1:] if origin is dict else arguments:
            found = _record_in(argument)
            if found is not None:
                return found
    return None


def record_at(record: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Record class that describes the mapping at ``path``; None if the path leaves the records."""
    current: type[BaseModel] | None = record
    inside_container = False
    for part in path:
        if current is None:
            return None
        if isinstance(part, int) or inside_container:
            inside_container = False
            continue
        names = {field.alias or name: field for name, field in current.model_fields.items()}
        if part not in names:
            return None
        annotation = names[part].annotation
        inside_container = typing.get_origin(annotation) is dict
        current = _record_in(annotation)
    return None if inside_container else current
