"""Stored plans, verdicts and measurements."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import BaseModel

from advisor.errors import StoreError
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.records.plan import Plan
from advisor.records.verdict import Verdict
from advisor.store.files import check_schema, record_of

from .context import open_store


def list_runs(store_url: str | None = None, *, limit: int | None = None) -> list[dict[str, Any]]:
    """Runs of the store, newest first, at most ``limit``."""
    with open_store(store_url) as store:
        return [dataclasses.asdict(run) for run in store.run_titles(limit)]


def count_runs(store_url: str | None = None) -> int:
    """How many runs the store holds."""
    with open_store(store_url) as store:
        return store.count_runs()


def prune_runs(keep: int, store_url: str | None = None) -> int:
    """Remove all stored plans and verdicts but the newest ``keep``; returns how many were removed."""
    with open_store(store_url) as store:
        return store.prune_runs(keep)


def stored_run(run_id: str, store_url: str | None = None) -> BaseModel:
    """Return a stored plan or verdict as its record.

    Raises
    ------
    StoreError
        No such run, a damaged one, or one of another version or a kind that this version does not know.
    """
    with open_store(store_url) as store:
        run = store.run(run_id)
    records: dict[str, type[Plan] | type[Verdict]] = {"plan": Plan, "verdict": Verdict}
    if run.kind in records:
        cls = records[run.kind]
        check_schema(f"run {run.id}", run.document, cls.model_fields["schema_"].default, StoreError)
        return record_of(f"run {run.id}", run.document, cls, StoreError)
    if run.kind == "farm":
        raise StoreError(f"run {run.id}: is a campaign of a farm; see: sizer farm table {run.id}")
    raise StoreError(f"run {run_id}: kind {run.kind!r} is not known to this version; update sizer")


def stored_measurements(
    store_url: str | None = None, *, host: str | None = "this", model: str | None = None
) -> list[Measurement]:
    """Timings and failures, with the memory of their configuration; kernel profiles are not among them.

    Parameters
    ----------
    host : str, optional
        Fingerprint of the machine that measured, or ``this``; None: every machine of the store.
    model : str, optional
        Name of the model as it was measured; None: every model.
    """
    from advisor.host import host_facts
    from advisor.measure.items.footprint import with_footprints

    fingerprint = host_facts().fingerprint if host == "this" else host
    with open_store(store_url) as store:
        measured = with_footprints(store.find(host_fingerprint=fingerprint, model=model))
    return [item for item in measured if isinstance(item, TimingMeasurement) or item.status != "done"]
