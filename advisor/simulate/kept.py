"""Simulated runs that are kept in a file: a run depends on its spec, its times and its seeds, and on nothing else.

A plan that is made again, with another price or margin, asks for runs that were simulated before. What is kept is what
:class:`Run` holds, to the last digit. A row of other code, of another processor or with a byte changed is never read;
a file that cannot be read or written costs the time that it would have saved, and a damaged one is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import pkgutil
import platform
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .result import SimResult, StageResult, quantile
from .run import simulate
from .spec import Seeds, SimSpec

READ_BY = ("arrays", "counts", "kept", "result", "run", "spec")
"""Modules beside those of the loop on which a run depends."""
MOST_RUNS = 10_000
"""Rows that stay in the file, the newest: some 40 MB, of 26 plans of a shop over the catalogue (376 rows, 1.6 MB)."""
_MOST_BYTES = 64 * 1024  # a run of thousands of cameras takes longer to read than its part of a plan is worth
_BUSY_S = 2.0
_ARRAYS = {
    "camera_fps": np.float64, "camera_released": np.int64, "camera_drops": np.int64,
    "camera_longest_gap_s": np.float64,
}  # fmt: skip
_TABLE = "CREATE TABLE IF NOT EXISTS runs (key BLOB PRIMARY KEY, digest BLOB NOT NULL, document TEXT NOT NULL)"


@dataclass(frozen=True)
class Run:
    """A simulated run without the figures of its frames."""

    result: SimResult
    """:meth:`SimResult.without_samples`."""
    slowest_s: tuple[float, float, float] | None
    """P50, P95 and P99 of the camera with the largest P95 [s]; None: no frame was done."""


class Runs:
    """Simulates what is asked for."""

    def run(self, spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds) -> Run:
        """As :func:`simulate`, which see for parameters and errors."""
        result = simulate(spec, duration_s, warmup_s, seeds)
        latencies_s = result.slowest_camera_latencies_s(0.95)
        slowest_s = None
        if latencies_s.size:
            slowest_s = quantile(latencies_s, 0.50), quantile(latencies_s, 0.95), quantile(latencies_s, 0.99)
        return Run(result.without_samples(), slowest_s)

    def keep(self) -> None:
        """Keep what was simulated for other plans: nothing."""


SIMULATED = Runs()
"""Keeps nothing."""


class KeptRuns(Runs):
    """Looks into a file first, and adds to it what it lacked once :meth:`keep` is called.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made where they lack.
    before : callable
        Called once, before the first run that has to be simulated.
    """

    def __init__(self, path: Path, before: Callable[[], None] = lambda: None) -> None:
        self._path, self._before = path, before
        self._begun = False
        self._new: dict[bytes, str] = {}
        self._connection: sqlite3.Connection | None = None
        self._readable = path.is_file()

    def run(self, spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds) -> Run:
        """As :meth:`Runs.run`; a run that is kept is as good as one that is simulated."""
        key = _key(spec, duration_s, warmup_s, seeds)
        found = self._read(key)
        if found is None:
            if not self._begun:
                self._begun = True
                self._before()
            found = super().run(spec, duration_s, warmup_s, seeds)
            document = _document(found)
            if len(document) <= _MOST_BYTES:
                self._new[key] = document
        return found

    def keep(self) -> None:
        """Write what the file lacked, all of it or nothing, and close the file."""
        self._close()
        rows = [(key, _digest(key, document), document) for key, document in self._new.items()]
        self._new = {}
        if not rows:
            return
        # On a full disk, in a read-only folder, or while another plan writes for long: nothing is kept.
        with contextlib.suppress(OSError, sqlite3.OperationalError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._write(rows)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:  # damaged, or none of SQLite's files: all in it can be made again
                self._path.unlink()
                self._write(rows)
            self._readable = True

    def _write(self, rows: Sequence[tuple[bytes, bytes, str]]) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=_BUSY_S)) as file, file:
            file.execute(_TABLE)
            file.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", rows)
            file.execute(
                "DELETE FROM runs WHERE rowid <= (SELECT rowid FROM runs ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
                (MOST_RUNS,),
            )

    def _read(self, key: bytes) -> Run | None:
        if key in self._new:
            return _run(self._new[key])
        if not self._readable:
            return None
        try:
            if self._connection is None:
                address = f"{self._path.absolute().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(address, _BUSY_S, check_same_thread=False, uri=True)
            row = self._connection.execute("SELECT digest, document FROM runs WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            self._close()
            self._readable = False
            return None
        if row is None or row[0] != _digest(key, row[1]):
            return None
        return _run(row[1])

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@lru_cache(maxsize=1)
def _surroundings() -> str:
    """What a run depends on beside what is asked for: code, libraries, processor."""
    from .machine_code import code_version

    source = b"".join(pkgutil.get_data(__package__, f"{name}.py") or b"" for name in READ_BY)
    libraries = [f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy")]
    return "\n".join([code_version(), hashlib.sha256(source).hexdigest(), *libraries, *_processor()])


def _processor() -> list[str]:
    """What code may be compiled for: architecture, and what the first processor says of its kind and instructions."""
    with contextlib.suppress(OSError):
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
        kinds = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU implementer", "CPU part", "Features")
        return [platform.machine(), *(line for line in first.splitlines() if line.partition("\t")[0] in kinds)]
    return [platform.machine()]


def _key(spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds) -> bytes:
    """Digest of all that a run depends on; the text of a dataclass has all its fields, numbers to the last digit."""
    # Most cameras of a group are one and the same object.
    alike = [list(same) for _, same in itertools.groupby(spec.cameras, key=id)]
    groups = [(len(same), same[0]) for same in alike]
    text = repr((_surroundings(), groups, replace(spec, cameras=()), duration_s, warmup_s, seeds))
    return hashlib.sha256(text.encode()).digest()


def _digest(key: bytes, document: str) -> bytes:
    return hashlib.sha256(key + document.encode()).digest()


def _document(run: Run) -> str:
    figures = asdict(run.result)
    del figures["latencies_s"], figures["latency_cameras"]
    for name in _ARRAYS:
        figures[name] = figures[name].tolist()
    return json.dumps({"result": figures, "slowest_s": run.slowest_s})


def _run(document: str) -> Run:
    read = json.loads(document)
    figures = read["result"]
    stages = tuple(StageResult(**stage) for stage in figures.pop("stages"))
    figures |= {name: np.array(figures[name], kind) for name, kind in _ARRAYS.items()}
    result = SimResult(**figures, stages=stages, latencies_s=np.empty(0), latency_cameras=np.empty(0, np.int64))
    return Run(result, None if read["slowest_s"] is None else tuple(read["slowest_s"]))
