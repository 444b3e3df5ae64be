"""Published figures of devices (``profiles/published/devices.csv.gz``)."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from advisor.errors import CatalogueError
from advisor.store.paths import profiles_dir

from .question import squashed


@dataclass(frozen=True)
class Figure:
    """One published figure."""

    source: str
    release: str
    runtime: str
    device: str
    model: str
    input: str
    """WIDTHxHEIGHT; empty: not stated."""
    precision: str
    batch: int
    threads: int | None
    throughput_per_s: float | None
    latency_s: float | None
    note: str

    @property
    def cited(self) -> str:
        """Source in words: publication, release, device and runtime."""
        parts = [self.source, self.release, self.runtime, self.device]
        threads = [] if self.threads is None else [f"{self.threads} threads"]
        return ", ".join(part for part in [*parts, *threads, self.note] if part)


def _number(text: str) -> float | None:
    return float(text) if text else None


def read_figures(path: Path) -> tuple[Figure, ...]:
    """Read the compiled table.

    Raises
    ------
    CatalogueError
        It cannot be read; the message names the file.
    """
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        return tuple(
            Figure(
                row["source"], row["release"], row["runtime"], row["device"], row["model"], row["input"],
                row["precision"], int(row["batch"]), int(row["threads"]) if row["threads"] else None,
                _number(row["throughput_per_s"]), _number(row["latency_s"]), row["note"],
            )
            for row in csv.DictReader(io.StringIO(text, newline=""))
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(
            f"{path}: published figures of devices cannot be read ({error}); install sizer again"
        ) from error


@dataclass(frozen=True)
class Figures:
    """Published figures by device and model."""

    by_device: Mapping[str, Mapping[str, tuple[Figure, ...]]]
    """Device id, then squashed name of the model."""

    @classmethod
    def of(cls, rows: Iterable[Figure]) -> Figures:
        """Index rows."""
        found: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            found[row.device][squashed(row.model)].append(row)
        return cls({device: {name: tuple(part) for name, part in models.items()} for device, models in found.items()})

    def find(
        self, device: str, models: Sequence[str], precision: str, size: tuple[int, int] | None
    ) -> tuple[Figure, ...]:
        """Figures of a model on a device at a precision; of another input size none counts."""
        mine = self.by_device.get(device, {})
        wanted = None if size is None else f"{size[0]}x{size[1]}"
        rows = (row for name in dict.fromkeys(map(squashed, models)) for row in mine.get(name, ()))
        return tuple(
            row for row in rows if row.precision == precision and (not row.input or wanted in (None, row.input))
        )


@cache
def load_figures() -> Figures:
    """Those that ship."""
    return Figures.of(read_figures(profiles_dir() / "published" / "devices.csv.gz"))
