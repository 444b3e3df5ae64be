"""Unseen models on this machine: the two-minute look, a whole family taken out of it, predicted, then measured."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.measure.timing.harness import MeasureSpec
from advisor.records.base import Interval
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import Measurement
from advisor.records.model import ModelFile, ModelWork

from .common import facts, header, measured, model, percent, table, threads_here, timing
from .quick import measure as quick_look

if TYPE_CHECKING:
    from advisor.perfmodel import Predictor
    from advisor.store.measurements import MeasurementStore

# Everything of a group is taken away when one of its models is judged; one or two of most are judged.
GROUPS: dict[str, tuple[str, ...]] = {
    "residual": ("resnet-18", "resnet-34", "resnet-50", "resnet-101"),
    "depthwise": ("mobilenet-v1", "mobilenet-v2", "mobilenet-v3", "mobilenet-v3-small", "efficientnet-b0",
                  "shufflenet-v2"),
    "dense and inception": ("densenet-121", "googlenet", "inception-v3", "squeezenet-1.0", "squeezenet-1.1"),
    "plain": ("alexnet", "vgg-16"),
    "detectors": ("ssd-mobilenet", "yolo-tiny", "yolo-small", "yolo-medium"),
    "segmentation": ("unet",),
    "vision transformers": ("vit-small", "swin-tiny"),
    "text transformers": ("bert-mini", "bert-base"),
}  # fmt: skip
JUDGED = (
    "resnet-34", "mobilenet-v3", "efficientnet-b0", "densenet-121", "squeezenet-1.1", "ssd-mobilenet", "vit-small",
    "bert-mini",
)  # fmt: skip
QUICK_JUDGED = ("mobilenet-v3", "bert-mini")
SPEC = MeasureSpec(
    min_duration_s=0.16, min_samples=5, min_blocks=4, max_duration_s=0.6, block_s=0.04, warmup_max_s=0.1,
    max_dirty_blocks=3,
)  # fmt: skip
"""Of one visit: short, since a configuration is visited several times."""
ENOUGH, MOST = 2, 5
"""Undisturbed visits after which a configuration is done, and visits after which it is done anyway. The machine changes
its speed for seconds and minutes, which a longer measurement at one moment would not see."""


@dataclass(frozen=True)
class Visit:
    """One short measurement in a process of its own."""

    rate: float
    """Throughput where streams run side by side, else inverse latency [1/s]."""
    disturbed: bool


@dataclass(frozen=True)
class Asked:
    """One configuration of a model that the prediction knew nothing of."""

    group: str
    file: ModelFile
    config: RunConfig
    mode: LoadMode
    believed: Interval
    """Predicted rate as in :attr:`Visit.rate`."""

    @property
    def label(self) -> str:
        """For people: model and configuration."""
        return f"{self.file.name}, {_words(self.config)}"


@dataclass(frozen=True)
class Row:
    """The same with what was measured."""

    group: str
    model: str
    config: RunConfig
    believed: Interval
    visits: tuple[Visit, ...]

    @property
    def measured(self) -> float:
        """Median rate over the undisturbed visits; over all, where every one was disturbed [1/s]."""
        quiet = [visit.rate for visit in self.visits if not visit.disturbed]
        return statistics.median(quiet or [visit.rate for visit in self.visits])

    @property
    def disturbed(self) -> bool:
        """Whether every visit was."""
        return all(visit.disturbed for visit in self.visits)

    def taken_as_it_was(self) -> Row:
        """The same with all visits counting alike."""
        return replace(self, visits=tuple(replace(visit, disturbed=False) for visit in self.visits))

    @property
    def apart(self) -> list[float]:
        """How far any two visits lie apart, as a share of the slower one."""
        return [
            max(one.rate, other.rate) / min(one.rate, other.rate) - 1.0 for one, other in combinations(self.visits, 2)
        ]

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return (self.believed.p50 - self.measured) / self.measured

    @property
    def inside(self) -> bool:
        """Whether the measured figure lies in P10-P90."""
        return self.believed.p10 <= self.measured <= self.believed.p90

    @property
    def one_thread(self) -> bool:
        """One stream of one thread at batch 1."""
        return (self.config.threads, self.config.batch) == (1, 1)


def configs(threads: int) -> list[tuple[RunConfig, LoadMode]]:
    """Threads, streams, batches, precisions and runtimes that are judged."""
    one = RunConfig(streams=1, threads=1, requests=1)
    sync, dense = LoadMode(), LoadMode(kind="async")
    found = [
        (one, sync),
        (one.model_copy(update={"batch": 8}), sync),
        (one.model_copy(update={"precision": "int8"}), sync),
        (one.model_copy(update={"runtime": "onnxruntime"}), sync),
    ]
    if threads > 1:
        many = RunConfig(streams=threads, threads=threads, requests=threads)
        found += [
            (one.model_copy(update={"threads": threads}), sync),
            (one.model_copy(update={"threads": threads, "precision": "int8"}), sync),
            (many, dense),
            (many.model_copy(update={"batch": 4}), dense),
        ]
    return found


def group_of(name: str) -> str:
    """Group of a model; KeyError for one of none."""
    return {member: group for group, members in GROUPS.items() for member in members}[name]


class _Works:
    """Kernels of the quick look's and the judged models, without those that are left out."""

    def __init__(self, store: MeasurementStore, without: Sequence[str]) -> None:
        self._store, self._without = store, set(without)

    def work(self, name: str, runtime: str, precision: str) -> ModelWork | None:
        """Kernels by model name at batch 1."""
        if name in self._without or name not in {member for members in GROUPS.values() for member in members}:
            return None
        return _work(self._store, model(name), RunConfig(runtime=runtime, precision=precision))


