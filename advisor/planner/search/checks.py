"""What a configuration fails, as the closed forms and the simulation report it alike."""

from __future__ import annotations

from typing import NamedTuple


class FailedCheck(NamedTuple):
    """The requirement that is not met."""

    check: str
    """Name of the requirement: ``camera_fps``, ``drops``, ``latency_p95``, ``queue_growth``, ``cpu``, ``memory``,
    ``memory_bandwidth``, ``device``; ``evidence`` where too little is known to tell."""
    reason: str
    """For the reader of the plan, with the figure and its limit."""
    closeness: float
    """What there is over what is needed, 0 to 1: 1 just meets the requirement."""
    at_median: bool = True
    """Whether it is failed at the median of what is believed already; else only at the confidence that is asked for."""

    @property
    def rank(self) -> tuple[bool, float]:
        """Larger is nearer to holding: want of confidence alone is nearer than what fails at the median."""
        return not self.at_median, self.closeness
