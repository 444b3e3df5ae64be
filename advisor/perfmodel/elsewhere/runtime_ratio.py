"""Time of other runtimes over OpenVINO's, from figures of both on one machine (``calibration/runtimes.json``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from advisor.errors import CatalogueError
from advisor.records.base import Count, Fraction, PositiveCount, Quantity, Record
from advisor.store.paths import profiles_dir


class RatioEstimate(Record):
    """What is expected of models of one family on machines of one SIMD class."""

    family: str
    """Empty: a family without figures."""
    simd: str
    """Empty: a class without figures."""
    log_ratio: float
    deviation: Quantity
    """Standard deviation (log) of a ratio that was not seen, on a machine that was not seen."""
    machine_share: Fraction
    """Share of its variance that all models on the machine have in common."""


class RuntimeRatios(Record):
    """One runtime in one precision."""

    runtime: str
    precision: str
    machines: tuple[str, ...]
    models: PositiveCount
    rows: PositiveCount
    estimates: tuple[RatioEstimate, ...]
    """The first is that of an unknown family on an unknown class."""


class RatioAccuracy(Record):
    """One runtime on machines that were left out."""

    runtime: str
    precision: str
    machine: str
    """The one left out; ``all`` for all of them together."""
    rows: PositiveCount
    median_pct: Quantity
    within_20: Fraction
    coverage: Fraction
    """Share inside P10-P90."""


class RuntimeCalibration(Record):
    """``profiles/calibration/runtimes.json``."""

    schema_: Annotated[Literal["sizer.runtimes/1"], Field(alias="schema")] = "sizer.runtimes/1"
    command: str
    data_sha256: str
    deviations: dict[str, Quantity]
    """Standard deviation (log) between families, SIMD classes, machines of a class, and single ratios."""
    ratios: tuple[RuntimeRatios, ...]
    accuracy: tuple[RatioAccuracy, ...]
    left_out: Count = 0
    """Rows of runtimes, or of machines, with figures of fewer than two models: nothing is learned from these."""


@dataclass(frozen=True)
class Ratio:
    """A runtime's time over OpenVINO's for one model on one machine."""

    log_ratio: float
    deviation: float
    machine_share: float
    said: str
    """What it rests on, in words."""


def simd_class(simd_level: str) -> str:
    """Group of instruction sets whose kernels are chosen alike."""
    return next((name for name in ("avx512", "amx", "avx2", "sse42") if simd_level.startswith(name)), simd_level)


def find(ratios: Sequence[RuntimeRatios], runtime: str, precision: str, family: str, simd: str) -> Ratio | None:
    """Most specific estimate of a runtime in a precision; None without figures."""
    known = next((row for row in ratios if (row.runtime, row.precision) == (runtime, precision)), None)
    if known is None:
        return None
    by_place = {(row.family, row.simd): row for row in known.estimates}
    places = ((family, simd), (family, ""), ("", simd), ("", ""))
    estimate = next(by_place[place] for place in places if place in by_place)
    machines = f"{len(known.machines)} machine{'s' if len(known.machines) > 1 else ''}"
    about = f" of family {estimate.family}" if estimate.family else ", none of this family"
    said = f"published ratio of {runtime} to OpenVINO at {precision}: {machines}, {known.models} models{about}"
    return Ratio(estimate.log_ratio, estimate.deviation, estimate.machine_share, said)


@cache
def load_runtime_ratios() -> RuntimeCalibration:
    """Read the shipped calibration.

    Raises
    ------
    CatalogueError
        It cannot be read.
    """
    file = profiles_dir() / "calibration" / "runtimes.json"
    try:
        return RuntimeCalibration.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise CatalogueError(f"{file}: cannot be read as runtime ratios ({error}); install sizer again") from error


def runtime_ratio(runtime: str, precision: str, family: str, simd_level: str) -> Ratio | None:
    """Ratio from the shipped calibration; None for OpenVINO itself and for runtimes without figures."""
    if runtime == "openvino":
        return None
    return find(load_runtime_ratios().ratios, runtime, precision, family, simd_class(simd_level))
