"""JSON Schemas of every document, with the field descriptions of the records."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from functools import cache
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
    "bench": ("measurement", "BenchReport"),
    "box": ("box", "BoxExport"),
    "host": ("host", "HostFacts"),
    "plan": ("plan", "Plan"),
    "platform": ("platform", "Platform"),
    "prediction": ("prediction", "PredictionReport"),
    "processor": ("platform", "Processor"),
    "scenario": ("scenario", "Scenario"),
    "verdict": ("verdict", "Verdict"),
}
# Files that people write are described as they are read; documents that sizer writes, as they are written.
_WRITTEN_BY_PEOPLE = {"scenario", "processor", "platform", "accelerator"}


def schema_names() -> tuple[str, ...]:
    """Names that ``sizer schema`` knows."""
    return tuple(sorted([*_RECORDS, "models"]))


def schema_for(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one document. InputError with the nearest name if unknown."""
    if name not in schema_names():
        known = nearest(name, schema_names()) or f"; known are {', '.join(schema_names())}"
        raise InputError(f"schema {name!r}: is not known{known}")
    if name == "models":
        record: type[BaseModel] = ModelReport
    else:
        module, cls = _RECORDS[name]
        record = getattr(importlib.import_module(f"advisor.records.{module}"), cls)
    mode: Literal["validation", "serialization"] = "validation" if name in _WRITTEN_BY_PEOPLE else "serialization"
    schema = record.model_json_schema(by_alias=True, mode=mode)
    classes = {cls.__name__: cls for cls in _records_under(record)}
    for title, definition in [(record.__name__, schema), *schema.get("$defs", {}).items()]:
        if title in classes:
            _describe(definition, classes[title])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"sizer:{name}", **schema}


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of the scenario file, for editors."""
    return schema_for("scenario")


def _records_under(record: type[BaseModel]) -> set[type[BaseModel]]:
    """All records that a record's fields lead to, itself included."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = [record]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in found:
                found.add(annotation)
                waiting.extend(field.annotation for field in annotation.model_fields.values())
        else:
            waiting.extend(getattr(annotation, "__args__", ()))
    return found


def _describe(definition: dict[str, Any], record: type[BaseModel]) -> None:
    """Add the docstring of each field; a description given to ``Field`` stays."""
    texts: dict[str, str] = {}
    for cls in reversed(record.__mro__):
        if isinstance(cls, type) and issubclass(cls, BaseModel) and cls is not BaseModel:
            texts |= _attribute_texts(cls)
    for name, field in record.model_fields.items():
        described = definition.get("properties", {}).get(field.alias or name)
        if described is not None and name in texts:
            described.setdefault("description", texts[name])


@cache
def _attribute_texts(cls: type[BaseModel]) -> dict[str, str]:
    """Texts below the fields of a class, read from its source; nothing else keeps them at run time."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            texts[statement.target.id] = " ".join(following.value.value.split())
    return texts
