"""The database below the measurement store: opening, transactions, and errors in one line; SQLite or PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, insert, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from advisor.addresses import hidden
from advisor.errors import StoreError

from .files import reason
from .paths import default_store_url
from .remedies import database_remedy
from .tables import migrate, open_engine

_ALMOST_URL = re.compile(r"(?:postgres(?:ql)?|sqlite|mysql|mariadb|oracle|mssql)(?:\+\w+)?:", re.IGNORECASE)
"""A database with too few slashes: as a file name it would be made, password and all."""


class Database:
    """Opens, creates or upgrades a store.

    Parameters
    ----------
    url : str or path, optional
        SQLAlchemy URL, or a file for SQLite; None: ``SIZER_STORE`` or the file among the user's data.

    Raises
    ------
    StoreError
        From every method: not to be opened, read or written, or written by a newer sizer; one line with a remedy.
    """

    def __init__(self, url: str | Path | None = None) -> None:
        text = default_store_url() if url is None else str(url)
        if "://" not in text:
            if "@" in text or _ALMOST_URL.match(text):
                raise StoreError(
                    f"store {hidden(text)!r}: is neither a file nor a database URL; write sqlite:///FILE or "
                    "postgresql+psycopg://USER@HOST/NAME"
                )
            text = f"sqlite:///{text}"
        try:
            self._url = make_url(text)
        except (ArgumentError, ValueError) as error:  # ValueError: the port is no number
            raise StoreError(
                f"store {hidden(text)!r} is not a database URL; write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
            ) from error
        self._prepare_folder()
        try:
            self._engine: Engine = open_engine(self._url)
        except (NoSuchModuleError, ImportError) as error:
            raise StoreError(
                f"store {self.name}: no driver for it ({error}); for PostgreSQL run: pip install 'psycopg[binary]'"
            ) from error
        try:
            with self._guard("opened"):
                migrate(self._engine, self.name)
        except BaseException:  # an interrupt as well: a connection left open would hold the lock
            self.close()
            raise

    @property
    def name(self) -> str:
        """The store as errors name it: the file, or the URL without its password."""
        if self._url.get_backend_name() == "sqlite" and self._url.database:
            return hidden(self._url.database)
        return hidden(self._url.render_as_string(hide_password=True))

    @property
    def url(self) -> str:
        """URL with which another process opens the same store."""
        return self._url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Release connections; SQLite folds its write-ahead log into the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare_folder(self) -> None:
        """Make the default store's folder; another folder must exist, as a typing error would make a new store."""
        if self._url.get_backend_name() != "sqlite":
            return
        database = self._url.database
        if not database or database == ":memory:":
            raise StoreError("store: SQLite in memory cannot be shared with workers; name a file: sqlite:///FILE")
        path = Path(database)
        try:
            if self._url.render_as_string(hide_password=False) == default_store_url():
                path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise StoreError(f"store {path}: is a folder; name a file in it")
            if not path.parent.is_dir():
                raise StoreError(f"store {path}: the folder {path.parent} does not exist; make it or name another")
        except OSError as error:
            raise StoreError(f"store {path}: cannot be opened: {reason(error)}; or set SIZER_HOME") from error

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """Turn what SQLAlchemy raises into one line with a remedy."""
        try:
            yield
        except SQLAlchemyError as error:
            words = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreError(f"store {self.name}: cannot be {what}: {words}; {database_remedy(error)}") from error

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """One transaction that takes SQLite's write lock at once, so that waiting cannot end in a deadlock."""
        with (
            self._guard("written"),
            self._engine.execution_options(sizer_begin="BEGIN IMMEDIATE").begin() as connection,
        ):
            yield connection

    def _compact(self) -> None:
        """Give the space of removed rows back to the disk; a server does so by itself."""
        if self._engine.dialect.name == "sqlite":
            with (
                self._guard("written"),
                self._engine.execution_options(sizer_begin="SELECT 1").connect() as connection,
            ):  # outside a transaction, as SQLite demands
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # it went through the log

    def _rows(self, statement: Any) -> list[Any]:
        with self._guard("read"), self._engine.connect() as connection:
            return list(connection.execute(statement))

    def _put(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Insert a row or replace the one with this key.

        Where another process inserts the same key between our update and our insert (PostgreSQL; SQLite's writers take
        turns), the second try finds its row.
        """
        matches = [table.c[name] == value for name, value in key.items()]
        for last in (False, True):
            try:
                with self._write() as connection:
                    if not connection.execute(update(table).where(*matches).values(**values)).rowcount:
                        connection.execute(insert(table).values(**key, **values))
            except StoreError as error:
                if last or not isinstance(error.__cause__, IntegrityError):
                    raise
            else:
                return
