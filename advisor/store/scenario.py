"""Scenario files: text to record, or one line that says file, path inside, line, nearest name and what to write.

What the record alone can refuse (types, bounds, unknown keys) is worded here; what only the whole file can tell
(cycles, missing stages, rates) is in :mod:`advisor.store.scenario_checks`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from advisor.errors import ScenarioError, nearest
from advisor.records.scenario import Scenario

from . import scenario_checks
from .faults import fault_words
from .fields import record_at, shown
from .files import read_text
from .paths import scenarios_dir
from .spellings import interval_hint, number_hint, size_hint, unit_of
from .yamltext import Lines, YamlTextError, parse_yaml

MAX_BYTES = 256 * 1024
_BARE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_AFTER_A_COMMA = re.compile(r"[0-9]")
_NO_NUMBER = {"float_type", "int_type", "float_parsing", "int_parsing", "int_from_float"}
_SIZE_KEYS = {"resolution", "input"}


def shipped_scenarios() -> dict[str, Path]:
    """Names of the scenarios that travel with sizer, and their files."""
    return {path.stem: path for path in sorted(scenarios_dir().glob("*.yaml"))}


def load_scenario(path: Path | str) -> Scenario:
    """Read and check a scenario.

    Parameters
    ----------
    path : path or str
        A file, or the name of a shipped scenario (``store-analytics``) where there is no file of that name.

    Returns
    -------
    Scenario
        Meets the record and every rule that holds between its parts.

    Raises
    ------
    ScenarioError
        One line: file, path inside, line where known, what is wrong, nearest name or expected form.
    """
    file = scenario_file(path)
    return parse_scenario(read_text(file, ScenarioError, MAX_BYTES), str(file))


def scenario_file(path: Path | str) -> Path:
    """File that a scenario argument names, also a shipped one by its bare name. ScenarioError if neither exists."""
    file = Path(path)
    try:
        exists = file.exists()
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{str(path)[:200]!r} is no usable path: {error}") from error
    if exists:
        return file
    name = str(path)
    shipped = shipped_scenarios()
    if name in shipped:
        return shipped[name]
    if _BARE_NAME.match(name):
        raise ScenarioError(
            f"{name}: no such file, and no shipped scenario of that name{nearest(name, shipped)}"
            f" (shipped: {', '.join(shipped) or 'none'})"
        )
    raise ScenarioError(f"{name}: no such file; check the path")


def parse_scenario(text: str, where: str = "scenario") -> Scenario:
    """Check the text of a scenario; ``where`` names it in errors. Raises ScenarioError."""
    try:
        data, lines = parse_yaml(text)
    except YamlTextError as error:
        raise ScenarioError(f"{where}{_line(error.line)}: {error}") from error
    if not isinstance(data, dict):
        what = "nothing" if data is None else f"a {type(data).__name__}"
        raise ScenarioError(f"{where}: holds {what}, not a mapping that begins with 'scenario: NAME'")
    try:
        scenario = Scenario.model_validate(data)
    except (ValidationError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise ScenarioError(f"{where}: nested too deeply") from error
        raise ScenarioError(_worded(error, data, lines, where)) from error
    for fault in scenario_checks.faults(scenario):
        line = _line(_line_of(fault.path, lines))
        raise ScenarioError(f"{where}{line}: {shown(fault.path)}: {fault.text}")
    return scenario


def _line(line: int | None) -> str:
    return f", line {line}" if line is not None else ""


def _line_of(path: tuple[str | int, ...], lines: Lines) -> int | None:
    """Line of the value at ``path``, or of the closest part around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _worded(error: ValidationError, data: Any, lines: Lines, where: str) -> str:
    """One line for the fault that helps most: an unknown key first, as it often causes the others."""
    faults: list[Any] = error.errors(include_url=False)
    fault = next((item for item in faults if item["type"] == "extra_forbidden"), faults[0])
    path = _present(fault["loc"], data, missing=fault["type"] == "missing")
    text = _fault_text(fault, path, lines.written.get(path))
    # A list whose only item is at fault is also "too short", and each member of a union complains.
    paths = {_present(item["loc"], data, missing=item["type"] == "missing") for item in faults}
    others = sum(not any(other != one == other[: len(one)] for other in paths) for one in paths) - 1
    more = f" (and {others} more)" if others > 0 else ""
    return f"{where}{_line(_line_of(path, lines))}: {shown(path) or 'scenario'}: {text}{more}"


