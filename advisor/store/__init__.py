"""Measurement store, catalogue, scenario and document files: the only readers and writers.

Entry points are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import Catalogue, catalogue_id
    from .files import document_text, read_document, write_document
    from .measurements import MeasurementStore, RunRow
    from .paths import cache_dir, data_dir, default_store_url, profiles_dir, scenarios_dir
    from .scenario import load_scenario, parse_scenario
    from .schemas import scenario_schema, schema_for, schema_names

_HOMES = {
    "Catalogue": "catalogue",
    "catalogue_id": "catalogue",
    "document_text": "files",
    "read_document": "files",
    "write_document": "files",
    "MeasurementStore": "measurements",
    "RunRow": "measurements",
    "cache_dir": "paths",
    "data_dir": "paths",
    "default_store_url": "paths",
    "profiles_dir": "paths",
    "scenarios_dir": "paths",
    "load_scenario": "scenario",
    "parse_scenario": "scenario",
    "scenario_schema": "schemas",
    "schema_for": "schemas",
    "schema_names": "schemas",
}

__all__ = [
    "Catalogue", "catalogue_id",
    "document_text", "read_document", "write_document",
    "MeasurementStore", "RunRow",
    "cache_dir", "data_dir", "default_store_url", "profiles_dir", "scenarios_dir",
    "load_scenario", "parse_scenario",
    "scenario_schema", "schema_for", "schema_names",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the module of an entry point on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)