def _work(store: MeasurementStore, file: ModelFile, config: RunConfig) -> ModelWork | None:
    from advisor.measure.items.model_kernels import model_works

    return model_works(file, [(config.runtime, config.precision, config.batch, None)], store)[0]


def predictor_without(store: MeasurementStore, names: Sequence[str]) -> Predictor:
    """Make a predictor that knows what the store holds of this machine, but nothing of these models."""
    from advisor.host import machine_spec
    from advisor.perfmodel import Predictor

    here = facts()
    kept = [row for row in store.find(host_fingerprint=here.fingerprint, status="done") if row.model not in names]
    return Predictor.load(
        host=machine_spec(here),
        measurements=kept,
        micro=store.micro(here.fingerprint),
        works=_Works(store, names),
    )


def predicted(store: MeasurementStore, judged: Sequence[str]) -> tuple[list[Asked], list[str]]:
    """Predict with the group left out; and what cannot be judged, with its reason."""
    from advisor.host import machine_spec

    machine = machine_spec(facts())
    predictors = {group: predictor_without(store, GROUPS[group]) for group in dict.fromkeys(map(group_of, judged))}
    asked, missing = [], []
    for name in judged:
        file = model(name)
        for config, mode in configs(threads_here()):
            work = _work(store, file, config)
            if work is None:
                missing.append(f"{name}, {_words(config)}: the runtime cannot run it so")
                continue
            estimate = predictors[group_of(name)].service(machine, work, config)
            believed = estimate.throughput_per_s if mode.kind == "async" else estimate.latency_s.reciprocal()
            asked.append(Asked(group_of(name), file, config, mode, believed))
    return asked, missing


def visited(asked: Sequence[Asked], take: Take) -> tuple[list[Row], list[str]]:
    """Measure in rounds over all configurations that are not done; and what failed in any, with its reason.

    Whether a visit was disturbed is decided by the meter and by reference work, never by what was predicted.
    """
    from advisor.errors import SizerError

    seen: list[list[Visit]] = [[] for _ in asked]
    failed: dict[int, str] = {}
    for _ in range(MOST):
        for place, item in enumerate(asked):
            if place in failed or sum(not visit.disturbed for visit in seen[place]) >= ENOUGH:
                continue
            try:
                record = take(item.file, item.config, item.mode)
            except SizerError as error:
                failed[place] = f"{item.label}: {error}"
                continue
            seen[place].append(Visit(_rate(record), record.interference.dirty))
    rows = [
        Row(item.group, item.file.name, item.config, item.believed, tuple(found))
        for place, (item, found) in enumerate(zip(asked, seen, strict=True))
        if place not in failed
    ]
    return rows, list(failed.values())


