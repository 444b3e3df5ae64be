"""Sets the constants of software decoding: ``python -m advisor.calibration.decode``.

Reads ``profiles/published/decode.csv`` (made by ``profiles/compile_decode.py``), ``profiles/measured/decode.csv`` and
``preparation.csv`` (made by ``python -m benchmarks.decode_rows``), and the clock model of ``transfer.json``; writes
``profiles/calibration/decode.json`` and prints each machine with its error when left out.

What each part rests on: the split into pixels and bits, and the ratio of codecs, on clips decoded in turns on one
machine; the level on the mean over all machines; the spread of content on clips of other content and coding; the spread
of machines on how far they lie apart, together with a belief that few machines cannot overrule.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.resources.software_decode import (
    USUAL_BITS_SD,
    CodecTerms,
    DecodeCalibration,
    DecodeMachine,
    PreparationTerms,
    decode_cycles,
    preparation_cycles,
)
from advisor.records.codec import USUAL_BITS_PER_PIXEL
from advisor.store.paths import profiles_dir

from .decode_material import (
    CASCADE_SD,
    CORES,
    PREPARATION_CYCLES,
    Kind,
    Material,
    Row,
    Seen,
    load_material,
    performance_speed,
    prepared_source,
)

Array = NDArray[np.float64]

MACHINE_BELIEF, MACHINE_UNITS = 0.25, 2.0
"""Deviation (log) between machines that is believed before any is seen, and how many machines that belief weighs."""
CONTENT_BELIEF, CONTENT_UNITS = 0.25, 2.0
"""The same between contents. Project assumption: a factor of 1.4 either way holds eight of ten."""


@dataclass(frozen=True)
class Machine:
    """What the rows of one machine say together."""

    name: str
    kind: Kind
    rows: tuple[Seen, ...]
    residual: float
    own_sd: float


@dataclass(frozen=True)
class Level:
    """Mean of the machines' residuals and what an unseen one may lie off it (log)."""

    mean: float
    machine_sd: float
    t_90: float


@dataclass(frozen=True)
class LeftOut:
    """A published figure beside its prediction from the other machines."""

    row: Seen
    predicted_s: float
    half: float
    """Half width (log) of P10-P90."""

    @property
    def inside(self) -> bool:
        """Whether the observed time lies in P10-P90."""
        return abs(float(np.log(self.row.core_s / self.predicted_s))) <= self.half


def fit_split(pixels: Array, bits: Array, cycles: Array) -> tuple[float, float]:
    """Cycles per pixel and per bit, neither negative, with least relative errors."""
    from scipy.optimize import nnls

    design = np.column_stack([pixels, bits]) / cycles[:, None]
    (per_pixel, per_bit), _ = nnls(design, np.ones(len(cycles)))
    return float(per_pixel), float(per_bit)


def pooled_sd(errors: Array, belief: float, units: float) -> float:
    """Root mean square of errors and of a belief that weighs as much as ``units`` of them."""
    return float(np.sqrt((units * belief**2 + float(np.sum(errors**2))) / (units + len(errors))))


def level_of(residuals: Array, own_sd: Array) -> Level:
    r"""Level of machines that differ, each known with its own uncertainty.

    .. math::

        \mu = \frac{\sum w_i r_i}{\sum w_i}, \quad w_i = \frac{1}{s_i^2 + s_0^2}, \quad
        b^2 = \frac{\nu s_0^2 + n \sum w_i (r_i - \mu)^2 / \sum w_i}{\nu + n}, \quad
        \sigma^2 = b^2 + \frac{1}{\sum w_i}

    with the quantile of Student's distribution at :math:`\nu + n - 1` degrees. What the machines' own doubts add to
    their distances is not taken off b, so few and noisy machines leave a wide interval. Source: Gelman et al. (2013),
    Bayesian Data Analysis, section 5.4 (hierarchical normal model), with a weighted mean square.
    """
    from scipy.stats import t

    weight = 1.0 / (own_sd**2 + MACHINE_BELIEF**2)
    mean = float(np.sum(weight * residuals) / np.sum(weight))
    count = len(residuals)
    between = count * float(np.sum(weight * (residuals - mean) ** 2) / np.sum(weight))
    variance = (MACHINE_UNITS * MACHINE_BELIEF**2 + between) / (MACHINE_UNITS + count) + 1.0 / float(np.sum(weight))
    return Level(mean, float(np.sqrt(variance)), float(t.ppf(0.9, MACHINE_UNITS + count - 1.0)))


