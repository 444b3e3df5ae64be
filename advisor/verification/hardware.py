"""Decoding on a device of the machine: found by decoding a frame of each camera's stream, never assumed."""

from __future__ import annotations

from collections.abc import Sequence

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from advisor.addresses import source
from advisor.errors import InputError


def acceleration(device: str) -> HWAccel:
    """One decoder's claim on a device; it refuses rather than decode in software."""
    return HWAccel(device, allow_software_fallback=False)


def find_device(paths: Sequence[str], devices: Sequence[str] | None = None) -> str:
    """Name the first device that decodes the first frame of every file.

    Parameters
    ----------
    paths : sequence of str
        One video per kind of stream that the run has to decode.
    devices : sequence of str, optional
        Kinds of devices to try; those that this PyAV was built with.

    Raises
    ------
    InputError
        No device can; the message gives the reason for each.
    """
    reasons = []
    for device in hwdevices_available() if devices is None else devices:
        reason = next((found for path in paths if (found := _refusal(device, path)) is not None), None)
        if reason is None:
            return str(device)
        reasons.append(f"{device}: {reason}")
    tried = "; ".join(reasons) or "PyAV was built without any"
    raise InputError(
        f"--decode hardware: no device here decodes these cameras ({tried}); use --decode software, or install the "
        "device's driver"
    )


def _refusal(device: str, path: str) -> str | None:
    try:
        address = source(path)
        with av.open(address.target, options=address.options, hwaccel=acceleration(device)) as container:
            stream = container.streams.video[0]
            next(container.decode(stream))
            if not stream.codec_context.is_hwaccel:
                return "decoded in software"
    except (OSError, RuntimeError, ValueError, NotImplementedError, StopIteration, av.error.FFmpegError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[-1][:100]
    return None
