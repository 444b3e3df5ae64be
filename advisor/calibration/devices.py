"""Fits and judges what is shipped of devices: ``python -m advisor.calibration.devices``.

Reads ``profiles/published/devices.csv.gz`` and the work tables of the published models, writes
``profiles/calibration/devices.json``. Every figure of accuracy is of devices, or whole model families, left out.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.work_table import WorkTable, load_works
from advisor.perfmodel.devices.calibration import DeviceCalibration, Graphics, Offset
from advisor.perfmodel.devices.figures import load_figures
from advisor.perfmodel.devices.graphics import NAMES, PRECISIONS, PRIORS, GraphicsArrays, log_time
from advisor.perfmodel.devices.graphics_estimate import SHEET_FAMILIES, falls_back, graphics_rows
from advisor.perfmodel.devices.published import NEWEST
from advisor.perfmodel.devices.question import squashed
from advisor.records.device import DeviceSpec
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

from .device_errors import Errors, accuracy, band, joined
from .device_spread import Spread, spread_of
from .devices_arm import fit_arm

Array = NDArray[np.float64]
Index = NDArray[np.int64]
MODEL_SD, DEVICE_SD, NOISE_SD = 0.30, 0.10, 0.10
"""Deviations (log) of models and of devices from the formula, and of single figures, while parameters are fitted: a
device may not explain away what the formula should. Source: project assumption, chosen among 0.10 and 0.18 with devices
left out."""
FOLDS = 5
_OLDEST_DLI = "2022.3"
"""The metric of that list changed then."""
_STEPS, _NUDGE, _STILL = 15, 1e-5, 1e-5
_FAR = 1.0
"""Deviations beyond which a model's own deviation costs no more."""


@dataclass(frozen=True)
class GraphicsData:
    """Published rows of Intel graphics as arrays."""

    arrays: GraphicsArrays
    log_time: Array
    device: tuple[str, ...]
    family: tuple[str, ...]
    """Of the device."""
    model: tuple[str, ...]
    network: tuple[str, ...]
    """Family of the model: left out as a whole."""
    falls_back: NDArray[np.bool_]

    @property
    def lists(self) -> tuple[str, ...]:
        """Device of each row, the newest list apart: its software is another, and so is what a device is off by."""
        return tuple(
            f"{name} {NEWEST}" if newest else name
            for name, newest in zip(self.device, self.arrays.is_newest, strict=True)
        )


def graphics_data() -> GraphicsData:
    """Medians over releases of every device, model and precision whose work is known; the newest list apart."""
    catalogue = Catalogue.shipped()
    works = {squashed(name): table for name, table in load_works(profiles_dir() / "calibration" / "works.json").items()}
    groups: dict[tuple[str, str, str, bool], list[float]] = defaultdict(list)
    specs: dict[str, DeviceSpec] = {}
    for device in catalogue.devices():
        if device.family not in {"gen9", "gen11", *SHEET_FAMILIES} or device.processor is None:
            continue
        for name, rows in load_figures().by_device.get(device.id, {}).items():
            for row in rows:
                old = row.source == "dli" and row.release < _OLDEST_DLI
                if (
                    name in works
                    and row.batch == 1
                    and row.precision in PRECISIONS
                    and row.throughput_per_s
                    and not old
                ):
                    key = device.id, name, row.precision, row.source == NEWEST
                    groups[key].append(-float(np.log(row.throughput_per_s)))
        spec = catalogue.device(device.processor, "GPU")
        assert spec is not None
        specs[device.id] = spec
    keys = sorted(groups)
    tables: list[WorkTable] = [works[name] for _, name, _, _ in keys]
    mine = [specs[device] for device, *_ in keys]
    return GraphicsData(
        graphics_rows(mine, tables, [key[2] for key in keys], [key[3] for key in keys]),
        np.array([float(np.median(groups[key])) for key in keys]),
        tuple(key[0] for key in keys),
        tuple(str(spec.family) for spec in mine),
        tuple(key[1] for key in keys),
        tuple(table.family for table in tables),
        np.array([falls_back((key[1],)) for key in keys]),
    )


