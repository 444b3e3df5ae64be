from pathlib import Path

import pytest

from advisor.workflows.schemas import schema_for
from docsite import documents

ROOT = Path(__file__).resolve().parents[2]


def test_a_document_is_shown_with_its_example_fields_and_definitions() -> None:
    text = documents.page("scenario", schema_for("scenario"), ROOT)
    assert "```yaml\n" + (ROOT / "scenarios/store-analytics.yaml").read_text(encoding="utf-8").rstrip() in text
    assert "| `scenario` | text, at most 64 characters, pattern `^[A-Za-z][A-Za-z0-9_-]*$` | required |" in text
    assert "| `slo` | [Slo](#slo) | required | What must hold. |" in text
    assert "\n## Slo\n" in text


def test_every_example_exists() -> None:
    assert [name for name, path in documents.EXAMPLES.items() if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, "number, >= 0 or null"),
        ({"enum": ["f32", "int8"]}, "`f32`, `int8`"),
        ({"const": "sizer.plan/1", "type": "string"}, '`"sizer.plan/1"`'),
        ({"type": "array", "items": {"$ref": "#/$defs/BoxShare"}}, "list of [BoxShare](#boxshare)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of names to integer"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"type": "string", "format": "date"}, "date"),
        ({}, "anything"),
    ],
)
def test_types_in_words(schema: dict[str, object], text: str) -> None:
    assert documents.type_text(schema) == text
