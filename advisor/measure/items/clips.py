"""Clips that cost a decoder what a real camera's stream costs: texture, noise, moving objects, the given bit rate."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from advisor.errors import InputError, SizerError

CodecName = Literal["h264", "h265", "mjpeg"]
CLIP_VERSION = 2
BITRATE_TOLERANCE = 0.20
LONGEST_GROUP_S = 10.0
"""Longer clips take longer to make than a quick look may last."""
ENCODER_RATE_MIN = 5.0
"""Slowest rate [1/s] that an encoder is given; a clip of a slower camera has the same bits per picture, which is all
that decoding it depends on."""
ENCODER_BITRATE_MIN = 1000
"""Least bit rate [bit/s] that x264 takes."""
ENCODER_BITRATE_MAX = 2**31 - 1
"""Largest bit rate [bit/s] that PyAV before 18 hands to an encoder: 54 MB a picture at the slowest rate, more than a
picture of 7680x4320 has before it is encoded."""
_ATTEMPTS = 4
# Cameras encode with entropy coding and loop filter on and without B frames; presets that switch these off (x264's
# ultrafast) would make a clip that is cheaper to decode than a camera's.
_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": (
        "libx264",
        {"preset": "superfast", "bf": "0", "profile": "high", "x264-params": "scenecut=0:rc-lookahead=0"},
    ),
    "h265": (
        "libx265",
        {
            "preset": "ultrafast",
            "x265-params": "log-level=error:bframes=0:scenecut=0:sao=1:deblock=0,0:rc-lookahead=1",
        },
    ),
    "mjpeg": ("mjpeg", {"huffman": "default"}),
}
_PIXELS = {"h264": "yuv420p", "h265": "yuv420p", "mjpeg": "yuvj420p"}
Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class ClipInfo:
    """What was requested of a clip and what it became; its sidecar file holds the same."""

    width: int
    height: int
    fps: float
    codec: str
    bitrate_kbps: float
    """Asked."""
    gop_frames: int
    duration_s: float
    seed: int
    real_bitrate_kbps: float
    frames: int
    version: int = CLIP_VERSION

    @property
    def bitrate_ok(self) -> bool:
        """Whether the real bit rate lies within 20 % of the one requested."""
        return abs(self.real_bitrate_kbps / self.bitrate_kbps - 1) <= BITRATE_TOLERANCE


@dataclass(frozen=True)
class ClipRequest:
    """A stream that a clip is to stand for."""

    width: int
    height: int
    """Size in pixels, both even."""
    fps: float
    """Frame rate that the bit rate refers to [1/s]."""
    codec: CodecName
    """h264, h265 or mjpeg."""
    bitrate_kbps: float
    """Mean bit rate of the stream [1000 bit/s]."""
    gop_frames: int | None = None
    """Frames from key frame to key frame; None: two seconds. Without meaning for mjpeg."""
    duration_s: float = 2.0
    """Length [s]; at least two frames are written, and whole groups of pictures: a loop then has a key frame as often
    as the stream that it stands for. Groups longer than 10 s are cut to the duration."""
    seed: int = 1
    """Of background, noise, and of objects and their paths."""

    def path_in(self, directory: Path) -> Path:
        """Name for the clip in a cache folder, one per stream."""
        size, stream = f"{self.width}/{self.height}", f"{self.fps}/{self.codec}/{self.bitrate_kbps}"
        text = f"{CLIP_VERSION}/{size}/{stream}/{self.gop_frames}/{self.seed}"
        suffix = ".mkv" if self.codec == "mjpeg" else ".mp4"
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        title = f"{self.codec}-{self.width}x{self.height}-{self.fps:g}fps-{self.bitrate_kbps:g}kbps"
        return directory / f"{title}-{digest}{suffix}"


def synthesise(path: Path, wanted: ClipRequest) -> Path:
    """Write a short clip, meant to be played in a loop; one that exists with the same parameters is kept.

    Parameters
    ----------
    path : Path
        Where to; the suffix (``.mp4``, ``.mkv``) decides the container. The sidecar is ``path`` + ``.json``.
    wanted : ClipRequest
        The stream.

    Returns
    -------
    Path
        ``path``. :func:`clip_info` returns the real bit rate, which for mjpeg may be out of reach of the codec.

    Raises
    ------
    InputError
        Odd or tiny size, unknown codec, rate or duration not positive, or no write permission.
    """
    width, height, fps, codec = wanted.width, wanted.height, wanted.fps, wanted.codec
    bitrate_kbps, duration_s = wanted.bitrate_kbps, wanted.duration_s
    if codec not in _ENCODERS:
        raise InputError(f"codec {codec!r} cannot be synthesised; use one of {', '.join(_ENCODERS)}")
    if width % 2 or height % 2 or min(width, height) < 64:
        raise InputError(f"a clip of {width}x{height} cannot be encoded; use even numbers of at least 64")
    if min(fps, bitrate_kbps, duration_s) <= 0:
        raise InputError(f"fps {fps}, bitrate_kbps {bitrate_kbps} and duration_s {duration_s} must be positive")
    gop = wanted.gop_frames if wanted.gop_frames is not None else max(1, round(2 * fps))
    request = ClipInfo(width, height, fps, codec, bitrate_kbps, gop, duration_s, wanted.seed, 0.0, 0)
    known = _read_sidecar(path)
    if known is not None and path.is_file() and _same_request(known, request):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".clip-", suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        raise InputError(
            f"cannot write clip {path}: {error.strerror}; choose a folder with write permission"
        ) from error
    temporary = Path(name)
    try:
        info = _encode_to_rate(temporary, request)
        sidecar = temporary.with_name(temporary.name + ".json")
        sidecar.write_text(json.dumps(asdict(info), indent=1) + "\n", encoding="utf-8")
        sidecar.replace(_sidecar(path))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def clip_info(path: Path) -> ClipInfo:
    """Read the sidecar of a synthesised clip; InputError where there is none of this version."""
    info = _read_sidecar(path)
    if info is None:
        raise InputError(f"{path} has no readable sidecar {_sidecar(path).name}; synthesise it again")
    return info


class Scene:
    """Seeded picture content in planar YUV 4:2:0: fixed textured background, noise, objects that move about."""

    def __init__(self, width: int, height: int, seed: int, objects: int = 8) -> None:
        rng = np.random.default_rng(seed)
        self._w, self._h = width, height
        self._luma = _texture(rng, height, width, 40, 200)
        self._chroma = np.stack([_texture(rng, height // 2, width // 2, 108, 148) for _ in range(2)])
        # One field of noise, read from a new corner for every frame, costs a tenth of drawing it anew.
        self._noise = rng.standard_normal((height + 64, width + 64), dtype=np.float32)
        self._rng = rng
        self._patches = []
        for _ in range(objects):
            high = max(16, int(height * rng.uniform(0.12, 0.35)) // 2 * 2)
            wide = max(8, int(high * rng.uniform(0.35, 0.8)) // 2 * 2)
            wide = min(wide, width // 2 // 2 * 2)
            self._patches.append(
                (
                    _texture(rng, high, wide, 20, 235),
                    rng.integers(70, 190, 2),
                    rng.uniform(0, [height - high, width - wide]),
                    rng.uniform(-1, 1, 2) * np.array([0.03, 0.15]) * height,  # pixels per second
                )
            )

    def frame(self, time_s: float, sigma: float) -> Plane:
        """Picture at a time, shape (1.5 height, width), with noise of ``sigma`` grey levels."""
        h, w = self._h, self._w
        luma = self._luma.copy()
        chroma = self._chroma.copy()
        for patch, colour, start, speed in self._patches:
            high, wide = patch.shape
            y = int(_bounce(start[0] + speed[0] * time_s, h - high)) // 2 * 2
            x = int(_bounce(start[1] + speed[1] * time_s, w - wide)) // 2 * 2
            luma[y : y + high, x : x + wide] = patch
            chroma[:, y // 2 : (y + high) // 2, x // 2 : (x + wide) // 2] = colour[:, None, None]
        dy, dx = self._rng.integers(0, 64, 2)
        noisy = self._noise[dy : dy + h, dx : dx + w] * np.float32(sigma)
        noisy += luma
        out = np.empty((h * 3 // 2, w), np.uint8)
        np.clip(noisy, 16, 235, out=noisy)
        out[:h] = noisy
        out[h:] = chroma.reshape(h // 2, w)
        return out


def _texture(rng: np.random.Generator, height: int, width: int, low: int, high: int) -> Plane:
    """Sum of random fields of three grains, as walls, shelves and floors have."""
    total = np.zeros((height, width), np.float32)
    for cell, weight in ((96, 1.0), (24, 0.5), (6, 0.25)):
        coarse = rng.standard_normal((height // cell + 2, width // cell + 2)).astype(np.float32)
        total += weight * np.repeat(np.repeat(coarse, cell, 0)[:height], cell, 1)[:, :width]
    scaled = (total + 2.5) / 5.0 * (high - low) + low
    texture: Plane = np.clip(scaled, low, high).astype(np.uint8)
    return texture


def _bounce(position: float, room: float) -> float:
    """Reflect a position between 0 and ``room``."""
    if room <= 0:
        return 0.0
    folded = position % (2 * room)
    return folded if folded <= room else 2 * room - folded


def _whole_groups(request: ClipInfo) -> int:
    """Frames nearest to the duration that end with a group of pictures."""
    frames = max(1, round(request.duration_s * request.fps))
    if request.codec == "mjpeg" or request.gop_frames > LONGEST_GROUP_S * request.fps:
        return frames
    return max(1, round(frames / request.gop_frames)) * request.gop_frames


def _encode_to_rate(path: Path, request: ClipInfo) -> ClipInfo:
    """Encode until the real bit rate is near enough, steering the encoder's target and the noise."""
    scene_frames = max(2, _whole_groups(request))
    target_kbps, sigma = request.bitrate_kbps, 3.0
    best: tuple[float, bytes, ClipInfo] | None = None
    for _ in range(_ATTEMPTS):
        real = _encode(path, request, scene_frames, target_kbps, sigma)
        info = ClipInfo(**{**asdict(request), "real_bitrate_kbps": real, "frames": scene_frames})
        ratio = real / request.bitrate_kbps
        error = abs(np.log(ratio))
        if best is None or error < best[0]:
            best = (error, path.read_bytes(), info)
        if abs(ratio - 1) <= BITRATE_TOLERANCE / 2:
            break
        target_kbps *= float(np.clip(1 / ratio, 0.25, 4.0))
        sigma = float(np.clip(sigma / ratio, 0.3, 25.0))
    assert best is not None
    path.write_bytes(best[1])
    return best[2]


