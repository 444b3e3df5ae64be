"""Measures items without a campaign."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.measure.items.item import Item, MeasureContext
from advisor.records.measurement import StoredResult


def measured(items: Sequence[Item], clip_directory: Path | None = None) -> list[Any]:
    """Results of items of one kind that may share a worker, in the order in which they came; the host is "host"."""
    results: list[StoredResult] = []
    context = MeasureContext("host", results.append)
    if clip_directory is not None:
        context.clip_directory = clip_directory
    type(items[0]).measure(items, context)
    return results
