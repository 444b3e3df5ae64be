"""A desk's connection to its farm: what is done on boxes, one thing at a time each, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import re
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from advisor.errors import InputError, SizerError
from advisor.records.farm import CampaignProgress, FarmStatus

from .credentials import Credentials

CONNECT_S = 10.0


class SchedulerGoneError(SizerError):
    """The connection to the scheduler has ended, or cannot be made."""

    exit_code = 3


@dataclass(frozen=True)
class Call:
    """One thing to do on a box: a function of :mod:`advisor.farm.work` with its arguments."""

    function: str
    label: str
    payload: dict[str, Any] = field(repr=False)
    tag: str = ""
    """What the caller knows it by."""


@dataclass(frozen=True)
class Outcome:
    """How a call on a box ended: with a value, with an error that the box reports, or lost with the box."""

    box: str
    call: Call
    value: Any = None
    error: str | None = None
    lost: bool = False
    clock_s: float | None = None
    """Time of the box's clock when it was done, in seconds since 1970."""


class Farm(Protocol):
    """What a campaign needs of a farm; tests have one without processes."""

    def status(self) -> FarmStatus:
        """Boxes and campaigns as the scheduler knows them."""
        ...

    def report(self, campaign: CampaignProgress) -> list[str]:
        """Tell how far a campaign is; names of the boxes that may now work for it."""
        ...

    def start(self, box: str, fingerprint: str, call: Call) -> None:
        """Begin something on a box."""
        ...

    def wait(self, timeout_s: float) -> Outcome | None:
        """Next outcome of whatever was begun; None after ``timeout_s`` without one."""
        ...

    def reconnect(self) -> None:
        """Connect again after :class:`SchedulerGoneError`, which is raised once more where that fails."""
        ...


class DaskFarm:
    """A farm behind a scheduler of Dask's. Every method raises :class:`SchedulerGoneError`."""

    def __init__(self, address: str, credentials: Credentials) -> None:
        from .settings import prepare

        self._address, self._security = address, prepare(credentials)
        self._events: queue.SimpleQueue[tuple[str, Call, Any]] = queue.SimpleQueue()
        self._client: Any = None
        self._futures: dict[str, Any] = {}
        self._generation = 0
        self.reconnect()

    def reconnect(self) -> None:
        from distributed import Client

        self.close()
        self._generation += 1
        self._knock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._client = Client(
                    self._address, security=self._security, timeout=CONNECT_S, set_as_default=False, name="sizer-desk"
                )
        except (OSError, TimeoutError) as error:
            raise SchedulerGoneError(f"the scheduler at {self._address} cannot be reached ({_words(error)})") from error

    def _knock(self) -> None:
        """Connect once by hand: Dask's own client repeats a refusal for its whole time-out and tells no reason."""
        from distributed.comm import connect
        from distributed.comm.core import FatalCommClosedError

        from .transport import RefusedError

        async def once() -> None:
            comm = await connect(self._address, timeout=CONNECT_S, **self._security.get_connection_args("client"))
            await comm.close()

        try:
            asyncio.run(once())
        except RefusedError as error:
            raise InputError(f"the scheduler at {self._address} refuses this desk: {error}") from error
        except FatalCommClosedError as error:
            reason = _words(error.__cause__ or error)
            raise InputError(
                f"the scheduler at {self._address}: its certificate is not accepted ({reason}); check --tls-ca"
            ) from error
        except (OSError, TimeoutError) as error:
            refused = isinstance(error.__cause__, OSError) and "refused" in str(error.__cause__)
            remedy = "start it with `sizer farm scheduler`, or name its address with --scheduler"
            if not refused and not self._security.require_encryption:
                remedy = "one that was started with TLS answers only to --tls-ca, --tls-cert and --tls-key"
            raise SchedulerGoneError(
                f"the scheduler at {self._address} cannot be reached ({_words(error.__cause__ or error)}); {remedy}"
            ) from error

    def close(self) -> None:
        """End the connection; what is being done for it on boxes is ended there by the scheduler."""
        client, self._client = self._client, None
        self._futures.clear()
        if client is not None:
            with contextlib.suppress(Exception):  # whatever Dask says of a connection that is over
                client.close(timeout=2)

    def _ask(self, name: str, **arguments: Any) -> Any:
        if self._client is None or self._client.scheduler is None:  # the last attempt to connect has failed
            raise SchedulerGoneError(f"the scheduler at {self._address} has gone")
        try:
            return self._client.sync(getattr(self._client.scheduler, name), **arguments)
        except (OSError, TimeoutError) as error:
            raise SchedulerGoneError(f"the scheduler at {self._address} has gone ({_words(error)})") from error

    def status(self) -> FarmStatus:
        return FarmStatus.model_validate_json(self._ask("sizer_farm_status"))

    def report(self, campaign: CampaignProgress) -> list[str]:
        owner = None if self._client is None else self._client.id
        return list(self._ask("sizer_farm_report", campaign=campaign.model_dump_json(), owner=owner))

    def start(self, box: str, fingerprint: str, call: Call) -> None:
        from . import work
        from .box_process import resource

        generation = self._generation
        try:
            future = self._client.submit(
                work.run, call.function, call.label, call.payload,
                key=f"sizer-{call.function}-{uuid.uuid4().hex}", resources={resource(fingerprint): 1}, pure=False,
            )  # fmt: skip
        except (OSError, RuntimeError) as error:
            raise SchedulerGoneError(f"the scheduler at {self._address} has gone ({_words(error)})") from error
        self._futures[box] = future
        future.add_done_callback(lambda _: self._events.put((box, call, generation)))

    def wait(self, timeout_s: float) -> Outcome | None:
        try:
            box, call, generation = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if generation != self._generation:
            return None
        future = self._futures.pop(box)
        if future.status not in {"finished", "error"}:
            raise SchedulerGoneError(f"the scheduler at {self._address} has gone")
        return self._outcome(box, call, future)

    def _outcome(self, box: str, call: Call, future: Any) -> Outcome:
        from distributed.scheduler import KilledWorker

        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                return Outcome(box, call, lost=True, error="the box went while it was taken")
            return Outcome(box, call, error=_words(error))
        try:
            answer = future.result(timeout=60)
        except (OSError, TimeoutError, asyncio.CancelledError, KilledWorker) as error:
            # Done, but the box went before its answer was fetched.
            return Outcome(box, call, lost=True, error=f"the box went before its answer arrived ({_words(error)})")
        if answer.get("stopped"):
            return Outcome(box, call, lost=True, error="it was stopped")
        return Outcome(box, call, answer.get("value"), answer.get("error"), clock_s=answer.get("clock_s"))


def _words(error: BaseException) -> str:
    # Dask names its own object first: "in <Connector ...>: ConnectionRefusedError: ..."
    text = re.sub(r"^in <[^>]*>: ", "", " ".join(str(error).split()))
    return (text or type(error).__name__)[:200]


@contextmanager
def connected(address: str, credentials: Credentials) -> Iterator[DaskFarm]:
    """A connection that is closed whatever happens."""
    logging.getLogger("advisor.farm").addHandler(logging.NullHandler())
    farm = DaskFarm(address, credentials)
    try:
        yield farm
    finally:
        farm.close()
