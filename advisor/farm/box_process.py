"""The process on a box that a scheduler speaks to; it lives as long as its connection, and its parent starts the next.

What it measures runs in processes of its own (:mod:`advisor.measure.worker`), which the kernel kills with it. So
whatever ends it, a lost scheduler or SIGKILL, nothing goes on measuring for nobody.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.child_process.child import Messages, die_with_parent

from .credentials import Credentials

CONNECT_S = 10.0


def main(arguments: Sequence[str]) -> None:
    """Read the setting-up from stdin (the token must not stand in a process list) and serve. Never returns."""
    die_with_parent(int(arguments[0]))
    setup = json.loads(sys.stdin.readline())
    messages = Messages()
    threading.Thread(target=_watch_stdin, name="stdin-watch", daemon=True).start()
    asyncio.run(_serve(setup, messages))
    _leave()


def _leave() -> None:
    """End the process: a measurement may be under way in a thread, which nothing else can end."""
    sys.stderr.flush()
    os._exit(0)


def _watch_stdin() -> None:
    """Leave at once when the parent closes our stdin."""
    while os.read(0, 4096):
        pass
    os._exit(1)


async def _serve(setup: dict[str, Any], messages: Messages) -> None:
    from . import work
    from .settings import prepare

    files = {name: None if setup[name] is None else Path(setup[name]) for name in ("ca", "cert", "key")}
    credentials = Credentials(**files, token=setup["token"])
    security = prepare(credentials)

    from distributed import Worker
    from distributed.comm import CommClosedError, connect

    from .scheduler import INTRODUCTION, STOP
    from .transport import RefusedError

    address = setup["scheduler"]
    try:
        comm = await connect(address, timeout=CONNECT_S, **security.get_connection_args("worker"))
        await comm.close()
    except RefusedError as error:
        messages.send({"refused": str(error)})
        return
    except (OSError, CommClosedError) as error:
        messages.send(_unreachable(error))
        return
    facts = work.own_facts(setup["name"])
    box = work.introduction_of(facts)
    messages.send({"facts": box.fingerprint, "processor": box.processor})
    over = asyncio.Event()

    class BoxWorker(Worker):  # type: ignore[misc]
        """Tells at once that its connection is over; Dask's own end waits for what is being done."""

        async def close(self, *arguments: Any, **options: Any) -> Any:
            over.set()
            return await super().close(*arguments, **options)

    worker = BoxWorker(
        address,
        name=setup["name"],
        nthreads=1,  # one measurement at a time
        resources={resource(box.fingerprint): 1},
        security=security,
        protocol=f"{credentials.protocol}://",
        # Without protection the scheduler is on this machine, and nobody else need reach the worker.
        host=None if credentials.protected else "127.0.0.1",
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,  # Dask's own limits would pause the box while a large model is measured
        local_directory=setup["scratch"],
        startup_information={INTRODUCTION: lambda _: box.model_dump_json()},
        heartbeat_interval="5s",
    )
    worker.stream_handlers[STOP] = work.stop
    try:
        await worker
    except ValueError as error:  # what Dask raises where the scheduler does not take the worker
        messages.send({"taken": setup["name"]} if "name taken" in str(error) else {"refused": _one_line(error)})
        return
    messages.send({"registered": worker.address})
    work.on_change(messages.send)
    await over.wait()
    _leave()


def resource(fingerprint: str) -> str:
    """Dask resource that one box alone has: tasks that ask for it wait for that box and run on no other.

    Addresses of workers would pin tasks, too, but a box that has rebooted has another one.
    """
    return f"box-{fingerprint}"


def _unreachable(error: Exception) -> dict[str, str]:
    from distributed.comm.core import FatalCommClosedError

    reason = _one_line(error.__cause__ or error)
    if isinstance(error, FatalCommClosedError):
        return {"refused": f"TLS: the scheduler's certificate is not accepted ({reason}); check --tls-ca"}
    return {"unreachable": reason}


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
