"""What is believed of the time of a pass, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, hypot, inf, isfinite

from advisor.perfmodel.analytic.interval import around
from advisor.records.base import Evidence, Interval
from advisor.records.prediction import Bottleneck


@dataclass(frozen=True)
class Repetition:
    """What repeated passes of the very configuration in question showed besides their usual time."""

    throughput_per_s: float | None
    """Inputs per second of all streams; None where requests came one at a time."""
    pass_sigma: float | None
    """Spread of single passes (standard deviation of the logarithm); None: too few were kept."""
    moment_sigma: float | None
    """The part of it that lies between states of the machine; None: it was seen in too few."""


@dataclass(frozen=True)
class Belief:
    """Time of a pass of one stream with the others busy, as a median and log distances to P10 and P90."""

    log_time_s: float
    """Natural logarithm of the median time [s]."""
    low: float
    """Log distance from the median to P10; at most 0."""
    high: float
    """Log distance from the median to P90; at least 0."""
    evidence: Evidence
    nearest: str | None
    """The measured or published configuration most alike; None: there is none."""
    extrapolated: bool
    """Whether the machine or the model is far from all that was measured."""
    notes: tuple[str, ...] = ()
    """Caveats for people, in the order in which sources added them."""
    bottleneck: Bottleneck = "unknown"
    """What takes most of the time."""
    traffic_bytes: float = 0.0
    """Bytes moved from main memory by one pass [B]; 0 where no source has said."""
    repetition: Repetition | None = None
    """Where the configuration itself was measured."""

    @property
    def says_something(self) -> bool:
        """Whether any source has spoken."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def time_s(self) -> Interval:
        """The time itself [s]."""
        return around(exp(self.log_time_s), self.low, self.high)

    def shifted(self, log_factor: float) -> Belief:
        """The same with times longer by a factor, given as its logarithm."""
        return replace(self, log_time_s=self.log_time_s + log_factor)

    def widened(self, low: float, high: float) -> Belief:
        """The same with a further, independent error of half widths ``low`` and ``high`` (log, any sign)."""
        return replace(self, low=-hypot(self.low, low), high=hypot(self.high, high))

    def noted(self, *notes: str) -> Belief:
        """The same with further caveats."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def measured_here(self, log_time_s: float, half_width: float, evidence: Evidence, nearest: str | None) -> Belief:
        """A time that follows from measurements on the machine itself: it takes the place of all that was inferred."""
        return replace(
            self,
            log_time_s=log_time_s,
            low=-half_width,
            high=half_width,
            evidence=evidence,
            nearest=nearest,
            extrapolated=False,
        )


NOTHING = Belief(0.0, -inf, inf, Evidence.UNKNOWN, None, extrapolated=True)
"""Before any source has spoken: any time is possible."""
