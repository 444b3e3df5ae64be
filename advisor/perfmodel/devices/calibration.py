"""Fitted constants of devices (``profiles/calibration/devices.json``): read, checked, as plain numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from advisor.errors import CatalogueError
from advisor.records.base import Fraction, Record
from advisor.store.paths import profiles_dir


class Offset(Record):
    """How far a model's or device's log times lie from the formula, shrunk to what its figures can carry."""

    value: float
    rows: int


class Band(Record):
    """Quantiles of the log error (true time over predicted) on what was left out."""

    low: float
    high: float
    devices: int
    rows: int


class Accuracy(Record):
    """One class of evidence, judged on what was left out."""

    name: str
    devices: int
    rows: int
    median_pct: float
    within_20: Fraction
    within_half: Fraction
    """Share within a factor of 1.5."""
    coverage: Fraction | None
    """Share inside P10 to P90, each band from the other devices or families."""


class Graphics(Record):
    """Intel graphics."""

    parameters: dict[str, float]
    models: dict[str, dict[str, Offset]]
    """By precision, then by model."""
    model_flop: dict[str, float]
    """Operations per pass that a model's deviation was taken with [FLOP]; of other counts it says nothing."""
    devices: dict[str, dict[str, Offset]]
    """By precision, then by device."""
    anchor_share: dict[str, Fraction]
    """By precision: how much of what one published model deviates by on a device is taken for the device's own."""
    bands: dict[str, Band]
    latency_ratio: Offset
    """Log of latency x throughput where one request at a time was published."""


class Arm(Record):
    """Arm cores under ncnn, by core design, clock and threads (1 or 4)."""

    designs: dict[str, dict[str, Offset]]
    """By threads, then by core design: log of seconds x GHz."""
    models: dict[str, dict[str, Offset]]
    """By threads, then by model."""
    devices: dict[str, dict[str, Offset]]
    bands: dict[str, Band]
    openvino_ratio: tuple[float, float, float]
    """P10, P50 and P90 of OpenVINO's f32 time over ncnn's default on one board."""


class DeviceCalibration(Record):
    """The document."""

    schema_: Annotated[Literal["sizer.device-calibration/1"], Field(alias="schema")] = "sizer.device-calibration/1"
    made_by: str
    data_sha256: str
    """Of profiles/published/devices.csv.gz, which it was fitted on."""
    graphics: Graphics
    arm: Arm
    accuracy: tuple[Accuracy, ...]


def read_calibration(path: Path) -> DeviceCalibration:
    """Read one file.

    Raises
    ------
    CatalogueError
        It cannot be read or is of another version; the message names the file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return DeviceCalibration.model_validate(data)
    except (OSError, ValueError, ValidationError) as error:
        raise CatalogueError(
            f"{path}: the calibration of devices cannot be read ({error}); make it again with"
            " `python -m advisor.calibration.devices`"
        ) from error


@cache
def load_device_calibration() -> DeviceCalibration:
    """The one that ships."""
    return read_calibration(profiles_dir() / "calibration" / "devices.json")


def find_band(bands: Mapping[str, Band], *keys: str) -> Band:
    """Band of the first of ``keys`` that was judged."""
    return next(bands[key] for key in keys if key in bands)
