"""What the physical model leaves over, as a Gaussian process over machines and models.

The logarithm of (published time / physical time) is a sum of independent effects, each a covariance function: of the
model, of the machine, of their interplay, of the source. Conditioning on the rows of a machine *is* the shrinking
device factor: with no row only its data sheet speaks, with one, three or eight measured models its own factor takes
over by the rule of Bayes. A machine's own effects are of two kinds. Those of its chip are shared with near twins, by
the distance of the chips (:func:`chip_features`): what a data sheet does not tell of a chip is the same in one of the
same make, 200 MHz slower. Those of the box (power limit, cooling, memory modules) are shared with nothing: two boxes of
nearly one chip may differ by half, and neither says so much of a third.

Source: Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. (2.25) and (2.26) for prediction,
eq. (5.12) for leaving groups out without refitting (here with blocks for single points).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import SIMD_CLASSES, MachineArrays
from advisor.perfmodel.analytic.work_table import WorkTable

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

SCALE_NAMES = (
    "level",  # everything alike: where the physical model stands as a whole
    "level_cell",  # the same per precision and mode
    "model",  # a model everywhere
    "model_precision",
    "model_mode",
    "model_like",  # alike models (shares of work) everywhere
    "model_like_precision",
    "machine",  # a chip, and near twins of it, for all models
    "machine_precision",
    "machine_mode",
    "machine_like",  # alike data sheets
    "machine_like_precision",
    "machine_like_mode",
    "both_like",  # alike models on alike machines
    "both_like_precision",
    "both_like_mode",
    "model_on_like",  # this model on alike machines
    "like_on_machine",  # alike models on this machine
    "kind_on_machine",  # kinds of kernels on this machine, by their share of a model's nominal time
    "kind_on_machine_precision",
    "kind_on_machine_mode",
    "kind_on_like",  # the same on alike machines
    "kind_on_like_precision",
    "box",  # what the box of the figures does, for all models: power limit, cooling, memory modules
    "box_precision",
    "box_mode",
    "kind_on_box",  # the same on kinds of kernels
    "model_era",  # what the software of a source does to a model, by precision
    "era",
    "era_machine",  # what the software of a source does to a chip and its near twins
    "era_box",  # another box behind the same chip's name in another source
    "noise",
)
"""Effects; their standard deviations (natural logarithm) are chosen in scales.py and stored with the calibration."""


ERA_SCALE = {"dli": 4.0, "openvino-serving": 4.0, "esq": 4.0}
"""Factor on the ``era`` scale of sources that are another harness than the vendor's tuned one; 1 for that."""
NOISE_SCALE = {"openvino-serving": 3.0}
"""Factor on the ``noise`` scale of sources whose single figures are off by more than others' (the model server's
tables: one model at a third of its speed in the main table of the same release); 1 for the rest."""


_FAR = 100.0


def era_scale(era: str) -> float:
    """How far a source may lie off the reference, over the usual scale."""
    return next((scale for prefix, scale in ERA_SCALE.items() if era.startswith(prefix)), 1.0)


