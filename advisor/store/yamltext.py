"""YAML text to plain values, with the line of each key, and without the traps of YAML 1.1 and of hostile files.

PyYAML reads YAML 1.1, where ``on:`` is the key ``true`` and ``12:30`` a number; here plain scalars follow the core
schema of YAML 1.2 (https://yaml.org/spec/1.2.2/, section 10.3.2, decimal numbers only) and keys are always text.
Merge keys (``<<: *camera``) add what the mapping does not state itself (https://yaml.org/type/merge.html).
Duplicate keys, tags, keys that are no scalars, deep nesting and aliases that unfold to many values are refused.
The text is consumed as events in one pass, so that nothing recurses and nothing is built before it was counted.
A parser with a limit of its own may stop before the event that we would refuse; the refusal is ours all the same.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 40
MAX_VALUES = 100_000

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Parser that hands out the events: libyaml where the wheel has it, some ten times faster."""
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_MERGE = "<<"
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"),
}  # fmt: skip

Path = tuple[str | int, ...]


class Lines(dict[Path, int]):
    """Line of each key and list item, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[Path, str] = {}
        """Characters of each plain scalar that was read as something else than text: ``1.000`` is the number 1.0."""


class YamlTextError(ValueError):
    """The text is not the subset of YAML that is accepted here; ``line`` counts from 1, None if it is not known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def scalar(text: str) -> Any:
    """Value of a plain scalar under the core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _line(event: yaml.Event) -> int:
    """Line of an event, from 1; every event of a text has a mark."""
    assert event.start_mark is not None
    return event.start_mark.line + 1


class _Frame:
    """A mapping or a sequence under construction."""

    __slots__ = ("anchor", "keyed", "merged", "merging", "path", "size", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path, anchor: str | None) -> None:
        self.value = value
        self.path = path
        self.anchor = anchor
        self.keyed: str | None = None
        self.merging = False
        self.merged: list[dict[str, Any]] | None = None
        self.size = 1


class _Builder:
    """Puts values from a stream of events together."""

    def __init__(self) -> None:
        self.stack: list[_Frame] = []
        self.lines = Lines()
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.result: Any = None
        self.total = 0

    def child_path(self) -> Path:
        """Path of the value that comes next."""
        if not self.stack:
            return ()
        frame = self.stack[-1]
        last = len(frame.value) if isinstance(frame.value, list) else frame.keyed
        assert last is not None
        return (*frame.path, last)

    def wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].keyed is None

    def put_key(self, key: str, line: int) -> None:
        frame = self.stack[-1]
        if key in frame.value:
            first = self.lines.get((*frame.path, key))
            raise YamlTextError(f"key {key!r} appears twice{f' (first in line {first})' if first else ''}", line)
        frame.keyed = key
        self.lines[(*frame.path, key)] = line

    def put(self, value: Any, size: int, line: int) -> None:
        """Add a finished value to the open mapping or sequence."""
        self.total += size
        if self.total > MAX_VALUES:
            raise YamlTextError(f"more than {MAX_VALUES} values once all aliases are unfolded", line)
        if not self.stack:
            self.result = value
            return
        frame = self.stack[-1]
        frame.size += size
        if isinstance(frame.value, list):
            self.lines[(*frame.path, len(frame.value))] = line
            frame.value.append(value)
            return
        assert frame.keyed is not None
        key, frame.keyed = frame.keyed, None
        if frame.merging:
            frame.merging = False
            frame.merged = _mappings(value, line)
        else:
            frame.value[key] = value

    def feed(self, event: yaml.Event) -> None:
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self.stack.pop()
            if frame.merged is not None:
                self._merge(frame)
            if frame.anchor is not None:
                self.open_anchors.discard(frame.anchor)
                self.anchors[frame.anchor] = (frame.value, frame.size)
            # Children were counted as they came; only the container itself is new.
            parent_gain = frame.size
            self.total -= frame.size - 1
            self.put(frame.value, parent_gain, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line)

    def _begin_merge(self, line: int) -> None:
        frame = self.stack[-1]
        if frame.merged is not None:
            raise YamlTextError(f"key {_MERGE} appears twice; merge a list: {_MERGE}: [*a, *b]", line)
        frame.keyed, frame.merging = _MERGE, True
        self.lines[(*frame.path, _MERGE)] = line

    def _merge(self, frame: _Frame) -> None:
        """Add what the mapping does not state itself; of several mappings the earlier one counts."""
        assert isinstance(frame.value, dict)
        line = self.lines[(*frame.path, _MERGE)]
        for mapping in frame.merged or ():
            for key, value in mapping.items():
                if key not in frame.value:
                    frame.value[key] = value
                    self.lines[(*frame.path, key)] = line

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if event.tag is not None and event.tag != "!":
            raise YamlTextError(f"tag {event.tag!r} is not allowed: write plain values", line)
        if self.wants_key():
            if event.value == _MERGE and event.implicit[0]:  # in quotes it is a key like any other
                self._begin_merge(line)
            else:
                self.put_key(event.value, line)
            return
        value = scalar(event.value) if event.implicit[0] and event.tag is None else event.value
        if not isinstance(value, str):
            self.lines.written[self.child_path()] = event.value
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self.put(value, 1, line)

    def _open(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if event.tag is not None and not event.implicit:
            raise YamlTextError(f"tag {event.tag!r} is not allowed: write plain values", line)
        if self.wants_key():
            raise YamlTextError("a key must be a word, not a list or a mapping", line)
        if len(self.stack) >= MAX_DEPTH:
            raise _too_deep(line)
        path = self.child_path()
        if event.anchor is not None:
            self.open_anchors.add(event.anchor)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Frame(value, path, event.anchor))

    def _alias(self, anchor: str, line: int) -> None:
        if anchor in self.open_anchors:
            raise YamlTextError(f"alias *{anchor} contains itself", line)
        if anchor not in self.anchors:
            raise YamlTextError(f"alias *{anchor} has no anchor &{anchor} before it", line)
        if self.wants_key():
            raise YamlTextError("a key must be a word, not an alias", line)
        value, size = self.anchors[anchor]
        self.put(value, size, line)


def _mappings(value: Any, line: int) -> list[dict[str, Any]]:
    """What a merge key merges: a mapping or a list of mappings."""
    mappings = value if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise YamlTextError(f"{_MERGE} merges mappings only: {_MERGE}: *name, with &name before a mapping", line)
    return mappings


def _too_deep(line: int) -> YamlTextError:
    return YamlTextError(f"nested deeper than {MAX_DEPTH} levels; write it flatter", line)


def _depth_refusal(text: str) -> YamlTextError | None:
    """Return our refusal if ``text``, which need not be whole, opens more than ``MAX_DEPTH`` levels at once."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return _too_deep(_line(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return None
    return None


def parse_yaml(text: str) -> tuple[Any, Lines]:
    """Read one YAML document.

    Returns
    -------
    value, lines : Any, Lines
        Mappings, lists and scalars; and for each path inside (keys and positions from the top) its line, from 1.

    Raises
    ------
    YamlTextError
        Not YAML, more than one document, or one of the refusals above.
    """
    builder = _Builder()
    documents = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise YamlTextError("a second document begins here; one file holds one", _line(event))
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Looking ahead, a parser may reach its own limit of nesting before it hands out the event that breaks ours.
        if mark is not None and (refusal := _depth_refusal(text[: mark.index])) is not None:
            raise refusal from error
        words = error.problem or error.context or "not YAML"
        raise YamlTextError(f"not valid YAML: {words}", None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise YamlTextError(f"not valid YAML: {' '.join(str(error).split())}") from error
    return builder.result, builder.lines
