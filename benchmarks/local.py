"""Unseen models on this machine: the two-minute look, a whole family taken out of it, predicted, then measured."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.measure.harness import MeasureSpec
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
    min_duration_s=0.2, min_samples=6, min_blocks=5, max_duration_s=0.8, block_s=0.04, warmup_max_s=0.12,
    max_dirty_blocks=3,
)  # fmt: skip
"""Short, so that the section takes some four minutes; what repeats differ by is printed with it."""
_AGAIN_EVERY = 3
"""Of the judged rows, those measured a second time; prime to the number of configurations, so that each kind occurs."""


@dataclass(frozen=True)
class Row:
    """One configuration of a model that the prediction knew nothing of."""

    group: str
    model: str
    config: RunConfig
    p10: float
    p50: float
    p90: float
    measured: float
    """Throughput where streams run side by side, else inverse latency [1/s]."""
    disturbed: bool
    slowdown: float = 1.0
    """Of fixed work beside the measurement, over the least that this machine needs for it."""

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return (self.p50 - self.measured) / self.measured

    @property
    def inside(self) -> bool:
        """Whether the measured figure lies in P10-P90."""
        return self.p10 <= self.measured <= self.p90

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
    from advisor.measure.profile import model_works

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


def rows_of(store: MeasurementStore, judged: Sequence[str], take: Take) -> tuple[list[Row], list[str]]:
    """Predict with the group left out, then measure; rows, and what could not be judged with its reason."""
    from advisor.errors import SizerError
    from advisor.host import machine_spec

    machine = machine_spec(facts())
    predictors = {group: predictor_without(store, GROUPS[group]) for group in dict.fromkeys(map(group_of, judged))}
    rows, missing = [], []
    for name in judged:
        file = model(name)
        for config, mode in configs(threads_here()):
            label = f"{name}, {_words(config)}"
            work = _work(store, file, config)
            if work is None:
                missing.append(f"{label}: the runtime cannot run it so")
                continue
            estimate = predictors[group_of(name)].service(machine, work, config)
            try:
                record = take(file, config, mode)
            except SizerError as error:
                missing.append(f"{label}: {error}")
                continue
            true = _rate(record)
            believed = estimate.throughput_per_s if mode.kind == "async" else estimate.latency_s.reciprocal()
            rows.append(
                Row(group_of(name), name, config, believed.p10, believed.p50, believed.p90, true,
                    record.interference.dirty, record.interference.reference_slowdown or 1.0)
            )  # fmt: skip
    return rows, missing


def _rate(record: Measurement) -> float:
    """Throughput where streams run side by side, else inverse latency [1/s]."""
    seen = timing(record)
    return seen.throughput_per_s if record.mode.kind == "async" else 1.0 / seen.p50.value_s


Take = Callable[[ModelFile, RunConfig, LoadMode], Measurement]


def _again(row: Row, take: Take) -> Row:
    mode = LoadMode(kind="async") if (row.config.streams or 1) > 1 else LoadMode()
    record = take(model(row.model), row.config, mode)
    seen = record.interference
    return replace(row, measured=_rate(record), disturbed=seen.dirty, slowdown=seen.reference_slowdown or 1.0)


def retaken(rows: Sequence[Row], take: Take) -> list[Row]:
    """Disturbed rows measured once more; the one beside which fixed work ran faster counts, whatever was predicted."""
    return [
        row if not row.disturbed else min((row, _again(row, take)), key=lambda one: (one.disturbed, one.slowdown))
        for row in rows
    ]


def repeated(rows: Sequence[Row], take: Take) -> list[tuple[Row, float]]:
    """Some of the rows, measured again minutes later: what no prediction can do better than."""
    return [(row, _again(row, take).measured) for row in rows[::_AGAIN_EVERY]]


def noise_floor(pairs: Sequence[tuple[Row, float]]) -> str:
    """One line: how far a second measurement of the same configuration lies from the first."""
    apart = [abs(second / row.measured - 1.0) for row, second in pairs]
    return (
        f"Noise floor: {len(apart)} of these configurations, measured a second time after the last of them, differ "
        f"from their first measurement by {percent(statistics.median(apart))} (median), "
        f"{percent(statistics.fmean(apart))} (mean), {percent(max(apart))} (largest)."
    )


def _words(config: RunConfig) -> str:
    streams = config.streams or 1
    threads = (config.threads or 1) // streams
    return f"{config.runtime} {config.precision}, {streams}x{threads} threads, batch {config.batch}"


def _line(name: str, rows: Sequence[Row], bar: float) -> list[object]:
    errors = [abs(row.error) for row in rows]
    worst = max(rows, key=lambda row: abs(row.error))
    return [
        name, len(rows), percent(statistics.median(errors)), percent(statistics.fmean(errors)),
        f"{percent(sum(e <= bar for e in errors) / len(errors), 0)} within {percent(bar, 0)}",
        percent(sum(row.inside for row in rows) / len(rows), 0),
        f"{worst.model}, {_words(worst.config)}: {100 * worst.error:+.0f} %",
    ]  # fmt: skip


def tables(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """Over all, by configuration, by group."""
    if not rows:
        return "\n".join(["No configuration could be judged.", *[f"- {text}" for text in missing]])
    head = ["configurations", "rows", "median error", "mean error", "share", "inside P10-P90", "worst"]
    first = [
        row for row in rows if row.one_thread and row.config.precision == "f32" and row.config.runtime == "openvino"
    ]
    lines = [_line("all", rows, 0.15)]
    if first:
        lines.insert(0, _line("one thread, f32, OpenVINO", first, 0.10))
    kinds: dict[str, list[Row]] = {}
    groups: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(_words(row.config), []).append(row)
        groups.setdefault(row.group, []).append(row)
    disturbed = sum(row.disturbed for row in rows)
    quiet = [row for row in rows if not row.disturbed]
    if quiet and disturbed:
        lines.append(_line("all that were not disturbed", quiet, 0.15))
    return "\n".join(
        [
            table(head, lines),
            "",
            table(head, [_line(name, part, 0.15) for name, part in kinds.items()]),
            "",
            table(["group left out", *head[1:]], [_line(name, part, 0.15) for name, part in groups.items()]),
            "",
            f"{disturbed} of {len(rows)} measurements were disturbed by other processes, though taken a second time.",
            *[f"- not judged: {text}" for text in missing],
        ]
    )


def run(quick: bool = False) -> str:
    """Measure and return the section: about four minutes."""
    from advisor.store.measurements import MeasurementStore

    start = header("Errors are of throughput where streams run side by side, else of inverse latency.")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"
        quick_look(url, "25s" if quick else None)
        with MeasurementStore(url) as store:
            rows, missing = rows_of(store, QUICK_JUDGED if quick else JUDGED, _take)
    rows = retaken(rows, _take)
    floor = f"\n\n{noise_floor(repeated(rows, _take))}" if rows else ""
    return f"{start}\n\n{tables(rows, missing)}{floor}"


def _take(file: ModelFile, config: RunConfig, mode: LoadMode) -> Measurement:
    return measured(file, config, mode, SPEC)


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
