r"""The application around the models: what it takes of the cores for every frame and every object.

Usual amounts come from ``profiles/calibration/application.json``, made by :mod:`advisor.calibration.application`. They
are core time of a *reference core*: a performance core of the year 2023 at 4 GHz. On another machine

.. math:: t = t_\mathrm{ref} \, f_\mathrm{ref} / v

with the mean speed v of its cores, as for decoding (``software_decode.py``): branching code at the clock under load.
Source: derived here. Validity: work on the CPU; nothing here knows encoders or displays in hardware.
"""

from __future__ import annotations

from functools import lru_cache
from math import hypot
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from advisor.perfmodel.analytic.interval import around
from advisor.records.base import Z90, Count, Evidence, Interval, PositiveQuantity, Quantity, Record, ValueKind
from advisor.records.prediction import CostEstimate
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir

COMMAND = "python -m advisor.calibration.application"
REFERENCE_HZ = 4e9
"""Clock of the reference core [Hz]; its work per clock is that of ``software_decode.CoreModel.reference_year``."""
ApplicationUnit = Literal["frame", "object"]


class UsualWork(Record):
    """What applications take for one unit."""

    unit: ApplicationUnit
    core_ms: PositiveQuantity
    """Median, of the reference core [ms]."""
    sd: Quantity
    """Deviation (log) between applications."""
    kind: ValueKind
    source: str
    """What it was made of, in words for a plan."""
    rows: Count
    """Measured parts that went in."""


class ApplicationCalibration(Record):
    """``profiles/calibration/application.json``: plain numbers, with what they were made of."""

    schema_: Annotated[Literal["sizer.application/1"], Field(alias="schema")] = "sizer.application/1"
    command: str = COMMAND
    date: str
    """Of the newest row."""
    data_sha256: str
    """Of the table."""
    usual: tuple[UsualWork, ...]

    def of(self, unit: ApplicationUnit) -> UsualWork:
        """What is usual for one unit."""
        return next(item for item in self.usual if item.unit == unit)


@lru_cache(maxsize=4)
def load_application(path: Path | None = None) -> ApplicationCalibration:
    """Read what is usual, by default as shipped.

    Raises
    ------
    CatalogueError
        The file is missing or damaged; the message names the command that makes it.
    """
    source = path or profiles_dir() / "calibration" / "application.json"
    return read_calibration(ApplicationCalibration, source, COMMAND)


def application_time(
    unit: ApplicationUnit, stated_ms: float | None, speed_hz: float, machine_sd: float, t_90: float
) -> CostEstimate:
    """Core time of the application's own work on one frame or one object.

    Parameters
    ----------
    stated_ms : float, optional
        Core time of the reference core as the scenario states it [ms]; None: what is usual.
    speed_hz, machine_sd : float
        Mean speed of the cores in use [cycles of a core of the reference year per second], and the deviation (log) of
        the machine about it.
    t_90 : float
        90 % point of the distribution of such machines about that.

    Notes
    -----
    A stated amount is taken as it stands: only the machine's speed is uncertain then.
    """
    usual = load_application().of(unit)
    milliseconds = usual.core_ms if stated_ms is None else stated_ms
    if milliseconds == 0:
        return CostEstimate(core_s=Interval.exact(0.0), evidence=Evidence.SPEC)
    half = hypot(t_90 * machine_sd, Z90 * usual.sd if stated_ms is None else 0.0)
    seconds = milliseconds / 1000.0 * REFERENCE_HZ / speed_hz
    return CostEstimate(core_s=around(seconds, -half, half), evidence=Evidence.SPEC)
