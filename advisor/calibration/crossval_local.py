"""Error on this machine: whole models or families are taken out of what was measured here, then predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.work_table import canonical_name, network_of
from advisor.perfmodel.here.calibration import HostCalibration
from advisor.perfmodel.here.measurements import HostMeasurements, TimedConfiguration
from advisor.perfmodel.predictor import Predictor
from advisor.records.base import Evidence
from advisor.records.calibration import AccuracyRow
from advisor.records.machine import MachineSpec
from advisor.records.measurement import Measurement, MicroBenchmark
from advisor.records.model import ModelWork

WorksByKey = dict[tuple[str, str, str], ModelWork]


@dataclass(frozen=True)
class HeldOutPrediction:
    """One measured configuration, predicted without its group."""

    model: str
    group: str
    item: TimedConfiguration
    error: float
    """log(true time / predicted time)."""
    inside: bool
    width: float
    """log(P90 / P10) of the prediction."""
    dirty: bool

    def widened(self, factor: float) -> HeldOutPrediction:
        """The same with the interval ``factor`` times as wide."""
        half = factor * self.width / 2.0
        return replace(self, width=2.0 * half, inside=abs(self.error) <= half)

    @property
    def kind(self) -> str:
        """Runtime, precision and shape of the configuration, as errors are reported by."""
        c = self.item.config
        streams = self.item.streams or 1
        shape = "1 thread" if (self.item.threads or 1) == 1 else "streams" if streams > 1 else "threads"
        return f"{c.runtime} {c.precision} {shape}" + (f" batch {c.batch}" if c.batch > 1 else "")


class _Without:
    """Work source without the models that are left out."""

    def __init__(self, works: WorksByKey, names: set[str]) -> None:
        self._works, self._names = works, names

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        name = canonical_name(model)
        return None if name in self._names else self._works.get((name, runtime, precision))


def _key(item: TimedConfiguration) -> tuple[str, str, str]:
    return item.model, item.config.runtime, item.config.precision


def held_out_predictions(
    host: MachineSpec,
    measurements: Sequence[Measurement],
    micro: Sequence[MicroBenchmark],
    group_of: Callable[[str], str],
    fit: HostCalibration | None = None,
    calibration_dir: Path | None = None,
) -> list[HeldOutPrediction]:
    """Predict every measured configuration without any measurement of its group.

    ``group_of``: group of a model's name; the name itself leaves whole models out, a family whole families. Models of
    which no kernels are known (never profiled) cannot be judged and are left out of the result. ``fit``: factors of a
    local calibration; the shipped ones by default.
    """
    every = HostMeasurements.join(host, measurements, micro, None)
    works: WorksByKey = {_key(item): work for item in every.configurations if (work := every.work(item)) is not None}
    names = {network_of(row.model, row.model_kind, row.model_sha256) for row in measurements}
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(group_of(name), set()).add(name)
    predictions: list[HeldOutPrediction] = []
    for group, members in sorted(groups.items()):
        items = [item for item in every.configurations if item.model in members and _key(item) in works]
        if not items:
            continue
        predictor = Predictor.load(
            calibration_dir,
            host=host,
            measurements=[
                row for row in measurements if network_of(row.model, row.model_kind, row.model_sha256) not in members
            ],
            micro=micro,
            works=_Without(works, members),
            host_calibration=HostCalibration() if fit is None else fit,
        )
        predictions += [_judge(predictor, host, group, item, works) for item in items]
    return predictions


def _judge(
    predictor: Predictor, host: MachineSpec, group: str, item: TimedConfiguration, works: WorksByKey
) -> HeldOutPrediction:
    work = works[_key(item)]
    (estimate,) = predictor.service_many([(host, work, item.config)])
    if estimate.evidence is Evidence.MEASURED:
        raise ValueError(f"{item.label} was left out and yet looked up")
    latency = estimate.latency_s
    return HeldOutPrediction(
        model=item.model,
        group=group,
        item=item,
        error=float(np.log(item.latency_s / latency.p50)),
        inside=latency.p10 <= item.latency_s <= latency.p90,
        width=float(np.log(latency.p90 / latency.p10)),
        dirty=item.dirty,
    )


def unseen_on_host(left_out: str, judged: Sequence[HeldOutPrediction]) -> list[AccuracyRow]:
    """Held-out errors of all configurations, then by kind; ``left_out`` names the unit (``model`` or ``family``)."""
    parts: dict[str, list[HeldOutPrediction]] = {"all": list(judged)}
    for item in judged:
        parts.setdefault(item.kind, []).append(item)
    return [_row(f"{name}, {left_out} left out", part) for name, part in parts.items() if part]


def _row(name: str, part: Sequence[HeldOutPrediction]) -> AccuracyRow:
    share: NDArray[np.float64] = np.abs(np.expm1(-np.array([item.error for item in part])))
    precisions = {item.item.config.precision for item in part}
    return AccuracyRow(
        group=name,
        precision=precisions.pop() if len(precisions) == 1 else "all",
        mode="all" if name.startswith("all") else "throughput" if "streams" in name else "latency",
        anchors=0,
        machines=1,
        rows=len(part),
        median_pct=round(100.0 * float(np.median(share)), 2),
        mean_pct=round(100.0 * float(np.mean(share)), 2),
        within_20=round(float(np.mean(share <= 0.2)), 4),
        coverage=round(float(np.mean([item.inside for item in part])), 4),
    )


def next_measurement(judged: Sequence[HeldOutPrediction], measured: Sequence[Measurement]) -> str:
    """Say which kind of configuration to measure next: the largest interval times the rows that rest on it."""
    worth: dict[str, float] = {}
    for item in judged:
        worth[item.kind] = worth.get(item.kind, 0.0) + item.width
    kind = max(worth, key=lambda name: worth[name])
    widest = max((item for item in judged if item.kind == kind), key=lambda item: item.width)
    count = sum(1 for item in judged if item.kind == kind)
    dirty = sum(row.interference.dirty for row in measured)
    hint = ""
    if dirty * 4 > len(measured):
        hint = f"; {dirty} of {len(measured)} measurements were disturbed: repeat them on a quiet machine first"
    return (
        f"measure next: {kind} of models like {widest.model} ({count} configurations, mean P90/P10 "
        f"{np.exp(worth[kind] / count):.2f}){hint}"
    )
