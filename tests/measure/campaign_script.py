"""Runs a small campaign in a process of its own, for tests that kill it: store, model folder, number of items."""

import sys
from pathlib import Path

from advisor.measure.campaign.campaign import Campaign, Entry, run
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from advisor.store.measurements import MeasurementStore

from .hosts import facts
from .models import small_conv

SPEC = MeasureSpec(min_duration_s=0.03, min_samples=3, min_blocks=2, max_duration_s=0.2, block_s=0.01, warmup_max_s=0.0)


def campaign(folder: Path, count: int) -> Campaign:
    model = small_conv(folder)
    items: list[TimingItem | PreparationItem] = [
        TimingItem(model, RunConfig(threads=1, streams=1, requests=1, batch=1 + k), LoadMode(), SPEC)
        for k in range(count)
    ]
    items += [PreparationItem((64, 48), (16 + 2 * k, 16), duration_s=0.02) for k in range(count // 2)]
    return Campaign(tuple(Entry(item, 0.1) for item in items))


class Printer:
    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
        print("start", total, flush=True)

    def activity(self, what: str) -> None: ...
    def begin(self, what: str) -> None: ...

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        print("advance", done, flush=True)

    def message(self, text: str) -> None:
        print("message", text, flush=True)

    def finish(self, summary: str) -> None:
        print("finish", summary, flush=True)


if __name__ == "__main__":
    with MeasurementStore(sys.argv[1]) as opened:
        run(campaign(Path(sys.argv[2]), int(sys.argv[3])), opened, facts(), Printer())
