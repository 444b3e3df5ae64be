"""Reference of the YAML and JSON documents, as Markdown, from the schemas that ``sizer schema`` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

EXAMPLES = {
    "scenario": "scenarios/store-analytics.yaml",
    "platform": "profiles/platforms/office-desktop-i5-12400-16-gb.yaml",
    "processor": "profiles/processors/intel-core-i5-12400.yaml",
}
"""A file of the repository that shows a document which people write."""
_LIMITS = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "pattern": "pattern `{}`",
}


def page(name: str, schema: Schema, root: Path) -> str:
    """One page about one document.

    Parameters
    ----------
    name
        As ``sizer schema`` knows it.
    schema
        JSON Schema of the document, with its definitions under ``$defs``.
    root
        The repository, for the example file.
    """
    lines = [
        f"# {name}",
        "",
        schema.get("description", ""),
        "",
        f"Schema for editors: `sizer schema {name}`, or [{name}.schema.json]({name}.schema.json).",
        "",
    ]
    if name in EXAMPLES:
        example = (root / EXAMPLES[name]).read_text(encoding="utf-8").rstrip()
        lines += [f"Example, `{EXAMPLES[name]}`:", "", "```yaml", example, "```", ""]
    lines += [f"## {schema['title']}", "", *_fields(schema)]
    for title, definition in sorted(schema.get("$defs", {}).items()):
        lines += [f"## {title}", "", definition.get("description", ""), "", *_fields(definition)]
    return "\n".join(lines)


def index(schemas: dict[str, Schema]) -> str:
    """Table of all documents with a link to each page."""
    rows = [f"| [{name}]({name}.md) | {_cell(schema.get('description', ''))} |" for name, schema in schemas.items()]
    return "\n".join(["| document | what it is |", "|---|---|", *rows])


def type_text(schema: Schema) -> str:
    """Type of a field in words, with its limits; a definition becomes a link to its section on the same page."""
    if "$ref" in schema:
        title = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f"[{title}](#{title.lower()})"
    if "anyOf" in schema:
        return " or ".join(type_text(option) for option in schema["anyOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    limits = [text.format(schema[key]) for key, text in _LIMITS.items() if key in schema]
    return ", ".join([_plain(schema), *limits])


def _plain(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return "list of " + ", ".join(type_text(item) for item in schema["prefixItems"])
        return f"list of {type_text(schema.get('items', {}))}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"map of names to {type_text(values)}" if isinstance(values, dict) and values else "object"
    if kind == "string":
        return str(schema.get("format", "text"))
    return "anything" if kind is None else str(kind)


def _fields(schema: Schema) -> list[str]:
    if "properties" not in schema:
        return [type_text(schema), ""]
    required = set(schema.get("required", ()))
    lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "required" if name in required else _default(field)
        lines.append(f"| `{name}` | {_cell(type_text(field))} | {default} | {_cell(field.get('description', ''))} |")
    return [*lines, ""]


def _default(field: Schema) -> str:
    """Default of an optional field; one that is a record is named by its own table."""
    if "default" not in field:
        return ""
    return (
        "its defaults"
        if isinstance(field["default"], dict) and field["default"]
        else f"`{json.dumps(field['default'])}`"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
