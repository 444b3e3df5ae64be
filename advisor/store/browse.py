"""A store page by page: rows without their documents, which may take a megabyte each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from advisor.errors import StoreError

from .measurements import MeasurementStore, RunTitle, run_title
from .tables import measurements, runs

MEASUREMENT_COLUMNS = ("key", "kind", "status", "host_fingerprint", "model", "runtime", "device", "precision", "mode",
                       "started")  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A part of a list, and how long the whole list is."""

    rows: Sequence[dict[str, Any]]
    total: int


class StoreBrowser(MeasurementStore):
    """Lists of what a store holds. See :class:`Database` for how a store is opened and which errors methods raise."""

    def runs_page(self, kind: str | None, scenario: str | None, limit: int, offset: int) -> Page:
        """Runs, newest first; ``scenario``: a part of its name. Documents are read one at a time, for their titles."""
        asked = [runs.c.kind == kind] if kind else []
        if scenario:
            asked.append(runs.c.scenario.icontains(scenario, autoescape=True))
        rows = select(runs.c.id, runs.c.kind, runs.c.created, runs.c.scenario)
        found = self._page(rows.order_by(runs.c.stored.desc(), runs.c.id), asked, limit, offset)
        titled = []
        for run_id, run_kind, created, name in found:
            texts = self._rows(select(runs.c.document).where(runs.c.id == run_id))
            if texts:  # another process may have removed it meanwhile
                title = RunTitle(run_id, run_kind, created, run_title(run_kind, texts[0][0]))
                titled.append(
                    {"id": run_id, "kind": run_kind, "created": created, "scenario": name, "title": title.title}
                )
        return Page(titled, self._count(runs.c.id, asked))

    def measurements_page(
        self, model: str | None, host: str | None, status: str | None, limit: int, offset: int
    ) -> Page:
        """Measurements, newest first; ``model``: a part of its name, ``host``: the beginning of a fingerprint."""
        asked = [measurements.c.status == status] if status else []
        if model:
            asked.append(measurements.c.model.icontains(model, autoescape=True))
        if host:
            asked.append(measurements.c.host_fingerprint.startswith(host, autoescape=True))
        columns = [measurements.c[name] for name in MEASUREMENT_COLUMNS]
        rows = select(*columns).order_by(measurements.c.started.desc(), measurements.c.key)
        found = self._page(rows, asked, limit, offset)
        listed = [dict(zip(MEASUREMENT_COLUMNS, row, strict=True)) for row in found]
        return Page(listed, self._count(measurements.c.key, asked))

    def measurement_document(self, key: str) -> str:
        """JSON of one measurement. StoreError where there is none of that key."""
        found = self._rows(select(measurements.c.document).where(measurements.c.key == key))
        if not found:
            raise StoreError(f"measurement {key!r} is not in store {self.name}")
        return str(found[0][0])

    def _page(self, rows: Select[Any], asked: Sequence[ColumnElement[bool]], limit: int, offset: int) -> list[Any]:
        return self._rows(rows.where(*asked).limit(limit).offset(offset))

    def _count(self, column: ColumnElement[Any], asked: Sequence[ColumnElement[bool]]) -> int:
        return int(self._rows(select(func.count(column)).where(*asked))[0][0])
