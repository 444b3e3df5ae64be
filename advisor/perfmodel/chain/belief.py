"""What is believed of the time of a pass, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf, isfinite

from advisor.perfmodel.analytic.interval import ASSUMED_SHARE, ErrorWidth, around
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
    machine_share: float = ASSUMED_SHARE
    """Share of the variance of the logarithm that all models on the machine have in common."""

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

    @property
    def width(self) -> ErrorWidth:
        """How far true times lie off, and how much of that the machine's models share."""
        return ErrorWidth(self.low, self.high, self.machine_share)

    def widened(self, low: float, high: float, machine_share: float = ASSUMED_SHARE) -> Belief:
        """The same with a further, independent error of half widths ``low`` and ``high`` (log, any sign)."""
        if not self.says_something:
            return self
        joined = self.width.joined(ErrorWidth(-abs(low), abs(high), machine_share))
        return replace(self, low=joined.low, high=joined.high, machine_share=joined.machine_share)

    def noted(self, *notes: str) -> Belief:
        """The same with further caveats."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def measured_here(
        self,
        log_time_s: float,
        half_width: float,
        evidence: Evidence,
        nearest: str | None,
        machine_share: float = ASSUMED_SHARE,
    ) -> Belief:
        """A time that follows from measurements on the machine itself: it takes the place of all that was inferred."""
        return replace(
            self,
            log_time_s=log_time_s,
            low=-half_width,
            high=half_width,
            evidence=evidence,
            nearest=nearest,
            extrapolated=False,
            machine_share=machine_share,
        )


NOTHING = Belief(0.0, -inf, inf, Evidence.UNKNOWN, None, extrapolated=True)
"""Before any source has spoken: any time is possible."""
