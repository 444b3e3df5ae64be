"""Documents on disk: written whole or not at all, read with their schema checked."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from advisor.errors import InputError, StoreError, nearest
from advisor.records.base import Record

from .faults import fault_words
from .fields import shown
from .yamltext import YamlTextError, parse_yaml, scalar

RecordT = TypeVar("RecordT", bound=Record)
_SCHEMA = re.compile(r"sizer\.([a-z]+)/([0-9]+)\Z")


def document_text(record: BaseModel) -> str:
    """JSON of a record as it is printed and stored: contract names, two spaces, no NaN, a newline at the end.

    Raises StoreError where the record holds a number that JSON has no word for.
    """
    # Not mode="json": that turns NaN and infinity into null, and unknown must differ from a fault in our arithmetic.
    try:
        return json.dumps(record.model_dump(by_alias=True), indent=2, allow_nan=False, default=json_value) + "\n"
    except ValueError as error:
        raise StoreError(f"{type(record).__name__} cannot be written as JSON: {error}; this is a bug") from error


def json_value(value: object) -> str:
    """JSON of what Python's module has no word for and records hold: dates."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise ValueError(f"no JSON for {value!r}")


def yaml_text(record: BaseModel) -> str:
    """YAML of a record, fields that were not set left out, as :mod:`advisor.store.yamltext` reads it back."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes a text that would read back as something else; PyYAML knows YAML 1.1 only."""

    def text_node(dumper: Dumper, text: str) -> yaml.ScalarNode:
        style = None if isinstance(scalar(text), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, text_node)
    data = record.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if "schema_" in type(record).model_fields:
        data = {"schema": type(record).model_fields["schema_"].default, **data}
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def write_document(path: Path | str, document: BaseModel | str | bytes, *, follow_links: bool = True) -> Path:
    """Write a record (JSON; YAML where the name ends so), a text or bytes, so that a reader never sees half of it.

    The content goes to a temporary name in the same folder, is flushed to the disk and then takes the final name
    (``os.replace`` is atomic within one file system). A failure leaves the old file as it was. Through links the file
    that they lead to is written; without ``follow_links``, for names that the user did not give, a link is replaced.
    What is no regular file (``/dev/null``, a FIFO, ``>(command)``) is written into, never replaced.

    Raises
    ------
    StoreError
        The folder is missing, not writable, or the disk is full: path and remedy in one line.
    """
    target = Path(path)
    if isinstance(document, BaseModel):
        document = yaml_text(document) if target.suffix in {".yaml", ".yml"} else document_text(document)
    data = document if isinstance(document, bytes) else document.encode()
    try:
        if target.is_dir():
            raise StoreError(f"{target}: cannot be written, it is a folder; name a file in it")
        place = target.resolve() if follow_links else target
        # An open descriptor (/dev/fd/63) resolves to a name that is none, and counts by what it leads to.
        if follow_links and target.exists() and not (target.is_file() and place.is_file()):
            with target.open("wb") as stream:
                stream.write(data)
        else:
            _replace(place, data)
    except RuntimeError as error:  # Python before 3.13, of links that go in a circle
        raise StoreError(f"{target}: cannot be written: its links go in a circle") from error
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {reason(error)}") from error
    return target


def _replace(target: Path, data: bytes) -> None:
    """Put a file in the place of another, or where none is."""
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:64]}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):  # the reason why writing failed is already on its way up
            Path(temporary).unlink()
        raise


