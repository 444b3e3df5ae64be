"""Export and import of a measured box: from the store of the measured machine to the planner's store and catalogue."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import CatalogueError, InputError, StoreError
from advisor.records.base import Sourced
from advisor.records.box import BoxExport
from advisor.records.host import HostFacts
from advisor.records.measurement import Measurement, TimingMeasurement

from .box_entries import box_entries

if TYPE_CHECKING:
    from advisor.records.platform import Platform, Processor
    from advisor.store.measurements import MeasurementStore

LATENCIES_KEPT = 200
"""Raw latencies exported per measurement, spread evenly over its order of issue: enough to plot, small to mail."""


def export_box(store: MeasurementStore, facts: HostFacts, path: Path) -> Path:
    """Write what was measured on one machine, with its facts, into one document.

    Parameters
    ----------
    store : MeasurementStore
        Where the measurements are.
    facts : HostFacts
        The machine; only what the store holds under its fingerprint is written.
    path : Path
        File to write; JSON, or YAML where the name ends so.

    Raises
    ------
    InputError
        Nothing was measured on this machine.
    StoreError
        The store cannot be read or the file not be written.
    """
    from advisor.store.files import write_document

    # Figures of a processor that calls itself a GPU stay where they were taken.
    found = [
        row
        for row in store.find(host_fingerprint=facts.fingerprint)
        if row.effective is None or not row.effective.software_rasteriser
    ]
    micro = store.micro(facts.fingerprint)
    if not found and not micro:
        raise InputError(
            f"{path}: not written, the store holds no measurement of this machine; run `sizer bench --quick` first"
        )
    thinned = [_thinned(item) for item in found]
    box = BoxExport(
        sizer_version=__version__,
        created=utc_now(),
        host=facts,
        micro=tuple(micro),
        measurements=tuple(thinned),
        works=tuple(store.works_of_models({item.model_sha256 for item in found})),
        latencies_dropped=sum(_latencies(item) for item in found) - sum(_latencies(item) for item in thinned),
    )
    return write_document(path, box)


def import_box(
    path: Path, store: MeasurementStore, price_usd: float | None = None, price_source: str | None = None
) -> str:
    """Add a box that was measured elsewhere: its figures to the store, itself to the user's catalogue.

    Doing so again changes nothing, apart from a price that is given now; a price given earlier stays.

    Parameters
    ----------
    path : Path
        Document of :func:`export_box`.
    store : MeasurementStore
        Where the measurements go.
    price_usd : float, optional
        Price of the box [USD]; None: unknown, and the plan does not rank the box.
    price_source : str, optional
        Who quoted the price; required with a price.

    Returns
    -------
    str
        Id of the platform.

    Raises
    ------
    InputError
        The document is missing, damaged, of another or newer schema, lacks a fact that decides speed, or the price has
        no source.
    StoreError, CatalogueError
        Store or catalogue cannot be written, or another entry of the user's catalogue is damaged.
    """
    from advisor.store.catalogue import Catalogue
    from advisor.store.files import read_document
    from advisor.store.former_documents import box_with_kinds
    from advisor.store.plausible import implausible_box

    price = _price(price_usd, price_source)
    box = read_document(path, BoxExport, upgrades={"sizer.box/1": box_with_kinds})
    for fault in implausible_box(box):
        raise InputError(f"{path}: {fault}; measure the box again and export it anew")
    catalogue = Catalogue.load()
    try:
        platform, processor = box_entries(box, catalogue, price)
    except CatalogueError:
        raise  # it names the file of the catalogue that is damaged
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValidationError, OverflowError) as error:
        words = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{path}: holds a figure that no machine has ({words}); export the box again") from error
    _keep(box, store)
    _write_entries(platform, processor)
    return platform.id


def _price(price_usd: float | None, price_source: str | None) -> Sourced | None:
    if price_usd is None:
        if price_source is not None:
            raise InputError(f"--price-source {price_source!r}: no price is given with it; add --price")
        return None
    if not math.isfinite(price_usd) or price_usd < 0:
        raise InputError(f"--price {price_usd}: is no price; give the price of one box in USD, or leave it out")
    if price_source is None or len(price_source.strip()) < 3:
        raise InputError("--price: needs --price-source, who quoted it (at least 3 characters)")
    today = dt.datetime.now(dt.UTC).date()
    return Sourced(value=price_usd, kind="vendor", source=price_source.strip(), date=today)


def _latencies(item: Measurement) -> int:
    return 0 if not isinstance(item, TimingMeasurement) or item.timing is None else len(item.timing.latencies_s)


def _thinned(item: Measurement) -> Measurement:
    if not isinstance(item, TimingMeasurement):
        return item
    timing = item.timing
    if timing is None or len(timing.latencies_s) <= LATENCIES_KEPT:
        return item
    step = len(timing.latencies_s) / LATENCIES_KEPT
    kept = tuple(timing.latencies_s[int(index * step)] for index in range(LATENCIES_KEPT))
    thinned = timing.model_copy(update={"latencies_s": kept})
    return item.model_copy(update={"timing": thinned})


def _keep(box: BoxExport, store: MeasurementStore) -> None:
    """Add what is not there yet; a failure gives way to a success of the same request, and old facts to newer."""
    own = box.host.fingerprint
    known = store.host(own)
    if known is None or known.created < box.host.created:
        store.put_host(box.host)
    for micro in box.micro:
        if not store.has_micro(micro.key):
            store.add_micro(micro)
    for item in box.measurements:
        if store.add(item):
            continue
        there = store.get(item.key)
        if there is not None and there.host_fingerprint == own and (there.status, item.status) == ("failed", "done"):
            store.replace(item)
    for work in box.works:
        store.put_box_work(own, work)


def _write_entries(platform: Platform, processor: Processor | None) -> None:
    """Write the processor first, so that the catalogue never holds a box without its chip."""
    from advisor.store.catalogue import user_catalogue_dir
    from advisor.store.files import reason, write_document

    folder = user_catalogue_dir()
    try:
        for kind in ("processors", "platforms"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {reason(error)}; or set SIZER_HOME to another folder") from error
    if processor is not None:
        write_document(folder / "processors" / f"{processor.id}.yaml", processor)
    write_document(folder / "platforms" / f"{platform.id}.yaml", platform)
