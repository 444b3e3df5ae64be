from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from advisor.errors import CatalogueError, InputError, StoreError
from advisor.records.base import Interval, Record
from advisor.store.files import document_text, read_document, write_document, yaml_text
from advisor.store.yamltext import parse_yaml


class Note(Record):
    """A document for these tests."""

    schema_: Annotated[Literal["sizer.note/2"], Field(alias="schema")] = "sizer.note/2"
    text: str
    range: Interval | None = None
    extra: dict[str, Any] = {}


def test_a_document_reads_back_equal(tmp_path: Path) -> None:
    note = Note(text="häuser\n", range=Interval(p10=0.1, p50=1 / 3, p90=1e300))
    path = write_document(tmp_path / "note.json", note)
    assert read_document(path, Note) == note
    assert json.loads(path.read_text())["schema"] == "sizer.note/2"
    assert [item.name for item in tmp_path.iterdir()] == ["note.json"]


def test_a_yaml_document_reads_back_equal(tmp_path: Path) -> None:
    note = Note(text="on", extra={"a": "1e3", "b": "~", "c": "yes", "d": "2026-11-21", "e": "0o7", "f": "", "g": 1.5})
    assert read_document(write_document(tmp_path / "note.yaml", note), Note) == note


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none()), st.text())
def test_yaml_says_what_the_record_said(extra: dict[str, Any], text: str) -> None:
    note = Note(text=text, extra=extra)
    # YAML cannot hold every character, JSON escapes them: only texts that YAML prints are compared.
    if any(not (char.isprintable() or char in "\n\t ") for char in json.dumps(extra, ensure_ascii=False) + text):
        return
    data, _ = parse_yaml(yaml_text(note))
    assert Note.model_validate(data) == note


def test_a_text_is_written_as_it_is(tmp_path: Path) -> None:
    path = write_document(tmp_path / "page.html", "<p>x</p>\r\n")
    assert path.read_bytes() == b"<p>x</p>\r\n"


def test_modes_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        path = write_document(tmp_path / "a.txt", "x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_document(path, "y")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(mask)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = write_document(tmp_path / "plan.json", "old")

    def fails(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match=r"plan\.json: cannot be written") as caught:
        write_document(path, "new")
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing/plan.json", "folder does not exist"), ("", "it is a folder"), ("file/plan.json", "not a folder")],
)
def test_where_nothing_can_be_written_is_said(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=words):
        write_document(tmp_path / name, "x")


@pytest.mark.parametrize("dangling", [False, True])
def test_through_a_link_the_file_that_it_leads_to_is_written(tmp_path: Path, dangling: bool) -> None:
    real = tmp_path / "folder" / "plan.json"
    real.parent.mkdir()
    if not dangling:
        real.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    assert write_document(link, "new") == link
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert sorted(tmp_path.rglob("*")) == [real.parent, real, link]


def test_what_is_no_regular_file_is_written_into(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_document(fifo, "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert list(tmp_path.iterdir()) == [fifo]
    assert write_document("/dev/null", "x") == Path("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_an_open_descriptor_is_written_into(folder: str) -> None:
    """What a shell puts in the place of ``>(command)``."""
    reader, writer = os.pipe()
    try:
        write_document(f"{folder}/{writer}", "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
        os.close(writer)


def test_links_in_a_circle_are_said(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(StoreError, match="its links go in a circle"):
        write_document(link, "x")


def test_no_permission_to_write_is_said(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o077 == 0:
            parent.chmod(0o711)
    if os.getuid() == 0:  # root may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="no permission; choose a folder"):
            write_document(closed / "plan.json", "x")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_json_never_holds_what_json_lacks() -> None:
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        document_text(Note(text="x", extra={"a": float("inf")}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ('{"schema": "sizer.note/2", "te', "not valid JSON .*; was it written completely"),
        ("[1]", "holds no sizer.note/2 document but a list"),
        ('{"text": "x"}', "carries no 'schema'"),
        ('{"schema": "sizer.note/3", "text": "x"}', "sizer.note/3 is newer than this sizer knows .*upgrade"),
        ('{"schema": "sizer.note/1", "text": "x"}', "sizer.note/1 is older .*no migration"),
        ('{"schema": "sizer.plan/1", "text": "x"}', "schema is 'sizer.plan/1', a sizer.note/2 document was expected"),
        ('{"schema": 3, "text": "x"}', "schema is 3"),
        ('{"schema": "sizer.note/2", "txt": "x", "text": "y"}', "txt: unknown key; did you mean 'text'"),
        ('{"schema": "sizer.note/2"}', "text: is missing"),
        (
            '{"schema": "sizer.note/2", "text": "x", "range": {"p10": 2, "p50": 1, "p90": 3}}',
            "range: quantiles out of order",
        ),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "note.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_document(path, Note)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_the_kind_of_error_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file"):
        read_document(tmp_path / "none.json", Note, CatalogueError)
    with pytest.raises(InputError, match="is a folder"):
        read_document(tmp_path, Note)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):  # and does not wait for a writer
        read_document(tmp_path / "pipe", Note)
    (tmp_path / "binary.json").write_bytes(b"\x7fELF\xff\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_document(tmp_path / "binary.json", Note)
    with pytest.raises(InputError, match="cannot be read"):
        read_document("zero\0byte", Note)


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    data = bytes(range(256)) + b"\r\n"
    assert write_document(tmp_path / "table.parquet", data).read_bytes() == data
    assert [item.name for item in tmp_path.iterdir()] == ["table.parquet"]
