"""Listing, showing and checking the catalogue; adding a box that was measured elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import CatalogueError
from advisor.records.base import Record, Sourced
from advisor.records.device import Device

from .market import with_products


class CatalogueReport(Record):
    """``sizer catalog list --json``."""

    schema_: Annotated[Literal["sizer.catalogue/1"], Field(alias="schema")] = "sizer.catalogue/1"
    sizer_version: str
    created: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def list_catalogue(
    kind: str = "platforms", *, words: Sequence[str] = (), max_price_usd: float | None = None
) -> CatalogueReport:
    """One row per entry that holds all ``words`` in any of its texts, and costs at most ``max_price_usd`` [USD].

    An entry without a price costs more than any limit.
    """
    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()
    columns: tuple[str, ...]
    rows: list[tuple[str | float | None, ...]]
    if kind == "platforms":
        columns = ("id", "name", "processor", "form_factor", "memory_gib", "max_power_w", "price_usd", "price_kind")
        rows = [
            (item.id, item.name, item.processor, item.form_factor, item.memory_bytes.value / 1024**3,
             _value(item.max_power_w), _value(item.price_usd), None if item.price_usd is None else item.price_usd.kind)
            for item in catalogue.platforms()
        ]  # fmt: skip
    elif kind == "processors":
        columns = (
            "id", "name", "simd_level", "performance_cores", "efficiency_cores", "low_power_cores", "tdp_w",
            "list_price_usd",
        )  # fmt: skip
        rows = [
            (item.id, item.name, item.simd_level.value, item.performance_cores.value, _value(item.efficiency_cores),
             _value(item.low_power_cores), _value(item.tdp_w), _value(item.list_price_usd))
            for item in catalogue.processors()
        ]  # fmt: skip
    elif kind == "products":
        from advisor.store.market_files import load_products

        columns = ("id", "name", "form_factor", "chip", "processor")
        rows = [
            (item.id, item.full_name, item.form_factor, item.processor_text.value, item.processor or item.accelerator)
            for item in load_products().values()
        ]
    elif kind == "devices":
        columns = ("id", "name", "kind", "family", "on", "evidence")
        rows = [
            (item.id, item.name, item.kind, item.family, item.processor or "added", _evidence_of(item))
            for item in catalogue.devices()
        ]
    else:
        columns = ("id", "name", "kind", "tdp_w", "evidence")
        rows = [(item.id, item.name, item.kind, _value(item.tdp_w), "unknown") for item in catalogue.accelerators()]
    priced = next((place for place, name in enumerate(columns) if name.endswith("price_usd")), None)
    rows = [row for row in rows if _holds(row, words) and _within(row, priced, max_price_usd)]
    return CatalogueReport(sizer_version=__version__, created=utc_now(), kind=kind, columns=columns, rows=tuple(rows))


def _evidence_of(device: Device) -> str:
    """What predictions for a device may rest on, in words."""
    from advisor.perfmodel.devices.calibration import load_device_calibration
    from advisor.perfmodel.devices.figures import load_figures
    from advisor.perfmodel.devices.graphics_estimate import SHEET_FAMILIES

    fit = load_device_calibration()
    words = []
    if device.id in load_figures().by_device:
        words.append("published")
    fitted = {*fit.graphics.devices["f16"], *fit.graphics.devices["int8"], *fit.arm.devices["1"]}
    design = None if device.core_design is None else device.core_design.value
    if device.id in fitted:
        words.append("anchored")
    elif device.family in SHEET_FAMILIES or design in fit.arm.designs["1"]:
        words.append("spec")
    return ", ".join(words) or "unknown"


def devices_of_entry(identifier: str) -> tuple[Device, ...]:
    """Devices that a platform or processor brings; none for any other entry."""
    from advisor.store.catalogue import Catalogue

    catalogue = with_products(Catalogue.load(), [identifier])
    if identifier not in {*catalogue.platform_ids(), *catalogue.processor_ids()}:
        return ()
    return tuple(catalogue.devices_of(identifier))


def _holds(row: Sequence[str | float | None], words: Sequence[str]) -> bool:
    texts = " ".join(cell for cell in row if isinstance(cell, str)).lower()
    return all(word.lower() in texts for word in words)


def _within(row: Sequence[str | float | None], place: int | None, limit: float | None) -> bool:
    price = None if place is None else row[place]
    return limit is None or (isinstance(price, float | int) and price <= limit)


def show_catalogue_entry(identifier: str) -> BaseModel:
    """Return one platform, processor, accelerator or device.

    Raises
    ------
    CatalogueError
        No entry of that id; names the nearest.
    """
    from advisor.store.catalogue import Catalogue, did_you_mean

    catalogue = with_products(Catalogue.load(), [identifier])
    box, chip = catalogue.identify("platforms", identifier), catalogue.identify("processors", identifier)
    if box is not None:
        return catalogue.platform(box)
    if chip is not None:
        return catalogue.processor(chip)
    accelerators = {item.id: item for item in catalogue.accelerators()}
    accelerator = catalogue.identify("accelerators", identifier)
    if accelerator is not None:
        return accelerators[accelerator]
    devices = {item.id: item for item in catalogue.devices()}
    if identifier in devices:
        return devices[identifier]
    added = [item.id for item in devices.values() if item.processor is None]  # those of a chip are told by their chip
    known = [*catalogue.platform_ids(), *catalogue.processor_ids(), *accelerators, *added]
    hint = did_you_mean(identifier, known)
    raise CatalogueError(f"{identifier!r} is not in the catalogue{hint}; all ids: sizer catalog list")


def check_catalogue(file: Path | None = None) -> list[str]:
    """Problems of one file, or of the whole catalogue; one line each."""
    from advisor.store.catalogue import Catalogue

    return Catalogue.load().check(file)


def _value(item: Sourced | None) -> float | None:
    return None if item is None else item.value


def remove_measured_box(identifier: str, *, store_url: str | None = None) -> tuple[int, tuple[Path, ...]]:
    """Remove a box that was added: its entries of the user's catalogue, and all that it brought into the store.

    What was measured on this machine itself stays, also where this machine was added as a box.

    Returns
    -------
    tuple
        Rows of the store and files that were removed.

    Raises
    ------
    CatalogueError
        No such box among the user's own; one that ships cannot be removed.
    StoreError
        The store or a file cannot be written.
    """
    from advisor.errors import StoreError
    from advisor.store.catalogue import Catalogue, user_catalogue_dir
    from advisor.store.figures import FigureStore
    from advisor.store.files import reason
    from advisor.store.paths import default_store_url

    from .context import local_facts, open_store

    folder = user_catalogue_dir()
    catalogue = Catalogue.load()
    file = folder / "platforms" / f"{identifier}.yaml"
    if identifier not in catalogue.platform_ids() or not file.is_file():
        ships = identifier in catalogue.platform_ids()
        own = [path.stem for path in sorted((folder / "platforms").glob("*.yaml"))]
        fault = "ships with sizer and cannot be removed" if ships else "is no box that was added"
        known = f"added: {', '.join(own)}" if own else "none was added"
        raise CatalogueError(f"{identifier!r} {fault}; {known}")
    platform = catalogue.platform(identifier)
    others = [catalogue.platform(name) for name in catalogue.platform_ids() if name != identifier]
    chip = folder / "processors" / f"{platform.processor}.yaml"
    gone = [file]
    if chip.is_file() and platform.processor not in {other.processor for other in others}:
        gone.append(chip)
    mark, rows = platform.measured_fingerprint, 0
    shared = mark is None or mark in {other.measured_fingerprint for other in others}
    with open_store(store_url) as store:
        if mark is not None and not shared and mark != local_facts(store).fingerprint:
            rows = store.forget_host(mark)
    with FigureStore(store_url or default_store_url()) as figures:
        rows += figures.forget(identifier)
    for path in gone:
        try:
            path.unlink()
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed: {reason(error)}; remove it by hand") from error
    return rows, tuple(gone)


def add_measured_box(
    file: Path, price_usd: float | None, price_source: str | None, *, store_url: str | None = None
) -> str:
    """Add a box that ``sizer bench --export`` described elsewhere; returns its platform id."""
    from .box_export import import_box
    from .context import open_store

    with open_store(store_url) as store:
        return import_box(file, store, price_usd, price_source)
