"""Measurement store: what was measured, on which machine, under which configuration; SQLite, or PostgreSQL by URL.

Each record is kept whole as JSON, next to the columns that are searched, so that a field added to a record needs no
migration. Every write is a transaction of its own: whoever is killed loses what was in flight and nothing else.
"""

from __future__ import annotations

import datetime
import functools
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from advisor.errors import StoreError, nearest
from advisor.records.base import Record
from advisor.records.host import HostFacts
from advisor.records.measurement import (
    Measurement,
    MicroBenchmark,
    MicroFailure,
    ModelMeasurement,
    StoredResult,
    TimingMeasurement,
)
from advisor.records.model import ModelWork

from .database import Database
from .files import document_text, json_value
from .tables import box_works, hosts, measurements, micro, micro_failures, runs, works

RecordT = TypeVar("RecordT", bound=Record)
PAIRED = "paired"
"""Kind of :class:`~advisor.records.measurement.PairedMeasurement`."""


@dataclass(frozen=True)
class RunRow:
    """A stored plan, verdict or other document; ``document`` is its JSON as values."""

    id: str
    kind: str
    scenario: str | None
    created: str
    document: dict[str, Any]


@dataclass(frozen=True)
class RunTitle:
    """A stored run as a list shows it."""

    id: str
    kind: str
    created: str
    title: str


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class MeasurementStore(Database):
    """Hosts, measurements, micro-benchmarks, kernels of models and stored runs.

    See :class:`Database` for how a store is opened and which errors every method raises.
    """

    def _record(self, text: str, cls: type[RecordT]) -> RecordT:
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise self._damaged(cls.__name__, error) from error

    def _measurement(self, text: str) -> Measurement:
        try:
            return _measurement_adapter().validate_json(text)
        except ValidationError as error:
            raise self._damaged("Measurement", error) from error

    def _damaged(self, what: str, error: ValidationError) -> StoreError:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        return StoreError(
            f"store {self.name}: a {what} in it is damaged or of another version ({where}: {fault['msg']});"
            " use another store"
        )

    def put_host(self, facts: HostFacts) -> None:
        """Keep a machine's facts under its fingerprint; the newest reading stays."""
        self._put(hosts, {"fingerprint": facts.fingerprint}, {"document": _json(facts), "created": facts.created})

    def host(self, fingerprint: str) -> HostFacts | None:
        """Facts of a machine; None if unknown."""
        found = self._rows(select(hosts.c.document).where(hosts.c.fingerprint == fingerprint))
        return self._record(found[0][0], HostFacts) if found else None

    def hosts(self) -> list[str]:
        """Fingerprints of all machines with facts, oldest first."""
        return [
            row[0] for row in self._rows(select(hosts.c.fingerprint).order_by(hosts.c.created, hosts.c.fingerprint))
        ]

    def add(self, measurement: Measurement) -> bool:
        """Add one measurement, durable on return; False where its key is already there, which then stays as it was."""
        try:
            with self._write() as connection:
                connection.execute(insert(measurements).values(key=measurement.key, **_columns(measurement)))
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError) and self.has(measurement.key):
                return False
            raise
        return True

    def replace(self, measurement: Measurement) -> None:
        """Add one measurement, or put it in the place of the one with its key (a failure that was tried again)."""
        self._put(measurements, {"key": measurement.key}, _columns(measurement))

    def keep(self, result: StoredResult) -> None:
        """Keep a result of any kind, durable on return; it takes the place of an older one of its key."""
        if isinstance(result, MicroBenchmark):
            self.add_micro(result)
        elif isinstance(result, MicroFailure):
            self.add_micro_failure(result)
        else:
            self.replace(result)

    def adopt(self, former_key: str, key: str, record_type: type[Measurement]) -> bool:
        """Give a measurement that sizer 0.1 stored the key, and a failure the kind, of the request that it answers.

        Parameters
        ----------
        former_key, key : str
            Of the same request, by the rule of 0.1 and by that of this version.
        record_type : type
            Record of the kind requested.

        Returns
        -------
        bool
            False if there is nothing under ``former_key``, or already something under ``key``; nothing changes then.
        """
        row = self.get(former_key)
        if row is None or self.has(key):
            return False
        if isinstance(row, record_type):
            renewed: Measurement = row.model_copy(update={"key": key})
        else:
            common = {name: getattr(row, name) for name in ModelMeasurement.model_fields}
            renewed = record_type(**{**common, "key": key})
        try:
            with self._write() as connection:
                change = update(measurements).where(measurements.c.key == former_key)
                return bool(connection.execute(change.values(key=key, **_columns(renewed))).rowcount)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError) and self.has(key):
                return False  # another process measured it meanwhile
            raise

    def has(self, key: str, status: str | None = None) -> bool:
        """Whether a measurement is there; with ``status``, whether it is there in that state."""
        statement = select(measurements.c.key).where(measurements.c.key == key)
        if status is not None:
            statement = statement.where(measurements.c.status == status)
        return bool(self._rows(statement))

    def get(self, key: str) -> Measurement | None:
        """One measurement; None if absent."""
        found = self._rows(select(measurements.c.document).where(measurements.c.key == key))
        return self._measurement(found[0][0]) if found else None

    def known_keys(self, host_fingerprint: str | None = None, status: str | None = None) -> set[str]:
        """Keys of all measurements, of one machine or state where given: what a campaign need not repeat."""
        statement = select(measurements.c.key)
        if host_fingerprint is not None:
            statement = statement.where(measurements.c.host_fingerprint == host_fingerprint)
        if status is not None:
            statement = statement.where(measurements.c.status == status)
        return {row[0] for row in self._rows(statement)}

    def find(
        self,
        *,
        host_fingerprint: str | None = None,
        kind: str | None = None,
        model: str | None = None,
        model_sha256: str | None = None,
        status: str | None = None,
    ) -> list[Measurement]:
        """Measurements that meet every filter given, in the order in which they were started.

        Paired ones are found only by their ``kind``: a comparison cut into rounds is no timing to predict from.
        """
        wanted = {
            "host_fingerprint": host_fingerprint,
            "kind": kind,
            "model": model,
            "model_sha256": model_sha256,
            "status": status,
        }
        statement = select(measurements.c.document).order_by(measurements.c.started, measurements.c.key)
        if kind is None:
            statement = statement.where(measurements.c.kind != PAIRED)
        for name, value in wanted.items():
            if value is not None:
                statement = statement.where(measurements.c[name] == value)
        return [self._measurement(row[0]) for row in self._rows(statement)]

    def remove(self, key: str) -> bool:
        """Remove one measurement; False where there was none."""
        with self._write() as connection:
            return bool(connection.execute(delete(measurements).where(measurements.c.key == key)).rowcount)

    def add_micro(self, benchmark: MicroBenchmark) -> None:
        """Keep one micro-benchmark; a newer one of the same key takes its place, and that of a failure."""
        self._put(micro, {"key": benchmark.key}, _micro_columns(benchmark))
        with self._write() as connection:
            connection.execute(delete(micro_failures).where(micro_failures.c.key == benchmark.key))

    def add_micro_failure(self, failure: MicroFailure) -> None:
        """Keep why a micro-benchmark could not be taken; a newer failure of the same key takes its place."""
        self._put(micro_failures, {"key": failure.key}, _micro_columns(failure))

    def micro_failures(self, host_fingerprint: str, prefix: str = "") -> list[MicroFailure]:
        """Micro-benchmarks of one machine that failed and whose name begins with ``prefix``, by name."""
        statement = (
            select(micro_failures.c.document)
            .where(micro_failures.c.host_fingerprint == host_fingerprint)
            .order_by(micro_failures.c.name, micro_failures.c.key)
        )
        if prefix:
            statement = statement.where(micro_failures.c.name.startswith(prefix, autoescape=True))
        return [self._record(row[0], MicroFailure) for row in self._rows(statement)]

    def micro(self, host_fingerprint: str, prefix: str = "") -> list[MicroBenchmark]:
        """Micro-benchmarks of one machine whose name begins with ``prefix``, by name, the newest of a name last.

        A name stands more than once where a runtime was updated or a benchmark changed: each has a key of its own.
        """
        statement = (
            select(micro.c.document)
            .where(micro.c.host_fingerprint == host_fingerprint)
            .order_by(micro.c.name, micro.c.started, micro.c.key)
        )
        if prefix:
            statement = statement.where(micro.c.name.startswith(prefix, autoescape=True))
        return [self._record(row[0], MicroBenchmark) for row in self._rows(statement)]

    def has_micro(self, key: str) -> bool:
        """Whether a micro-benchmark of this key is there."""
        return bool(self._rows(select(micro.c.key).where(micro.c.key == key)))

    def put_work(self, work: ModelWork) -> None:
        """Keep the kernels of a model as one runtime fuses them."""
        self._put(works, _key_of(work), {"model": work.model, "created": _now(), "document": _json(work)})

    def get_work(
        self, sha256: str, runtime: str, runtime_version: str, precision: str, batch: int, simd_cap: str | None = None
    ) -> ModelWork | None:
        """Kernels of a model under exactly this runtime, version, precision, batch and SIMD cap; None: not profiled."""
        key = _work_key(sha256, runtime, runtime_version, precision, batch, simd_cap)
        statement = select(works.c.document).where(*[works.c[name] == value for name, value in key.items()])
        found = self._rows(statement)
        return self._record(found[0][0], ModelWork) if found else None

    def works_of_models(self, sha256s: Collection[str]) -> list[ModelWork]:
        """Kernels of models that this machine's runtimes compiled; of several versions of a runtime the newest."""
        statement = select(works.c.document).where(works.c.sha256.in_(list(sha256s))).order_by(works.c.created)
        found = (self._record(row[0], ModelWork) for row in self._rows(statement))
        newest = {(one.sha256, one.runtime, one.precision, one.batch, one.simd_cap): one for one in found}
        return list(newest.values())

    def put_box_work(self, host_fingerprint: str, work: ModelWork) -> None:
        """Keep kernels that a box brought, for that box alone."""
        values = {"created": _now(), "document": _json(work)}
        self._put(box_works, {"host_fingerprint": host_fingerprint, **_key_of(work)}, values)

    def box_works(self, host_fingerprint: str) -> list[ModelWork]:
        """Kernels that a box brought, in the order in which they came."""
        statement = (
            select(box_works.c.document)
            .where(box_works.c.host_fingerprint == host_fingerprint)
            .order_by(box_works.c.created, box_works.c.sha256, box_works.c.precision)
        )
        return [self._record(row[0], ModelWork) for row in self._rows(statement)]

    def forget_host(self, host_fingerprint: str) -> int:
        """Remove a machine: its facts and all that was measured on it; returns how many rows went."""
        gone = 0
        with self._write() as connection:
            for table, column in (
                (measurements, measurements.c.host_fingerprint),
                (micro, micro.c.host_fingerprint),
                (micro_failures, micro_failures.c.host_fingerprint),
                (box_works, box_works.c.host_fingerprint),
                (hosts, hosts.c.fingerprint),
            ):
                gone += connection.execute(delete(table).where(column == host_fingerprint)).rowcount
        return gone

    def put_run(self, kind: str, document: BaseModel | Mapping[str, Any]) -> str:
        """Keep a plan, verdict or other document; returns the id under which ``sizer report`` finds it."""
        values = document.model_dump(by_alias=True) if isinstance(document, BaseModel) else document
        created = str(values.get("created") or _now())
        run_id = f"{kind}-{created[:10].replace('-', '')}-{uuid.uuid4().hex[:8]}"
        try:
            text = json.dumps(values, allow_nan=False, default=json_value)
        except (TypeError, ValueError) as error:
            raise StoreError(f"run of kind {kind}: cannot be written as JSON: {error}; this is a bug") from error
        with self._write() as connection:
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    kind=kind,
                    scenario=values.get("scenario"),
                    created=created,
                    stored=_now(),
                    document=text,
                )
            )
        return run_id

    def renew_run(self, run_id: str, document: BaseModel) -> None:
        """Put a document in the place of what a run held, as long work goes on; StoreError where the run has gone."""
        with self._write() as connection:
            text = document_text(document)
            if not connection.execute(update(runs).where(runs.c.id == run_id).values(document=text)).rowcount:
                raise StoreError(f"run {run_id!r} has gone from store {self.name} meanwhile; run the command again")

    def run(self, run_id: str) -> RunRow:
        """One stored run by its id, or by the beginning of it where only one begins so. StoreError where none does."""
        found = self._rows(select(runs).where(runs.c.id.startswith(run_id, autoescape=True)).order_by(runs.c.id))
        exact = [row for row in found if row.id == run_id] or found
        if len(exact) == 1:
            return self._run_row(exact[0])
        if exact:
            raise StoreError(f"run {run_id!r}: {len(exact)} runs begin so ({exact[0].id}, {exact[1].id}...); say more")
        known = [row[0] for row in self._rows(select(runs.c.id))]
        hint = nearest(run_id, known) or ("; the store holds no run yet" if not known else "; see: sizer report")
        raise StoreError(f"run {run_id!r} is not in store {self.name}{hint}")

    def count_runs(self) -> int:
        """How many runs are stored."""
        return int(self._rows(select(func.count()).select_from(runs))[0][0])

    def run_titles(self, limit: int | None = None) -> list[RunTitle]:
        """Stored runs in a line each, newest first; one document at a time, as a plan may take a megabyte."""
        statement = select(runs.c.id, runs.c.kind, runs.c.created).order_by(runs.c.stored.desc(), runs.c.id)
        rows = self._rows(statement if limit is None else statement.limit(limit))
        found = []
        for run_id, kind, created in rows:
            texts = self._rows(select(runs.c.document).where(runs.c.id == run_id))
            if texts:  # another process may have removed it meanwhile
                found.append(RunTitle(run_id, kind, created, run_title(kind, texts[0][0])))
        return found

    def prune_runs(self, keep: int) -> int:
        """Remove all stored runs but the newest ``keep``, give the space back; returns how many were removed.

        Measurements stay: they are what a prediction rests on.
        """
        newest = select(runs.c.id).order_by(runs.c.stored.desc(), runs.c.id).limit(keep)
        kept = [row[0] for row in self._rows(newest)]
        with self._write() as connection:
            gone = connection.execute(delete(runs).where(runs.c.id.not_in(kept))).rowcount
        self._compact()
        return gone

    def runs(self, kind: str | None = None) -> list[RunRow]:
        """Stored runs, newest first."""
        statement = select(runs).order_by(runs.c.stored.desc(), runs.c.id)
        if kind is not None:
            statement = statement.where(runs.c.kind == kind)
        return [self._run_row(row) for row in self._rows(statement)]

    def _run_row(self, row: Any) -> RunRow:
        try:
            document = json.loads(row.document)
        except ValueError as error:
            raise StoreError(
                f"store {self.name}: run {row.id} in it is damaged ({error}); run the command again"
            ) from error
        return RunRow(row.id, row.kind, row.scenario, row.created, document)


