r"""Software decoding and pre-processing on machines that nobody measured: from codec, picture, bits, clock and core.

Constants come from ``profiles/calibration/decode.json``, fitted by :mod:`advisor.calibration.decode` on published
decode rates and on this project's own measurements; nothing that was measured on the machine that plans goes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from advisor.errors import ModelRangeError, nearest
from advisor.perfmodel.analytic.clock import sustained_clock
from advisor.perfmodel.analytic.interval import around
from advisor.perfmodel.analytic.machine import SIMD_CLASSES, machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.resources.cold_pass import BYTES_PER_PIXEL
from advisor.records.base import Count, Evidence, Interval, PositiveCount, PositiveQuantity, Quantity, Record
from advisor.records.machine import MachineSpec
from advisor.records.prediction import CostEstimate
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir

COMMAND = "python -m advisor.calibration.decode"
CoreKind = Literal["performance", "efficiency", "without_avx", "arm"]


class CodecTerms(Record):
    """What one codec costs a performance core of the reference year."""

    codec: str
    cycles_per_pixel: PositiveQuantity
    cycles_per_bit: PositiveQuantity
    camera_offset: float
    """log of the clips that a plan synthesises over the formula, which is the mean of contents."""
    content_sd: Quantity
    """Deviation (log) of contents and codings about the formula."""
    usual_bits_per_pixel: PositiveQuantity
    """Assumed where a scenario states no bit rate."""
    clips: PositiveCount
    """Synthesised clips that the ratio of the two terms was fitted on."""
    fit_sd: Quantity
    """Deviation (log) of these about their own line."""
    contents: Count
    """Clips of other content and coding that gave ``content_sd``."""


class CoreTerms(Record):
    """Work per clock of one kind of core against a performance core of the reference year; all of it assumed."""

    kind: CoreKind
    per_clock: PositiveQuantity
    sd: Quantity
    """Deviation (log) of cores of that kind, beyond that of all machines."""
    gain_per_year: Quantity
    """Relative gain per year around the reference year."""
    gain_sd: Quantity
    """Deviation (log) per year of distance."""


class CoreModel(Record):
    """Work per clock by kind of core."""

    reference_year: PositiveCount
    kinds: tuple[CoreTerms, ...]

    def of(self, kind: CoreKind) -> CoreTerms:
        """Terms of a kind of core."""
        return next(item for item in self.kinds if item.kind == kind)


class PreparationTerms(Record):
    """What turning a picture, or a box of it, into an input costs a performance core of the reference year."""

    cycles_per_source_pixel: PositiveQuantity
    cycles_per_target_pixel: PositiveQuantity
    cycles_per_call: PositiveQuantity
    size_sd: Quantity
    """Deviation (log) of single kinds and sizes from the formula, about their mean."""
    mean_error: float
    """Mean of log(measured / formula) on the machines that were measured; not corrected."""
    rows: PositiveCount


class DecodeMachine(Record):
    """One machine that the level was set on."""

    name: str
    kind: Literal["measured", "reference", "cascade", "report"]
    rows: PositiveCount
    clock_hz: PositiveQuantity
    clock_known: bool
    """False: the usual clock of its class, as for guests."""
    residual: float
    """log(observed / formula) with the shipped level."""
    own_sd: PositiveQuantity
    """What its residual is uncertain by (log): clock, content, rounding."""
    left_out_error: float
    """log(observed / formula) with the level of the other machines."""
    left_out_half: PositiveQuantity
    """Half width (log) of P10-P90 for its mean, formed without it."""


class DecodeCalibration(Record):
    """``profiles/calibration/decode.json``: plain numbers, with what they were made of."""

    schema_: Annotated[Literal["sizer.decode/1"], Field(alias="schema")] = "sizer.decode/1"
    command: str = COMMAND
    source: str = (
        "profiles/published/decode.csv (python profiles/compile_decode.py MEDIA.csv), profiles/measured/decode.csv and "
        "preparation.csv (python -m benchmarks.decode_rows)"
    )
    date: str
    """Of the newest row."""
    data_sha256: str
    """Of the three tables, one after the other."""
    cores: CoreModel
    codecs: tuple[CodecTerms, ...]
    preparation: PreparationTerms
    machine_sd: PositiveQuantity
    """Deviation (log) between machines about what their clock and kind of core say, the level's own included."""
    t_90: PositiveQuantity
    """90 % point of Student's distribution with the degrees of freedom that few machines leave."""
    machines: tuple[DecodeMachine, ...]

    def terms(self, codec: str) -> CodecTerms:
        """Terms of a codec.

        Raises
        ------
        ModelRangeError
            It has none; the message names the nearest.
        """
        for item in self.codecs:
            if item.codec == codec:
                return item
        known = [item.codec for item in self.codecs]
        raise ModelRangeError(f"codec {codec!r} has no decode model{nearest(codec, known)}; known: {', '.join(known)}")


