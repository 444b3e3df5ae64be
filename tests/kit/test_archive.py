"""Archives: the same bytes from the same files, and nothing of a hostile or damaged one reaches the disk."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path
from typing import IO

import pytest

from advisor.errors import InputError
from advisor.kit.archive import SUFFIXES, read_files, write_archive

FILES: dict[str, bytes | Path] = {
    "manifest.json": b"{}",
    "models/a.onnx": bytes(range(256)) * 700,
    "verify": b"#!/bin/sh\n",
}


def contents(path: Path, most_bytes: int = 2**30) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def take(name: str, content: IO[bytes], size: int) -> None:
        found[name] = content.read()
        assert len(found[name]) == size

    read_files(path, take, most_bytes)
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_is_read_and_is_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    part = tmp_path / "part.bin"
    part.write_bytes(b"from a file")
    files = {**FILES, "part.bin": part}
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    write_archive(one, "kit", files, ("verify",))
    part.touch()
    write_archive(two, "kit", files, ("verify",))
    assert one.read_bytes() == two.read_bytes()
    assert contents(one) == {**FILES, "part.bin": b"from a file"}
    assert list(tmp_path.glob(".*")) == []


def test_only_the_program_may_be_started_and_nothing_names_the_desk(tmp_path: Path) -> None:
    path = tmp_path / "kit.tar.gz"
    write_archive(path, "kit", FILES, ("verify",))
    with tarfile.open(path) as archive:
        modes = {entry.name: entry.mode for entry in archive}
        owners = {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in archive}
    assert modes == {"kit/manifest.json": 0o644, "kit/models/a.onnx": 0o644, "kit/verify": 0o755}
    assert owners == {(0, 0, "", "")}


def refusal(path: Path) -> str | None:
    try:
        contents(path)
    except InputError as error:
        return str(error)
    return None


def entry(name: str, kind: bytes = tarfile.REGTYPE, **values: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in values.items():
        setattr(info, key, value)
    return info


HOSTILE: dict[str, list[tarfile.TarInfo]] = {
    "absolute": [entry("/etc/evil")],
    "upwards": [entry("kit/../../evil")],
    "backslash": [entry("kit\\..\\evil")],
    "symbolic link": [entry("kit/link", tarfile.SYMTYPE, linkname="/etc/passwd")],
    "hard link": [entry("kit/a"), entry("kit/link", tarfile.LNKTYPE, linkname="kit/a")],
    "device": [entry("kit/null", tarfile.CHRTYPE)],
    "fifo": [entry("kit/pipe", tarfile.FIFOTYPE)],
    "folder elsewhere": [entry("/tmp/x", tarfile.DIRTYPE)],
    "two folders": [entry("kit/a"), entry("other/b")],
    "no folder": [entry("a")],
    "twice": [entry("kit/a"), entry("kit/a")],
    "control characters": [entry("kit/\x1b[2Jx")],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_anything_but_plain_files_below_one_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w") as archive:
        for info in HOSTILE[kind]:
            archive.addfile(info, io.BytesIO())
    with pytest.raises(InputError, match="not read") as caught:
        contents(path)
    assert str(caught.value).isprintable()


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_does(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    write_archive(path, "kit", {"zeros": bytes(5_000_000)})
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match="unpacks to more than"):
        contents(path, most_bytes=1_000_000)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.95])
def test_one_that_is_cut_short_is_refused_in_a_line(tmp_path: Path, suffix: str, share: float) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_archive(whole, "kit", FILES)
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    said = refusal(cut)
    if said is None:
        assert contents(cut).keys() < FILES.keys()  # between two files: the manifest tells what is missing
    else:
        assert "\n" not in said
        assert said.startswith(str(cut))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_flipped_bit_never_passes_for_the_whole(tmp_path: Path, suffix: str) -> None:
    whole, other = tmp_path / f"whole{suffix}", tmp_path / f"other{suffix}"
    write_archive(whole, "kit", FILES)
    data = bytearray(whole.read_bytes())
    for place in range(10, len(data), max(1, len(data) // 40)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        other.write_bytes(changed)
        assert "\n" not in (refusal(other) or "")  # a changed content is the manifest's to find


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("hello\n" * 500)
    with pytest.raises(InputError, match="is cut short, damaged or no archive"):
        contents(path)
    with pytest.raises(InputError, match="no such file"):
        contents(tmp_path / "none.tar")


def test_without_the_package_zstandard_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"pip install 'sizer\[kit\]', or use .tar.gz"):
        write_archive(tmp_path / "kit.tar.zst", "kit", FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kit.tar"
    path.write_bytes(b"old")
    with pytest.raises(InputError):
        write_archive(path, "kit", {"a": tmp_path / "none"})
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["kit.tar"]
