"""Numbers, sizes and intervals as people write them, and the spelling that means the same in a scenario.

A suggestion that is wrong by a factor is worse than none: what has two readings gets both, and what has none that is
certain (ranges, bytes per second, digits with odd separators) gets no number at all.
"""

from __future__ import annotations

import re

# Unit of a key by the end of its name; the first that fits counts.
_UNITS = (
    ("kbps", "kilobit per second"),
    ("rate_per_s", "requests per second"),
    ("fps", "frames per second"),
    ("_ms", "milliseconds"),
    ("_ms_per_frame", "milliseconds"),
    ("_ms_per_object", "milliseconds"),
    ("_s", "seconds"),
    ("_w", "watts"),
    ("_c", "degrees Celsius"),
    ("_pct", "percent"),
    ("_hours", "hours"),
    ("_years", "years"),
    ("per_kwh", "money per kilowatt-hour"),
    ("_frames", "frames"),
    ("growth_cameras", "cameras"),
    ("max_boxes", "boxes"),
    ("usd_rate", "units of the currency per USD"),
)
# What one of a suffix is in the key's own unit, where people write it. Capitals count where they change the meaning:
# MB/s may be bytes or bits, so it is not listed.
_FACTORS: dict[str, dict[str, float]] = {
    "kilobit per second": {"k": 1, "kbit": 1, "kbps": 1, "kbit/s": 1, "kb/s": 1, "M": 1e3, "m": 1e3, "mbit": 1e3,
                           "mbps": 1e3, "mbit/s": 1e3, "mb/s": 1e3, "bps": 1e-3, "bit/s": 1e-3, "b/s": 1e-3},
    "frames per second": {"fps": 1, "/s": 1, "/sec": 1, "hz": 1, "f/s": 1, "frames/s": 1, "per second": 1, "p": 1,
                          "frames per second": 1, "/min": 1 / 60, "per minute": 1 / 60, "/h": 1 / 3600},
    "requests per second": {"/s": 1, "/sec": 1, "hz": 1, "rps": 1, "qps": 1, "requests/s": 1, "req/s": 1,
                            "per second": 1, "/min": 1 / 60, "per minute": 1 / 60, "/h": 1 / 3600,
                            "per hour": 1 / 3600},
    "milliseconds": {"ms": 1, "msec": 1, "milliseconds": 1, "s": 1e3, "sec": 1e3, "second": 1e3, "seconds": 1e3},
    "seconds": {"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "ms": 1e-3, "min": 60, "m": 60, "minute": 60,
                "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600},
    "watts": {"W": 1, "w": 1, "watt": 1, "watts": 1, "kW": 1e3, "kw": 1e3},
    "degrees Celsius": {"C": 1, "°C": 1, "deg C": 1},
    "percent": {"%": 1, "percent": 1, "pct": 1},
    "hours": {"h": 1, "hours": 1, "min": 1 / 60},
    "years": {"years": 1, "year": 1, "a": 1, "y": 1, "months": 1 / 12},
    "frames": {"frames": 1, "frame": 1},
    "cameras": {"cameras": 1, "camera": 1},
    "boxes": {"boxes": 1, "box": 1},
}  # fmt: skip
_BYTES = re.compile(r"B(?!it|IT)")
"""A capital B stands for bytes, but in MBit; whoever writes everything in capitals may mean either."""
_THOUSANDS = frozenset({"k", "K"})
"""After a number of kilobits they stand for the kilobits or for thousands of them."""
_LEAST_KBPS_OF_THOUSANDS = 100.0
"""From here on ``k`` stands for kilobits alone: 4000k are no four million."""
_RATE_UNITS = frozenset({"frames per second", "requests per second"})
_RATE_DIVISORS = frozenset({1, 1000, 1001})
"""Of rates as FFmpeg prints them, 30000/1001; 25/10 is more likely the rates of two streams."""

_BLANKS = " \u00a0\u2009\u202f"  # also the no-break and thin blanks that word processors put between thousands
_PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPED = re.compile(
    rf"[-+]?[0-9]{{1,3}}(?:([{_BLANKS}_'\u2019,.])[0-9]{{3}})(?:\1[0-9]{{3}})*(?:[.,][0-9]+)?(?![0-9])"
)
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
_FRACTION = re.compile(rf"([0-9]+(?:\.[0-9]+)?)[{_BLANKS}]*/[{_BLANKS}]*([0-9]+(?:\.[0-9]+)?)")
_RANGE = re.compile(r"\s*[0-9][0-9.,]*\s*(?:-|\u2013|\u2014|\.\.+|to|bis)\s*[0-9][0-9.,]*\s*[A-Za-z/%]*\s*\Z")
_WHOLE_LIMIT = 10**15  # beyond, a float is no longer every whole number

_PAIR = re.compile(r"\s*([0-9]+)\s*(?:[xX*\u00d7:,;/]|by|\s)\s*([0-9]+)\s*(?:px|pixels|p)?\s*\Z")
# Without qHD, which is 960x540 where QHD is 2560x1440, and HD, which is 1280x720 or 1920x1080.
MOST_DIGITS = 5
"""Of a width or height in pixels."""
_SIZES = {
    "qvga": "320x240", "cif": "352x288", "vga": "640x480", "svga": "800x600", "xga": "1024x768",
    "720p": "1280x720", "fullhd": "1920x1080", "fhd": "1920x1080", "1080p": "1920x1080", "1080i": "1920x1080",
    "QHD": "2560x1440", "wqhd": "2560x1440", "1440p": "2560x1440", "uhd": "3840x2160",
    "4k": "3840x2160", "4kuhd": "3840x2160", "2160p": "3840x2160", "8k": "7680x4320", "4320p": "7680x4320",
}  # fmt: skip

_SECONDS = {"ms": 1e-3, "msec": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0,
            "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0}  # fmt: skip
_RATES = {"fps": 1.0, "hz": 1.0, "/s": 1.0, "/sec": 1.0, "/second": 1.0, "f/s": 1.0, "frames/s": 1.0,
          "times/s": 1.0, "/min": 1 / 60, "/minute": 1 / 60, "/h": 1 / 3600, "/hour": 1 / 3600}  # fmt: skip
_FRAMES = {"f", "fr", "frame", "frames", ".frame", ".frames", "rdframe", "ndframe", "thframe", "stframe"}


def unit_of(key: str) -> str | None:
    """Unit in which a key is counted, by its name; None if its name tells none."""
    return next((words for end, words in _UNITS if key.endswith(end)), None)


def _digits(number: float, whole: bool) -> str:
    """A number as it stands in a file: no thousands, seven digits; empty for what nobody means."""
    if abs(number) < _WHOLE_LIMIT and number == round(number):
        return str(round(number))
    return "" if whole or not abs(number) < _WHOLE_LIMIT else f"{number:.7g}"


def _readings(text: str, unit: str | None) -> tuple[list[float], str]:
    """Values that the number at the start of a text may have, and what follows it; no value if none is certain."""
    text = text.strip()
    fraction = _FRACTION.match(text)
    if fraction is not None:
        rest = text[fraction.end() :]
        return _fraction(float(fraction[1]), float(fraction[2]), unit, bare=not rest.strip()), rest
    grouped = _GROUPED.match(text)
    if grouped is not None:
        return _grouped(grouped), text[grouped.end() :]
    comma = _COMMA.match(text)
    if comma is not None:
        return [float(comma[0].replace(",", "."))], text[comma.end() :]
    plain = _PLAIN.match(text)
    return ([float(plain[0])], text[plain.end() :]) if plain is not None else ([], text)


def _fraction(above: float, below: float, unit: str | None, bare: bool) -> list[float]:
    """Value of ``above / below``; none where two numbers may be meant (300/500 ms), or a fraction of another unit."""
    rate = unit in _RATE_UNITS
    certain = (rate or not bare) if above == 1 else rate and below in _RATE_DIVISORS
    return [above / below] if certain and below else []


def _grouped(match: re.Match[str]) -> list[float]:
    """Values of digits in groups of three: one and the same sign may be that of thousands or of decimals."""
    text, sign = match[0], match[1]
    if sign in ",.":
        other = "." if sign == "," else ","
        if other in text or text.count(sign) > 1:  # 1.234,5 and 1,234,567
            return [float(text.replace(sign, "").replace(",", "."))]
        if text.lstrip("+-").startswith("0"):
            return [float(text.replace(",", "."))]
        return [float(text.replace(sign, "")), float(text.replace(",", "."))]
    return [float(text.replace(sign, "").replace(",", "."))]


def number_hint(key: str, given: object, whole: bool, written: str | None = None) -> str:
    """Say how a value that is no number would be written, as the end of a sentence.

    Parameters
    ----------
    key : str
        Key that holds it; its name tells the unit.
    given : object
        Value that was read.
    whole : bool
        Only whole numbers are allowed.
    written : str, optional
        Its characters in the file, where reading has lost them: ``1.000`` reads as 1.0.

    Returns
    -------
    str
        ``"; write fps: 0.2"``, both readings where there are two, and no number where none is certain.
    """
    text = written if written is not None else given if isinstance(given, str) else repr(given)
    unit = unit_of(key)
    digits_only = f"; write digits only{', without a unit' if unit else ''}"
    if isinstance(given, bool | list | dict) or given is None:
        return digits_only
    if _RANGE.match(text) and not text.strip().startswith("-"):
        return "; it is a range, and one number is needed: the one that must hold"
    values, rest = _readings(text, unit)
    factors = _factors(unit, rest.strip(), max(values, default=0.0))
    if not values or not factors:
        return digits_only
    found = dict.fromkeys(_digits(value * factor, whole) for value in values for factor in factors)
    if "" in found or (unit == "percent" and 0 < values[0] < 1):  # a third, or a third of a percent?
        return digits_only
    numbers = list(found)
    if len(numbers) > 2:
        return digits_only
    if len(numbers) > 1:
        return f"; it may mean {' or '.join(numbers)}: write {key}: {numbers[0]} or {key}: {numbers[1]}"
    return f"; write {key}: {numbers[0]}"


def _factors(unit: str | None, suffix: str, value: float) -> list[float]:
    """What one of a suffix may be in the key's unit, the likelier first; nothing if that is not certain."""
    if not suffix:
        return [1.0]
    if unit is None or (unit == "kilobit per second" and _BYTES.search(suffix)):
        return []
    if suffix in _THOUSANDS and value < _LEAST_KBPS_OF_THOUSANDS:
        return [1e3, 1.0] if unit == "kilobit per second" else []
    factors = _FACTORS.get(unit, {})
    factor = factors.get(suffix, factors.get(suffix.lower()) if unit != "degrees Celsius" else None)
    return [factor] if factor is not None else []


def size_hint(key: str, given: object) -> str:
    """Say how a size in pixels would be written: ``"; write resolution: 1280x720"``."""
    text = " ".join(str(part) for part in given) if isinstance(given, list) and len(given) == 2 else given
    found: str | None = None
    if isinstance(text, str):
        pair = _PAIR.match(text)
        name = re.sub(r"[\s_-]", "", text)
        found = _SIZES.get(name, _SIZES.get(name.lower()))
        digits = [len(number) for number in pair.groups()] if pair is not None else [0]
        # 21:09 is a shape, and a size of six digits is none.
        if pair is not None and min(digits) > (2 if ":" in text else 1) and max(digits) <= MOST_DIGITS:
            found = f"{int(pair[1])}x{int(pair[2])}"
    return f"; write {key}: {found}" if found is not None else ", for example 1920x1080"


def interval_hint(given: object) -> str:
    """Say how an interval between two looks would be written: ``"; write every: 0.5/s"``."""
    words = str(given).strip().lower()
    if isinstance(given, bool | list | dict) or given is None or len(words) > 40:
        return ""
    text = re.sub(rf"[{_BLANKS}]", "", words.removeprefix("every").replace("per ", "/"))
    fraction = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})([a-z]*)", text)
    if fraction is not None:
        return _of_fraction(int(fraction[1]), int(fraction[2]), fraction[3])
    match = re.fullmatch(r"([0-9]{1,6}(?:[.,][0-9]{1,6})?)(.*)", text)
    if match is None or re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", match[1]):
        return ""
    number, unit = float(match[1].replace(",", ".")), match[2]
    frames = f"every: {_frames(number)}" if number == round(number) > 0 else None
    if unit == "":
        rate = f"every: {_rate(number)}" if _rate(number) else None
        if frames is not None and rate is not None:
            return f"; write {frames} (one look in so many) or {rate} (so many looks per second)"
        return f"; write {rate}" if rate is not None else ""
    if unit in _FRAMES:
        return f"; write {frames}" if frames is not None else ""
    per_s = number * _RATES[unit] if unit in _RATES else 0.0
    if unit in _SECONDS and number:
        per_s = 1 / (number * _SECONDS[unit])
    return f"; write every: {_rate(per_s)}" if _rate(per_s) else ""


def _of_fraction(above: int, below: int, unit: str) -> str:
    """``1/3``: every third frame, or a look in three seconds; ``1/2s``: a look in two seconds, or every half second."""
    rate = _rate(1 / (below * _SECONDS.get(unit, 1.0)))
    if not rate or above > 1 or (unit and unit not in _SECONDS):
        return ""
    if not unit:
        return f"; write every: {_frames(below)} (one look in so many) or every: {rate} (so many looks per second)"
    often = _rate(below / _SECONDS[unit])
    if not often or often == rate:
        return f"; write every: {rate}" if often else ""
    return f"; write every: {rate} (one look in {below} {unit}) or every: {often} ({below} looks per {unit})"


def _frames(number: float) -> str:
    return f"{number:.0f} {'frame' if number == 1 else 'frames'}"


def _rate(per_s: float) -> str:
    """A rate as ``every`` takes it, at most nine decimals and no exponent; empty if it takes none such."""
    return f"{per_s:.9f}".rstrip("0").rstrip(".") + "/s" if 1e-6 <= per_s < 1e6 else ""
