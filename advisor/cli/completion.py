"""What a shell offers after the tab key: scenarios, platforms, formats, models, runtimes and ids of the catalogue."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_scenarios(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the scenarios that ship, and files."""
    from advisor.store.scenario import shipped_scenarios

    names = [CompletionItem(name) for name in shipped_scenarios() if name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def complete_platforms(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Platforms and processors, ``this`` too, after the last comma of a list."""
    before, comma, begun = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in ("this", *_ids()) if name.startswith(begun)]


def complete_entries(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the catalogue, accelerators too."""
    from advisor.store.catalogue import Catalogue

    ids = [*_ids(), *(item.id for item in Catalogue.load().accelerators())]
    return [CompletionItem(name) for name in ids if name.startswith(incomplete)]


def complete_formats(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Formats of ``sizer plan --export``."""
    from advisor.report.exporters import FORMATS

    return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Reference architectures and stand-ins, and files."""
    from advisor.zoo import list_models

    names = [CompletionItem(item.name) for item in list_models() if item.name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def complete_runtimes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runtimes that run models."""
    from advisor.runtimes import real_runtimes

    return [CompletionItem(name) for name in real_runtimes() if name.startswith(incomplete)]


def _ids() -> list[str]:
    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()
    return [*catalogue.platform_ids(), *catalogue.processor_ids()]