def codec_terms(camera: Sequence[Seen], other: Sequence[Seen]) -> tuple[CodecTerms, ...]:
    """Split of each codec on clips that a plan synthesises; its middle and the spread of content on all contents.

    The middle is the mean over contents, that of the synthesised clips being one of them: what a camera will see is not
    known.
    """
    return tuple(
        terms_of_codec(
            codec,
            usual,
            [row for row in camera if row.codec == codec],
            [row for row in other if row.codec == codec],
        )
        for codec, usual in USUAL_BITS_PER_PIXEL.items()
    )


def terms_of_codec(codec: str, usual: float, camera: Sequence[Seen], other: Sequence[Seen]) -> CodecTerms:
    """The same for one codec, with its usual bits per pixel."""
    per_pixel, per_bit = fit_split(
        np.array([float(row.width * row.height) for row in camera]),
        np.array([row.bits for row in camera]),
        np.array([row.core_s * row.speed_hz for row in camera]),
    )
    split = CodecTerms(
        codec=codec, cycles_per_pixel=per_pixel, cycles_per_bit=per_bit, camera_offset=0.0, content_sd=0.0,
        usual_bits_per_pixel=usual, clips=len(camera), fit_sd=0.0, contents=len(other),
    )  # fmt: skip
    fit = np.array([row.residual([split]) for row in camera])
    errors = np.array([row.residual([split]) for row in other])
    names = np.array([row.content for row in other])
    middle = float(np.mean([float(np.mean(fit)), *(float(np.mean(errors[names == name])) for name in set(names))]))
    spread = pooled_sd(np.append(errors, np.mean(fit)) - middle, CONTENT_BELIEF, CONTENT_UNITS)
    return split.model_copy(
        update={
            "cycles_per_pixel": per_pixel * float(np.exp(middle)),
            "cycles_per_bit": per_bit * float(np.exp(middle)),
            "camera_offset": round(-middle, 3),
            "content_sd": round(spread, 3),
            "fit_sd": round(float(np.sqrt(np.mean(fit**2))), 3),
        }
    )


def machines_of(rows: Sequence[Seen], terms: Sequence[CodecTerms]) -> list[Machine]:
    """Residual of each machine: mean over its rows, those that are known better counting more.

    Its own deviation: clock, content where it is unknown (shared by the rows of one codec), bit rate where not stated,
    what a cascade's parts may be wrong by, and the rows' own.
    """
    content = {item.codec: item.content_sd for item in terms}
    found = []
    for name in dict.fromkeys(row.machine for row in rows):
        own = [row for row in rows if row.machine == name]
        weight = np.array([1.0 / row.log_sd**2 for row in own])
        residuals = np.array([row.residual(terms) for row in own])
        mean = float(np.sum(weight * residuals) / np.sum(weight))
        codecs = {row.codec for row in own}
        unknown = own[0].content is None
        contents = np.mean([content[codec] ** 2 for codec in codecs]) / len(codecs) if unknown else 0.0
        parts = CASCADE_SD if own[0].kind == "cascade" else 0.0
        bits = 0.0 if all(row.bits_known for row in own) else USUAL_BITS_SD * _share_of_bits(own[0], terms)
        variance = own[0].clock_sd ** 2 + contents + parts**2 + bits**2 + 1.0 / np.sum(weight)
        own_sd = float(np.sqrt(variance))
        found.append(Machine(name, own[0].kind, tuple(own), mean, own_sd))
    return found


def _share_of_bits(row: Seen, terms: Sequence[CodecTerms]) -> float:
    own = next(item for item in terms if item.codec == row.codec)
    return own.cycles_per_bit * row.bits / decode_cycles(own, row.width, row.height, row.bits)


def level_without(machines: Sequence[Machine], name: str | None) -> Level:
    """Level of all machines but one; None: of all."""
    kept = [machine for machine in machines if machine.name != name]
    return level_of(np.array([m.residual for m in kept]), np.array([m.own_sd for m in kept]))


def left_out(machines: Sequence[Machine], terms: Sequence[CodecTerms]) -> list[LeftOut]:
    """Every figure that was not measured for the split, predicted with the level of the other machines."""
    found = []
    for machine in machines:
        level = level_without(machines, machine.name)
        for row in machine.rows:
            if row.kind == "measured":
                continue
            own = next(item for item in terms if item.codec == row.codec)
            bits = 0.0 if row.bits_known else USUAL_BITS_SD * _share_of_bits(row, terms)
            content = own.content_sd if row.content is None else 0.0
            half = level.t_90 * float(np.sqrt(level.machine_sd**2 + content**2 + bits**2))
            found.append(LeftOut(row, row.core_s * float(np.exp(level.mean - row.residual(terms))), half))
    return found


