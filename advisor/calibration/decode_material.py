"""What :mod:`advisor.calibration.decode` is fitted on: tables, and assumptions about cores and machines in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from advisor.perfmodel.analytic.parameters import NAMES, Parameters
from advisor.perfmodel.resources.cold_pass import ASSUMED
from advisor.perfmodel.resources.software_decode import (
    CodecTerms,
    CoreModel,
    CoreTerms,
    clocks_under_load,
    decode_cycles,
    mean_core_speed,
)
from advisor.records.calibration import TransferCalibration
from advisor.records.codec import USUAL_BITS_PER_PIXEL
from advisor.records.measurement import BOX_HEIGHT_SHARE
from advisor.store.catalogue import Catalogue

from .table import read_table

Row = dict[str, str]
Kind = Literal["measured", "reference", "cascade", "report"]

FILES = {
    "published/decode.csv": "python profiles/compile_decode.py MEDIA.csv",
    "measured/decode.csv": "python -m benchmarks.decode_rows profiles/measured",
    "measured/preparation.csv": "python -m benchmarks.decode_rows profiles/measured",
}
"""Tables by path under ``profiles/``, and the command that makes each."""
CORES = CoreModel(
    reference_year=2023,
    kinds=(
        CoreTerms(kind="performance", per_clock=1.0, sd=0.0, gain_per_year=0.03, gain_sd=0.02),
        CoreTerms(kind="efficiency", per_clock=0.63, sd=0.2, gain_per_year=0.0, gain_sd=0.0),
        CoreTerms(kind="without_avx", per_clock=0.46, sd=0.3, gain_per_year=0.0, gain_sd=0.0),
        CoreTerms(kind="arm", per_clock=0.54, sd=0.3, gain_per_year=0.0, gain_sd=0.0),
    ),
)
"""Project assumption, kept from 0.1.0: +3 % a year, and 0.75, 0.55, 0.65 of a core of 2017 (1.03^6 = 1.19 below one of
2023). No decode rate of such cores is among the tables, so the deviations are wide."""
PREPARATION_CYCLES = (0.84, 10.05, 16750.0)
"""Project assumption, kept from 0.1.0: 0.25 ns, 3 ns and 5 us at 4 GHz on a core of 2017, in cycles of one of 2023."""
NOT_IN_CATALOGUE: dict[str, tuple[float, int, float]] = {
    "guest-zen5": (4.1e9, 2024, 0.15),
    "guest-zen3": (4.0e9, 2021, 0.15),
    "laptop-before-2019": (3.5e9, 2018, 0.3),
}
"""Clock [Hz], year and deviation (log) of that clock where neither is told: the clocks that guests get
(``analytic/machine.py``); of the laptop, assumed between the base and boost clocks of its time."""
MEASURED_CLOCK_SD, MODEL_CLOCK_SD = 0.10, 0.10
"""Deviation (log) of a clock measured beside the clips on a disturbed guest, and of one from the clock model."""
CASCADE_SD = 0.15
"""Deviation (log) of what taking the other parts off a cascade's CPU time may be wrong by, the same in all of them;
assumed: in its slow hours decoding took 10 to 25 % longer in cascades than in loops (docs/accuracy.md)."""
CAMERA_CONTENT = "camera"
"""Content of the clips that the split is fitted on: the ones that a plan synthesises, in cascades and benchmarks."""


@dataclass(frozen=True)
class Seen:
    """One observed core time, in cycles of a reference core."""

    machine: str
    kind: Kind
    content: str | None
    """None: not known, as in every camera that a plan speaks of."""
    codec: str
    width: int
    height: int
    bits: float
    bits_known: bool
    core_s: float
    speed_hz: float
    """Cycles of a reference core per second and core."""
    log_sd: float
    clock_hz: float
    clock_known: bool
    clock_sd: float

    def residual(self, terms: Sequence[CodecTerms]) -> float:
        """log(observed / formula), the formula being that of the clip where it is one that a plan synthesises."""
        own = next(item for item in terms if item.codec == self.codec)
        offset = own.camera_offset if self.content == CAMERA_CONTENT else 0.0
        cycles = decode_cycles(own, self.width, self.height, self.bits)
        return float(np.log(self.core_s * self.speed_hz / cycles)) - offset


def clock_parameters(directory: Path) -> Parameters:
    """Parameters of the clock model from ``transfer.json``."""
    found = TransferCalibration.model_validate_json((directory / "calibration" / "transfer.json").read_bytes())
    return Parameters(np.array([found.parameters[name] for name in NAMES]))


def performance_speed(clock_hz: float, year: int) -> float:
    """Cycles of a reference core per second of a performance core of that clock and year [Hz]."""
    own = CORES.of("performance")
    return clock_hz * own.per_clock * (1.0 + own.gain_per_year) ** (year - CORES.reference_year)


def measured_row(row: Row) -> Seen:
    """One clip of a machine of this project."""
    clock_hz = float(row["clock_hz"])
    return Seen(
        row["machine"], "measured", row["content"], row["codec"], int(row["width"]), int(row["height"]),
        float(row["bits_per_frame"]), True, float(row["least_s"]), performance_speed(clock_hz, int(row["year"])), 0.03,
        clock_hz, True, MEASURED_CLOCK_SD,
    )  # fmt: skip


def published_row(row: Row, catalogue: Catalogue, parameters: Parameters) -> Seen:
    """One published figure: the cores that are busy over the frames that they decode.

    From the decoding of a cascade the cost of cold pictures is taken off, since plans add it to the time in a loop.
    """
    width, height, fps = int(row["width"]), int(row["height"]), float(row["fps"])
    core_s = float(row["cores"]) / (float(row["streams"]) * fps)
    if row["kind"] == "cascade":
        core_s -= ASSUMED.picture_s(width, height, 2).p50
    known = bool(row["bitrate_kbps"])
    bits = float(row["bitrate_kbps"]) * 1e3 / fps if known else USUAL_BITS_PER_PIXEL[row["codec"]] * width * height
    content = CAMERA_CONTENT if row["kind"] == "cascade" else None
    name = row["platform"]
    if name in NOT_IN_CATALOGUE:
        clock_hz, year, clock_sd = NOT_IN_CATALOGUE[name]
        speed_hz = performance_speed(clock_hz, year)
    else:
        spec = catalogue.resolve(name)
        clocks = clocks_under_load(parameters, spec, float(row["cores"]))
        speed_hz, _ = mean_core_speed(CORES, spec, clocks, float(row["cores"]))
        clock_hz, clock_sd = clocks.performance_hz, MODEL_CLOCK_SD
    return Seen(
        name, cast(Kind, row["kind"]), content, row["codec"], width, height, bits, known, core_s, speed_hz,
        float(row["log_sd"]), clock_hz, name not in NOT_IN_CATALOGUE, clock_sd,
    )  # fmt: skip


def prepared_source(row: Row) -> tuple[int, int]:
    """Pixels that an input was made of: the picture, or the box that was cut out of it."""
    width, height = int(row["width"]), int(row["height"])
    if not row["kind"].startswith("crop"):
        return width, height
    high = BOX_HEIGHT_SHARE * height
    return round(high * int(row["target_width"]) / int(row["target_height"])), round(high)


@dataclass(frozen=True)
class Material:
    """The tables, read once."""

    camera: tuple[Seen, ...]
    contents: tuple[Seen, ...]
    published: tuple[Seen, ...]
    prepared: tuple[Row, ...]
    date: str
    sha256: str


def load_material(directory: Path) -> Material:
    """Read the tables under a ``profiles`` folder.

    Raises
    ------
    CatalogueError
        A table is missing or lacks a column.
    """
    needed = {"published/decode.csv": ("cores", "log_sd"), "measured/decode.csv": ("least_s", "content")}
    published, measured, prepared = (
        read_table(directory / name, command, needed.get(name, ("least_s", "kind"))) for name, command in FILES.items()
    )
    catalogue, parameters = Catalogue.load(directory), clock_parameters(directory)
    digest = hashlib.sha256(b"".join((directory / name).read_bytes() for name in FILES)).hexdigest()
    return Material(
        tuple(measured_row(row) for row in measured if row["content"] == CAMERA_CONTENT),
        tuple(measured_row(row) for row in measured if row["content"] != CAMERA_CONTENT),
        tuple(published_row(row, catalogue, parameters) for row in published),
        tuple(prepared),
        max(row["date"] for row in (*published, *measured, *prepared)),
        digest,
    )