@dataclass(frozen=True)
class GraphicsFit:
    """Parameters, and what devices and models deviate by, per precision."""

    parameters: Array
    models: dict[tuple[int, str], float]
    devices: dict[tuple[int, str], Array]
    """What each figure of a device is off by on one published list, the model's own deviation taken away."""

    def deviations(self, spread: Mapping[int, Spread]) -> dict[tuple[int, str], float]:
        """What devices deviate by on a list: the mean of what their figures are off by, as far as it is theirs."""
        return {key: spread[key[0]].share(len(off)) * float(off.mean()) for key, off in self.devices.items()}

    def predict(
        self, data: GraphicsData, index: Index, *, spread: Mapping[int, Spread] | None = None, models: bool = True
    ) -> Array:
        """Log time of rows, with the deviations that are known; those of devices where their ``spread`` is given."""
        base = log_time(self.parameters, data.arrays.take(index))
        precision = data.arrays.precision
        if models:
            base = base + np.array([self.models.get((int(precision[i]), data.model[i]), 0.0) for i in index])
        if spread is not None:
            own = self.deviations(spread)
            base = base + np.array([own.get((int(precision[i]), data.lists[i]), 0.0) for i in index])
        return base


def fit_graphics(data: GraphicsData, index: Index) -> GraphicsFit:
    """Least squares over parameters and deviations at once, all with their priors (a maximum of the posterior).

    Gauss-Newton from the priors' means, with steps halved until the sum of squares falls. Source: Nocedal and Wright
    (2006), Numerical Optimization, section 10.3.
    """
    rows, y = data.arrays.take(index), data.log_time[index]
    mean = np.array([PRIORS[name][0] for name in NAMES])
    spread = np.array([PRIORS[name][1] for name in NAMES])
    models, of_model = _labels([(int(data.arrays.precision[i]), data.model[i]) for i in index])
    devices, of_device = _labels([(int(data.arrays.precision[i]), data.device[i]) for i in index])
    count, split = len(NAMES), len(NAMES) + len(models)
    centre = np.concatenate([mean, np.zeros(len(models) + len(devices))])
    prior = np.concatenate([spread, np.full(len(models), MODEL_SD), np.full(len(devices), DEVICE_SD)])

    def off(z: Array) -> Array:
        own = z[count:split][of_model] + z[split:][of_device]
        found: Array = (y - log_time(z[:count], rows) - own) / NOISE_SD
        return found

    def cost(z: Array, residuals: Array) -> float:
        return float(residuals @ residuals + (((z - centre) / prior) ** 2).sum())

    z = centre.copy()
    at = np.arange(len(y))
    slopes = np.zeros((len(y), len(centre)))
    slopes[at, count + of_model] = slopes[at, split + of_device] = -1.0 / NOISE_SD
    residuals = off(z)
    for _ in range(_STEPS):
        # Heavy tails: a model that lies far off the formula must not bend it.
        prior[count:split] = np.maximum(MODEL_SD, np.abs(z[count:split]) / _FAR)
        here = log_time(z[:count], rows)
        for k in range(count):
            moved = z[:count].copy()
            moved[k] += _NUDGE
            slopes[:, k] = -(log_time(moved, rows) - here) / _NUDGE / NOISE_SD
        left = slopes.T @ slopes + np.diag(prior**-2.0)
        step = -np.linalg.solve(left, slopes.T @ residuals + (z - centre) / prior**2)
        before = cost(z, residuals)
        while cost(z + step, off(z + step)) > before and np.abs(step).max() > _NUDGE:
            step = step / 2.0
        z = z + step
        residuals = off(z)
        if before - cost(z, residuals) < _STILL * before:
            break
    off_by = NOISE_SD * residuals + z[split:][of_device]
    lists, of_list = _labels([(int(data.arrays.precision[i]), data.lists[i]) for i in index])
    return GraphicsFit(
        z[:count],
        {key: float(value) for key, value in zip(models, z[count:split], strict=True)},
        {key: off_by[of_list == k] for k, key in enumerate(lists)},
    )


def _by_name(pair: tuple[int, str]) -> str:
    return pair[1]


def _labels(keys: Sequence[tuple[int, str]]) -> tuple[list[tuple[int, str]], Index]:
    known = sorted(set(keys))
    at = {key: i for i, key in enumerate(known)}
    return known, np.array([at[key] for key in keys], dtype=np.int64)