@dataclass(frozen=True)
class CoreClocks:
    """Clocks under the load that the cores run at [Hz]."""

    performance_hz: float
    efficiency_hz: float
    """Of the efficiency cores beside performance cores; without meaning elsewhere."""


@dataclass(frozen=True)
class CoreTime:
    """Core time of one picture with its uncertainty, split by what shares it."""

    core_s: float
    """Median [s]."""
    machine_sd: float
    """Deviation (log) that all decoding on one machine shares."""
    content_sd: float
    """Deviation (log) of one group of cameras: content, coding, and the bit rate where it is not stated."""
    t_90: float

    @property
    def half(self) -> float:
        """Half width (log) of P10-P90."""
        return self.t_90 * float(np.hypot(self.machine_sd, self.content_sd))

    def interval(self) -> Interval:
        """P10, P50 and P90 [s]."""
        return around(self.core_s, -self.half, self.half)

    def estimate(self, note: str) -> CostEstimate:
        """The same as a plan's cost."""
        return CostEstimate(core_s=self.interval(), evidence=Evidence.SPEC, notes=(note,))


@lru_cache(maxsize=4)
def load_decode(path: Path | None = None) -> DecodeCalibration:
    """Read the constants, by default the shipped ones.

    Raises
    ------
    CatalogueError
        The file is missing or damaged; the message names the command that makes it.
    """
    return read_calibration(DecodeCalibration, path or profiles_dir() / "calibration" / "decode.json", COMMAND)


def clocks_under_load(parameters: Parameters, spec: MachineSpec, busy_cores: float) -> CoreClocks:
    """Clocks that are held with so many cores busy.

    Decoders use vectors of 128 and 256 bits between much scalar code, so dense 512-bit arithmetic lowers no clock here:
    every machine counts as one without it. Efficiency cores run at their own turbo, at most 0.85 of the others' clock,
    as in ``analytic/physics.py``.
    """
    return clocks_under_loads(parameters, spec, [busy_cores])[0]


def clocks_under_loads(parameters: Parameters, spec: MachineSpec, busy_cores: Sequence[float]) -> list[CoreClocks]:
    """:func:`clocks_under_load` at each of several numbers of busy cores, at once."""
    arrays = machine_arrays([spec])
    narrow = replace(arrays, simd=np.full_like(arrays.simd, SIMD_CLASSES.index("avx2")))
    clocks_hz = sustained_clock(parameters, narrow, np.array(busy_cores))
    e_core_hz = float(arrays.e_core_hz[0])
    return [CoreClocks(clock_hz, min(e_core_hz, 0.85 * clock_hz)) for clock_hz in clocks_hz.tolist()]


def core_kind(spec: MachineSpec) -> CoreKind:
    """Kind of the machine's cores, of its performance cores where there are two kinds."""
    if spec.architecture != "x86_64":
        return "arm"
    if spec.simd_level in ("scalar", "sse42"):
        return "without_avx"
    small = bool(machine_arrays([spec]).atom_only[0])
    return "efficiency" if small else "performance"


def mean_core_speed(
    cores: CoreModel, spec: MachineSpec, clocks: CoreClocks, busy_cores: float | None = None
) -> tuple[float, float]:
    r"""Mean speed of the cores in use, and its deviation.

    Parameters
    ----------
    cores : CoreModel
        Work per clock of each kind of core.
    spec : MachineSpec
        Counts and kinds of cores, and the year.
    clocks : CoreClocks
        Under the load that the cores run at [Hz].
    busy_cores : float, optional
        Cores in use, performance cores first; None: all that infer. A pair of low-power cores may decode, too, and is
        left out here as plans leave it out of the cores that they count.

    Returns
    -------
    tuple of float
        Cycles of a reference core per second and core [Hz]; deviation of its logarithm.

    Raises
    ------
    ModelRangeError
        No core is in use.

    Notes
    -----
    .. math:: v = \frac{n_P f_P k_P + n_E f_E k_E}{n_P + n_E}, \qquad k_P = k (1 + g)^{y - y_0}

    The mean is of speeds, not of times: n cores finish :math:`n v` cycles per second together. A second thread of a
    core counts as nothing. Source: derived here. Validity: work that is spread over many streams.
    """
    own = cores.of(core_kind(spec))
    every = float(spec.inference_cores)
    used = every if busy_cores is None else min(busy_cores, every)
    if used <= 0:
        raise ModelRangeError(f"{spec.id}: {busy_cores} cores in use; at least a part of one must be")
    large = min(used, float(spec.performance_cores))
    years = float(machine_arrays([spec]).year[0]) - cores.reference_year
    speed = large * clocks.performance_hz * own.per_clock * (1.0 + own.gain_per_year) ** years
    small = 0.0
    small_terms = cores.of("efficiency")
    if used > large:
        small = (used - large) * clocks.efficiency_hz * small_terms.per_clock
    share = small / (speed + small)
    kind_sd = (1.0 - share) * float(np.hypot(own.sd, own.gain_sd * abs(years))) + share * small_terms.sd
    return (speed + small) / used, kind_sd


