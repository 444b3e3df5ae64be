"""A campaign as a table: what each test of it came to, from the results that the store has by now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import StoreError
from advisor.records.farm import FarmCell, FarmRow, FarmRun, FarmTable, LostCell
from advisor.records.host import HostFacts
from advisor.records.measurement import Measurement, TimingMeasurement
from advisor.store.files import check_schema, record_of

from .bench import RUN_KIND

if TYPE_CHECKING:
    from advisor.store.measurements import MeasurementStore, RunRow


def campaign_table(store: MeasurementStore, run_id: str | None) -> FarmTable:
    """Rows of a campaign, of the newest where none is named; results that came after its end are in it, too.

    Raises
    ------
    StoreError
        There is no such campaign in the store.
    """
    row = _run(store, run_id)
    check_schema(f"run {row.id}", row.document, FarmRun.model_fields["schema_"].default, StoreError)
    run = record_of(f"run {row.id}", row.document, FarmRun, StoreError)
    lost = {cell.key: cell for cell in run.lost}
    found: dict[str, Measurement] = {}
    infrastructure = {}
    for box in run.boxes:
        from advisor.measure.items.footprint import with_footprints

        of_box = store.find(host_fingerprint=box.fingerprint)
        found |= {item.key: item for item in of_box}
        found |= {item.key: item for item in with_footprints(of_box)}
        infrastructure[box.name] = _infrastructure(store.host(box.fingerprint))
    cells = [cell for cell in run.cells if cell.kind == "timing" or _failed_footprint(cell, found, lost)]
    order = sorted(cells, key=lambda cell: (cell.model, cell.box, cell.config.runtime, cell.config.precision))
    return FarmTable(
        sizer_version=__version__,
        created=utc_now(),
        run=row.id,
        title=run.title,
        campaign_created=run.created,
        boxes=run.boxes,
        rows=tuple(_row(cell, found.get(cell.key), lost, infrastructure[cell.box]) for cell in order),
    )


def _run(store: MeasurementStore, run_id: str | None) -> RunRow:
    if run_id is not None:
        row = store.run(run_id)
        if row.kind != RUN_KIND:
            raise StoreError(f"run {row.id}: is a {row.kind}, no campaign of a farm; see: sizer report {row.id}")
        return row
    rows = store.runs(RUN_KIND)
    if not rows:
        raise StoreError(f"store {store.name} holds no campaign of a farm; run: sizer farm bench --matrix FILE")
    return rows[0]


def _failed_footprint(cell: FarmCell, found: Mapping[str, Measurement], lost: Mapping[str, LostCell]) -> bool:
    """Whether a footprint needs a row of its own: the figures of one that was taken stand in the timings' rows."""
    result = found.get(cell.key)
    return cell.key in lost if result is None else result.status == "failed"


def _row(cell: FarmCell, result: Measurement | None, lost: Mapping[str, LostCell], infrastructure: str) -> FarmRow:
    common = {
        "box": cell.box, "infrastructure": infrastructure, "model": cell.model, "model_sha256": cell.model_sha256,
        "kind": cell.kind, "config": cell.config, "mode": cell.mode,
    }  # fmt: skip
    if result is None:
        loss = lost.get(cell.key)
        if loss is None:
            return FarmRow(**common, status="missing", failure="not taken yet")
        return FarmRow(**common, status="lost", failure=f"{loss.reason} ({loss.at})")
    effective = result.effective
    common |= {
        "started": result.started,
        "runtime_version": result.versions.get(cell.config.runtime),
        "streams": None if effective is None else effective.streams,
        "threads": None if effective is None else effective.threads,
        "disturbed": result.interference.dirty,
    }
    if not isinstance(result, TimingMeasurement) or result.timing is None:
        return FarmRow(**common, status="failed", failure=result.failure or "no reason recorded")
    timing = result.timing
    return FarmRow(
        **common, status="success", avg_time_s=timing.avg_time_s, latency_p50_s=timing.p50.value_s,
        latency_p95_s=timing.p95.value_s, latency_p99_s=timing.p99.value_s, throughput_per_s=timing.throughput_per_s,
        peak_memory_bytes=result.peak_memory_bytes,
    )  # fmt: skip


def _infrastructure(facts: HostFacts | None) -> str:
    if facts is None:
        return "not known"
    memory = facts.memory.total_bytes
    parts = [
        f"CPU: {re.sub(r'[;,]', ' ', facts.cpu.brand)}" if facts.cpu.brand else "CPU: not known",
        f"cores: {facts.cpu.cores}" if facts.cpu.cores else None,
        f"RAM size: {memory / 2**30:.0f} GiB" if memory else None,
        f"kernel: {facts.kernel}" if facts.kernel else None,
    ]
    return ", ".join(part for part in parts if part)