def _rate(record: Measurement) -> float:
    """Throughput where streams run side by side, else inverse latency [1/s]."""
    seen = timing(record)
    return seen.throughput_per_s if record.mode.kind == "async" else 1.0 / seen.p50.value_s


Take = Callable[[ModelFile, RunConfig, LoadMode], Measurement]


def noise_floor(rows: Sequence[Row]) -> str:
    """One line: how far two visits of the same configuration lie apart."""
    apart = [value for row in rows for value in row.apart]
    return (
        f"Noise floor: two visits of the same configuration differ by {percent(statistics.median(apart))} (median), "
        f"{percent(statistics.fmean(apart))} (mean), {percent(max(apart))} (largest of {len(apart)} pairs)."
    )


def _words(config: RunConfig) -> str:
    streams = config.streams or 1
    threads = (config.threads or 1) // streams
    return f"{config.runtime} {config.precision}, {streams}x{threads} threads, batch {config.batch}"


def _line(name: str, rows: Sequence[Row], bar: float) -> list[object]:
    errors = [abs(row.error) for row in rows]
    worst = max(rows, key=lambda row: abs(row.error))
    apart = [value for row in rows for value in row.apart]
    return [
        name, len(rows), percent(statistics.median(errors)), percent(statistics.fmean(errors)),
        f"{percent(sum(e <= bar for e in errors) / len(errors), 0)} within {percent(bar, 0)}",
        percent(sum(row.inside for row in rows) / len(rows), 0),
        f"{worst.model}, {_words(worst.config)}: {100 * worst.error:+.0f} %",
        percent(statistics.median(apart)) if apart else None,
    ]  # fmt: skip


def tables(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """Over all, by configuration, by group."""
    if not rows:
        return "\n".join(["No configuration could be judged.", *[f"- {text}" for text in missing]])
    figures = ["rows", "median error", "mean error", "share", "inside P10-P90", "worst", "visits differ by"]
    head = ["configurations", *figures]
    alone = [row for row in rows if row.one_thread]
    first = [row for row in alone if row.config.precision == "f32" and row.config.runtime == "openvino"]
    lines = [
        *([_line("one thread, f32, OpenVINO", first, 0.10)] if first else []),
        *([_line("one thread, both precisions and runtimes", alone, 0.10)] if alone else []),
        _line("all", rows, 0.15),
        _line("all, disturbed visits counting alike", [row.taken_as_it_was() for row in rows], 0.15),
    ]
    kinds: dict[str, list[Row]] = {}
    groups: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(_words(row.config), []).append(row)
        groups.setdefault(row.group, []).append(row)
    disturbed = sum(row.disturbed for row in rows)
    return "\n".join(
        [
            table(head, lines),
            "",
            table(head, [_line(name, part, 0.15) for name, part in kinds.items()]),
            "",
            table(["group left out", *figures], [_line(name, part, 0.15) for name, part in groups.items()]),
            "",
            f"Measured: the median of the undisturbed visits, {sum(len(row.visits) for row in rows)} visits in all; "
            f"{disturbed} of {len(rows)} configurations were disturbed on all {MOST} (their median counts).",
            *[f"- not judged: {text}" for text in missing],
        ]
    )


def run(quick: bool = False) -> str:
    """Measure and return the section: about seven minutes."""
    from advisor.store.measurements import MeasurementStore

    start = header("Errors are of throughput where streams run side by side, else of inverse latency.")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"
        quick_look(url, "25s" if quick else None)
        with MeasurementStore(url) as store:
            asked, missing = predicted(store, QUICK_JUDGED if quick else JUDGED)
    rows, failed = visited(asked, _take)
    floor = f"\n\n{noise_floor(rows)}" if rows else ""
    return f"{start}\n\n{tables(rows, [*missing, *failed])}{floor}"


def _take(file: ModelFile, config: RunConfig, mode: LoadMode) -> Measurement:
    return measured(file, config, mode, SPEC)


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
