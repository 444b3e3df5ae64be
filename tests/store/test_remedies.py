from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import InvalidRequestError, OperationalError, ProgrammingError

from advisor.store.remedies import database_remedy


class ServerError(Exception):
    """As psycopg raises it: the code is an attribute, the words are the server's, in the server's language."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("Worte des Servers")
        self.sqlstate = sqlstate


def sqlite_error(act: Callable[[], object]) -> OperationalError:
    with pytest.raises(sqlite3.Error) as caught:
        act()
    return OperationalError("SELECT 1", {}, caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "diary.db").write_text("not a database, and longer than the header of one " * 20)
    with closing(sqlite3.connect(tmp_path / "diary.db")) as connection:
        error = sqlite_error(lambda: connection.execute("SELECT * FROM sqlite_master"))
    assert database_remedy(error) == "this file is something else; name another with --store"


def test_a_file_below_no_folder(tmp_path: Path) -> None:
    error = sqlite_error(lambda: sqlite3.connect(tmp_path / "missing" / "s.db"))
    assert database_remedy(error).startswith("check that the folder exists")


def test_a_database_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as waiter:
        holder.execute("BEGIN EXCLUSIVE")
        error = sqlite_error(lambda: waiter.execute("BEGIN EXCLUSIVE"))
    assert database_remedy(error) == "another process holds it; wait for it or stop it"


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("CREATE TABLE t (x INTEGER)")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        error = sqlite_error(lambda: reader.execute("INSERT INTO t VALUES (1)"))
    assert database_remedy(error).startswith("choose a file that you may write")


@pytest.mark.parametrize(
    ("sqlstate", "remedy"),
    [
        (None, "check host, port, user and that the server runs"),
        ("08006", "check host, port, user and that the server runs"),
        ("28P01", "check user and password"),
        ("3D000", "create the database or check its name"),
        ("42501", "choose a store that you may write with --store"),
        ("53100", "the server's disk or memory is full; free some space"),
        ("40001", "choose another store with --store"),
    ],
)
def test_a_servers_code_decides_whatever_its_words(sqlstate: str | None, remedy: str) -> None:
    assert database_remedy(OperationalError("SELECT 1", {}, ServerError(sqlstate))) == remedy


def test_what_no_driver_raised_has_a_remedy_too() -> None:
    assert database_remedy(InvalidRequestError("closed")) == "choose another store with --store"
    assert database_remedy(ProgrammingError("SELECT 1", {}, sqlite3.ProgrammingError("x"))) == (
        "choose another store with --store"
    )
