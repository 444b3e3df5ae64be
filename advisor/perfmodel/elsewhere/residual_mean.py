"""Mean of the conditioned residual process by sums over cells: what every prediction needs, made cheap."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .residual import Array, Integers, ResidualPoints, likeness, same_chip

_SUM = "na,kb,ab...->nk..."


class ResidualMean:
    r"""Mean of a conditioned process at rows of one source, many machines times many models at once.

    The covariance of each effect is a product of one factor per index (machine, model, precision, mode, source), so the
    mean

    .. math:: \mu(m, k, p, q) = \sum_{a b p' q'} W_{a b p' q'}\, K(m, a)\, L(k, b)\, [p = p']\, [q = q'] + \dots

    needs the weights W of the fitted rows only as sums over the cells of fitted machine a, model b, precision and mode:
    some thousand multiplications per row instead of one covariance with each fitted row. Derived here;
    ``tests/perfmodel/elsewhere`` holds it against :func:`covariance`.
    """

    def __init__(self, fitted: ResidualPoints, weights: Array, scales: dict[str, float], era: int) -> None:
        self._v = {name: value**2 for name, value in scales.items()}
        machines, first = np.unique(fitted.machine, return_index=True)
        models, first_model = np.unique(fitted.model, return_index=True)
        self._machine_features, self._chips = fitted.machine_features[first], fitted.chip_features[first]
        self._models, self._model_features = models, fitted.model_features[first_model]
        self._kinds = fitted.kinds[first_model]
        cell = (
            np.searchsorted(machines, fitted.machine), np.searchsorted(models, fitted.model), fitted.precision,
            fitted.mode,
        )  # fmt: skip
        cells = np.zeros((len(machines), len(models), 3, 2))
        np.add.at(cells, cell, weights)
        of_era, era_scaled = np.zeros_like(cells), np.zeros_like(cells)
        mine = fitted.era == era
        np.add.at(of_era, tuple(index[mine] for index in cell), weights[mine])
        np.add.at(era_scaled, tuple(index[mine] for index in cell), (weights * fitted.era_scale)[mine])
        self._of_all, self._of_precision, self._of_mode = cells.sum((2, 3)), cells.sum(3), cells.sum(2)
        self._of_cell, self._era_of_cell = cells.sum((0, 1)), era_scaled.sum((0, 1))
        self._era_of_all, self._era_of_precision = of_era.sum((2, 3)), of_era.sum(3)

    def at(self, machines: Array, chips: Array, models: Array, labels: Integers, kinds: Array) -> Array:
        """Mean residual, shape (machines, models, 3 precisions, 2 modes).

        ``machines`` and ``chips``: features of each machine; ``models``, ``labels`` (-1: not fitted), ``kinds``: of
        each model, as in :class:`ResidualPoints`.
        """
        v = self._v
        every_machine, every_model = (
            np.ones((len(machines), len(self._chips))),
            np.ones((len(models), len(self._models))),
        )
        like, twin = likeness(machines, self._machine_features), likeness(chips, self._chips)
        box = same_chip(twin)
        same = (labels[:, None] == self._models[None, :]).astype(np.float64)
        alike, mixed = likeness(models, self._model_features), kinds @ self._kinds.T
        # Machine factor, model factor, and variance of the effect for all, per precision, per mode.
        effects = [
            (every_machine, every_model, v["level"], 0.0, 0.0),
            (every_machine, alike, v["model_like"], v["model_like_precision"], 0.0),
            (every_machine, same, v["model"], v["model_precision"], v["model_mode"]),
            (twin, every_model, v["machine"], v["machine_precision"], v["machine_mode"]),
            (like, every_model, v["machine_like"], v["machine_like_precision"], v["machine_like_mode"]),
            (like, alike, v["both_like"], v["both_like_precision"], v["both_like_mode"]),
            (like, same, 0.0, v["model_on_like"], 0.0),
            (like, mixed, v["kind_on_like"], v["kind_on_like_precision"], 0.0),
            (twin, alike, 0.0, v["like_on_machine"], 0.0),
            (twin, mixed, v["kind_on_machine"], v["kind_on_machine_precision"], v["kind_on_machine_mode"]),
            (box, every_model, v["box"], v["box_precision"], v["box_mode"]),
            (box, mixed, v["kind_on_box"], 0.0, 0.0),
        ]
        total = np.zeros((len(machines), len(models), 3, 2))
        for of_machine, of_model, everywhere, per_precision, per_mode in effects:
            total += everywhere * _contract(of_machine, of_model, self._of_all)[:, :, None, None]
            if per_precision:
                total += per_precision * _contract(of_machine, of_model, self._of_precision)[:, :, :, None]
            if per_mode:
                total += per_mode * _contract(of_machine, of_model, self._of_mode)[:, :, None, :]
        total += v["level_cell"] * self._of_cell + v["era"] * self._era_of_cell
        total += v["model_era"] * _contract(every_machine, same, self._era_of_precision)[:, :, :, None]
        of_machine = v["era_machine"] * twin + v["era_box"] * box
        total += _contract(of_machine, every_model, self._era_of_all)[:, :, None, None]
        return total


def _contract(of_machine: Array, of_model: Array, cells: Array) -> Array:
    """Sum over fitted machines and models: (machines, a), (models, b) and (a, b, ...) to (machines, models, ...)."""
    order = _order(of_machine.shape, of_model.shape, cells.shape)
    result: Array = np.einsum(_SUM, of_machine, of_model, cells, optimize=order)
    return result


@lru_cache(maxsize=256)
def _order(*shapes: tuple[int, ...]) -> Any:
    """Return the order in which to contract, which takes longer to find than small contractions take."""
    return np.einsum_path(_SUM, *(np.broadcast_to(0.0, shape) for shape in shapes), optimize=True)[0]
