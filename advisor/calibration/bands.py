"""Bands of the shipped calibration, from errors on what was left out (:mod:`.left_out`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.interval import (
    BETWEEN_BELIEF,
    FEW,
    Bands,
    Units,
    band,
    centre_and_half,
    merged,
    weighted_quantile,
)
from advisor.perfmodel.analytic.machine import LARGER_THAN_SMALL, POWER_CLASSES, SIMD_CLASSES, SMALL_CORES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.records.base import Z90
from advisor.records.calibration import ErrorBand

from .left_out import LeftOutErrors, cells, grouped
from .published import Observations, machines_elsewhere
from .shares import SharedVariance, together

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_LEAST = 3
LEVEL = 0.8


_FARTHEST = 2.0 * Z90
"""Standard deviations beyond which a machine counts as being there: twice the distance of P10-P90."""
_MEDIAN_OF_NORMAL = 0.6745
"""Median of the absolute value of a standard normal variable."""


def drawn_in(errors: Array, machines: Sequence[str], tails: Sequence[str], rows: Sequence[int]) -> Array:
    """Errors with each far machine moved, all its rows of one precision and mode alike, to where it still counts.

    One box of thirty at a sixth of its speed says that such boxes exist, which an interval that leaves one in five
    outside need not hold; as it is it would be all that its class knows. Standard deviations are those of the median
    over all machines, so that no box makes its own.
    """
    moved = errors.copy()
    for part in grouped(tails, rows).values():
        units = Units.of(errors[part], [machines[i] for i in part])
        farthest = _FARTHEST * float(np.median(np.abs(units.middle))) / _MEDIAN_OF_NORMAL
        shift = dict(zip(units.names, np.clip(units.middle, -farthest, farthest) - units.middle, strict=True))
        for i in part:
            moved[i] += shift[machines[i]]
    return moved


class HeldOutBands:
    """Errors on machines left out, per class, precision and mode; bands from any part of the machines.

    A band's spreads are those of its class, shrunk to those of the parent (all machines of that power, or of the same
    precision and mode). A class's factor is the quantile, over the rows of its machines, of |error - middle| / half
    width, each by the band of the *other* machines: split conformal prediction with the class as condition and the
    machine as exchangeable unit, each weighing as the root of its rows. All other classes' rows count as so many more
    machines as the spreads have belief in their parent; the bands themselves, and :func:`level`, widen for few
    machines. Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 4.5; Dunn,
    Wasserman and Ramdas (2023), groups; the shrinking of the quantile is a project assumption.

    ``together``: by machine, those that are no independent evidence of it and leave with it. ``kind``: beginning of the
    bands' keys, with its slash; empty for machines whose models are known. ``classes``: of each row, where they are not
    those of :func:`cells`.
    """

    def __init__(
        self,
        data: Observations,
        errors: Array,
        counted: Flags,
        together: Mapping[str, frozenset[str]],
        kind: str = "",
        classes: Sequence[str] | None = None,
    ) -> None:
        self._together = together
        self.labels, self._by_power = cells(data), classes is None
        if classes is not None:
            self.labels = [(name, tail) for name, (_, tail) in zip(classes, self.labels, strict=True)]
        self.kind, self.machines = kind, [row.machine for row in data.rows]
        self._small = data.machines.atom_only > 0
        self._made: dict[frozenset[str], list[ErrorBand]] = {}
        self.models = [row.model for row in data.rows]
        self.rows = np.flatnonzero(counted & np.isfinite(errors)).tolist()
        errors = drawn_in(errors, self.machines, [tail for _, tail in self.labels], self.rows)
        self.errors = errors
        self._judged = {self.machines[i] for i in self.rows}
        self._parts = grouped([f"{simd}/{tail}" for simd, tail in self.labels], self.rows)
        self.units = {
            key: Units.of(errors[part], [self.machines[i] for i in part]) for key, part in self._parts.items()
        }

    def _akin(self, key: str, left_out: Collection[str]) -> Units:
        """All machines of a class's power, in its precision and mode; none of any other class."""
        simd, tail = key.split("/", 1)
        parts = [
            self.units[name]
            for other, power in POWER_CLASSES.items()
            if power == POWER_CLASSES.get(simd) and (name := f"{other}/{tail}") in self.units
        ]
        return merged(parts).without(left_out) if parts else Units.of(np.zeros(0), [])

    def _parent(self, key: str, left_out: Collection[str]) -> Units:
        """Spreads that a class is shrunk to: of all of its power, else of its precision and mode, else of all."""
        akin, tail = self._akin(key, left_out), key.split("/", 1)[1]
        if len(akin.names) >= _LEAST:
            return akin
        alike = merged([units for name, units in self.units.items() if name.endswith(tail)]).without(left_out)
        return alike if len(alike.names) >= _LEAST else merged(self.units.values()).without(left_out)

    def _bands(self, left_out: Collection[str]) -> dict[str, tuple[float, float]]:
        bands = {}
        for key, units in self.units.items():
            # A class of which nobody is left keeps an entry: its parent's spread alone.
            bands[key] = centre_and_half(units.without(left_out), self._parent(key, left_out))
        return bands

    def ratios(self, left_out: Collection[str] = ()) -> dict[str, list[tuple[str, float]]]:
        """Per class: machine and |error - middle| / half width of each row, each by the other families' bands."""
        ratios: dict[str, list[tuple[str, float]]] = {}
        kin = {name: self._together[name] for name in self._judged - set(left_out)}
        without = {names: self._bands({*left_out, *names}) for names in set(kin.values())}
        bands = {name: without[names] for name, names in kin.items()}
        for i in self.rows:
            name, (simd, tail) = self.machines[i], self.labels[i]
            if name in bands:
                middle, half = bands[name][f"{simd}/{tail}"]
                ratios.setdefault(simd, []).append((name, abs(float(self.errors[i]) - middle) / half))
        return ratios

    def factors(self, left_out: Collection[str] = ()) -> dict[str, float]:
        """Factor on the bands of each class; ``*`` for those of which no machine is known."""
        ratios = self.ratios(left_out)
        every = {"*": _factor([], [pair for part in ratios.values() for pair in part])}
        for simd, part in ratios.items():
            every[simd] = _factor(part, [pair for name, pairs in ratios.items() if name != simd for pair in pairs])
        return every

    def shares(self, left_out: Collection[str] = ()) -> dict[str, float]:
        """Machine's share per class, precision and mode: shrunk to that of all (``*``), and that to all cells'."""
        split = {key: self._split(part, left_out) for key, part in self._parts.items()}
        whole = together(split.values()).share()
        of_tails = {
            tail: together([part for key, part in split.items() if key.split("/", 1)[1] == tail]).share(whole)
            for tail in {key.split("/", 1)[1] for key in split}
        }
        found = {key: part.share(of_tails[key.split("/", 1)[1]]) for key, part in split.items()}
        return found | {f"*/{tail}": share for tail, share in of_tails.items()}

    def _split(self, part: Sequence[int], left_out: Collection[str]) -> SharedVariance:
        rows = [i for i in part if self.machines[i] not in left_out]
        return SharedVariance.of(self.errors[rows], [self.machines[i] for i in rows], [self.models[i] for i in rows])

    def bands(self, left_out: Collection[str] = ()) -> list[ErrorBand]:
        """Bands per class, precision and mode."""
        key = frozenset(self._judged & set(left_out))
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def _make(self, left_out: Collection[str]) -> list[ErrorBand]:
        factors, shares = self.factors(left_out), self.shares(left_out)
        tails = {key.split("/", 1)[1] for key in self.units}
        # A class of power without a machine has the band that its parent gives it, and counts the parent's machines.
        powers = {f"{simd}/{tail}" for simd in POWER_CLASSES for tail in tails} if self._by_power else set()
        bands = []
        for key in sorted({*self.units, *powers}):
            simd, tail = key.split("/", 1)
            kept = self.units.get(key, Units.of(np.zeros(0), [])).without(left_out)
            stand = self._akin(key, left_out) if simd in POWER_CLASSES else kept
            if not stand.names:
                continue
            factor, share = factors.get(simd, factors["*"]), shares.get(key, shares[f"*/{tail}"])
            found = band(self.kind + key, kept, self._parent(key, left_out), factor, share, standing=stand)
            bands.append(found)
            if simd == LARGER_THAN_SMALL:
                small, name = self._small_units(key, left_out), f"{self.kind}{SMALL_CORES}/{tail}"
                if small.names:
                    bands.append(band(name, small, kept, factor, share, standing=stand))
                else:
                    bands.append(found.model_copy(update={"key": name}))
        return bands

    def _small_units(self, key: str, left_out: Collection[str]) -> Units:
        """Small cores alone: a group whose parent is the class that it is a part of."""
        part = [i for i in self._parts.get(key, []) if self._small[i]]
        return Units.of(self.errors[part], [self.machines[i] for i in part]).without(left_out)


