"""JSON Schemas of all documents: the records, and what measuring and the workflows add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def _more() -> dict[str, type[BaseModel]]:
    from advisor.measure.campaign.matrix import Matrix

    from .calibration_report import CalibrationReport
    from .catalogue import CatalogueReport
    from .models import Inspection

    return {
        "calibration-report": CalibrationReport,
        "catalogue": CatalogueReport,
        "inspection": Inspection,
        "matrix": Matrix,
    }


def schema_names() -> tuple[str, ...]:
    """Names that ``sizer schema`` knows."""
    from advisor.store import schemas

    return tuple(sorted([*schemas.schema_names(), *_more()]))


def schema_for(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one document.

    Raises
    ------
    InputError
        No document of that name; names the nearest.
    """
    from advisor.errors import InputError, nearest
    from advisor.store import schemas

    more = _more()
    if name in more:
        schema = more[name].model_json_schema(by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"sizer:{name}", **schema}
    if name not in schemas.schema_names():
        known = schema_names()
        hint = nearest(name, known) or f"; known are {', '.join(known)}"
        raise InputError(f"schema {name!r} is not known{hint}")
    return schemas.schema_for(name)