@functools.cache
def _measurement_adapter() -> TypeAdapter[Measurement]:
    return TypeAdapter(Measurement)


def _json(record: BaseModel) -> str:
    return record.model_dump_json(by_alias=True)


def _columns(measurement: Measurement) -> dict[str, Any]:
    """Columns that are searched, and the whole record."""
    return {
        "kind": measurement.kind,
        "status": measurement.status,
        "host_fingerprint": measurement.host_fingerprint,
        "model": measurement.model,
        "model_sha256": measurement.model_sha256,
        "runtime": measurement.config.runtime,
        "device": measurement.config.device,
        "precision": measurement.config.precision,
        "mode": measurement.mode.kind if isinstance(measurement, TimingMeasurement) else "",
        "started": measurement.started,
        "sizer_version": measurement.sizer_version,
        "stored": _now(),
        "document": _json(measurement),
    }


def _micro_columns(record: MicroBenchmark | MicroFailure) -> dict[str, Any]:
    """Columns that are searched, and the whole record."""
    return {
        "host_fingerprint": record.host_fingerprint,
        "name": record.name,
        "started": record.started,
        "document": _json(record),
    }


def _work_key(
    sha256: str, runtime: str, runtime_version: str, precision: str, batch: int, simd_cap: str | None
) -> dict[str, Any]:
    """A missing cap is stored as ``''``: SQL treats NULLs as distinct, so they cannot be part of a unique key."""
    return {
        "sha256": sha256, "runtime": runtime, "runtime_version": runtime_version, "precision": precision,
        "batch": batch, "simd_cap": simd_cap or "",
    }  # fmt: skip


def _key_of(work: ModelWork) -> dict[str, Any]:
    return _work_key(work.sha256, work.runtime, work.runtime_version, work.precision, work.batch, work.simd_cap)


def run_title(kind: str, text: str) -> str:
    """Result of a run in a few words; a damaged or newer one must not keep the others from being listed."""
    try:
        document = json.loads(text)
        if kind == "verdict":
            place = f" at {document['site']}" if document.get("site") else ""
            return f"{document['scenario']}: {document['verdict']}{place}"
        if kind == "farm":
            return f"{document['title']}: {len(document['cells'])} measurements on {len(document['boxes'])} boxes"
        best = document["recommended"]
        words = f"{best['count']} x {best['platform']}" if best else "-"
        return f"{document['scenario']}: {words}"
    except (ValueError, KeyError, TypeError, IndexError):
        return "damaged, or of another version of sizer"
