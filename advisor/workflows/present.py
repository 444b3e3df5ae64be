"""A plan of this machine is of the machine as it is now: how much slower or faster it became since it was measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from .context import Say

if TYPE_CHECKING:
    from advisor.measure.campaign.campaign import Campaign
    from advisor.measure.items.progress import Progress
    from advisor.perfmodel.here.present import PresentSpeed
    from advisor.records.host import HostFacts
    from advisor.store.measurements import MeasurementStore

SAID = 0.05
"""Change (log) of this machine's passes that is said; smaller ones enter all the same."""


@dataclass(frozen=True)
class Present:
    """How fast this machine is now against the hour of its measurements."""

    speed: PresentSpeed
    timed_anew: int
    """Timings that were taken anew."""
    failed: int
    """Those that could not be: what they are of counts as changed like the rest."""
    measured: dt.datetime
    """When the oldest of them had been taken before."""

    @property
    def slower(self) -> float:
        """Change of passes by themselves and under full load (log), the mean."""
        return self.speed.of_cores

    @property
    def factors(self) -> dict[str, float]:
        """Every factor that enters, by the start of the model's hash and the load."""
        return {f"{sha256[:12]}/{load}": round(exp(x), 6) for (sha256, load), x in sorted(self.speed.of_models.items())}

    @property
    def text(self) -> str:
        """What it means for the figures, in words."""
        timings = f"{self.timed_anew} timing{'' if self.timed_anew == 1 else 's'}"
        return (
            f"this machine was measured on {self.measured:%Y-%m-%d %H:%M} UTC: {timings} taken anew, "
            f"passes take {_how_long(exp(self.slower))} now, and its figures are as of now"
            + (
                f" ({self.failed} could not be taken: what they are of counts as changed like the rest)"
                if self.failed
                else ""
            )
        )


def _how_long(factor: float) -> str:
    """How long passes take now, in words."""
    if abs(log(factor)) < SAID:
        return "as long"
    if factor >= 2.0:
        return f"{factor:.2g} times as long"
    return f"{abs(100.0 * (factor - 1.0)):.0f} % {'longer' if factor > 1.0 else 'shorter'}"


def present_speed(
    campaign: Campaign, facts: HostFacts, store: MeasurementStore, progress: Progress | None, say: Say
) -> tuple[Present | None, tuple[str, ...]]:
    """Time a few passes of this machine anew, where those that its store has of a scenario's models are older.

    None where all are fresh, there are none, or none could be taken. Also what a plan has to say of it.

    Raises
    ------
    InputError
        The installation is at fault.
    """
    from advisor.clock import utc_now
    from advisor.host import machine_spec
    from advisor.measure.campaign.present import FRESH, take_anew, to_take_anew
    from advisor.perfmodel.here.present import PresentSpeed

    fresh_since = dt.datetime.fromisoformat(utc_now()) - FRESH
    anew = to_take_anew(campaign, store, facts.fingerprint, fresh_since)
    if not anew.items:
        return None, ()
    taken = take_anew(anew, store, facts.fingerprint, _shown(progress, len(anew.items), anew.estimate_s))
    pairs = [(old, new) for old, new in zip(anew.stored, taken, strict=True) if new is not None]
    speed = PresentSpeed.between(
        [old for old, _ in pairs], [new for _, new in pairs], fresh_since, machine_spec(facts).threads
    )
    if speed is None:
        text = "this machine could not be timed anew: its figures are of the hour in which it was measured"
        say(text)
        return None, (text,)
    measured = min(dt.datetime.fromisoformat(old.started) for old, _ in pairs)
    found = Present(speed, len(pairs), len(anew.items) - len(pairs), measured)
    if abs(found.slower) >= SAID or found.failed:
        say(found.text)
    return found, (found.text,)


def _shown(progress: Progress | None, total: int, estimate_s: float) -> Callable[[str], None]:
    """Draw each timing that arrived."""
    done = 0
    if progress is not None:
        progress.start(total, estimate_s)
        progress.begin("looking how fast this machine is now")

    def arrived(what: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress.advance(done, what, estimate_s * max(0, total - done) / total)

    return arrived