@dataclass(frozen=True)
class ResidualPoints:
    """Rows of the process: labels as integers, features as standardised arrays."""

    machine: Integers
    model: Integers
    precision: Integers
    mode: Integers
    era: Integers
    machine_features: Array
    chip_features: Array
    model_features: Array
    kinds: Array
    """Share of each kind of kernel in a model's nominal time (:func:`kinds_of_models`)."""
    era_scale: Array
    """How far a source may be off, over the usual ``era`` scale: untuned harnesses more than tuned ones."""
    noise_scale: Array
    """How far single figures of a source may be off, over the usual noise."""

    def take(self, index: Integers | NDArray[np.bool_]) -> ResidualPoints:
        """A subset."""
        return ResidualPoints(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def joined(self, other: ResidualPoints) -> ResidualPoints:
        """These rows, then those of ``other``."""
        names = self.__dataclass_fields__
        return ResidualPoints(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


def machine_features(machine: MachineArrays) -> Array:
    """Data-sheet features in units of their usual spread: SIMD class (own axes), size, cache, bandwidth, age, power."""
    cores = machine.cores
    simd = np.eye(len(SIMD_CLASSES))[machine.simd] * 0.8
    columns = [
        np.log(cores / 6.0) / 1.2,
        (machine.sockets - 1.0) * 0.8,
        np.log(machine.l2_bytes / cores / 512e3) / 1.5,
        np.log(machine.l3_bytes / cores / 1.5e6) / 1.5,
        np.log(machine.bandwidth / cores / 6e9) / 1.2,
        (machine.year - 2019.0) / 4.0,
        np.log(machine.power_w / cores / 8.0) / 1.2,
        machine.atom_only * 1.0,
        np.minimum(machine.efficiency_cores / machine.performance_cores, 2.0) * 0.6,
        machine.amd * 1.0,
    ]
    return np.column_stack([simd, *columns])


_APART = 10.0


def chip_features(machine: MachineArrays) -> Array:
    """Features of the chip that no box changes, in units of the distance over which its own effects are forgotten.

    Makers, instruction sets and numbers of sockets share nothing. The units are a project assumption, made before
    looking; twice and half of them were tried (2026-11): these make the fitted rows most likely.
    """
    cores = machine.cores
    apart = np.eye(len(SIMD_CLASSES))[machine.simd] * _APART
    columns = [
        machine.sockets * _APART,
        machine.amd * _APART,
        machine.atom_only * _APART,
        np.log(cores) / 0.5,
        machine.efficiency_cores / machine.performance_cores / 0.5,
        (machine.threads_per_core - 1.0) * 0.5,
        (machine.year - 2019.0) / 2.0,
        np.log(machine.boost_hz) / 0.25,
        np.log(machine.fma_bits) / 0.3,
        np.log(machine.l2_bytes / cores) / 0.7,
        np.log(machine.l3_bytes / cores) / 0.7,
        np.log(machine.tdp_w / cores) / 0.7,
    ]
    return np.column_stack([apart, *columns])


def features_of_models(works: Sequence[WorkTable]) -> Array:
    """Features of several models; those that stand for no architecture lie far from everything and from each other."""
    rows = [model_features(work) if work.alike else np.full(9, _FAR * (i + 1)) for i, work in enumerate(works)]
    return np.array(rows)


def model_features(work: WorkTable) -> Array:
    """Features of a work table in units of their usual spread: size, intensity, shares of classes."""
    table = work.table
    flop = max(work.flop, 1e3)
    total_bytes = max(float(table[:, 1].sum()), 1e3)
    kernels = max(float(table[:, 3].sum()), 1.0)
    return np.array(
        [
            np.log(flop / 3e9) / 2.5,
            np.log(flop / total_bytes / 40.0) / 1.2,
            np.log(flop / kernels / 5e7) / 2.5,
            np.log(max(work.weight_bytes, 1e4) / 4e7) / 2.0,
            np.log(max(work.weight_bytes, 1e4) / flop * 100.0) / 2.0,
            table[1, 0] / flop * 10.0,
            table[2, 0] / flop * 1.5,
            table[3, 1] / total_bytes * 1.5,
            min(table[4, 3] / kernels * 5.0, 2.0),
        ]
    )


_NOMINAL_FLOP_PER_S = np.array([60e9, 12e9, 40e9, 10e9, 10e9])
"""Operations per second of each class of kernel on an ordinary core of 2020: only the shares that follow count."""
_NOMINAL_BYTES_PER_S, _NOMINAL_KERNEL_S = 15e9, 2e-6


def kinds_of_models(works: Sequence[WorkTable]) -> Array:
    r"""Shares of a model's nominal time, shape (models, classes + 3); zero where the table is a guess.

    Arithmetic per class of kernel, activations, weights, and calls of kernels. If a machine runs class c faster than
    its data sheet says by the factor exp(d_c), a model's logarithm of time moves by about sum_c share_c d_c: so the
    covariance of two models on one machine is the product of their shares. Derived here.
    """
    rows = []
    for work in works:
        table = work.table
        parts = [
            *(table[:, 0] / _NOMINAL_FLOP_PER_S),
            table[:, 1].sum() / _NOMINAL_BYTES_PER_S,
            table[:, 2].sum() / _NOMINAL_BYTES_PER_S,
            table[:, 3].sum() * _NOMINAL_KERNEL_S,
        ]
        total = max(sum(parts), 1e-9)
        rows.append(np.array(parts) / total if work.alike else np.zeros(len(parts)))
    return np.array(rows)


def likeness(a: Array, b: Array) -> Array:
    """Likeness of rows of features, worked out between distinct rows: there are far fewer machines and models."""
    a_rows, a_at = _distinct(a)
    b_rows, b_at = _distinct(b)
    squared = (a_rows**2).sum(1)[:, None] + (b_rows**2).sum(1)[None, :] - 2.0 * a_rows @ b_rows.T
    result: Array = np.exp(-0.5 * np.maximum(squared, 0.0))[np.ix_(a_at, b_at)]
    return result


_SAME = 1.0 - 1e-6
"""Likeness of a chip with itself, but for the rounding of the stored features."""


def same_chip(likeness_of_chips: Array) -> Array:
    """1 where two rows are of one chip, else 0. Published figures of a chip are all taken to be of one box, or two."""
    result: Array = (likeness_of_chips > _SAME).astype(np.float64)
    return result


def _distinct(rows: Array) -> tuple[Array, Integers]:
    """Distinct rows in order of appearance, and the place of each row among them."""
    places: dict[bytes, int] = {}
    at = np.array([places.setdefault(row.tobytes(), len(places)) for row in rows], dtype=np.int64)
    _, first = np.unique(at, return_index=True)
    return rows[first], at


def components(a: ResidualPoints, b: ResidualPoints) -> dict[str, Array]:
    """Covariance of each effect at scale one between two sets of points; noise is none of them."""

    def same(name: str) -> Array:
        equal: Array = (getattr(a, name)[:, None] == getattr(b, name)[None, :]).astype(np.float64)
        return equal

    precision, mode, model, era = same("precision"), same("mode"), same("model"), same("era")
    machine = likeness(a.chip_features, b.chip_features)
    box = same_chip(machine)
    like_machine = likeness(a.machine_features, b.machine_features)
    like_model = likeness(a.model_features, b.model_features)
    both = like_machine * like_model
    kinds = a.kinds @ b.kinds.T
    return {
        "level": np.ones_like(era),
        "level_cell": precision * mode,
        "model": model,
        "model_precision": model * precision,
        "model_mode": model * mode,
        "model_like": like_model,
        "model_like_precision": like_model * precision,
        "machine": machine,
        "machine_precision": machine * precision,
        "machine_mode": machine * mode,
        "machine_like": like_machine,
        "machine_like_precision": like_machine * precision,
        "machine_like_mode": like_machine * mode,
        "both_like": both,
        "both_like_precision": both * precision,
        "both_like_mode": both * mode,
        "model_on_like": model * like_machine * precision,
        "like_on_machine": machine * like_model * precision,
        "kind_on_machine": machine * kinds,
        "kind_on_machine_precision": machine * kinds * precision,
        "kind_on_machine_mode": machine * kinds * mode,
        "kind_on_like": like_machine * kinds,
        "kind_on_like_precision": like_machine * kinds * precision,
        "box": box,
        "box_precision": box * precision,
        "box_mode": box * mode,
        "kind_on_box": box * kinds,
        "model_era": model * era * precision,
        "era": era * precision * mode * (a.era_scale[:, None] * b.era_scale[None, :]),
        "era_machine": era * machine,
        "era_box": era * box,
    }


_BLOCK = 128
"""Rows of a covariance that are worked out at once."""


def covariance(a: ResidualPoints, b: ResidualPoints, scales: dict[str, float]) -> Array:
    """Covariance between two sets of points, without noise: the sum of :func:`components`, factored for speed.

    Many points go block by block: some forty arrays of thousands of rows and columns would each pass through memory.
    """
    count = len(a.era)
    if count <= _BLOCK:
        return _covariance(a, b, scales)
    starts = range(0, count, _BLOCK)
    parts = (a.take(np.arange(start, min(start + _BLOCK, count))) for start in starts)
    return np.concatenate([_covariance(part, b, scales) for part in parts])


def _covariance(a: ResidualPoints, b: ResidualPoints, scales: dict[str, float]) -> Array:

    def same(name: str) -> Array:
        equal: Array = (getattr(a, name)[:, None] == getattr(b, name)[None, :]).astype(np.float64)
        return equal

    v = {name: value**2 for name, value in scales.items()}
    precision, mode, model, era = same("precision"), same("mode"), same("model"), same("era")
    machine = likeness(a.chip_features, b.chip_features)
    box = same_chip(machine)
    like_machine = likeness(a.machine_features, b.machine_features)
    like_model = likeness(a.model_features, b.model_features)
    cell = precision * mode
    total = v["level"] + v["level_cell"] * cell
    total += like_model * (v["model_like"] + v["model_like_precision"] * precision)
    total += model * (v["model"] + v["model_precision"] * precision + v["model_mode"] * mode)
    total += machine * (v["machine"] + v["machine_precision"] * precision + v["machine_mode"] * mode)
    alike = v["both_like"] + v["both_like_precision"] * precision + v["both_like_mode"] * mode
    alike *= like_model
    alike += v["machine_like"] + v["machine_like_mode"] * mode
    alike += precision * (v["machine_like_precision"] + v["model_on_like"] * model)
    kinds = a.kinds @ b.kinds.T
    alike += kinds * (v["kind_on_like"] + v["kind_on_like_precision"] * precision)
    total += like_machine * alike
    total += v["like_on_machine"] * machine * like_model * precision
    of_machine = v["kind_on_machine"] + v["kind_on_machine_precision"] * precision + v["kind_on_machine_mode"] * mode
    total += machine * kinds * of_machine
    total += box * (v["box"] + v["box_precision"] * precision + v["box_mode"] * mode + v["kind_on_box"] * kinds)
    total += v["model_era"] * model * era * precision
    of_source = cell * (v["era"] * a.era_scale[:, None] * b.era_scale[None, :])
    total += era * (of_source + v["era_machine"] * machine + v["era_box"] * box)
    return total


class Residual:
    """A conditioned process: mean and covariance of the residual anywhere."""

    def __init__(self, points: ResidualPoints, values: Array, scales: dict[str, float]) -> None:
        self.points, self.scales = points, scales
        matrix = covariance(points, points, scales)
        matrix[np.diag_indices_from(matrix)] += (points.noise_scale * scales["noise"]) ** 2
        self.values = values
        self._lower = np.linalg.cholesky(matrix)
        self.weights = np.linalg.solve(self._lower.T, np.linalg.solve(self._lower, values))

    def mean(self, points: ResidualPoints) -> Array:
        """Expected residual (log time) at ``points``."""
        result: Array = covariance(points, self.points, self.scales) @ self.weights
        return result

    def posterior(self, points: ResidualPoints) -> Array:
        """Covariance of rows at ``points``, noise included, given the rows conditioned on."""
        cross = covariance(points, self.points, self.scales)
        half = np.linalg.solve(self._lower, cross.T)
        own = covariance(points, points, self.scales)
        own[np.diag_indices_from(own)] += (points.noise_scale * self.scales["noise"]) ** 2
        result: Array = own - half.T @ half
        return result


class GroupsOut:
    """Predictions of rows from the rows of other groups only, from one inverse of the covariance.

    With K the covariance with noise, leaving group g out leaves the errors [K^-1]_gg^-1 [K^-1 y]_g with covariance
    [K^-1]_gg^-1 (Rasmussen and Williams 2006, eq. 5.12, for blocks).

    Own algebra and not scikit-learn's GaussianProcessRegressor: that has no leave-out in closed form (each of some 60
    machines would be a refit of thousands of rows), no fixed noise per row that is left out of learning, and no kernel
    over labels and features together.
    """

    def __init__(
        self, points: ResidualPoints, scales: dict[str, float], learnable: NDArray[np.bool_] | None = None
    ) -> None:
        matrix = covariance(points, points, scales)
        matrix[np.diag_indices_from(matrix)] += (points.noise_scale * scales["noise"]) ** 2
        if learnable is not None:
            # So much noise that the row is predicted but teaches nothing.
            matrix[np.diag_indices_from(matrix)] += np.where(learnable, 0.0, 1e4)
        self._inverse = np.linalg.inv(matrix)

    def errors(self, values: Array, rows: Integers) -> tuple[Array, Array]:
        """Errors (value - prediction) of ``rows`` when all of them are left out, and their covariance."""
        spread = np.linalg.inv(self._inverse[np.ix_(rows, rows)])
        return spread @ (self._inverse[rows] @ values), spread

    def without(self, values: Array, rows: Integers, out: Integers) -> tuple[Array, Array]:
        """Inverse of the covariance and weights at ``rows`` alone, once the rows ``out`` are gone from the process.

        The errors of a group g of ``rows`` that is left out, too, follow from its own blocks of the two, as above.
        """
        gain = np.linalg.solve(self._inverse[np.ix_(out, out)], self._inverse[np.ix_(out, rows)])
        inverse = self._inverse[np.ix_(rows, rows)] - self._inverse[np.ix_(rows, out)] @ gain
        weights = self._inverse[rows] @ values - gain.T @ (self._inverse[out] @ values)
        return inverse, weights