def _umask() -> int:
    """Return the process's file mode mask; reading it needs setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def reason(error: OSError) -> str:
    """What went wrong with a file and what to do about it."""
    remedies = {
        "ENOENT": "the folder does not exist; make it or choose another",
        "EACCES": "no permission; choose a folder that you may write, or change its mode",
        "EPERM": "no permission; choose a folder that you may write, or change its mode",
        "EROFS": "the file system is read-only; choose another folder",
        "ENOSPC": "the disk is full; free some space and repeat",
        "EDQUOT": "the disk quota is used up; free some space and repeat",
        "EISDIR": "it is a folder; name a file in it",
        "ENOTDIR": "a part of the path is a file, not a folder",
        "ENAMETOOLONG": "the name is too long",
        "ELOOP": "its links go in a circle",
    }
    import errno

    name = errno.errorcode.get(error.errno or 0, "")
    return remedies.get(name, (error.strerror or str(error)).lower())


def read_text(path: Path, kind: type[InputError], limit_bytes: int = 64 * 2**20) -> str:
    """Text of a file in UTF-8; whatever is wrong with it becomes one line of ``kind``."""
    try:
        if path.is_dir():
            raise kind(f"{path}: is a folder; name a file")
        if path.exists() and not path.is_file():
            raise kind(f"{path}: is not a regular file")
        size = path.stat().st_size
        if size > limit_bytes:
            raise kind(f"{path}: {size} bytes are more than the {limit_bytes} that such a file may have")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        if isinstance(error, FileNotFoundError):
            raise kind(f"{path}: no such file; check the path") from error
        if isinstance(error, PermissionError):
            raise kind(f"{path}: no permission to read it; change its mode or copy it") from error
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise kind(f"{path}: cannot be read: {words}") from error
    if not data.strip():
        raise kind(f"{path}: is empty; was it written completely?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise kind(f"{path}: is not text in UTF-8 (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise kind(f"{path}: is not text (zero byte at {text.index(chr(0))})")
    return text


def _test_double(data: Any, path: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Where a document asks for the runtime that only tests have; None where it does not."""
    if isinstance(data, dict):
        if data.get("runtime") == "fake":
            return (*path, "runtime")
        items: Iterable[tuple[str | int, Any]] = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    else:
        return None
    return next((found for key, value in items if (found := _test_double(value, (*path, key))) is not None), None)


def check_schema(path: Path | str, data: Any, expected: str, kind: type[InputError]) -> None:
    """Refuse a document of another kind, of a newer or older version, or without a version.

    ``expected`` is a schema word such as ``sizer.plan/1``.
    """
    if not isinstance(data, dict):
        raise kind(f"{path}: holds no {expected} document but a {type(data).__name__}")
    found = data.get("schema")
    if found == expected:
        return
    if found is None:
        raise kind(f"{path}: carries no 'schema'; a {expected} document was expected")
    match = _SCHEMA.match(str(found))
    name, version = expected.removeprefix("sizer.").split("/")
    if match is None or match[1] != name:
        raise kind(f"{path}: schema is {found!r}, a {expected} document was expected")
    if int(match[2]) > int(version):
        raise kind(f"{path}: schema {found} is newer than this sizer knows ({expected}); upgrade sizer")
    raise kind(f"{path}: schema {found} is older than {expected} and has no migration; write it again")


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Brings a document of an older schema to the present one."""


def read_document(
    path: Path | str,
    cls: type[RecordT],
    kind: type[InputError] = InputError,
    upgrades: Mapping[str, Upgrade] | None = None,
) -> RecordT:
    """Read a JSON document (YAML where the name ends so) into its record.

    Parameters
    ----------
    path : path or str
        File.
    cls : type
        Record with the schema in its field ``schema_``, if it has one.
    kind : type
        Error to raise.
    upgrades : mapping, optional
        Older schema, such as ``sizer.box/1``, to what brings such a document to the present one.

    Raises
    ------
    InputError
        Or the subclass given as ``kind``: missing, unreadable, half-written, of another or newer schema, or with
        fields that the record refuses; file and path inside in one line.
    """
    path = Path(path)
    text = read_text(path, kind)
    data: Any
    if path.suffix in {".yaml", ".yml"}:
        try:
            data, _ = parse_yaml(text)
        except YamlTextError as error:
            raise kind(f"{path}{f', line {error.line}' if error.line else ''}: {error}") from error
    else:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise kind(f"{path}: is not valid JSON ({error}); was it written completely?") from error
    schema = cls.model_fields.get("schema_")
    if schema is not None:
        older = data.get("schema") if isinstance(data, dict) else None
        if upgrades and isinstance(older, str) and older in upgrades:
            data = upgrades[older](data)
        check_schema(path, data, schema.default, kind)
    return record_of(path, data, cls, kind)


def record_of(path: Path | str, data: Any, cls: type[RecordT], kind: type[InputError]) -> RecordT:
    """Validate values that were read from ``path``; the first fault becomes one line."""
    double = _test_double(data)
    if double is not None:
        raise kind(f"{path}: {shown(double)}: is a test double that runs no model; write the document again")
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
        words = fault_words(fault)
        if fault["type"] == "extra_forbidden":
            known = [field.alias or name for name, field in cls.model_fields.items()]
            guess = nearest(str(fault["loc"][-1]), known) if len(fault["loc"]) == 1 else ""
            words = f"unknown key{guess}"
        raise kind(f"{path}: {where or 'document'}: {words}") from error
