"""Older stores are brought to the present schema; newer ones are refused."""

from __future__ import annotations

import gzip
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from advisor.errors import StoreError
from advisor.records.measurement import (
    FootprintMeasurement,
    Measurement,
    ModelMeasurement,
    ProfileMeasurement,
    TimingMeasurement,
)
from advisor.store import tables
from advisor.store.measurements import MeasurementStore

from .samples import footprint, measurement, model_work, profile

V1 = (
    "CREATE TABLE schema_version (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)",
    "INSERT INTO schema_version VALUES (1, 1)",
    "CREATE TABLE hosts (fingerprint VARCHAR(128) PRIMARY KEY, created VARCHAR(40) NOT NULL, document TEXT NOT NULL)",
    "CREATE TABLE measurements (key VARCHAR(128) PRIMARY KEY, status VARCHAR(16) NOT NULL,"
    " host_fingerprint VARCHAR(128) NOT NULL, model TEXT NOT NULL, model_sha256 VARCHAR(64) NOT NULL,"
    " runtime VARCHAR(32) NOT NULL, device TEXT NOT NULL, precision VARCHAR(16) NOT NULL, started VARCHAR(40) NOT NULL,"
    " stored VARCHAR(40) NOT NULL, sizer_version VARCHAR(40) NOT NULL, document TEXT NOT NULL)",
    "CREATE TABLE micro (key VARCHAR(128) PRIMARY KEY, host_fingerprint VARCHAR(128) NOT NULL, name TEXT NOT NULL,"
    " started VARCHAR(40) NOT NULL, document TEXT NOT NULL)",
)


V3 = (
    *V1[:3],
    "UPDATE schema_version SET version = 3",
    V1[3].replace("started VARCHAR", "mode VARCHAR(16) NOT NULL, started VARCHAR"),
    *V1[4:],
    "CREATE TABLE micro_failures (key VARCHAR(128) PRIMARY KEY, host_fingerprint VARCHAR(128) NOT NULL,"
    " name TEXT NOT NULL, started VARCHAR(40) NOT NULL, document TEXT NOT NULL)",
    "CREATE TABLE works (sha256 VARCHAR(64) NOT NULL, runtime VARCHAR(32) NOT NULL,"
    " runtime_version VARCHAR(128) NOT NULL, precision VARCHAR(16) NOT NULL, batch INTEGER NOT NULL,"
    " simd_cap VARCHAR(32) NOT NULL, model TEXT NOT NULL, created VARCHAR(40) NOT NULL, document TEXT NOT NULL,"
    " PRIMARY KEY (sha256, runtime, runtime_version, precision, batch, simd_cap))",
    "CREATE TABLE runs (id VARCHAR(64) PRIMARY KEY, kind VARCHAR(32) NOT NULL, scenario TEXT,"
    " created VARCHAR(40) NOT NULL, stored VARCHAR(40) NOT NULL, document TEXT NOT NULL)",
)


def as_0_1(record: ModelMeasurement) -> dict[str, Any]:
    """The document that sizer 0.1 stored: one record with optional fields."""
    values = record.model_dump(mode="json")
    values.pop("kind")
    values.pop("fastest_pass_s", None)
    if isinstance(record, TimingMeasurement):
        values.pop("footprint")
    document = {"mode": {"kind": "sync", "rate_per_s": None, "phase_s": 0.0}, "timing": None, "kernels": [],
                "pass_s": None, "footprint": None, **values}  # fmt: skip
    if document["timing"] is not None:
        unused = dict.fromkeys(("cached_compile_s", "memory_baseline_bytes", "memory_per_stream_bytes"))
        document["timing"] = {**document["timing"], **unused}
    return document


def write_0_1(url: str, records: list[Measurement], version: int = 3) -> None:
    """Make a store as sizer 0.1 left it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in V1 if version == 1 else V3:
            connection.execute(text(statement))
        mode_column = "" if version == 1 else ", mode"
        insert = text(
            f"INSERT INTO measurements (key, status, host_fingerprint, model, model_sha256, runtime, device, precision,"
            f" started, stored, sizer_version, document{mode_column}) VALUES (:k, :status, 'box-1', :m, :s, 'openvino',"
            f" 'CPU', 'f32', :t, :t, '0.1.0', :d{', :mode' if mode_column else ''})"
        )
        for row in records:
            document = as_0_1(row)
            values = {"k": row.key, "m": row.model, "s": row.model_sha256, "t": row.started, "status": row.status,
                      "d": json.dumps(document)}  # fmt: skip
            if version != 1:
                values["mode"] = document["mode"]["kind"]
            connection.execute(insert, values)
    engine.dispose()


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        names = sorted(tables.inspect(connection).get_table_names())
        found = {
            name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=repr)
            for name in names
        }
    engine.dispose()
    return found


def modes(url: str) -> dict[str, str]:
    """How requests arrived by key, from the column, which other programs search by."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, mode FROM measurements"))
        found = {row[0]: row[1] for row in rows}
    engine.dispose()
    return found


