"""From a decoded frame to a model's input, on one core and without the interpreter lock; and what that costs.

Verification uses the same functions, so what is measured here is what runs there.
"""

from __future__ import annotations

import threading
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from advisor.errors import ModelRangeError

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]

_PLANAR = ("yuv420p", "yuvj420p")
# A scaler keeps filter tables for one pair of sizes; frames of one camera and model always have the same pair.
_SCALERS_PER_THREAD = 32
_local = threading.local()

# OpenCV would spread even small pictures over all cores behind our back; the cost belongs to the calling thread.
cv2.setNumThreads(1)


def to_model_input(frame: av.VideoFrame | Image, width: int, height: int) -> Image:
    """Scale a whole picture to a model's input size (bilinear, aspect ratio not kept) and convert it to BGR.

    Parameters
    ----------
    frame : av.VideoFrame or ndarray
        A decoded frame of any pixel format, or BGR bytes of shape (h, w, 3) as a machine-vision camera delivers.
    width, height : int
        Size of the result in pixels.

    Returns
    -------
    ndarray
        Bytes of shape (height, width, 3), channels in the order blue, green, red; owned by the caller.
    """
    if isinstance(frame, np.ndarray):
        _require_bgr(frame)
        return _bytes(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR))
    key = (frame.width, frame.height, frame.format.name, width, height)
    scaled = _scaler(key).reformat(frame, width=width, height=height, format="bgr24", threads=1)
    return _bytes(scaled.to_ndarray())


def crop(frame: av.VideoFrame | Image, box: Box, width: int, height: int) -> Image:
    """Cut a box out of a picture, scale it to a model's input size and convert it to BGR.

    Parameters
    ----------
    frame : av.VideoFrame or ndarray
        As in :func:`to_model_input`.
    box : tuple of float
        Left, top, right, bottom in pixels of the frame; clipped to it and widened to at least 2x2 pixels.
    width, height : int
        Size of the result in pixels.

    Notes
    -----
    Planar 4:2:0 is scaled plane by plane before the conversion of colours, so the cost follows the size of the box
    and of the result, not that of the frame.
    """
    if isinstance(frame, np.ndarray):
        _require_bgr(frame)
        left, top, right, bottom = _even_box(box, frame.shape[1], frame.shape[0])
        return _bytes(cv2.resize(frame[top:bottom, left:right], (width, height), interpolation=cv2.INTER_LINEAR))
    if frame.format.name not in _PLANAR:
        return crop(to_model_input(frame, frame.width, frame.height), box, width, height)
    left, top, right, bottom = _even_box(box, frame.width, frame.height)
    wide, high = width + width % 2, height + height % 2
    stacked = np.empty((high * 3 // 2, wide), np.uint8)
    luma = _plane(frame.planes[0])[top:bottom, left:right]
    cv2.resize(luma, (wide, high), dst=stacked[:high], interpolation=cv2.INTER_LINEAR)
    quarter = high // 2 * (wide // 2)
    flat = stacked[high:].reshape(-1)
    for number in (1, 2):
        chroma = _plane(frame.planes[number])[top // 2 : bottom // 2, left // 2 : right // 2]
        part = flat[(number - 1) * quarter : number * quarter].reshape(high // 2, wide // 2)
        cv2.resize(chroma, (wide // 2, high // 2), dst=part, interpolation=cv2.INTER_LINEAR)
    picture = cv2.cvtColor(stacked, cv2.COLOR_YUV2BGR_I420)
    if (wide, high) == (width, height):
        return _bytes(picture)
    return _bytes(np.ascontiguousarray(picture[:height, :width]))


def _scaler(key: tuple[int, int, str, int, int]) -> VideoReformatter:
    """Scaler of the calling thread for one pair of sizes."""
    scalers: dict[tuple[int, int, str, int, int], Any] = _local.__dict__.setdefault("scalers", {})
    found = scalers.get(key)
    if found is None:
        if len(scalers) >= _SCALERS_PER_THREAD:
            scalers.pop(next(iter(scalers)))
        found = scalers[key] = VideoReformatter()
    return found


def _plane(plane: Any) -> Image:
    """View of a plane without its padding."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return _bytes(rows[: plane.height, : plane.width])


def _even_box(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Clip to the frame; even corners, as 4:2:0 shares colours between two pixels each way."""
    left = min(max(int(box[0]), 0), width - 2) // 2 * 2
    top = min(max(int(box[1]), 0), height - 2) // 2 * 2
    right = min(max(left + 2, (int(np.ceil(box[2])) + 1) // 2 * 2), width // 2 * 2)
    bottom = min(max(top + 2, (int(np.ceil(box[3])) + 1) // 2 * 2), height // 2 * 2)
    return left, top, right, bottom


def _require_bgr(frame: Image) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ModelRangeError(f"a raw frame must be bytes of shape (h, w, 3), not {frame.dtype} {frame.shape}")


def _bytes(array: Any) -> Image:
    """Name the type of what libraries without type information return."""
    assert array.dtype == np.uint8
    image: Image = array
    return image
