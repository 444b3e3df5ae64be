"""What a request asks for: part of a list, filters, the store."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app, request

from advisor.errors import InputError
from advisor.workflows.browse import MOST_ROWS, Part

KINDS = ("plan", "verdict")
CHOSEN = ("all", "shipped", "imported")
STATUSES = ("done", "failed", "unstable")
LONGEST = 200
"""Longest text of a filter."""


def extension(name: str) -> Any:
    """Settings, access or uploads of the application."""
    return current_app.extensions["sizer"][name]


def store_url() -> str | None:
    """Store that is served."""
    return cast("str | None", extension("settings").store_url)


def part() -> Part:
    """Part of a list, from ``page`` and ``rows``."""
    return Part(_whole("page", 1, 1_000_000), _whole("rows", 50, MOST_ROWS))


def text(name: str) -> str | None:
    """Text of a filter; None where there is none."""
    value = request.args.get(name, "").strip()
    if len(value) > LONGEST:
        raise InputError(f"{name}: longer than {LONGEST} characters; say less")
    return value or None


def one_of(name: str, values: tuple[str, ...]) -> str | None:
    """One of few values; None where none was given."""
    value = text(name)
    if value is not None and value not in values:
        raise InputError(f"{name}: {value!r} is none of {', '.join(values)}")
    return value


def _whole(name: str, otherwise: int, most: int) -> int:
    value = request.args.get(name, "")
    if not value:
        return otherwise
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= most and len(value) < 9):
        raise InputError(f"{name}: {value[:20]!r} is no whole number from 1 to {most:,}")
    return int(value)
