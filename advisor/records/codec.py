"""What coded video of a camera usually weighs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

USUAL_BITS_PER_PIXEL: Mapping[str, float] = MappingProxyType({"h264": 0.10, "h265": 0.06, "mjpeg": 1.2})
"""Bits per pixel where no bit rate is given. Source: project assumption; H.264 of 1080p at 15/s comes to 3.1 Mbit/s,
near the 4 Mbit/s usual for cameras at rest and in motion; MJPEG codes each picture alone. Clips are synthesised,
decoding is predicted and feeds are replayed at these rates, so that all three speak of the same video."""

CLIP_EDGE_MIN = 64


def usual_bitrate_kbps(codec: str, width: int, height: int, fps: float) -> float:
    """Bit rate to assume where the user gives none [1000 bit/s]. Whoever uses it must say so."""
    return USUAL_BITS_PER_PIXEL[codec] * width * height * fps / 1000


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Size [pixels] of the clip that stands for a camera: encoders take even widths and heights of at least 64."""
    return max(size[0] + size[0] % 2, CLIP_EDGE_MIN), max(size[1] + size[1] % 2, CLIP_EDGE_MIN)