def test_a_store_of_version_1_is_upgraded_with_its_rows(url: str) -> None:
    from advisor.records.config import LoadMode

    old: list[Measurement] = [measurement("a"), measurement("b", mode=LoadMode(kind="async"))]
    write_0_1(url, old, version=1)
    with MeasurementStore(url) as store:
        assert store.find() == old
        assert modes(url) == {"a": "sync", "b": "async"}
        store.put_work(model_work())
        store.put_run("plan", {"created": "2026-11-21"})
        store.add(measurement("c"))
    with MeasurementStore(url) as again:
        assert again.known_keys() == {"a", "b", "c"}


def test_rows_of_0_1_get_the_kind_of_what_they_hold(url: str) -> None:
    old: list[Measurement] = [measurement("a"), footprint("b"), profile("c")]
    write_0_1(url, old)
    with MeasurementStore(url) as store:
        assert store.find() == old
        assert modes(url) == {"a": "sync", "b": "", "c": ""}
        assert store.find(kind="timing") == old[:1]
        assert store.find(kind="footprint") == old[1:2]
        assert store.find(kind="profile") == old[2:]


def test_a_second_opening_changes_nothing(url: str) -> None:
    write_0_1(url, [measurement("a"), footprint("b"), profile("c")])
    MeasurementStore(url).close()
    once = contents(url)
    MeasurementStore(url).close()
    assert contents(url) == once


def test_a_request_adopts_what_0_1_measured_for_it(url: str) -> None:
    lost: dict[str, Any] = {"status": "failed", "failure": "crashed with SIGSEGV"}
    write_0_1(url, [profile("old"), profile("failed", **lost, kernels=(), pass_s=None), measurement("new", model="x")])
    with MeasurementStore(url) as store:
        assert isinstance(store.get("failed"), TimingMeasurement)  # it holds nothing that tells what was attempted
        assert store.adopt("old", "renewed", ProfileMeasurement)
        assert store.get("renewed") == profile("renewed")
        assert store.adopt("failed", "later", FootprintMeasurement)
        assert store.get("later") == footprint("later", **lost, footprint=None)
        assert not store.adopt("old", "renewed", ProfileMeasurement)
        assert not store.adopt("later", "new", ProfileMeasurement)
        assert store.known_keys() == {"renewed", "later", "new"}
        assert store.find(kind="footprint") == [store.get("later")]


def test_a_migration_that_is_interrupted_leaves_the_store_as_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_0_1(url, [measurement("a"), footprint("b"), profile("c")])
    before = contents(url)
    migrated: list[str] = []

    def broken(document: dict[str, Any]) -> dict[str, Any]:
        migrated.append(document["key"])
        if len(migrated) == 2:
            raise KeyboardInterrupt
        return measurement_with_kind(document)

    measurement_with_kind = tables.measurement_with_kind
    monkeypatch.setattr(tables, "measurement_with_kind", broken)
    with pytest.raises(KeyboardInterrupt):
        MeasurementStore(url)
    assert len(migrated) == 2
    assert contents(url) == before
    monkeypatch.undo()
    with MeasurementStore(url) as store:
        assert store.known_keys() == {"a", "b", "c"}


def test_an_upgraded_store_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    def columns(path: Path) -> dict[str, set[str]]:
        connection = sqlite3.connect(path)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}
        connection.close()
        return found

    old = sqlite3.connect(tmp_path / "old.db")
    for statement in V1:
        old.execute(statement)
    old.commit()
    old.close()
    MeasurementStore(tmp_path / "old.db").close()
    MeasurementStore(tmp_path / "new.db").close()
    assert columns(tmp_path / "old.db") == columns(tmp_path / "new.db")