def preparation_terms(rows: Sequence[Row]) -> PreparationTerms:
    """The assumed formula with the spread of what was measured about it; the level of decoding is not applied to it."""
    per_source, per_target, per_call = PREPARATION_CYCLES
    assumed = PreparationTerms(
        cycles_per_source_pixel=per_source,
        cycles_per_target_pixel=per_target,
        cycles_per_call=per_call,
        size_sd=0.0,
        mean_error=0.0,
        rows=len(rows),
    )
    errors = np.array([preparation_error(row, assumed) for row in rows])
    spread, mean = float(np.std(errors, ddof=1)), float(np.mean(errors))
    return assumed.model_copy(update={"size_sd": round(spread, 3), "mean_error": round(mean, 3)})


def preparation_error(row: Row, terms: PreparationTerms) -> float:
    """log(measured / formula) of one input on the machine that it was measured on."""
    target = int(row["target_width"]), int(row["target_height"])
    cycles = float(row["least_s"]) * performance_speed(float(row["clock_hz"]), int(row["year"]))
    return float(np.log(cycles / preparation_cycles(terms, prepared_source(row), target)))


def calibrate(material: Material) -> DecodeCalibration:
    """Fit the split, set the level, state both as plain numbers."""
    terms = codec_terms(material.camera, material.contents)
    machines = machines_of((*material.camera, *material.published), terms)
    level = level_without(machines, None)
    shift = float(np.exp(level.mean))
    return DecodeCalibration(
        date=material.date,
        data_sha256=material.sha256,
        cores=CORES,
        codecs=tuple(
            item.model_copy(
                update={
                    "cycles_per_pixel": float(f"{item.cycles_per_pixel * shift:.4g}"),
                    "cycles_per_bit": float(f"{item.cycles_per_bit * shift:.4g}"),
                }
            )
            for item in terms
        ),
        preparation=preparation_terms(material.prepared),
        machine_sd=round(level.machine_sd, 3),
        t_90=round(level.t_90, 3),
        machines=tuple(_described(machine, machines, level) for machine in machines),
    )


def _described(machine: Machine, machines: Sequence[Machine], level: Level) -> DecodeMachine:
    others, first = level_without(machines, machine.name), machine.rows[0]
    return DecodeMachine(
        name=machine.name,
        kind=machine.kind,
        rows=len(machine.rows),
        clock_hz=round(first.clock_hz, -7),
        clock_known=first.clock_known,
        residual=round(machine.residual - level.mean, 3),
        own_sd=round(machine.own_sd, 3),
        left_out_error=round(machine.residual - others.mean, 3),
        left_out_half=round(others.t_90 * float(np.hypot(others.machine_sd, machine.own_sd)), 3),
    )


def report(found: DecodeCalibration) -> list[str]:
    """Lines that say what came out."""
    lines = [
        f"{item.codec}: {item.cycles_per_pixel:.3g} cycles/pixel + {item.cycles_per_bit:.3g} cycles/bit, {item.clips} "
        f"clips within {item.fit_sd:.0%}, {item.contents} other contents within {item.content_sd:.0%} (deviations)"
        for item in found.codecs
    ]
    lines += [
        f"{item.name} ({item.kind}, {item.rows} rows, {item.clock_hz / 1e9:.2f} GHz"
        f"{'' if item.clock_known else ' assumed'}): {item.residual:+.2f} +- {item.own_sd:.2f}; left out "
        f"{item.left_out_error:+.2f}, P10-P90 +-{item.left_out_half:.2f}"
        for item in found.machines
    ]
    prepared = found.preparation
    return [
        *lines,
        f"machines: deviation {found.machine_sd:.2f}, quantile {found.t_90:.2f}",
        f"preparation: {prepared.rows} rows, mean error {prepared.mean_error:+.2f}, deviation {prepared.size_sd:.2f}",
    ]


def main() -> None:
    """Fit, print, write."""
    from advisor.store.files import write_document

    found = calibrate(load_material(profiles_dir()))
    written = write_document(profiles_dir() / "calibration" / "decode.json", found)
    sys.stdout.write("\n".join([*report(found), f"wrote {written}"]) + "\n")


if __name__ == "__main__":
    main()