def level(machines: float) -> float:
    r"""Share of rows that a factor learned from so many machines must hold, so that 80 % of a new one's lie inside.

    .. math:: 2\,\Phi(t_{0.9,\,\nu + m}) - 1

    the share of a normal distribution within Student's quantile, with the belief nu of ``interval.py``: 0.86 for three
    machines, 0.80 for very many. Derived here; valid for three machines or more.
    """
    from scipy.special import ndtr, stdtrit

    return float(2.0 * ndtr(stdtrit(BETWEEN_BELIEF + machines, (1.0 + LEVEL) / 2.0)) - 1.0)


def _factor(own: Sequence[tuple[str, float]], others: Sequence[tuple[str, float]] = ()) -> float:
    """Factor that holds enough of ``own`` rows; those of other classes weigh as much as the belief in a parent."""
    names, index, counts = np.unique([name for name, _ in (*own, *others)], return_inverse=True, return_counts=True)
    weights, machines = 1.0 / np.sqrt(counts[index]), float(len(names))
    if own and others:
        of_class = len({name for name, _ in own})
        weights[: len(own)] *= of_class / weights[: len(own)].sum()
        weights[len(own) :] *= BETWEEN_BELIEF / weights[len(own) :].sum()
        machines = of_class + BETWEEN_BELIEF
    return weighted_quantile(np.array([ratio for _, ratio in (*own, *others)]), weights, level(machines))


