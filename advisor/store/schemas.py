"""JSON Schemas of every document, with the field descriptions of the records."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from advisor.errors import InputError, nearest
from advisor.records.base import Record
from advisor.records.model import ModelInfo


class ModelReport(Record):
    """``sizer models list --json``."""

    schema_: Annotated[Literal["sizer.models/1"], Field(alias="schema")] = "sizer.models/1"
    sizer_version: str
    created: str
    models: tuple[ModelInfo, ...]


_RECORDS = {
    "accelerator": ("platform", "Accelerator"),
    "device": ("device", "Device"),
    "bench": ("measurement", "BenchReport"),
    "box": ("box", "BoxExport"),
    "farm-report": ("farm", "FarmReport"),
    "farm-sites": ("farm", "SitesReport"),
    "farm-status": ("farm", "FarmStatus"),
    "farm-table": ("farm", "FarmTable"),
    "comparison": ("comparison", "Comparison"),
    "host": ("host", "HostFacts"),
    "kit": ("kit", "KitManifest"),
    "kitresult": ("kit", "KitResult"),
    "plan": ("plan", "Plan"),
    "platform": ("platform", "Platform"),
    "prediction": ("prediction", "PredictionReport"),
    "processor": ("platform", "Processor"),
    "scenario": ("scenario", "Scenario"),
    "verdict": ("verdict", "Verdict"),
}
# Files that people write are described as they are read; documents that sizer writes, as they are written.
_WRITTEN_BY_PEOPLE = {"scenario", "processor", "platform", "accelerator", "device"}


def schema_names() -> tuple[str, ...]:
    """Names that ``sizer schema`` knows."""
    return tuple(sorted([*_RECORDS, "models"]))


def schema_for(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one document. InputError with the nearest name if unknown."""
    if name not in schema_names():
        known = nearest(name, schema_names()) or f"; known are {', '.join(schema_names())}"
        raise InputError(f"schema {name!r} is not known{known}")
    if name == "models":
        record: type[BaseModel] = ModelReport
    else:
        module, cls = _RECORDS[name]
        record = getattr(importlib.import_module(f"advisor.records.{module}"), cls)
    mode: Literal["validation", "serialization"] = "validation" if name in _WRITTEN_BY_PEOPLE else "serialization"
    schema = record.model_json_schema(by_alias=True, mode=mode)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"sizer:{name}", **schema}


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of the scenario file, for editors."""
    return schema_for("scenario")
