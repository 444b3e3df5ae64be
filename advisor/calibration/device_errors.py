"""Errors of devices, models and families that a fit had not seen: their accuracy, and bands that hold the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.devices.calibration import Accuracy, Band

Array = NDArray[np.float64]
Index = NDArray[np.int64]
COVERED = 0.80


@dataclass(frozen=True)
class Errors:
    """Log errors (true over predicted time) of rows that were left out, with the unit that was left out."""

    errors: Array
    units: tuple[str, ...]
    precision: Index
    devices: tuple[str, ...]
    lists: tuple[str, ...] = ()
    """Device and published list of each row: what shares one deviation. Empty: the devices."""

    def __post_init__(self) -> None:
        if self.lists and len(self.lists) != len(self.devices):
            raise ValueError("published lists are known of every row or of none")

    @property
    def shared(self) -> tuple[str, ...]:
        """What of each row shares one deviation."""
        return self.lists or self.devices

    def of(self, chosen: NDArray[np.bool_]) -> Errors:
        """Part of the rows."""
        keep = np.flatnonzero(chosen)
        return Errors(
            self.errors[keep], tuple(self.units[i] for i in keep), self.precision[keep],
            tuple(self.devices[i] for i in keep), tuple(self.lists[i] for i in keep if self.lists),
        )  # fmt: skip


def joined(parts: Sequence[Errors]) -> Errors:
    """Several together."""
    return Errors(
        np.concatenate([part.errors for part in parts]),
        tuple(name for part in parts for name in part.units),
        np.concatenate([part.precision for part in parts]),
        tuple(name for part in parts for name in part.devices),
        tuple(name for part in parts for name in part.lists),
    )


def half_width(errors: Array, units: Sequence[str]) -> float:
    """Half width that holds 80 % of the errors on the next unit: each row's weight shares its unit's one vote.

    Of few units the next one may lie further out: the quantile is that at 0.8 (1 + 1 / (2 units)), at most the largest.
    """
    names, index, counts = np.unique(list(units), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[index])
    quantile = min(COVERED * (1.0 + 0.5 / len(names)), 1.0)
    return float(np.quantile(np.abs(errors), quantile, weights=weights / weights.sum(), method="inverted_cdf"))


def covered(found: Errors) -> float | None:
    """Share of rows inside the band of the other units; None with fewer than three units."""
    units = sorted(set(found.units))
    if len(units) < 3:
        return None
    inside = np.zeros(len(found.errors), dtype=bool)
    names = np.array(found.units)
    for name in units:
        mine = names == name
        rest = found.of(~mine)
        inside[mine] = np.abs(found.errors[mine]) <= half_width(rest.errors, rest.units)
    return float(inside.mean())


def accuracy(name: str, found: Errors) -> Accuracy:
    """Row of the table."""
    share = np.abs(np.expm1(found.errors))
    cover = covered(found)
    return Accuracy(
        name=name,
        devices=len(set(found.devices)),
        rows=len(found.errors),
        median_pct=round(100.0 * float(np.median(share)), 1),
        within_20=round(float((share <= 0.2).mean()), 3),
        within_half=round(float((np.abs(found.errors) <= np.log(1.5)).mean()), 3),
        coverage=None if cover is None else round(cover, 3),
    )


def band(found: Errors) -> Band:
    """Band that ships."""
    half = round(half_width(found.errors, found.units), 4)
    return Band(low=-half, high=half, devices=len(set(found.devices)), rows=len(found.errors))
