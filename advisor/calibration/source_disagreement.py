"""How far two published tables of one machine lie apart: no prediction can be nearer to both than half of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES

from .published import Row, is_tuned

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SourceDisagreement:
    """Two sources that published the same machines and models."""

    eras: tuple[str, str]
    precision: str
    mode: str
    machines: int
    pairs: int
    raw: float
    """Least median error (log) of any prediction of such figures."""
    software_known: float
    """The same once it is known what the software between the two tables did to each model."""
    machine_known: float
    """The same once each machine's own shift between them is known, too: about what measured models can reach."""


def source_disagreements(rows: Sequence[Row]) -> list[SourceDisagreement]:
    r"""Floor of the error for each two sources with at least ten figures in common.

    .. math:: \tfrac{1}{\sqrt 2}\,\mathrm{median}\,|\ln t_1 - \ln t_2|

    the median error of the best predictor of one of two equally noisy figures, which knows their mean and not their
    noise. Derived here; the two further columns take medians per model, then per machine, from the differences
    (in-sample, so they are a little low). Sources that are no tuned benchmark are left out.
    """
    figures: dict[tuple[str, str, int, int], list[Row]] = {}
    for row in rows:
        if is_tuned(row.era):
            figures.setdefault((row.machine, row.model, row.precision, row.mode), []).append(row)
    differences: dict[tuple[str, str, int, int], list[tuple[str, str, float]]] = {}
    for (machine, model, precision, mode), same in figures.items():
        for a, b in combinations(sorted(same, key=lambda row: row.era), 2):
            key = (a.era, b.era, precision, mode)
            differences.setdefault(key, []).append((machine, model, b.log_time - a.log_time))
    return [_disagreement(key, part) for key, part in sorted(differences.items()) if len(part) >= 10]


def _disagreement(key: tuple[str, str, int, int], part: Sequence[tuple[str, str, float]]) -> SourceDisagreement:
    first, second, precision, mode = key
    raw = np.array([difference for _, _, difference in part])
    machines, models = [machine for machine, _, _ in part], [model for _, model, _ in part]
    software = without_medians(raw, models)
    return SourceDisagreement(
        eras=(first, second),
        precision=PRECISIONS[precision],
        mode=MODES[mode],
        machines=len(set(machines)),
        pairs=len(part),
        raw=_half(raw),
        software_known=_half(software),
        machine_known=_half(without_medians(software, machines)),
    )


def _half(differences: Array) -> float:
    return float(np.median(np.abs(differences)) / np.sqrt(2.0))


def without_medians(values: Array, groups: Sequence[str]) -> Array:
    """Values less the median of their group."""
    names, index = np.unique(list(groups), return_inverse=True)
    medians = np.array([float(np.median(values[index == i])) for i in range(len(names))])
    result: Array = values - medians[index]
    return result
