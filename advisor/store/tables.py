"""Tables of the measurement store and the steps from one schema version to the next."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import OperationalError

from advisor.errors import StoreError

from .former_documents import measurement_with_kind

BUSY_TIMEOUT_S = 30.0

metadata = MetaData()

hosts = Table(
    "hosts",
    metadata,
    Column("fingerprint", String(128), primary_key=True),
    Column("created", String(40), nullable=False),
    Column("document", Text, nullable=False),
)
measurements = Table(
    "measurements",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("host_fingerprint", String(128), nullable=False),
    Column("model", Text, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("device", Text, nullable=False),
    Column("precision", String(16), nullable=False),
    Column("mode", String(16), nullable=False),  # empty for kinds to which it does not matter how requests arrive
    Column("started", String(40), nullable=False),
    Column("stored", String(40), nullable=False),
    Column("sizer_version", String(40), nullable=False),
    Column("document", Text, nullable=False),
    Index("measurements_by_host", "host_fingerprint", "model_sha256"),
)
micro = Table(
    "micro",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("host_fingerprint", String(128), nullable=False),
    Column("name", Text, nullable=False),
    Column("started", String(40), nullable=False),
    Column("document", Text, nullable=False),
    Index("micro_by_host", "host_fingerprint", "name"),
)
micro_failures = Table(
    "micro_failures",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("host_fingerprint", String(128), nullable=False),
    Column("name", Text, nullable=False),
    Column("started", String(40), nullable=False),
    Column("document", Text, nullable=False),
)
works = Table(
    "works",
    metadata,
    Column("sha256", String(64), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("runtime_version", String(128), nullable=False),
    Column("precision", String(16), nullable=False),
    Column("batch", Integer, nullable=False),
    Column("simd_cap", String(32), nullable=False),
    Column("model", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("sha256", "runtime", "runtime_version", "precision", "batch", "simd_cap"),
)
# What a box brought stays with that box: `works` holds what this machine's own runtimes compiled, for every plan.
box_works = Table(
    "box_works",
    metadata,
    Column("host_fingerprint", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("runtime_version", String(128), nullable=False),
    Column("precision", String(16), nullable=False),
    Column("batch", Integer, nullable=False),
    Column("simd_cap", String(32), nullable=False),
    Column("created", String(40), nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("host_fingerprint", "sha256", "runtime", "runtime_version", "precision", "batch", "simd_cap"),
)
runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("scenario", Text),
    Column("created", String(40), nullable=False),
    Column("stored", String(40), nullable=False),
    Column("document", Text, nullable=False),
)
# Rows are added and closed, never changed: what was known at any moment can be asked again.
offers = Table(
    "offers",
    metadata,
    Column("key", String(64), nullable=False),
    Column("recorded", String(40), nullable=False),
    Column("superseded", String(40)),
    Column("product", Text, nullable=False),
    Column("observed", String(10), nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("key", "recorded"),
)
reported_figures = Table(
    "reported_figures",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("machine", Text, nullable=False),
    Column("stored", String(40), nullable=False),
    Column("document", Text, nullable=False),
)
schema_version = Table(
    "schema_version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
)


def _version_2(connection: Connection) -> None:
    """Version 1 had neither runs nor the cache of kernels, and could not be searched by mode.

    Written out, not taken from the tables above: those will move on, this step may not.
    """
    connection.execute(text("ALTER TABLE measurements ADD COLUMN mode VARCHAR(16) NOT NULL DEFAULT 'sync'"))
    for key, document in connection.execute(text("SELECT key, document FROM measurements")).all():
        mode = json.loads(document)["mode"]["kind"]
        connection.execute(text("UPDATE measurements SET mode = :mode WHERE key = :key"), {"mode": mode, "key": key})
    connection.execute(
        text(
            "CREATE TABLE works (sha256 VARCHAR(64) NOT NULL, runtime VARCHAR(32) NOT NULL,"
            " runtime_version VARCHAR(128) NOT NULL, precision VARCHAR(16) NOT NULL, batch INTEGER NOT NULL,"
            " simd_cap VARCHAR(32) NOT NULL, model TEXT NOT NULL, created VARCHAR(40) NOT NULL, document TEXT NOT NULL,"
            " PRIMARY KEY (sha256, runtime, runtime_version, precision, batch, simd_cap))"
        )
    )
    connection.execute(
        text(
            "CREATE TABLE runs (id VARCHAR(64) NOT NULL PRIMARY KEY, kind VARCHAR(32) NOT NULL, scenario TEXT,"
            " created VARCHAR(40) NOT NULL, stored VARCHAR(40) NOT NULL, document TEXT NOT NULL)"
        )
    )


def _version_3(connection: Connection) -> None:
    """Version 2 forgot micro-benchmarks and decoders that failed."""
    connection.execute(
        text(
            "CREATE TABLE micro_failures (key VARCHAR(128) NOT NULL PRIMARY KEY,"
            " host_fingerprint VARCHAR(128) NOT NULL, name TEXT NOT NULL, started VARCHAR(40) NOT NULL,"
            " document TEXT NOT NULL)"
        )
    )


def _version_4(connection: Connection) -> None:
    """Version 3 told kernel profiles and footprints from timings only by which fields of a row were empty.

    Keys stay: they are hashes of requests, which a row does not hold whole. Those of profiles and footprints are
    renewed by whoever asks for them again (:meth:`advisor.store.measurements.MeasurementStore.adopt`).
    """
    connection.execute(text("ALTER TABLE measurements ADD COLUMN kind VARCHAR(16) NOT NULL DEFAULT 'timing'"))
    keys = [row[0] for row in connection.execute(text("SELECT key FROM measurements"))]
    read = text("SELECT document FROM measurements WHERE key = :key")
    write = text("UPDATE measurements SET kind = :kind, mode = :mode, document = :document WHERE key = :key")
    for key in keys:  # one at a time: a document may hold thousands of latencies
        document = measurement_with_kind(json.loads(connection.execute(read, {"key": key}).scalar_one()))
        mode = document["mode"]["kind"] if "mode" in document else ""
        values = {"key": key, "kind": document["kind"], "mode": mode, "document": json.dumps(document)}
        connection.execute(write, values)


def _version_5(connection: Connection) -> None:
    """Version 4 put the kernels that a box brought among those of this machine, where they falsified every other chip.

    Which ones cannot be told any more, so where facts of several machines are kept all go: they are compiled again.
    """
    connection.execute(
        text(
            "CREATE TABLE box_works (host_fingerprint VARCHAR(128) NOT NULL, sha256 VARCHAR(64) NOT NULL,"
            " runtime VARCHAR(32) NOT NULL, runtime_version VARCHAR(128) NOT NULL, precision VARCHAR(16) NOT NULL,"
            " batch INTEGER NOT NULL, simd_cap VARCHAR(32) NOT NULL, created VARCHAR(40) NOT NULL,"
            " document TEXT NOT NULL, PRIMARY KEY (host_fingerprint, sha256, runtime, runtime_version, precision,"
            " batch, simd_cap))"
        )
    )
    if int(connection.execute(text("SELECT COUNT(*) FROM hosts")).scalar_one()) > 1:
        connection.execute(text("DELETE FROM works"))


def _version_6(connection: Connection) -> None:
    """Version 5 knew no offers."""
    connection.execute(
        text(
            "CREATE TABLE offers (key VARCHAR(64) NOT NULL, recorded VARCHAR(40) NOT NULL, superseded VARCHAR(40),"
            " product TEXT NOT NULL, observed VARCHAR(10) NOT NULL, document TEXT NOT NULL,"
            " PRIMARY KEY (key, recorded))"
        )
    )


def _version_7(connection: Connection) -> None:
    """Version 6 knew no figures that other programs report."""
    connection.execute(
        text(
            "CREATE TABLE reported_figures (key VARCHAR(64) NOT NULL PRIMARY KEY, machine TEXT NOT NULL,"
            " stored VARCHAR(40) NOT NULL, document TEXT NOT NULL)"
        )
    )


MIGRATIONS: dict[int, Callable[[Connection], None]] = {
    2: _version_2, 3: _version_3, 4: _version_4, 5: _version_5, 6: _version_6, 7: _version_7,
}  # fmt: skip
"""Step that leads to each version from the one before; version 1 is the first that existed."""
CURRENT = max(MIGRATIONS)


def open_engine(url: URL) -> Engine:
    """Connect lazily, with SQLite set to wait for its lock, to log ahead and to flush each commit."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sizer_begin", "BEGIN"))

    return engine


