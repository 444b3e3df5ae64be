"""How much of what a pause costs a pass, decoding one picture costs it as well; and how soon a pause costs it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from advisor.measure.items.clips import ClipRequest, synthesise
from advisor.measure.items.decode import DecodeLoop, packets_of
from advisor.measure.timing.micro_record import figure

from .cold import PAUSES_IN_TURN, REGAINED_S, SinglePasses

_SHORT_S, _LONG_S = 5e-3, 30e-3
"""Pauses [s]: about the shortest between two passes of a busy stage, and a camera's period."""
_CLIP = ClipRequest(1280, 720, 15.0, "h264", 2000.0)
_TURNS_AT_LEAST = 3


def decoded(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """CPU time that a pass takes longer after decoding a picture, as a share of what it takes longer after a pause.

    A loop, passes of which each follows a picture that the same thread decoded, and passes after short and after long
    pauses take turns. CPU time, since other work on the machine lengthens every other; medians, as single passes of a
    guest may take any time. 0 to 1; where a long pause costs nothing that could be seen, 1.

    Raises
    ------
    SizerError
        The clip cannot be encoded here.
    """
    codec, extradata, packets = packets_of(synthesise(folder / "clip.mp4", _CLIP))
    pictures = DecodeLoop(codec, extradata, packets)
    tight: list[float] = []
    behind: list[float] = []
    short: list[float] = []
    long: list[float] = []
    pictures_s: list[float] = []
    now, cpu_s = time.perf_counter, time.process_time
    with closing(SinglePasses(payload["runtime"], 1, folder)) as passes:
        end_s, turns = now() + payload["duration_s"], 0
        while turns < _TURNS_AT_LEAST or now() < end_s:
            turns += 1
            passes.loop(REGAINED_S)
            tight += [passes.take_s(cpu_s) for _ in range(PAUSES_IN_TURN)]
            for _ in range(PAUSES_IN_TURN):
                begun_s = now()
                pictures.run_until(0.0, min_frames=1)
                pictures_s.append(now() - begun_s)
                behind.append(passes.take_s(cpu_s))
            for pause_s, taken in ((_SHORT_S, short), (_LONG_S, long)):
                for _ in range(PAUSES_IN_TURN):
                    time.sleep(pause_s)
                    taken.append(passes.take_s(cpu_s))
    usual_s = float(np.median(tight))
    whole_s = float(np.median(long)) - usual_s
    return figure(
        payload["name"],
        [_share(time_s, usual_s, whole_s) for time_s in behind],
        "1",
        value=_share(float(np.median(behind)), usual_s, whole_s),
        picture_s=f"{np.median(pictures_s):.4g}",
        short_s=_SHORT_S,
        short_share=f"{_share(float(np.median(short)), usual_s, whole_s):.4g}",
        long_s=_LONG_S,
        whole_s=f"{whole_s:.4g}",
        tight_s=f"{usual_s:.4g}",
        version=passes.version,
    )


def _share(time_s: float, usual_s: float, whole_s: float) -> float:
    """What a pass takes longer than usual, as a share of what a long pause costs; 1 where that costs nothing."""
    return min(1.0, max(0.0, (time_s - usual_s) / whole_s)) if whole_s > 0 else 1.0
