"""A farm without processes: boxes answer when a test says so, and go or come back as it says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from advisor.farm.connection import Call, Outcome, SchedulerGoneError
from advisor.farm.roster import Roster
from advisor.records.farm import CampaignProgress, FarmBox, FarmStatus


def box(name: str, **changes: Any) -> FarmBox:
    values = {
        "name": name, "fingerprint": f"print-{name}", "hostname": name, "processor": "Test", "cores": 2,
        "memory_bytes": 8 << 30, "sizer_version": "0", "since": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return FarmBox(**{**values, **changes})


class FakeFarm:
    """``answer`` gives what a call on a box comes to; ``busy`` boxes answer after all others have nothing to do."""

    def __init__(
        self, names: str, answer: Callable[[str, Call], Outcome], owner: str = "desk", roster: Roster | None = None
    ) -> None:
        self.roster = roster if roster is not None else Roster()
        self.answer, self.owner = answer, owner
        self.busy: set[str] = set()
        self.begun: list[tuple[str, str]] = []
        self.in_flight: deque[tuple[str, Call]] = deque()
        self.gone = 0
        """How many further attempts to connect fail; 0: the scheduler is there."""
        self.reconnected = 0
        self.stopped: list[str] = []
        """Boxes on which something was ended."""
        for name in names:
            self.roster.came(box(name))

    def status(self) -> FarmStatus:
        return FarmStatus(
            sizer_version="0", created="", boxes=tuple(self.roster.boxes.values()),
            campaigns=tuple(self.roster.campaigns.values()),
        )  # fmt: skip

    def report(self, campaign: CampaignProgress) -> list[str]:
        if self.gone:
            raise SchedulerGoneError("gone")
        if campaign.ended:
            self.stopped = self.roster.end(campaign)
            return []
        return self.roster.report(campaign, self.owner)

    def start(self, name: str, fingerprint: str, call: Call) -> None:
        assert fingerprint == f"print-{name}", "pinned to another box"
        assert name not in [other for other, _ in self.in_flight], "two things at a time"
        self.begun.append((name, call.tag or call.function))
        self.in_flight.append((name, call))

    def wait(self, timeout_s: float) -> Outcome | None:
        ready = [pair for pair in self.in_flight if pair[0] not in self.busy] or list(self.in_flight)
        if not ready:
            return None
        self.in_flight.remove(ready[0])
        return self.answer(*ready[0])

    def reconnect(self) -> None:
        if self.gone:
            self.gone -= 1
            raise SchedulerGoneError("gone")
        self.in_flight.clear()
        self.reconnected += 1
