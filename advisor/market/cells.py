"""Cells of price lists as values: amounts, days, sizes of memory; each refuses what may mean two things."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from price_parser import Price

DecimalMark = Literal[".", ","]

_CURRENCIES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "CA$": "CAD", "A$": "AUD"}
_DECIMALS = {",": re.compile(r"\d,\d{1,2}(?!\d)"), ".": re.compile(r"\d\.\d{1,2}(?!\d)")}
_GROUPED = re.compile(r"\d[.,]\d{3}(?!\d)")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ]\d{1,2}:\d{2}.*)?\Z")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z")
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\Z")
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(TB|GB|MB)?\Z", re.IGNORECASE)
# Plausible bounds: a size outside them is in another unit than the heading says.
MOST = 10**9
"""Of an amount: a server in the currency with the smallest unit costs less."""
MEMORY_GB = (0.0, 4096.0)
DISK_GB = (0.0, 1e6)


class CellFault(ValueError):
    """A cell that cannot be taken; the message says what it is and what to write."""


def decimal_mark(cells: Iterable[str]) -> DecimalMark | None:
    """Decimal mark of a column of amounts, from those that can be read in one way only; None where none tells.

    Raises
    ------
    CellFault
        Some cells have a decimal comma, others a decimal point.
    """
    found: set[DecimalMark] = set()
    for cell in cells:
        # The last of two different marks is the decimal one.
        positions = {mark: cell.rfind(mark) for mark in (",", ".")}
        if min(positions.values()) >= 0:
            found.add("," if positions[","] > positions["."] else ".")
        elif _DECIMALS[","].search(cell) and cell.count(",") == 1:
            found.add(",")
        elif _DECIMALS["."].search(cell) and cell.count(".") == 1:
            found.add(".")
    if len(found) > 1:
        raise CellFault("some prices have a decimal comma, others a decimal point; write all alike")
    return next(iter(found), None)


def amount(cell: str, mark: DecimalMark | None) -> tuple[float, str | None]:
    """Positive amount and the currency that stands with it (ISO 4217), if any."""
    if not cell:
        raise CellFault("has no price")
    if re.search(r"\d[eE][+-]?\d", cell):
        raise CellFault(f"price {cell!r} has an exponent (saved by a spreadsheet?); write all its digits")
    if mark is None and _GROUPED.search(cell):
        raise CellFault(f"price {cell!r} may be thousands or a fraction; write it without the mark")
    # price-parser takes "4-5" for 4, and a minus for nothing.
    if re.search(r"\d\s*[-–]\s*\d", cell) or re.match(r"\s*[-–]", cell):
        raise CellFault(f"price {cell!r} is a range or negative; write one price")
    parsed = Price.fromstring(cell, decimal_separator=mark)
    if parsed.amount is None or not any(character.isdigit() for character in cell):
        raise CellFault(f"price {cell!r} is no amount")
    if parsed.amount <= Decimal(0):
        raise CellFault(f"price {cell!r} is not above 0")
    if parsed.amount > MOST:
        raise CellFault(f"price {cell!r} is above {MOST:,}; is a decimal mark missing?")
    code = re.search(r"(?<![A-Z])([A-Z]{3})(?![A-Z])", cell)
    symbol = (parsed.currency or "").strip()
    return float(parsed.amount), code[1] if code else _CURRENCIES.get(symbol)


def observed(cell: str, today: dt.date) -> str:
    """Day, month or year in ISO form: what ``2026-09-30``, ``2026-09``, ``2026`` and ``30.09.2026`` say.

    Raises
    ------
    CellFault
        No such day, a day to come, or one that may be read in two ways.
    """
    text = cell.strip()
    if dotted := _DOTTED.match(text):
        parts = [dotted[3], dotted[2], dotted[1]]
    elif day := _DAY.match(text):
        parts = [part for part in day.groups() if part]
    elif _SLASHED.match(text):
        raise CellFault(f"date {text!r} may be day or month first; write YYYY-MM-DD")
    else:
        raise CellFault(f"date {text!r} is none; write YYYY-MM-DD")
    try:
        first = dt.date(*(int(part) for part in [*parts, "1", "1"][:3]))
    except ValueError as error:
        raise CellFault(f"date {text!r}: {error}; write YYYY-MM-DD") from error
    if first > today:
        raise CellFault(f"date {text!r} is still to come")
    return "-".join([parts[0], *(part.zfill(2) for part in parts[1:])])


def size_gb(cell: str, bounds: tuple[float, float], what: str) -> float | None:
    """Size in GB; None for an empty cell."""
    if not cell:
        return None
    match = _SIZE.match(cell.strip())
    if match is None:
        raise CellFault(f"{what} {cell!r} is no size in GB")
    value = float(match[1].replace(",", ".")) * {"tb": 1000.0, "mb": 1e-3}.get((match[2] or "gb").lower(), 1.0)
    if not bounds[0] <= value <= bounds[1]:
        raise CellFault(f"{what} {cell!r} is not between {bounds[0]:g} and {bounds[1]:g} GB")
    return value


def currency_code(cell: str) -> str:
    """ISO 4217 code as written."""
    text = cell.strip().upper()
    text = _CURRENCIES.get(text, text)
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise CellFault(f"currency {cell!r} is no code of three letters such as EUR")
    return text


def word(cell: str, known: dict[str, str], what: str) -> str | None:
    """Meaning of a word of a list; None for an empty cell."""
    if not cell:
        return None
    folded = re.sub(r"[^a-z]+", "_", cell.casefold()).strip("_")
    if folded not in known:
        raise CellFault(f"{what} {cell!r} is not among {', '.join(sorted(set(known.values())))}")
    return known[folded]


def gtin(cell: str) -> str | None:
    """GTIN-8, -12, -13 or -14, its check digit proved; None for an empty cell."""
    digits = re.sub(r"[\s-]", "", cell).lstrip("'")
    if not digits:
        return None
    from stdnum import ean

    if not digits.isdigit() or not ean.is_valid(digits):
        raise CellFault(f"GTIN {cell!r} has a wrong check digit or length")
    return str(ean.compact(digits)).zfill(14)
