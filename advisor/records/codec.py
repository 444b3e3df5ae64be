"""Codecs of cameras: their names here and elsewhere, and what their video is like whatever the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Codec = Literal["h264", "h265", "mjpeg", "raw"]
"""``raw``: frames arrive decoded."""
CODECS: tuple[Codec, ...] = get_args(Codec)


@dataclass(frozen=True)
class CodedVideo:
    """What is known of the video of a codec."""

    usual_bits_per_pixel: float
    """Where no bit rate is given. Source: project assumption; H.264 of 1080p at 15/s comes to 3.1 Mbit/s, near the
    4 Mbit/s usual for cameras at rest and in motion; MJPEG codes each picture alone. Clips are synthesised, decoding is
    predicted and feeds are replayed at these rates, so that all three speak of the same video."""
    key_factor: float
    """Decode time of a key frame over that of the others where it was not measured, and in bounds: 4.3 to 5.4 in the
    synthesised clips at usual bit rates on one machine, 2.7 to 4.1 on another; 1 where each picture is coded alone."""
    other_names: tuple[str, ...]
    """What others call it, in small letters and digits: FFmpeg, encoders, containers, makers of cameras."""


_CODED: Mapping[Codec, CodedVideo] = {
    "h264": CodedVideo(0.10, 4.5, ("avc", "avc1", "x264", "mpeg4avc", "h264plus")),
    "h265": CodedVideo(0.06, 4.5, ("hevc", "hev1", "hvc1", "x265", "h265plus")),
    "mjpeg": CodedVideo(1.2, 1.0, ("mjpg", "jpeg", "motionjpeg")),
}
USUAL_BITS_PER_PIXEL: Mapping[str, float] = MappingProxyType(
    {codec: video.usual_bits_per_pixel for codec, video in _CODED.items()}
)
KEY_FACTOR: Mapping[str, float] = MappingProxyType({codec: video.key_factor for codec, video in _CODED.items()})
OTHER_NAMES: Mapping[str, Codec] = MappingProxyType(
    {name: codec for codec, video in _CODED.items() for name in video.other_names}
)

CLIP_EDGE_MIN = 64


def usual_bitrate_kbps(codec: str, width: int, height: int, fps: float) -> float:
    """Bit rate to assume where the user gives none [1000 bit/s]. Whoever uses it must say so."""
    return USUAL_BITS_PER_PIXEL[codec] * width * height * fps / 1000


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Size [pixels] of the clip that stands for a camera: encoders take even widths and heights of at least 64."""
    return max(size[0] + size[0] % 2, CLIP_EDGE_MIN), max(size[1] + size[1] % 2, CLIP_EDGE_MIN)