def _encode(path: Path, request: ClipInfo, frames: int, target_kbps: float, sigma: float) -> float:
    """Write one version; return its real bit rate [kbit/s]."""
    name, options = _ENCODERS[request.codec]
    scene = Scene(request.width, request.height, request.seed)
    payload = 0
    rate = max(request.fps, ENCODER_RATE_MIN)
    try:
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(name, rate=Fraction(rate).limit_denominator(1001), options=options)
            stream.width, stream.height, stream.pix_fmt = request.width, request.height, _PIXELS[request.codec]
            stream.codec_context.gop_size = request.gop_frames
            stream.codec_context.bit_rate = _encoder_bit_rate(target_kbps, rate / request.fps)
            stream.codec_context.thread_count = 0
            for index in range(frames):
                picture = scene.frame(index / request.fps, sigma)
                frame = av.VideoFrame.from_ndarray(picture, format=_PIXELS[request.codec])
                frame.pts = index
                for packet in stream.encode(frame):
                    payload += packet.size
                    container.mux(packet)
            for packet in stream.encode(None):
                payload += packet.size
                container.mux(packet)
    except (av.error.FFmpegError, ValueError) as error:  # ValueError: FFmpeg was built without this encoder
        raise SizerError(f"encoder {name} failed on {request.width}x{request.height}: {error}") from error
    return payload * 8 / 1000 / (frames / request.fps)


def _encoder_bit_rate(target_kbps: float, faster: float) -> int:
    """Bit rate [bit/s] of an encoder that is told of ``faster`` times as many pictures a second as the camera sends."""
    return min(max(round(target_kbps * 1000 * faster), ENCODER_BITRATE_MIN), ENCODER_BITRATE_MAX)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_sidecar(path: Path) -> ClipInfo | None:
    """None where the file is missing or of another version: the clip is then made again."""
    try:
        data = json.loads(_sidecar(path).read_text(encoding="utf-8"))
        info = ClipInfo(**data)
    except (OSError, ValueError, TypeError):
        return None
    return info if info.version == CLIP_VERSION else None


def _same_request(known: ClipInfo, request: ClipInfo) -> bool:
    drop = {"real_bitrate_kbps", "frames"}
    left, right = asdict(known), asdict(request)
    return all(left[key] == right[key] for key in left if key not in drop)
