"""Stored plans, verdicts and measurements."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from advisor.errors import StoreError
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.records.plan import Plan
from advisor.records.verdict import Verdict

from .context import open_store


def list_runs(store_url: str | None = None) -> list[dict[str, Any]]:
    """Runs of the store, newest first."""
    with open_store(store_url) as store:
        return [
            {"id": run.id, "kind": run.kind, "created": run.created, "title": _title(run.kind, _document(run.document))}
            for run in store.runs()
        ]


def stored_run(run_id: str, store_url: str | None = None) -> BaseModel:
    """Return a stored plan or verdict as its record.

    Raises
    ------
    StoreError
        No such run, or a kind that this version does not know.
    """
    with open_store(store_url) as store:
        run = store.run(run_id)
    if run.kind == "plan":
        return Plan.model_validate(_document(run.document))
    if run.kind == "verdict":
        return Verdict.model_validate(_document(run.document))
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


def _document(document: Any) -> dict[str, Any]:
    return json.loads(document) if isinstance(document, str) else dict(document)


def _title(kind: str, document: dict[str, Any]) -> str:
    if kind == "verdict":
        return f"{document.get('scenario')}: {document.get('verdict')}"
    best = document.get("recommended")
    return (
        f"{document.get('scenario')}: {best['count']} x {best['platform']}"
        if best
        else f"{document.get('scenario')}: -"
    )