def _present(loc: tuple[str | int, ...], data: Any, missing: bool) -> tuple[str | int, ...]:
    """Cut from a pydantic location what names no place in the file (members of unions, '[key]')."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if not inside:
            if missing and position == len(loc) - 1:
                path.append(part)
            break
        path.append(part)
        data = data[part]
    return tuple(path)


def _fault_text(fault: Any, path: tuple[str | int, ...], written: str | None) -> str:
    """What is wrong with one value, and what to write instead; ``written``: as it stands in the file."""
    kind = fault["type"]
    value = _quoted(fault["input"])
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        record = record_at(Scenario, path[:-1])
        if fault["input"] is None and _AFTER_A_COMMA.match(str(path[-1])):
            return "unknown key; in braces a comma ends a value: write 4000 for thousands, 4.5 for decimals"
        known = _keys(record) if record is not None else []
        if path[-1] == "true" and "on" in known:
            return "unknown key; programs that write YAML 1.1 turn `on:` into `true:`; write on:"
        guess = nearest(str(path[-1]), known) or (f"; known here: {', '.join(known)}" if known else "")
        return f"unknown key{guess}"
    if key in _SIZE_KEYS and kind in {"value_error", "string_type"}:
        return f"{value} is not WIDTHxHEIGHT in pixels{size_hint(key, fault['input'])}"
    if key == "every" and kind in {"value_error", "string_type"}:
        hint = interval_hint(fault["input"])
        return f"{_quoted_or_length(fault['input'])} is neither '3 frames' nor a rate like '2/s'{hint}"
    if kind in _NO_NUMBER:
        whole = kind.startswith("int")
        unit = unit_of(key)
        what = f"{'a whole number' if whole else 'a number'}{f' of {unit}' if unit else ''}"
        return f"{value} is not {what}{number_hint(key, fault['input'], whole, written)}"
    if kind == "finite_number":
        return f"{value} is not a finite number"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        also = ", nor none" if path == ("application",) else ""
        return f"{value} is not a mapping of keys to values{_keys_hint(path)}{also}"
    if kind in {"tuple_type", "list_type"}:
        return f"{value} is not a list; write [{value}] or one item per line with '- '"
    if kind == "literal_error":
        allowed = str(fault["ctx"]["expected"])
        choices = re.findall(r"'([^']+)'", allowed)
        return f"{value} is not one of {', '.join(choices)}{nearest(str(fault['input']), choices)}"
    if kind == "string_pattern_mismatch":
        return f"{value} is not in the form {_pattern_words(str(fault['ctx']['pattern']))}"
    if kind == "string_type":
        return f"{value} is not a text; put it in quotes"
    words = fault_words(fault)
    return words if kind in {"value_error", "missing"} else f"{value} {words}"


def _keys(record: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in record.model_fields.items()]


def _keys_hint(path: tuple[str | int, ...]) -> str:
    record = record_at(Scenario, path)
    return f" ({', '.join(_keys(record))})" if record is not None else ""


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted_or_length(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a text of {len(text) - 2} characters"


def _pattern_words(pattern: str) -> str:
    if pattern.startswith("^[A-Za-z]"):
        return "of a name: a letter, then letters, digits, '-' or '_'"
    return "of three capital letters, for example EUR" if pattern == "^[A-Z]{3}$" else pattern