def _read_version(connection: Connection, name: str) -> int | None:
    """Schema version of an opened store; None if the database is empty."""
    present = set(inspect(connection).get_table_names())
    if "schema_version" in present:
        version = connection.execute(text("SELECT version FROM schema_version")).scalar()
        if isinstance(version, int) and version >= 1:
            return version
        raise StoreError(
            f"store {name}: its schema version is unreadable; the file is damaged, name another with --store"
        )
    # A file of SQLite belongs to one program; a database of a server may hold tables of others.
    if present & set(metadata.tables) or (present and connection.dialect.name == "sqlite"):
        raise StoreError(f"store {name}: is the database of another program; name another with --store")
    return None


def _log_ahead(engine: Engine) -> None:
    """Let SQLite's readers go on while one process writes.

    The mode cannot be changed within a transaction, and SQLite does not wait for a lock here as it does elsewhere
    (https://www.sqlite.org/wal.html, section 8), so that two processes that open a new store at once must take turns.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with engine.execution_options(sizer_begin="SELECT 1").connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def migrate(engine: Engine, name: str) -> None:
    """Create the tables of an empty database, upgrade an older one, refuse a newer one.

    All within one transaction that holds the write lock, so that two processes that open a store at once agree.
    """
    with engine.connect() as connection:
        if _read_version(connection, name) == CURRENT:
            return
    if engine.dialect.name == "sqlite":
        _log_ahead(engine)
    with engine.execution_options(sizer_begin="BEGIN IMMEDIATE").begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7283419)"))
        version = _read_version(connection, name)
        if version is None:
            metadata.create_all(connection)
            connection.execute(schema_version.insert().values(id=1, version=CURRENT))
            return
        if version > CURRENT:
            raise StoreError(
                f"store {name}: was written by a newer sizer (schema {version}, this one knows {CURRENT});"
                " upgrade sizer or name another with --store"
            )
        for step in range(version + 1, CURRENT + 1):
            MIGRATIONS[step](connection)
        connection.execute(text("UPDATE schema_version SET version = :version"), {"version": CURRENT})
