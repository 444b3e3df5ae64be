"""The few timings that tell how fast a machine that was measured before is now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from advisor.errors import SizerError
from advisor.measure.items.item import MeasureContext
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.measure.timing.reference import load_best
from advisor.records.measurement import StoredResult, TimingMeasurement
from advisor.store.measurements import MeasurementStore

from .campaign import Campaign, Entry, batches
from .scenario_items import PLAN_SPEC

PRESENT_SPEC = PLAN_SPEC.model_copy(update={"min_duration_s": 0.5, "min_blocks": 12})
"""As a plan times a pass, in fewer blocks: all of them count, as they do there."""
FRESH = dt.timedelta(minutes=10)
"""What was measured less than so long ago is as of now: two visits within it differ as two moments do, which intervals
hold already (docs/methods/this-machine.md)."""


@dataclass(frozen=True)
class Anew:
    """Timings of the store that are to be taken anew."""

    stored: tuple[TimingMeasurement, ...]
    items: tuple[TimingItem, ...]
    """In the same order."""

    @property
    def estimate_s(self) -> float:
        """Expected duration on a slow machine [s]."""
        return sum(item.estimate_s for item in self.items)


def to_take_anew(campaign: Campaign, store: MeasurementStore, host_fingerprint: str, fresh_since: dt.datetime) -> Anew:
    """Choose, of the timings of a campaign, those that tell how fast a machine is now.

    Per model, in the precision that was fastest: passes one by one, on all streams at once, and after pauses, each at
    batch 1 and where its timing is older than ``fresh_since``. A model without a stored timing is left out.
    """
    stored: dict[str, dict[str, list[tuple[TimingMeasurement, TimingItem]]]] = {}
    for entry in campaign.entries:
        item = entry.item
        if not isinstance(item, TimingItem) or not _tells(item):
            continue
        row = store.get(item.key(host_fingerprint))
        if isinstance(row, TimingMeasurement) and row.timing is not None:
            stored.setdefault(item.model.sha256, {}).setdefault(item.config.precision, []).append((row, item))
    chosen = []
    for by_precision in stored.values():
        pairs = min(by_precision.values(), key=_shortest_s)
        chosen += [(row, item) for row, item in pairs if dt.datetime.fromisoformat(row.started) < fresh_since]
    return Anew(tuple(row for row, _ in chosen), tuple(replace(item, spec=_spec(item)) for _, item in chosen))


def take_anew(
    anew: Anew, store: MeasurementStore, host_fingerprint: str, arrived: Callable[[str], None]
) -> list[TimingMeasurement | None]:
    """Time once more, in turns; the store keeps what it had. None for what could not be timed now.

    ``arrived`` is told of each result.

    Raises
    ------
    InputError
        The installation is at fault.
    """
    found: dict[str, TimingMeasurement] = {}
    labels = {item.key(host_fingerprint): item.label for item in anew.items}

    def keep(result: StoredResult) -> None:
        if isinstance(result, TimingMeasurement) and result.timing is not None:
            found[result.key] = result
        arrived(f"{labels[result.key]}: {result.summary}")

    context = MeasureContext(host_fingerprint, keep, best_s=load_best(store, host_fingerprint))
    for batch in batches([Entry(item, item.estimate_s, group=item.model.sha256) for item in anew.items]):
        try:
            TimingItem.measure([entry.item for entry in batch if isinstance(entry.item, TimingItem)], context)
        except SizerError as error:
            if error.exit_code == 2:
                raise  # the installation is at fault, not one model
            arrived(str(error))
    return [found.get(item.key(host_fingerprint)) for item in anew.items]


def _tells(item: TimingItem) -> bool:
    c = item.config
    if c.batch != 1:
        return False
    return (item.mode.kind == "async") if (c.threads or 1) > 1 else item.mode.kind in ("sync", "rested")


def _shortest_s(pairs: Sequence[tuple[TimingMeasurement, TimingItem]]) -> float:
    return min(row.timing.p50.value_s for row, _ in pairs if row.timing is not None)


def _spec(item: TimingItem) -> MeasureSpec:
    """Passes after pauses are counted one by one, as they were."""
    return item.spec if item.mode.kind == "rested" else PRESENT_SPEC
