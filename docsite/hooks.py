"""Hooks of the documentation build (``mkdocs.yml``): generated pages and checks.

Every fault is logged as a warning, and ``mkdocs build --strict`` fails on warnings.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

from advisor.cli.main import cli
from advisor.workflows.schemas import schema_for, schema_names
from docsite import checks, commands, documents

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files at the root of the repository, and their pages."""

_log = logging.getLogger("mkdocs.hooks.docsite")
_COMMAND = re.compile(r"^<!-- command: (\S+) -->$", re.MULTILINE)
_COMMANDS = "<!-- commands -->"
_DOCUMENTS = "<!-- documents -->"
_pages: dict[str, str] = {}
"""Top-level command to the page that shows it; filled while pages are read, empty at the start of a build."""


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {name: schema_for(name) for name in schema_names()}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    _pages.clear()
    for entry in config.nav or ():
        if "Documents" in entry:
            entry["Documents"] += [{name: f"documents/{name}.md"} for name in _schemas()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages made from files at the root, and one page and one JSON Schema per document."""
    for source, target in ROOT_PAGES.items():
        files.append(File.generated(config, target, content=site_links((ROOT / source).read_text(encoding="utf-8"))))
    for name, schema in _schemas().items():
        text = documents.page(name, schema, ROOT)
        files.append(File.generated(config, f"documents/{name}.md", content=text))
        printed = json.dumps(schema, indent=2, allow_nan=False)
        files.append(File.generated(config, f"documents/{name}.schema.json", content=printed))
    for fault in commands.undocumented(cli, "sizer"):
        _log.warning("%s", fault)
    for file in files.documentation_pages():
        for name in _COMMAND.findall(file.content_string):
            _pages[name] = file.src_uri
    for name in sorted(set(cli.commands) - set(_pages)):
        _log.warning("command `sizer %s` has no page; add one with the line <!-- command: %s -->", name, name)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Check a page and replace its markers by what is generated."""
    for fault in faults(markdown, page.file.src_uri):
        _log.warning("%s: %s", page.file.src_uri, fault)
    markdown = _COMMAND.sub(lambda match: _command(match[1], page.file.src_uri), markdown)
    if _COMMANDS in markdown:
        markdown = markdown.replace(_COMMANDS, _command_table())
    if _DOCUMENTS in markdown:
        markdown = markdown.replace(_DOCUMENTS, documents.index(_schemas()))
    return markdown


def faults(markdown: str, uri: str) -> list[str]:
    """Everything that is wrong with the text of a page.

    Parameters
    ----------
    uri
        Path of the page below ``docs/``; it decides which checks apply.
    """
    if uri == "changelog.md":  # history names what no longer exists
        return []
    found = list(checks.broken_paths(markdown, ROOT))
    for line in checks.command_lines(markdown):
        found += commands.mistakes(line, cli)
    if uri.startswith("methods/") and uri not in ("methods/index.md", "methods/sources.md"):
        found += checks.method_faults(markdown)
    if uri == "glossary.md":
        found += checks.repeated_terms(markdown)
    return found


def site_links(markdown: str) -> str:
    """Links of a file at the root, as they must read from its page in the site."""
    for source, target in ROOT_PAGES.items():
        markdown = markdown.replace(f"]({source})", f"]({target})")
    return markdown.replace("](docs/", "](")


def _command(name: str, uri: str) -> str:
    if name not in cli.commands:
        _log.warning("%s: shows the command `sizer %s`, which does not exist", uri, name)
        return ""
    return commands.reference(cli.commands[name], f"sizer {name}")


def _command_table() -> str:
    rows = [
        f"| [`sizer {name}`]({Path(_pages[name]).name}) | {command.get_short_help_str(limit=200)} |"
        for name, command in sorted(cli.commands.items())
        if name in _pages
    ]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])
