"""A campaign over boxes, whatever it does there: whose turn, what next, what was lost, and when to give a box up."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from advisor.clock import utc_now
from advisor.errors import InputError, nearest
from advisor.records.farm import BoxProgress, CampaignProgress, FarmBox, FarmStatus

from .connection import Call, Farm, Outcome, SchedulerGoneError

BEAT_S = 1.0
"""How often a desk reports where nothing happens."""
RECONNECT_S = 2.0
"""Between two attempts to reach a scheduler that has gone."""


@dataclass
class Tally:
    """How far a campaign is on one box."""

    total: int | None = None
    known: int = 0
    done: int = 0
    failed: int = 0
    lost: int = 0
    note: str | None = None

    @property
    def left(self) -> int:
        """What is still to be taken."""
        return 0 if self.total is None else self.total - self.known - self.done - self.failed - self.lost


class Task(Protocol):
    """What a campaign does on boxes."""

    kind: Literal["bench", "plan"]
    title: str

    def next_call(self, box: str) -> Call | None:
        """What the box is to do next; None if there is nothing for it at the moment."""
        ...

    def arrived(self, outcome: Outcome) -> None:
        """Take over what a call came to, a loss included."""
        ...

    def put_back(self, box: str, call: Call) -> None:
        """Take a call back that ended with the connection and not with the box."""
        ...

    def complete(self, box: str) -> bool:
        """Whether nothing more will be asked of the box."""
        ...

    def tally(self, box: str) -> Tally:
        """How far it is there."""
        ...

    def gave_up(self, box: str, reason: str) -> None:
        """Note that a box is given up."""
        ...


@dataclass
class _Box:
    """A box as the loop sees it."""

    fingerprint: str
    call: Call | None = None
    since: str | None = None
    away_since_s: float | None = None
    over: bool = False


@dataclass
class Campaign:
    """Runs a task on boxes until it is complete on each or the box is given up."""

    farm: Farm
    task: Task
    boxes: Mapping[str, str]
    """Name to fingerprint."""
    wait_s: float
    say: Callable[[str], None]
    clock_s: Callable[[], float] = time.monotonic
    beat_s: float = BEAT_S
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started: str = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        self._boxes = {name: _Box(fingerprint) for name, fingerprint in self.boxes.items()}

    def run_to_end(self) -> tuple[bool, float]:
        """Run; whether it was cut short, by an interrupt or a scheduler that is gone, and how long it took [s]."""
        began_s, interrupted = time.monotonic(), False
        try:
            self.run()
        except KeyboardInterrupt:
            interrupted = True
        except SchedulerGoneError as error:
            self.say(str(error))
            interrupted = True
        return interrupted, time.monotonic() - began_s

    def run(self) -> None:
        """Go on until every box is over.

        Raises
        ------
        SchedulerGoneError
            It did not come back within ``wait_s``; what has arrived is kept.
        """
        try:
            while not all(box.over for box in self._boxes.values()):
                try:
                    self._step()
                except SchedulerGoneError as error:
                    self._scheduler_went(error)
        finally:
            self._end()

    def _step(self) -> None:
        present = self.farm.report(self.progress())
        for name, box in self._boxes.items():
            if not box.over and box.call is None and name in present:
                box.away_since_s = None
                self._begin(name, box)
        self._judge_absent()
        outcome = self.farm.wait(self.beat_s)
        if outcome is not None:
            box = self._boxes[outcome.box]
            box.call = box.since = None
            self.task.arrived(outcome)
            if outcome.lost:
                self.say(f"box {outcome.box}: lost {outcome.call.label} ({outcome.error})")
            box.over = self.task.complete(outcome.box)

    def _begin(self, name: str, box: _Box) -> None:
        call = self.task.next_call(name)
        if call is None:
            box.over = self.task.complete(name)
            return
        box.call, box.since = call, utc_now()
        self.farm.start(name, box.fingerprint, call)

    def _judge_absent(self) -> None:
        """Give up boxes that have been away for too long; a campaign that waits for its turn is not away."""
        there = {box.name for box in self.farm.status().boxes if box.present} if self._idle() else set(self._boxes)
        for name, box in self._boxes.items():
            if box.over or box.call is not None or name in there:
                box.away_since_s = None
                continue
            if box.away_since_s is None:
                box.away_since_s = self.clock_s()
                self.say(f"box {name}: has gone; it is waited for ({self.wait_s:g} s)")
            if self.clock_s() - box.away_since_s >= self.wait_s:
                box.over = True
                self.task.gave_up(name, f"it has gone and did not come back within {self.wait_s:g} s")

    def _idle(self) -> bool:
        return any(not box.over and box.call is None for box in self._boxes.values())

    def _scheduler_went(self, error: SchedulerGoneError) -> None:
        """Put back what was in flight and connect again, or end with the error."""
        for name, box in self._boxes.items():
            if box.call is not None:
                self.task.put_back(name, box.call)
                box.call = box.since = None
        self.say(f"{error}; it is waited for ({self.wait_s:g} s)")
        gone_s = self.clock_s()
        while True:
            try:
                self.farm.reconnect()
            except SchedulerGoneError as again:
                if self.clock_s() - gone_s >= self.wait_s:
                    raise SchedulerGoneError(f"{again}; what has arrived is stored, run the command again") from again
                time.sleep(min(RECONNECT_S, self.wait_s))
            else:
                self.say("the scheduler is back")
                # Its boxes come back within seconds of it; each may take as long as after a reboot.
                for box in self._boxes.values():
                    box.away_since_s = None
                return

    def _end(self) -> None:
        """Let the next campaign have the boxes; a scheduler that has gone has forgotten this one anyway."""
        for box in self._boxes.values():
            box.over, box.call = True, None
        try:
            self.farm.report(self.progress(ended=True))
        except SchedulerGoneError:
            return

    def progress(self, *, ended: bool = False) -> CampaignProgress:
        """What a second desk sees."""
        return CampaignProgress(
            id=self.id,
            kind=self.task.kind,
            title=self.task.title,
            desk=socket.gethostname(),
            started=self.started,
            boxes=tuple(self._progress(name, box) for name, box in self._boxes.items()),
            ended=ended,
        )

    def _progress(self, name: str, box: _Box) -> BoxProgress:
        tally = self.task.tally(name)
        return BoxProgress(
            name=name,
            total=tally.total,
            known=tally.known,
            done=tally.done,
            failed=tally.failed,
            lost=tally.lost,
            doing=None if box.call is None else box.call.label,
            since=box.since,
            finished=box.over,
            note=tally.note or ("has gone" if box.away_since_s is not None else None),
        )

    def final(self) -> tuple[BoxProgress, ...]:
        """How far each box came."""
        return self.progress(ended=True).boxes


def chosen_boxes(status: FarmStatus, wanted: str) -> dict[str, FarmBox]:
    """Boxes that a campaign names: ``all`` that are there, or names with commas.

    Raises
    ------
    InputError
        None is there, or one of the names is not.
    """
    there = {box.name: box for box in status.boxes if box.present}
    if wanted == "all":
        if not there:
            raise InputError(
                "no box is there: start `sizer farm worker SCHEDULER` on each, then see `sizer farm status`"
            )
        return there
    names = list(dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip()))
    if not names:
        raise InputError("--boxes: write names with commas between, or all")
    for name in names:
        if name not in there:
            away = any(box.name == name for box in status.boxes)
            hint = "; it has gone" if away else nearest(name, there) or f"; there are {', '.join(there) or 'none'}"
            raise InputError(f"box {name!r} is not there{hint}: start `sizer farm worker` on it, or leave it out")
    return {name: there[name] for name in names}