def _left_out(data: GraphicsData, predicted: Array, test: Index, units: Sequence[str]) -> Errors:
    return Errors(
        data.log_time[test] - predicted, tuple(units[i] for i in test), data.arrays.precision[test],
        tuple(data.device[i] for i in test), tuple(data.lists[i] for i in test),
    )  # fmt: skip


def network_folds(data: GraphicsData) -> Index:
    """Fold of each row: whole model families together, about equally many rows each."""
    sizes: dict[str, int] = defaultdict(int)
    for name in data.network:
        sizes[name] += 1
    load, fold = [0] * FOLDS, {}
    for name in sorted(sizes, key=lambda item: (-sizes[item], item)):
        fold[name] = int(np.argmin(load))
        load[fold[name]] += sizes[name]
    return np.array([fold[name] for name in data.network], dtype=np.int64)


class Judge:
    """Fits with devices and model families left out, each made once, and the errors on what they had not seen."""

    def __init__(self, data: GraphicsData) -> None:
        self._data = data
        self._every = np.arange(len(data.log_time))
        self._device, self._folds = np.array(data.device), network_folds(data)
        self._fits: dict[tuple[frozenset[str], int | None], GraphicsFit] = {}
        sheet = np.isin(np.array(data.family), SHEET_FAMILIES)
        self._names = sorted(set(self._device[sheet].tolist()))

    def _rest(self, devices: Sequence[str], fold: int | None) -> Index:
        seen = ~np.isin(self._device, devices)
        return self._every[seen if fold is None else seen & (self._folds != fold)]

    def _without(self, devices: Sequence[str], fold: int | None = None) -> GraphicsFit:
        key = frozenset(devices), fold
        if key not in self._fits:
            self._fits[key] = fit_graphics(self._data, self._rest(devices, fold))
        return self._fits[key]

    def unseen_device(self, name: str, others: Sequence[str] = (), fold: int | None = None) -> Errors:
        """Errors on a device that was left out, of models that were fitted; ``others`` and a fold are left out, too."""
        data, fit = self._data, self._without((name, *others), fold)
        rows = self._rest(others, fold)
        rows = rows[(self._device[rows] == name) & ~data.falls_back[rows]]
        test = np.array(
            [i for i in rows if (int(data.arrays.precision[i]), data.model[i]) in fit.models], dtype=np.int64
        )
        return _left_out(data, fit.predict(data, test), test, data.device)

    def spread(self, others: Sequence[str] = (), fold: int | None = None) -> dict[int, Spread]:
        """Spread of devices by precision, learned without ``others`` and without the model families of a fold."""
        found = joined([self.unseen_device(name, others, fold) for name in self._names if name not in others])
        return {number: spread_of(found.of(found.precision == number)) for number in range(len(PRECISIONS))}

    def errors(self) -> dict[str, Errors]:
        """Errors by class of evidence: devices left out, model families left out, and both."""
        data = self._data
        spec, one, three, both, unseen = [], [], [], [], []
        for name in self._names:
            found = self.unseen_device(name)
            spec.append(found)
            for precision, spread in self.spread((name,)).items():
                part = found.of(found.precision == precision)
                one += anchored(part, 1, spread)
                three += anchored(part, 3, spread)
        for fold in range(FOLDS):
            test = self._every[(self._folds == fold) & ~data.falls_back]
            predicted = self._without((), fold).predict(data, test, spread=self.spread((), fold), models=False)
            unseen.append(_left_out(data, predicted, test, data.network))
            for name in self._names:
                part_of = test[self._device[test] == name]
                if len(part_of):
                    predicted = self._without((name,), fold).predict(data, part_of, models=False)
                    both.append(_left_out(data, predicted, part_of, data.device))
        return {
            "spec/published": joined(spec),
            "anchored/published": joined(one),
            "anchored-3/published": joined(three),
            "anchored/unpublished": joined(unseen),
            "spec/unpublished": joined(both),
        }


def anchored(found: Errors, anchors: int, spread: Spread) -> list[Errors]:
    """Errors once models were published on the device: each row in turn is the first anchor, the next ones follow.

    An anchor says something of figures of its own list alone. ``spread`` is of other devices.
    """
    out = []
    count, lists = len(found.errors), np.array(found.shared)
    for start in range(count if count > anchors else 0):
        mine = np.zeros(count, dtype=bool)
        mine[[(start + step * 2) % count for step in range(anchors)]] = True
        shift = np.zeros(count)
        for name in set(found.shared):
            known = found.errors[mine & (lists == name)]
            if len(known):
                shift[lists == name] = spread.share(len(known)) * float(known.mean())
        out.append(replace(found, errors=found.errors - shift).of(~mine))
    return out


