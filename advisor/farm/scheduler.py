"""The scheduler of a farm: Dask's, with a roster of boxes and campaigns, behind the doorman."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

import advisor
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.farm import BoxProgress, CampaignProgress, FarmBox, FarmStatus

from .credentials import Credentials, listening_host
from .roster import Roster
from .settings import GONE_AFTER_S, prepare

INTRODUCTION = "sizer"
"""Under which a worker's introduction stands among what Dask's workers send when they register."""
STOP = "sizer-stop"
"""Message that ends what a box is doing."""


class RosterPlugin(SchedulerPlugin):  # type: ignore[misc]
    """Keeps the roster in step with who registers and leaves, and answers desks."""

    name = "sizer-roster"

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.roster = Roster()
        self._scheduler: Scheduler | None = None
        self._names: dict[str, str] = {}

    async def start(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        scheduler.handlers |= {"sizer_farm_report": self.report, "sizer_farm_status": self.status}

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        box = FarmBox.model_validate_json(scheduler.workers[worker].extra[INTRODUCTION])
        box = box.model_copy(update={"present": True, "since": utc_now()})
        self._names[worker] = box.name
        self.roster.came(box)
        self._say(f"box {box.name} came: {box.processor or 'unknown processor'}, sizer {box.sizer_version}")

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:  # noqa: ARG002 - Dask names it
        name = self._names.pop(worker, None)
        if name is not None:
            self.roster.went(name, utc_now())
            self._say(f"box {name} went")

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        self._stop(scheduler, self.roster.desk_went(client))

    def _stop(self, scheduler: Scheduler, boxes: list[str]) -> None:
        """End what is being done on these boxes, before anything else is sent to them."""
        for address, name in self._names.items():
            if name in boxes and address in scheduler.stream_comms:
                scheduler.worker_send(address, {"op": STOP})

    def report(self, campaign: str, owner: str) -> list[str]:
        """Take over a campaign's progress from the desk; names of the boxes that may now work for it."""
        progress = CampaignProgress.model_validate_json(campaign)
        if not progress.ended:
            return self.roster.report(progress, owner)
        assert self._scheduler is not None
        self._stop(self._scheduler, self.roster.end(progress))
        return []

    def status(self) -> str:
        """Everything that a second desk may see, as JSON."""
        campaigns = tuple(
            item.model_copy(update={"boxes": tuple(self._with_wait(item, box) for box in item.boxes)})
            for item in self.roster.campaigns.values()
        )
        boxes = tuple(sorted(self.roster.boxes.values(), key=lambda box: box.name))
        status = FarmStatus(sizer_version=advisor.__version__, created=utc_now(), boxes=boxes, campaigns=campaigns)
        return status.model_dump_json(by_alias=True)

    def _with_wait(self, campaign: CampaignProgress, box: BoxProgress) -> BoxProgress:
        before = None if campaign.ended else self.roster.waiting(campaign.id, box)
        return box if before is None else box.model_copy(update={"note": f"waits for {before}"})


class _Forwarded(logging.Handler):
    """Shows refusals of the doorman where the scheduler speaks."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


def run_scheduler(host: str | None, port: int, credentials: Credentials, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises
    ------
    InputError
        Another address than loopback without TLS and a token, or an address that cannot be listened on.
    """
    chosen = listening_host(host, credentials)
    security = prepare(credentials)
    logging.getLogger("advisor.farm").addHandler(_Forwarded(say))
    asyncio.run(_serve(chosen, port, credentials, security, say))


async def _serve(host: str, port: int, credentials: Credentials, security: Any, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
    scheduler = Scheduler(
        host=host,
        port=port,
        protocol=f"{credentials.protocol}://",
        security=security,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        # Never again by itself: a measurement that a box did not survive is taken up by a person's decision.
        allowed_failures=0,
        worker_ttl=GONE_AFTER_S,
        plugins=[RosterPlugin(say)],
    )
    try:
        await scheduler
    except OSError as error:
        await scheduler.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; choose another --port or --host"
        ) from error
    say(_opening(scheduler.address, host, credentials))
    try:
        await ended.wait()
    finally:
        await scheduler.close(reason="ended by its user")


def _opening(address: str, host: str, credentials: Credentials) -> str:
    place = address.partition("://")[2]
    text = f"scheduler at {place}"
    if credentials.protected:
        return f"{text}, on {host}: TLS with certificates of both ends, and a token"
    lacks = "TLS" if credentials.token is not None else "a token" if credentials.tls else "TLS and a token"
    return (
        f"{text}: this machine only, as there is no protection by {lacks}; other machines are let in with --tls-ca, "
        "--tls-cert, --tls-key and --token-file"
    )
