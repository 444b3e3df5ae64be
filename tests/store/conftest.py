"""A store per test, on SQLite and, where its server is installed, on PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor.store.measurements import MeasurementStore


def _binary(name: str) -> str | None:
    """A server program on PATH or where Debian keeps it."""
    found = shutil.which(name)
    if found:
        return found
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else None


def _unprivileged() -> dict[str, Any]:
    """The server refuses to run as root: arguments of subprocess.run for another user."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("running as root and there is no other user to run a PostgreSQL server as")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the socket of a server of our own."""
    initdb, pg_ctl = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("no PostgreSQL server binary on this machine")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL driver: pip install 'psycopg[binary]'")
    identity = _unprivileged()
    # Not below pytest's folder: that one is closed to other users, and a socket's path is short by law.
    folder = Path("/tmp") / f"sizer-pg-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}

    def run(*command: str) -> None:
        # Output goes nowhere: a pipe would stay open for as long as the server lives.
        silent = subprocess.DEVNULL
        subprocess.run(
            command, check=True, stdout=silent, stderr=silent, timeout=60, cwd=folder, env=environment, **identity
        )

    try:
        run(initdb, "-D", str(data), "-U", "sizer", "-A", "trust", "--no-sync", "-E", "UTF8")
        settings = f"-c listen_addresses='' -c fsync=off -k {folder}"
        run(pg_ctl, "-D", str(data), "-o", settings, "-l", str(folder / "log"), "-w", "start")
        try:
            yield folder
        finally:
            run(pg_ctl, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    server: Path = request.getfixturevalue("postgres_server")
    import psycopg

    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"host={server} user=sizer dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://sizer@/{name}?host={server}"


@pytest.fixture
def store(url: str) -> Iterator[MeasurementStore]:
    with MeasurementStore(url) as opened:
        yield opened