def new_bands(data: Observations, errors: Array, counted: Flags) -> list[ErrorBand]:
    """Bands of instruction sets that were left out whole: these are the unit (``machines`` counts them)."""
    return _unit_bands("new", data, errors, counted, [SIMD_CLASSES[simd] for simd in data.machines.simd])


def kind_bands(kind: str, data: Observations, errors: Array, counted: Flags) -> list[ErrorBand]:
    """Bands per precision and mode, and one for all, of errors on known chips (``published``, ``lone``)."""
    return _unit_bands(kind, data, errors, counted, [row.machine for row in data.rows])


def _unit_bands(kind: str, data: Observations, errors: Array, counted: Flags, names: Sequence[str]) -> list[ErrorBand]:
    rows = [i for i in np.flatnonzero(counted).tolist() if np.isfinite(errors[i])]
    whole = Units.of(errors[rows], [names[i] for i in rows])
    tails = [tail for _, tail in cells(data)]
    shares, share = _cell_shares(data, errors, rows, tails)
    bands = [band(f"{kind}/*/*", whole, whole, machine_share=share)]
    for tail, part in sorted(grouped(tails, rows).items()):
        units = Units.of(errors[part], [names[i] for i in part])
        bands.append(band(f"{kind}/{tail}", units, whole, machine_share=shares[tail]))
    return bands


def _cell_shares(
    data: Observations, errors: Array, rows: Sequence[int], labels: Sequence[str]
) -> tuple[dict[str, float], float]:
    """Machine's share per label, shrunk to that of all, and that of all; pairs of rows are of one precision and mode.

    The machine is what is shared, whatever the unit of the band.
    """
    split: dict[str, list[SharedVariance]] = {}
    keys = [f"{label} {tail}" for label, (_, tail) in zip(labels, cells(data), strict=True)]
    for part in grouped(keys, rows).values():
        machines, models = [data.rows[i].machine for i in part], [data.rows[i].model for i in part]
        split.setdefault(labels[part[0]], []).append(SharedVariance.of(errors[part], machines, models))
    whole = together([item for parts in split.values() for item in parts]).share()
    return {label: together(parts).share(whole) for label, parts in split.items()}, whole


def unseen_bands(data: Observations, errors: Array, counted: Flags) -> list[ErrorBand]:
    """Bands of models that no fitted row knows, per precision; the model is the unit (``machines`` counts models)."""
    return _model_bands("unseen", data, errors, np.flatnonzero(counted).tolist(), calibrated=True)


def few_bands(data: Observations, errors: Array, left_out: Collection[str] = ()) -> list[ErrorBand]:
    """Bands of models that few machines have figures of, on a machine that was left out, per precision.

    All harnesses: figures of such models come from tables that nobody tuned, and so would those of a harness that was
    never seen. The model is the unit (``machines`` counts models).
    """
    elsewhere = machines_elsewhere(data.rows)
    rows = [i for i, row in enumerate(data.rows) if 0 < elsewhere[i] < FEW and row.machine not in left_out]
    return _model_bands("few", data, errors, rows)