def test_a_newer_store_is_refused_and_left_alone(url: str) -> None:
    MeasurementStore(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(StoreError, match=r"newer sizer \(schema 99, this one knows \d+\); upgrade") as caught:
        MeasurementStore(url)
    assert caught.value.exit_code == 2
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version FROM schema_version")).scalar() == 99
    engine.dispose()


def test_a_failed_migration_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MeasurementStore(url).close()

    def broken(connection: object) -> None:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))  # type: ignore[attr-defined]
        raise StoreError("disk on fire")

    monkeypatch.setitem(tables.MIGRATIONS, tables.CURRENT + 1, broken)
    monkeypatch.setattr(tables, "CURRENT", tables.CURRENT + 1)
    with pytest.raises(StoreError, match="on fire"):
        MeasurementStore(url)
    monkeypatch.undo()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert "half" not in tables.inspect(connection).get_table_names()
    engine.dispose()
    MeasurementStore(url).close()


GOLDEN = Path(__file__).resolve().parents[1] / "regression" / "data" / "store-0.1.0.sqlite3.gz"


def golden(url: str) -> dict[str, dict[str, Any]]:
    """Put the store that sizer 0.1.0 wrote under a URL; returns its measurements as they were stored, by key."""
    with tempfile.NamedTemporaryFile(suffix=".sqlite3") as file:
        file.write(gzip.decompress(GOLDEN.read_bytes()))
        file.flush()
        source = sqlite3.connect(file.name)
        source.row_factory = sqlite3.Row
        target = create_engine(url)
        with target.begin() as connection:
            for statement in V3:
                connection.execute(text(statement))
            for table in ("hosts", "measurements", "micro", "micro_failures", "works", "runs"):
                for row in source.execute(f"SELECT * FROM {table}"):
                    names = row.keys()
                    values = ", ".join(f":{name}" for name in names)
                    insert = text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})")
                    connection.execute(insert, dict(row))
        target.dispose()
        stored = {row["key"]: json.loads(row["document"]) for row in source.execute("SELECT * FROM measurements")}
        source.close()
    return stored


def _known_to_0_1(new: object, old: object) -> object:
    """A value without the fields that later versions added to its record."""
    return {name: new[name] for name in old} if isinstance(new, dict) and isinstance(old, dict) else new


def test_every_row_of_a_store_of_0_1_0_survives_with_its_kind(url: str) -> None:
    before = golden(url)
    untouched = {name: rows for name, rows in contents(url).items() if name not in ("measurements", "schema_version")}
    with MeasurementStore(url) as store:
        rows = {row.key: row for row in store.find()}
    after = contents(url)
    assert {name: after[name] for name in untouched} == untouched
    assert rows.keys() == before.keys()
    kinds = {row.kind for row in rows.values()}
    assert {"timing", "profile"} <= kinds
    for key, old in before.items():
        new = rows[key].model_dump(mode="json")
        kind = new.pop("kind")
        results = {"timing": {"timing", "mode"}, "profile": {"kernels", "pass_s"}, "footprint": {"footprint"}}[kind]
        for name in old.keys() - {"timing", "kernels", "pass_s", "footprint", "mode"}:
            assert _known_to_0_1(new[name], old[name]) == old[name], (key, name)
        for name in results - {"timing"}:
            assert new[name] == old[name], (key, name)
        if kind == "timing" and old["timing"] is not None:
            figures = {name: value for name, value in old["timing"].items() if value is not None}
            assert {name: new["timing"][name] for name in figures} == figures, key
        empty = {"timing", "kernels", "pass_s", "footprint"} - results
        assert not any(old[name] for name in empty), key


def test_profiles_of_0_1_0_are_known_to_a_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of a real store, worked out again from the requests behind them: nothing would be measured twice."""
    from advisor.measure.items.profile import ProfileItem
    from advisor.measure.timing import keys
    from advisor.zoo import build

    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    golden(url)
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as connection:
        versions = dict(connection.execute("SELECT DISTINCT runtime, runtime_version FROM works").fetchall())
    monkeypatch.setattr(keys, "runtime_version", lambda name: versions[name])
    with MeasurementStore(url) as store:
        profiles = store.find(kind="profile", model="mobilenet-v2")
        assert profiles
        model = build("mobilenet-v2", tmp_path)
        for row in profiles:
            item = ProfileItem(model, row.config)
            ((former, (key, record_type)),) = item.former_keys(row.host_fingerprint).items()
            assert former == row.key
            assert store.adopt(former, key, record_type)
            assert store.get(key) == row.model_copy(update={"key": key})
