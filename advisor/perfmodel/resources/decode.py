"""Software decoding and pre-processing: core time per frame, from own measurements or a stated prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.perfmodel.analytic.interval import around
from advisor.records.base import Evidence
from advisor.records.codec import USUAL_BITS_PER_PIXEL
from advisor.records.machine import MachineSpec
from advisor.records.prediction import CostEstimate

REFERENCE_HZ = 4e9
_NS = 1e-9


@dataclass(frozen=True)
class CodecCost:
    """Core time at 4 GHz on a desktop core of 2017: per pixel and per bit [s]."""

    per_pixel_s: float
    per_bit_s: float


@dataclass(frozen=True)
class Scale:
    """What this host measured over what the formula says of it."""

    factor: float
    exact: bool
    """Whether the very size in question was measured, on the very machine."""
    here: bool
    """Whether the machine in question is the one that measured."""
    spread: float = 0.0
    """Half width (log) of the measurement itself."""

    def applied(self, seconds: float, band_here: float, band_elsewhere: float, what: str) -> CostEstimate:
        """Scale a formula's time; measured where the very thing was, else anchored, and wider."""
        band = band_here if self.exact else 1.5 * band_here if self.here else band_elsewhere
        band = float(np.hypot(band, self.spread))
        return CostEstimate(
            core_s=around(seconds * self.factor, -band, band),
            evidence=Evidence.MEASURED if self.exact else Evidence.ANCHORED,
            notes=(f"{what} measured on this host",) if self.exact else (f"scaled by {what} measured on this host",),
        )


# H.264 1080p at 4 Mbit/s and 15 frames/s comes to 7.3 ms: between the 10 ms per frame that a laptop core of 2018 needs
# (NVR users' reports, frigate issue 21) and what desktop cores show. H.265 has larger transforms and filters; MJPEG
# codes every pixel anew, so its cost goes with the bits. The interval below is wide because content matters.
PRIOR = {
    "h264": CodecCost(2.2 * _NS, 10.0 * _NS),
    "h265": CodecCost(3.2 * _NS, 16.0 * _NS),
    "mjpeg": CodecCost(3.5 * _NS, 3.0 * _NS),
}
PRIOR_BAND = float(np.log(1.8))


def frame_cost_s(cost: CodecCost, width: int, height: int, bits_per_frame: float) -> float:
    """Core time of one frame at the reference clock: linear in pixels (prediction, filters) and in bits."""
    return cost.per_pixel_s * width * height + cost.per_bit_s * bits_per_frame


def scalar_speed(spec: MachineSpec, clock_hz: float) -> float:
    """Speed of branching integer code against a 4 GHz desktop core of 2017.

    Per clock: +3 % a year after 2017 (the trend of integer benchmarks over desktop cores), 0.55 for cores without AVX,
    0.75 for efficiency cores sold alone, 0.65 for Arm boards; assumed, so what rests on it is wide.
    """
    year = spec.release_year if spec.release_year is not None else 2019
    per_clock = 1.03 ** (year - 2017)
    if spec.simd_level in ("scalar", "sse42"):
        per_clock = 0.55
    elif spec.architecture != "x86_64":
        per_clock = 0.65
    elif spec.fma_bits_per_core is not None and spec.fma_bits_per_core <= 256:
        per_clock = 0.75
    return per_clock * clock_hz / REFERENCE_HZ


def decode_cost(
    spec: MachineSpec,
    clock_hz: float,
    codec: str,
    width: int,
    height: int,
    bitrate_kbps: float | None,
    fps: float,
    scale: Scale | None,
) -> CostEstimate:
    """Core time of decoding one frame.

    ``scale``: this host's measured time over the formula's, None where nothing was measured; it holds for other
    machines too, because it says how hard the coded content is.
    """
    if codec == "raw":
        return CostEstimate(core_s=around(0.0, 0.0, 0.0), evidence=Evidence.SPEC, notes=("raw frames need no decoder",))
    bits = width * height * USUAL_BITS_PER_PIXEL[codec] if bitrate_kbps is None else bitrate_kbps * 1000.0 / fps
    seconds = frame_cost_s(PRIOR[codec], width, height, bits) / scalar_speed(spec, clock_hz)
    if scale is not None:
        return scale.applied(seconds, 0.10, 0.3, "decoding")
    return CostEstimate(
        core_s=around(seconds, -PRIOR_BAND, PRIOR_BAND),
        evidence=Evidence.SPEC,
        notes=(f"decoding of {codec} was not measured: an assumed cost per pixel and bit, within a factor of 1.8",),
    )


def preprocess_cost(
    spec: MachineSpec, clock_hz: float, source: tuple[int, int], target: tuple[int, int], scale: Scale | None
) -> CostEstimate:
    """Core time of scaling a frame or crop of ``source`` pixels to ``target`` and laying it out for the network.

    0.25 ns per source pixel touched (at most four per target pixel are read by a bilinear filter) and 3 ns per target
    pixel (filter, colour order, float conversion, plane layout), at 4 GHz on a desktop core of 2017; assumed.
    """
    source_pixels, target_pixels = source[0] * source[1], target[0] * target[1]
    touched = min(source_pixels, 4 * target_pixels)
    seconds = (0.25e-9 * touched + 3e-9 * target_pixels + 5e-6) / scalar_speed(spec, clock_hz)
    if scale is not None:
        return scale.applied(seconds, 0.15, 0.35, "pre-processing")
    return CostEstimate(
        core_s=around(seconds, -0.6, 0.6),
        evidence=Evidence.SPEC,
        notes=("pre-processing was not measured: assumed cost per pixel",),
    )