def decode_cycles(terms: CodecTerms, width: int, height: int, bits_per_frame: float) -> float:
    r"""Cycles of a performance core of the reference year for one picture.

    .. math:: c = a \, w h + b \, B

    with w h pixels and B bits per frame. Prediction, transforms and filters touch pixels, entropy decoding touches
    bits. Source: linear in both, fitted; docs/methods/decode.md. Validity: 360p to 4K, 0.03 to 0.32 bits per pixel
    (MJPEG 0.5 to 1.4), one thread per stream.
    """
    return terms.cycles_per_pixel * width * height + terms.cycles_per_bit * bits_per_frame


def decode_traffic_bytes(codec: str, width: int, height: int) -> float:
    r"""Traffic with main memory of one decoded frame [B].

    .. math:: (2 + r) \cdot 1.5 \, w h

    A picture is written by the decoder and read by preparation, and r = 1 reference picture is read, none where every
    frame is coded by itself (MJPEG). Pictures of several cameras do not stay in caches (1080p: 3.1 MB each); what the
    filters of motion compensation read twice does. Source: derived here; the sample format is that of ITU-T H.264,
    section 6.2. Validity: one reference per block, as cameras code; two of them (B pictures) read one more.
    """
    if codec == "raw":
        return 0.0
    references = 0 if codec == "mjpeg" else 1
    return (2 + references) * BYTES_PER_PIXEL * width * height


USUAL_BITS_SD = 0.5
"""Deviation (log) of cameras' bits per pixel about the usual ones; assumed: they are set from half to twice as many."""


def decode_time(
    calibration: DecodeCalibration,
    spec: MachineSpec,
    clocks: CoreClocks,
    codec: str,
    size: tuple[int, int],
    bitrate_kbps: float | None,
    fps: float,
) -> CoreTime:
    """Core time of decoding one frame in software.

    Parameters
    ----------
    calibration, spec, clocks
        As in :func:`mean_core_speed`.
    codec : str
        ``h264``, ``h265``, ``mjpeg``; ``raw`` costs nothing.
    size : tuple of int
        Width and height [pixels].
    bitrate_kbps : float, optional
        Of the stream [1000 bit/s]; None: the usual bits per pixel of the codec, with their uncertainty.
    fps : float
        Frames per second that the bit rate refers to [1/s].

    Raises
    ------
    ModelRangeError
        An unknown codec, or a size or rate that is not positive; the message quotes it.
    """
    if codec == "raw":
        return CoreTime(0.0, 0.0, 0.0, calibration.t_90)
    terms = calibration.terms(codec)
    width, height = size
    if min(width, height, fps) <= 0 or (bitrate_kbps is not None and bitrate_kbps <= 0):
        raise ModelRangeError(f"{width}x{height}, {bitrate_kbps} kbit/s at {fps} frames/s: all must be positive")
    known = bitrate_kbps is not None
    bits = width * height * terms.usual_bits_per_pixel if bitrate_kbps is None else bitrate_kbps * 1000.0 / fps
    cycles = decode_cycles(terms, width, height, bits)
    of_bits = 0.0 if known else USUAL_BITS_SD * terms.cycles_per_bit * bits / cycles
    speed_hz, kind_sd = mean_core_speed(calibration.cores, spec, clocks)
    return CoreTime(
        cycles / speed_hz,
        float(np.hypot(calibration.machine_sd, kind_sd)),
        float(np.hypot(terms.content_sd, of_bits)),
        calibration.t_90,
    )


def preparation_cycles(terms: PreparationTerms, source: tuple[int, int], target: tuple[int, int]) -> float:
    """Cycles of a performance core of the reference year for turning ``source`` pixels into an input of ``target``.

    A bilinear filter reads at most four source pixels for each target pixel; each target pixel is filtered, converted
    and laid out. Source: project assumption of 0.1.0, kept; docs/methods/decode.md says how far measurements lie off.
    """
    target_pixels = target[0] * target[1]
    touched = min(source[0] * source[1], 4 * target_pixels)
    return (
        terms.cycles_per_source_pixel * touched + terms.cycles_per_target_pixel * target_pixels + terms.cycles_per_call
    )


def preparation_time(
    calibration: DecodeCalibration,
    spec: MachineSpec,
    clocks: CoreClocks,
    source: tuple[int, int],
    target: tuple[int, int],
) -> CoreTime:
    """Core time of turning a picture, or a box of it, of ``source`` pixels into an input of ``target`` pixels.

    Raises
    ------
    ModelRangeError
        A size that is not positive; the message quotes it.
    """
    if min(*source, *target) <= 0:
        raise ModelRangeError(f"{source} to {target} pixels: all must be positive")
    terms = calibration.preparation
    speed_hz, kind_sd = mean_core_speed(calibration.cores, spec, clocks)
    return CoreTime(
        preparation_cycles(terms, source, target) / speed_hz,
        float(np.hypot(calibration.machine_sd, kind_sd)),
        terms.size_sd,
        calibration.t_90,
    )
