"""Listing, showing and checking the catalogue; adding a box that was measured elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import CatalogueError
from advisor.records.base import Record, Sourced


class CatalogueReport(Record):
    """``sizer catalog list --json``."""

    schema_: Annotated[Literal["sizer.catalogue/1"], Field(alias="schema")] = "sizer.catalogue/1"
    sizer_version: str
    created: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def list_catalogue(kind: str = "platforms") -> CatalogueReport:
    """One row per entry."""
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
    else:
        columns = ("id", "name", "kind", "tdp_w", "evidence")
        rows = [(item.id, item.name, item.kind, _value(item.tdp_w), "unknown") for item in catalogue.accelerators()]
    return CatalogueReport(sizer_version=__version__, created=utc_now(), kind=kind, columns=columns, rows=tuple(rows))


def show_catalogue_entry(identifier: str) -> BaseModel:
    """Return one platform, processor or accelerator.

    Raises
    ------
    CatalogueError
        No entry of that id; names the nearest.
    """
    from advisor.store.catalogue import Catalogue, did_you_mean

    catalogue = Catalogue.load()
    if identifier in catalogue.platform_ids():
        return catalogue.platform(identifier)
    if identifier in catalogue.processor_ids():
        return catalogue.processor(identifier)
    accelerators = {item.id: item for item in catalogue.accelerators()}
    if identifier in accelerators:
        return accelerators[identifier]
    known = [*catalogue.platform_ids(), *catalogue.processor_ids(), *accelerators]
    hint = did_you_mean(identifier, known)
    raise CatalogueError(f"{identifier!r} is not in the catalogue{hint}; all ids: sizer catalog list")


def check_catalogue(file: Path | None = None) -> list[str]:
    """Problems of one file, or of the whole catalogue; one line each."""
    from advisor.store.catalogue import Catalogue

    return Catalogue.load().check(file)


def _value(item: Sourced | None) -> float | None:
    return None if item is None else item.value


def add_measured_box(
    file: Path, price_usd: float | None, price_source: str | None, *, store_url: str | None = None
) -> str:
    """Add a box that ``sizer bench --export`` described elsewhere; returns its platform id."""
    from .box_export import import_box
    from .context import open_store

    with open_store(store_url) as store:
        return import_box(file, store, price_usd, price_source)
