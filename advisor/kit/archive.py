"""Archives of kits and results: written the same from the same files, read without trust in what they hold.

Nothing here unpacks with :mod:`tarfile`'s own methods, whose ``data`` filter Python 3.11.2 (Debian 12) lacks. What is
taken is stricter: regular files below one folder; everything else is refused by name, and sizes are bounded before a
byte is written.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from advisor.errors import InputError
from advisor.records.kit import PackedFile
from advisor.store.files import reason

SUFFIXES = (".tar.zst", ".tar.gz", ".tar")
MOST_BYTES = 32 * 2**30
"""Of a kit, unpacked: models of gigabytes and hours of clips stay far below."""
MOST_RESULT_BYTES = 2**30
MOST_FILES = 20_000
_MODE, _PROGRAM_MODE = 0o644, 0o755
_MTIME_S = 315_532_800
"""1 January 1980, the earliest that every archive format can say: equal contents make equal bytes."""
_ZSTD_LEVEL = 3
"""Packages and weights hardly compress; a higher level costs minutes and gains less than a percent."""
_ZSTD_WINDOW_BYTES = 2**27
"""Most memory that reading an archive may take: the limit of the zstd program itself."""
_BLOCK_BYTES = 2**20


def zstandard_module() -> Any:
    """The optional package behind ``.tar.zst``. InputError with the remedy where it is not installed."""
    try:
        import zstandard
    except ImportError as error:
        raise InputError(
            "archives ending in .tar.zst need the package zstandard; run: pip install 'sizer[kit]', or use .tar.gz"
        ) from error
    return zstandard


def hashed(content: bytes | Path) -> tuple[str, int]:
    """SHA-256 and size of bytes or of a file. InputError where it cannot be read."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest(), len(content)
    try:
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(f"{content}: cannot be read: {reason(error)}") from error


def write_archive(path: Path, folder: str, files: Mapping[str, bytes | Path], programs: tuple[str, ...] = ()) -> None:
    """Write files below one folder, in the order given, under a temporary name that is renamed at the end.

    Parameters
    ----------
    path : Path
        Its suffix, one of :data:`SUFFIXES`, decides the compression.
    folder : str
        Name of the folder in the archive.
    files : mapping
        Name below the folder to what the file holds.
    programs : tuple of str
        Names of files that may be started.

    Raises
    ------
    InputError
        A file cannot be read, or the archive cannot be written.
    """
    try:
        handle, aside = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason(error)}") from error
    try:
        with os.fdopen(handle, "wb") as raw:
            with _compressed(path, raw) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
                for name, content in files.items():
                    _add(archive, f"{folder}/{name}", content, _PROGRAM_MODE if name in programs else _MODE)
            raw.flush()
            os.fsync(raw.fileno())
        Path(aside).chmod(_MODE)
        Path(aside).replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason(error)}") from error
    finally:
        Path(aside).unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = _MTIME_S, mode
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        entry.size = len(content) if isinstance(content, bytes) else os.fstat(file.fileno()).st_size
        archive.addfile(entry, file)


@contextlib.contextmanager
def _compressed(path: Path, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    if path.name.endswith(".zst"):
        with zstandard_module().ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(raw, closefd=False) as stream:
            yield stream
    elif path.name.endswith(".gz"):
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream:
            yield cast(IO[bytes], stream)
    else:
        yield raw


Reader = Callable[[str, IO[bytes], int], None]
"""Takes a file's name below the folder, what it holds, and its size in bytes."""


def read_files(path: Path, take: Reader, most_bytes: int = MOST_BYTES) -> None:
    """Hand every file of an archive to ``take``, one after the other.

    Raises
    ------
    InputError
        Missing, cut short, damaged, of no known form, with anything but regular files below one folder, or larger than
        ``most_bytes``: one line.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    try:
        with path.open("rb") as raw, _decompressed(raw) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                _read_members(path, archive, take, most_bytes)
            while stream.read(_BLOCK_BYTES):  # to the end, where formats keep their checksum
                pass
    except InputError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is cut short, damaged or no archive ({error}); copy it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"zstandard", "zstd"}:
            raise
        raise InputError(f"{path}: is cut short or damaged ({error}); copy it again") from error


def _read_members(path: Path, archive: tarfile.TarFile, take: Reader, most_bytes: int) -> None:
    total, folders, seen = 0, set[str](), set[str]()
    for member in archive:
        if member.isdir() and _safe(member.name.rstrip("/")):
            continue
        if not member.isreg() or not _safe(member.name):
            raise InputError(f"{path}: holds {member.name[:80]!r}, which is no plain file below one folder; not read")
        folder, _, name = member.name.partition("/")
        folders.add(folder)
        total += member.size
        if not name or len(folders) > 1:
            raise InputError(f"{path}: holds files of more than one folder ({member.name[:80]!r}); not read")
        if name in seen:
            raise InputError(f"{path}: holds {member.name[:80]!r} twice; not read")
        seen.add(name)
        if total > most_bytes or len(seen) > MOST_FILES:
            raise InputError(
                f"{path}: unpacks to more than {most_bytes / 2**30:.0f} GiB or {MOST_FILES} files; not read"
            )
        content = archive.extractfile(member)
        assert content is not None  # it is a regular file
        take(name, content, member.size)


def _safe(name: str) -> bool:
    """Whether a name stays below the folder that it is unpacked in."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name and name.isprintable()


@contextlib.contextmanager
def _decompressed(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    """Stream of the archive itself; its first bytes say how it is compressed, whatever its name says."""
    start = raw.read(4)
    raw.seek(0)
    if start == b"\x28\xb5\x2f\xfd":
        decompressor = zstandard_module().ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        with decompressor.stream_reader(raw) as stream:
            yield stream
    elif start[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
            yield cast(IO[bytes], unzipped)
    else:
        yield raw


def packed(name: str, content: bytes | Path) -> PackedFile:
    """Entry of a manifest."""
    sha256, size = hashed(content)
    return PackedFile(path=name, sha256=sha256, size_bytes=size)
