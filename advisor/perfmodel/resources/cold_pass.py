r"""What work costs that comes after a pause: caches, predictors and sleeping threads have gone cold.

Under a camera's rhythm a model runs every 30 to 200 ms, not in a tight loop. Then a pass takes longer by an amount
that hardly depends on the model: between the passes other work (of this machine, and of its neighbours in a shared
last-level cache) has thrown out weights, activations and code, and threads that waited have gone to sleep. With the
gap :math:`g` since the model last ran,

.. math:: T = T_\mathrm{tight} + c_t \, (1 - e^{-g / \tau})

with :math:`c_1` for one thread and :math:`c_n` for several, which must be woken as well. Found by pacing six networks
of 0.2 to 37 ms on one machine of this project (docs/methods/cold-pass.md): :math:`c_1` 0.4 to 1.5 ms,
:math:`c_n` 1 to 3.5 ms, half of it reached after a gap of 3 to 5 ms, whether the pause was slept or spun. That is
against the third pass after a pause; against a long loop, as the micro-benchmark takes it, it is more, and does depend
on the model, so a plan of this machine measures its own models (``here/pause.py``).

Decoding a picture between two passes costs the second one a share :math:`s` of it however short the gap, because the
picture has thrown out what the pass would have found in the caches:

.. math:: T = T_\mathrm{tight} + c_t \, (1 - (1 - s) \, e^{-g / \tau})

A decoded frame is written and read once per step by different cores: it moves at the speed of cold lines, not of
caches. Decoding reads a reference frame and writes a picture, preparation reads the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from advisor.records.base import Evidence, Interval
from advisor.records.measurement import COLD_DECODED, MicroBenchmark

BYTES_PER_PIXEL = 1.5
"""4:2:0, eight bits."""
ASSUMED_ONE_S = Interval(p10=0.4e-3, p50=0.9e-3, p90=1.8e-3)
ASSUMED_MANY_S = Interval(p10=0.8e-3, p50=2.0e-3, p90=4.0e-3)
KEPT_BYTES = 4e6
"""What a loop keeps of a picture in its core's caches: 4K pictures, of 12 MB, cost a cascade hardly more than 1080p."""
LEAST_S = 1e-4
"""A pause was never seen to cost less."""
BAND = 1.8
"""Factor either way that holds eight of ten networks on a machine that was measured, on one thread."""
BAND_MANY = 2.6
"""The same on several threads. Of 13 networks on two threads, passes above 7 ms lost 0.4 to 0.9 ms, shorter ones 1 to
3.9 ms: woken threads begin on one core, and a short pass ends before they are spread."""
SETTLE_S = 5e-3
SETTLE_RANGE_S = (1e-3, 40e-3)
"""Range in which it is looked for where it was measured: two of the pauses measured tell no others apart."""
PREPARE_S = Interval(p10=0.05e-3, p50=0.1e-3, p90=0.2e-3)
"""Preparing one input after other work took so much longer than in a loop, bytes aside: 0.1 to 0.2 ms."""
COLD_BYTES_PER_S = Interval(p10=3e9, p50=6e9, p90=12e9)
"""Paced decoding of 720p and 1080p took 0.34 to 1.0 ms longer than in a loop for two frames' worth of bytes."""
PREPARED_BYTES_PER_S = Interval(p10=1.5e9, p50=3e9, p90=6e9)
"""In five cascades preparation took 0.55 ms longer than in a loop from 720p, 1.0 to 1.4 from 1080p, bytes not aside."""