def _model_bands(
    kind: str, data: Observations, errors: Array, rows: Sequence[int], *, calibrated: bool = False
) -> list[ErrorBand]:
    """``calibrated``: widths are multiplied by the quantile of errors over them, each by the other models' band.

    That takes models for exchangeable, which they are not where most of the variance is the machines'.
    """
    if not rows:
        return []
    models, precisions = [row.model for row in data.rows], [PRECISIONS[row.precision] for row in data.rows]
    whole = Units.of(errors[list(rows)], [models[i] for i in rows])
    shares, _ = _cell_shares(data, errors, rows, precisions)
    groups = grouped(precisions, rows)
    bands = []
    for precision in PRECISIONS:
        if precision in groups:
            part = groups[precision]
            units = Units.of(errors[part], [models[i] for i in part])
            factor = 1.0
            if calibrated and len(units.names) >= _LEAST:
                factor = _factor(_model_ratios(errors[part], [models[i] for i in part], units, whole))
            bands.append(band(f"{kind}/{precision}", units, whole, factor, shares[precision]))
    return bands


def _model_ratios(errors: Array, models: Sequence[str], units: Units, whole: Units) -> list[tuple[str, float]]:
    """Model and |error - middle| / half width of each row, each by the band of the other models."""
    middles = {name: centre_and_half(units.without({name}), whole.without({name})) for name in units.names}
    return [
        (name, abs(float(error) - middles[name][0]) / middles[name][1])
        for name, error in zip(models, errors, strict=True)
    ]


class BandsWithout:
    """All bands of a calibration, made with or without the errors of some machines."""

    def __init__(self, errors: LeftOutErrors) -> None:
        self._errors, self._counted = errors, errors.counted
        together = errors.together
        alone = {name: frozenset({name}) for name in together}
        doubtful = np.array([row.doubtful for row in errors.data.rows])
        of = {kind: getattr(errors, kind) for kind in ("machine", "anchored", "unpublished", "once")}
        self._held, self._anchored, self._unpublished, self._once = (
            HeldOutBands(
                errors.data,
                values,
                self._counted if kind == "anchored" else errors.judged & ~doubtful,
                alone if kind == "anchored" else together,
                "" if kind == "machine" else f"{kind}/",
                errors.data.machines.core_classes() if kind == "anchored" else None,
            )
            for kind, values in of.items()
        )
        self._machines = np.array([row.machine for row in errors.data.rows])

    def bands(self, left_out: Collection[str] = ()) -> list[ErrorBand]:
        """Bands from the errors on all machines but those left out."""
        known, data = self._errors, self._errors.data
        counted = self._counted & ~np.isin(self._machines, list(left_out))
        return [
            *self._held.bands(left_out),
            *self._unpublished.bands(left_out),
            *self._once.bands(left_out),
            *new_bands(data, known.classes, counted),
            *self._anchored.bands(left_out),
            *kind_bands("lone", data, known.lone, counted),
            *kind_bands("published", data, known.published, counted),
            *unseen_bands(data, known.unseen, counted),
            *few_bands(data, known.shown, left_out),
        ]


@dataclass(frozen=True)
class NestedWidths:
    """Per row: 10 and 90 % quantile of its error and the machine's share, from the *other* machines' errors alone."""

    low: Array
    high: Array
    machine_share: Array

    def inside(self, errors: Array) -> Flags:
        """Whether each error lies between its quantiles (cross-conformal)."""
        result: Flags = (self.low <= errors) & (errors <= self.high)
        return result


CASES = ("spec", "unpublished", "once", "anchored", "published", "unseen")
"""What a prediction can rest on: a data sheet with a published model, with one that has no figure or a measurement on
one other machine; a chip with figures of other models, of this model, and with a model that has none."""


def nested_widths(errors: LeftOutErrors) -> dict[str, NestedWidths]:
    """Widths of each of :data:`CASES` for every row, its family's errors left out of the bands, factors included."""
    rows, elsewhere = errors.data.rows, machines_elsewhere(errors.data.rows)
    names = np.array([row.machine for row in rows])
    found = {case: np.full((len(rows), 3), np.nan) for case in CASES}
    maker, classes = BandsWithout(errors), errors.data.machines.error_classes()
    cores = errors.data.machines.core_classes()
    together = errors.together
    for left_out in sorted(set(together.values()), key=sorted):
        bands = Bands(maker.bands(left_out))
        for i in np.flatnonzero([together[name] == left_out for name in names]):
            simd, precision, mode = classes[i], PRECISIONS[rows[i].precision], MODES[rows[i].mode]
            machine = bands.find(simd, precision, mode)
            found["spec"][i] = bands.spec(simd, precision, mode, int(elsewhere[i]))
            found["unpublished"][i] = bands.spec(simd, precision, mode, 0)
            found["once"][i] = bands.once(simd, precision, mode)
            found["anchored"][i] = machine.within(bands.anchored(cores[i], precision, mode))
            found["published"][i] = machine.within(bands.published(precision, mode))
            found["unseen"][i] = bands.unseen(precision)
    return {case: NestedWidths(*values.T) for case, values in found.items()}
