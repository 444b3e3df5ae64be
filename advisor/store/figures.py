"""Figures that other programs reported of a machine of the catalogue; kept apart from measurements."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError
from sqlalchemy import delete, insert, select

from advisor.clock import utc_now
from advisor.errors import StoreError
from advisor.records.imported import ReportedFigure

from .database import Database
from .tables import reported_figures as table


class FigureStore(Database):
    """Reported figures. See :class:`Database` for how a store is opened and which errors every method raises."""

    def record(self, figures: Iterable[ReportedFigure]) -> int:
        """Add those that are not there yet, all of them or none; returns how many were added."""
        known = {row[0] for row in self._rows(select(table.c.key))}
        new = {figure.key: figure for figure in figures if figure.key not in known}
        with self._write() as connection:
            for key, figure in new.items():
                values = {"key": key, "machine": figure.machine, "stored": utc_now()}
                connection.execute(insert(table).values(**values, document=figure.model_dump_json()))
        return len(new)

    def of_machine(self, machine: str) -> tuple[ReportedFigure, ...]:
        """Figures of a machine by its id, in the order in which they came."""
        rows = select(table.c.document).where(table.c.machine == machine).order_by(table.c.stored, table.c.key)
        try:
            return tuple(ReportedFigure.model_validate_json(document) for (document,) in self._rows(rows))
        except ValidationError as error:
            raise StoreError(
                f"store {self.name}: a reported figure in it is damaged or of another version; use another store"
            ) from error

    def forget(self, machine: str) -> int:
        """Remove the figures of a machine; returns how many went."""
        with self._write() as connection:
            return connection.execute(delete(table).where(table.c.machine == machine)).rowcount
