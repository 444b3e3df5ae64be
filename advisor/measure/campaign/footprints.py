"""Which footprints belong to a campaign."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.throughput import TimingItem
from advisor.records.config import RunConfig

from .campaign import Entry


def footprint_entries(entries: Sequence[Entry]) -> list[Entry]:
    """One footprint for each configuration that is timed, however its requests arrive."""
    footprints: dict[tuple[str, RunConfig], FootprintItem] = {}
    for entry in entries:
        item = entry.item
        if isinstance(item, TimingItem):
            footprints.setdefault((item.model.sha256, item.config), FootprintItem(item.model, item.config))
    return [Entry(item, item.estimate_s) for item in footprints.values()]
