"""What to do about an error of the database behind the store."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

_SQLITE_REMEDIES = {
    sqlite3.SQLITE_READONLY: "choose a file that you may write with --store, or change its mode",
    sqlite3.SQLITE_CANTOPEN: "check that the folder exists and may be written, or choose another with --store",
    sqlite3.SQLITE_NOTADB: "this file is something else; name another with --store",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy or name another with --store",
    sqlite3.SQLITE_BUSY: "another process holds it; wait for it or stop it",
    sqlite3.SQLITE_LOCKED: "another process holds it; wait for it or stop it",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk is full or has a fault; free some space or choose another place with --store",
    sqlite3.SQLITE_PERM: "choose a store that you may write with --store",
}  # https://www.sqlite.org/rescode.html, primary codes
_SERVER_REMEDIES = {
    "08": "check host, port, user and that the server runs",
    "28": "check user and password",
    "3D": "create the database or check its name",
    "42501": "choose a store that you may write with --store",
    "53": "the server's disk or memory is full; free some space",
}  # https://www.postgresql.org/docs/current/errcodes-appendix.html, classes and one code


def database_remedy(error: SQLAlchemyError) -> str:
    """Say what to do about an error of the database.

    Its code decides: the words of SQLite, of PostgreSQL and of their drivers change with version and language.
    """
    cause = error.orig if isinstance(error, DBAPIError) else None
    other = "choose another store with --store"
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary code; errors of Python's module itself carry none.
        return _SQLITE_REMEDIES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, other)
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # psycopg knows no code where the connection itself fails.
        return _SERVER_REMEDIES["08"] if isinstance(error, OperationalError) else other
    return next((remedy for code, remedy in _SERVER_REMEDIES.items() if state.startswith(code)), other)