@dataclass(frozen=True)
class ColdStart:
    """Cost of a pause on one machine."""

    one_s: Interval
    """Added to a pass on one thread after a long gap [s]."""
    many_s: Interval
    """The same on several threads [s]."""
    settle_s: float
    """Gap after which 1 - 1/e of what depends on the gap is due [s]."""
    prepare_s: Interval
    """Added to the preparation of one input, its bytes aside [s]."""
    bytes_per_s: Interval
    """Speed at which decoding moves pictures that a loop would have found in its caches [B/s]."""
    evidence: Evidence
    prepared_bytes_per_s: Interval = PREPARED_BYTES_PER_S
    """Speed at which preparation takes in a picture that another core has decoded [B/s]."""
    decoded_share: float = 1.0
    """Part of what a pause costs a pass that decoding a picture before it costs as well, whatever the gap, 0 to 1."""
    sigma_one: float = 0.12
    """Spread of single passes on one thread, as the standard deviation of the logarithm."""
    sigma_many: float = 0.25
    """The same on several threads: the slowest one decides."""

    def sigma(self, threads: int) -> float:
        """Spread of single passes on so many threads (log)."""
        return self.sigma_one if threads == 1 else self.sigma_many

    def pass_s(self, threads: int) -> Interval:
        """What a pass on so many threads takes longer after a long gap [s]."""
        return self.one_s if threads == 1 else self.many_s

    def at(self, quantile: Callable[[Interval], float]) -> ColdStart:
        """Return the same machine with what a pass takes longer known to be that quantile of what is believed."""
        return replace(self, one_s=Interval.exact(quantile(self.one_s)), many_s=Interval.exact(quantile(self.many_s)))

    def prepared_s(self, width: int, height: int) -> Interval:
        """What preparing one input from so many pixels takes longer than in a loop [s]."""
        return plus(self.prepare_s, _moving_s(_picture_bytes(width, height), self.prepared_bytes_per_s))

    def picture_s(self, width: int, height: int, touches: int) -> Interval:
        """Core time to decode a 4:2:0 picture longer than in a loop, which would have found it in its caches [s].

        ``touches``: pictures read and written for one.
        """
        return _moving_s(touches * _picture_bytes(width, height), self.bytes_per_s)


def _picture_bytes(width: int, height: int) -> float:
    return min(BYTES_PER_PIXEL * width * height, KEPT_BYTES)


def _moving_s(moved_bytes: float, speed: Interval) -> Interval:
    return Interval(p10=moved_bytes / speed.p90, p50=moved_bytes / speed.p50, p90=moved_bytes / speed.p10)


ASSUMED = ColdStart(ASSUMED_ONE_S, ASSUMED_MANY_S, SETTLE_S, PREPARE_S, COLD_BYTES_PER_S, Evidence.SPEC)
"""For machines on which it was not measured."""


def cold_start(micro: Mapping[str, MicroBenchmark]) -> ColdStart:
    """Cold start of the machine that ``micro`` (by name) was measured on; assumed where a figure is missing.

    The micro-benchmark shows one network at one time, and neighbours in a shared cache come and go (0.2 to 0.9 ms on
    one thread within two hours on one machine): the middle is the geometric mean of measured and assumed.
    """
    one, most = micro.get("cold/openvino/t1"), [row for name, row in micro.items() if name.startswith("cold/openvino/")]
    many = max(most, key=lambda row: int(row.parameters.get("threads", "1")), default=None)
    if one is None or many is None:
        return ASSUMED
    one_s, many_s = _between(one.value, ASSUMED_ONE_S, BAND), _between(many.value, ASSUMED_MANY_S, BAND_MANY)
    decoded = micro.get(COLD_DECODED)
    settle_s, decoded_share = (SETTLE_S, ASSUMED.decoded_share) if decoded is None else _of_gap(decoded)
    return ColdStart(
        one_s, many_s, settle_s, PREPARE_S, COLD_BYTES_PER_S, Evidence.MEASURED, PREPARED_BYTES_PER_S,
        decoded_share, float(one.parameters["sigma"]), float(many.parameters["sigma"]),
    )  # fmt: skip


def _of_gap(decoded: MicroBenchmark) -> tuple[float, float]:
    """Time in which a pause comes to cost what it costs [s], and the part that one decoded picture costs as well.

    From passes after a short and a long pause, and after a picture, all as shares of that after the long one. Of what
    the picture costs, the time that it takes is a gap like any other; the rest is its own.
    """
    picture_s, short_s, short_share, long_s = (
        float(decoded.parameters[name]) for name in ("picture_s", "short_s", "short_share", "long_s")
    )
    settles_s = np.geomspace(*SETTLE_RANGE_S, 200)
    short_shares = np.expm1(-short_s / settles_s) / np.expm1(-long_s / settles_s)
    settle_s = float(np.interp(short_share, short_shares[::-1], settles_s[::-1]))
    behind = decoded.value * -math.expm1(-long_s / settle_s)
    share = 1.0 - (1.0 - behind) * math.exp(picture_s / settle_s)
    return settle_s, min(1.0, max(0.0, share))


def plus(first: Interval, second: Interval) -> Interval:
    """Sum of two quantities that are slow together: quantile by quantile."""
    return Interval(p10=first.p10 + second.p10, p50=first.p50 + second.p50, p90=first.p90 + second.p90)


def _between(value_s: float, assumed: Interval, band: float) -> Interval:
    middle_s = float(np.sqrt(max(value_s, LEAST_S) * assumed.p50))
    return Interval(p10=middle_s / band, p50=middle_s, p90=middle_s * band)