def fit_device_calibration() -> DeviceCalibration:
    """Fit everything and judge it."""
    data = graphics_data()
    every = np.arange(len(data.log_time))
    fit = fit_graphics(data, every)
    judge = Judge(data)
    judged, spread = judge.errors(), judge.spread()
    family = dict(zip(data.device, data.family, strict=True))
    bands, table = {}, []
    for name, found in judged.items():
        for precision, word in enumerate(PRECISIONS):
            part = found.of(found.precision == precision)
            if name == "anchored/unpublished":
                for kind in ("gen9", "gen11", "xe"):
                    own = part.of(np.array([family[item].startswith(kind) for item in part.devices]))
                    table.append(accuracy(f"Intel graphics {kind}, {word}, model family left out", own))
                    for member in SHEET_FAMILIES if kind == "xe" else (kind,):
                        bands[f"{name}/{member}/{word}"] = band(own)
            else:
                table.append(accuracy(f"Intel graphics Xe-LP and Xe-LPG, {word}, {WORDS[name]}", part))
            bands[f"{name}/{word}"] = band(part)
    arm, arm_table = fit_arm()
    return DeviceCalibration(
        made_by="python -m advisor.calibration.devices",
        data_sha256=data_sha256(),
        graphics=Graphics(
            parameters={name: round(float(value), 5) for name, value in zip(NAMES, fit.parameters, strict=True)},
            models=_offsets(fit.models, data.model, data.arrays.precision),
            model_flop={
                name: float(data.arrays.table[i, :, 0].sum()) for i, name in sorted(enumerate(data.model), key=_by_name)
            },
            # Predictions are of the software of the tables, so what a device is off by on the newest list stays out.
            devices=_offsets(
                {key: value for key, value in fit.deviations(spread).items() if key[1] in data.device},
                data.lists,
                data.arrays.precision,
            ),
            anchor_share={word: round(spread[number].share(1), 3) for number, word in enumerate(PRECISIONS)},
            bands=bands,
            latency_ratio=latency_ratio(),
        ),
        arm=arm,
        accuracy=(*table, *arm_table),
    )


WORDS = {
    "spec/published": "device left out",
    "anchored/published": "one model published on the device",
    "anchored-3/published": "three models published on the device",
    "spec/unpublished": "device and model family left out",
}


def _offsets(
    found: dict[tuple[int, str], float], names: Sequence[str], precision: Index
) -> dict[str, dict[str, Offset]]:
    keys = [(int(p), name) for p, name in zip(precision, names, strict=True)]
    return {
        word: {
            name: Offset(value=round(value, 5), rows=keys.count((number, name)))
            for (p, name), value in sorted(found.items())
            if p == number
        }
        for number, word in enumerate(PRECISIONS)
    }


def latency_ratio() -> Offset:
    """Median log of latency x throughput on graphics from 2024.3 on, where requests came one at a time."""
    found = [
        float(np.log(row.latency_s * row.throughput_per_s))
        for models in load_figures().by_device.values()
        for rows in models.values()
        for row in rows
        if row.source == "openvino-tables" and row.device.endswith("-gpu") and row.latency_s and row.throughput_per_s
    ]
    return Offset(value=round(float(np.median(found)), 4), rows=len(found))


def data_sha256() -> str:
    """Hash of the figures."""
    return hashlib.sha256((profiles_dir() / "published" / "devices.csv.gz").read_bytes()).hexdigest()


@cache
def fitted() -> DeviceCalibration:
    """The fit, once per process."""
    return fit_device_calibration()


def main(write: Callable[[str], object] = sys.stdout.write) -> None:
    """Write the file and print the table."""
    found = fitted()
    path = profiles_dir() / "calibration" / "devices.json"
    text = json.dumps(found.model_dump(mode="json", by_alias=True), indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    for row in found.accuracy:
        write(f"{row}\n")


if __name__ == "__main__":
    main()
