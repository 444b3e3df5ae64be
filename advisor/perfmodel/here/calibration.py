"""What ``sizer calibrate`` learned about predictions for this machine: two numbers and the errors behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from advisor.records.base import PositiveQuantity, Record
from advisor.records.calibration import AccuracyRow
from advisor.store.calibration_file import read_calibration

SHARINGS = (0.5, 1.0, 2.0)
"""Factors on the standard deviations that measurements share, among which held-out models choose."""


class HostCalibration(Record):
    """``<data>/calibration/<host>.json``: plain numbers, with what they were made of."""

    schema_: Annotated[Literal["sizer.local-calibration/1"], Field(alias="schema")] = "sizer.local-calibration/1"
    sizer_version: str = ""
    created: str = ""
    command: str = "sizer calibrate"
    host_fingerprint: str = ""
    data_sha256: str = ""
    """Over the keys of the measurements."""
    sharing: PositiveQuantity = 1.0
    """Factor on how much two measurements of this machine are taken to have in common (anchors.py)."""
    width: PositiveQuantity = 1.0
    """Factor on the intervals of what was not measured here."""
    accuracy: tuple[AccuracyRow, ...] = ()


def host_calibration_path(fingerprint: str) -> Path:
    """Where the fit of a machine is kept."""
    from advisor.store.paths import data_dir

    return data_dir() / "calibration" / f"{fingerprint}.json"


def load_host_calibration(fingerprint: str) -> HostCalibration:
    """Read the fit of a machine; the shipped one (both factors 1) where none was stored.

    Raises
    ------
    CatalogueError
        The file is damaged.
    """
    path = host_calibration_path(fingerprint)
    return read_calibration(HostCalibration, path, "sizer calibrate") if path.exists() else HostCalibration()


def width_factor(errors: list[float], half_widths: list[float], groups: list[str], level: float = 0.8) -> float:
    """Factor on half widths with which ``level`` of the held-out rows lie inside, each group weighing as the root.

    Split conformal prediction with the left-out group as unit: the quantile of |error| / half width at
    level (1 + 1/groups), at most 1. Source: Vovk, Gammerman and Shafer (2005), section 2.2.
    """
    from advisor.perfmodel.analytic.interval import weighted_quantile

    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    ratios = np.abs(np.array(errors)) / np.array(half_widths)
    reach = min(1.0, level * (1.0 + 1.0 / len(counts)))
    return float(np.clip(weighted_quantile(ratios, 1.0 / np.sqrt(counts[index]), reach), 0.5, 5.0))
