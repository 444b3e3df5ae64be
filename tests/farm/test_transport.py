"""Both ends of a connection in this process: who is let in, and what the other end is told."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")
from distributed.comm import connect, listen
from distributed.comm.core import FatalCommClosedError
from distributed.comm.registry import backends
from distributed.security import Security

from advisor.farm.identity import own_versions
from advisor.farm.transport import Doorman, RefusedError, install

from .certificates import Authority

TOKEN = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = dict(backends)
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    yield
    backends.update(before)


async def meet(listener: Doorman, caller: Doorman, *, tls: tuple[Security, Security] | None = None) -> Any:
    """What the caller gets to hear from the listener behind its doorman; raises what connecting raises."""

    async def answer(comm: Any) -> None:
        await comm.write("inside")
        await comm.close()

    server = {} if tls is None else tls[0].get_listen_args("scheduler")
    client = {} if tls is None else tls[1].get_connection_args("worker")
    install(listener)
    async with listen(f"{'tcp' if tls is None else 'tls'}://127.0.0.1", answer, **server) as opened:
        install(caller)
        comm = await connect(opened.contact_address, timeout=5, **client)
        try:
            return await comm.read()
        finally:
            await comm.close()


def test_equal_ends_meet_with_and_without_a_token() -> None:
    assert asyncio.run(meet(Doorman(None), Doorman(None))) == "inside"
    assert asyncio.run(meet(Doorman(TOKEN), Doorman(TOKEN))) == "inside"


@pytest.mark.parametrize(
    ("listener", "caller", "words"),
    [(TOKEN, "another-0123456789", "token"), (TOKEN, None, "token"), (None, TOKEN, "token")],
)
def test_another_token_is_refused_with_its_reason(listener: str | None, caller: str | None, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        asyncio.run(meet(Doorman(listener), Doorman(caller)))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("key", ["sizer", "store", "farm", "distributed"])
def test_another_version_is_refused_with_both(key: str) -> None:
    with pytest.raises(RefusedError, match=f"{own_versions()[key]} there, 0.0 here"):
        asyncio.run(meet(Doorman(TOKEN), Doorman(TOKEN, {**own_versions(), key: "0.0"})))


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.place,)


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.0\r\n\r\n", b"{}\n", b"[]\n", b"\x00" * 64 + b"\n", b"x" * 9000, b'{"answer": 1, "proof": 2}\n'],
)
def test_nothing_is_unpickled_before_the_token_is_proved(first: bytes, tmp_path: Path) -> None:
    """Not even the handshake of Dask itself, which reads a pickle where one is sent."""
    place = tmp_path / "unpickled"

    async def attack() -> bytes:
        async def answer(comm: Any) -> None:
            raise AssertionError("was let in")

        install(Doorman(TOKEN))
        async with listen("tcp://127.0.0.1", answer) as opened:
            host, port = opened.get_host_port()
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(first + pickle.dumps(Bomb(place)))
            heard = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return heard

    heard = asyncio.run(attack())
    assert heard.startswith(b'{"farm": ')
    assert not place.exists()


def security(authority: Authority, name: str, days: int = 2) -> Security:
    cert, key = authority.certificate(name, days)
    files = {
        f"tls_{role}_{kind}": str(path)
        for role in ("scheduler", "worker")
        for kind, path in (("cert", cert), ("key", key))
    }
    return Security(require_encryption=True, tls_ca_file=str(authority.ca), **files)


def test_certificates_of_one_authority_meet(tmp_path: Path) -> None:
    farm = Authority(tmp_path / "farm")
    ends = (security(farm, "scheduler"), security(farm, "box"))
    assert asyncio.run(meet(Doorman(TOKEN), Doorman(TOKEN), tls=ends)) == "inside"


@pytest.mark.parametrize("which", ["caller", "listener", "ended"])
def test_a_certificate_of_another_authority_or_time_is_refused_on_either_side(which: str, tmp_path: Path) -> None:
    farm, other = Authority(tmp_path / "farm"), Authority(tmp_path / "other")
    right = security(farm, "scheduler")
    cert, key = other.certificate("box")
    # Knows the farm's authority, but shows a certificate of another one.
    stranger = Security(
        require_encryption=True, tls_ca_file=str(farm.ca), tls_worker_cert=str(cert), tls_worker_key=str(key)
    )
    ends = {
        "caller": (right, stranger),
        "listener": (security(other, "scheduler"), security(farm, "box")),
        "ended": (right, security(farm, "box", days=-1)),
    }[which]
    with pytest.raises((RefusedError, FatalCommClosedError, OSError)) as caught:
        asyncio.run(meet(Doorman(TOKEN), Doorman(TOKEN), tls=ends))
    assert isinstance(caught.value, FatalCommClosedError), caught.value


def test_who_says_nothing_holds_nobody_up() -> None:
    async def both() -> Any:
        async def answer(comm: Any) -> None:
            await comm.write("inside")
            await comm.close()

        install(Doorman(TOKEN))
        async with listen("tcp://127.0.0.1", answer) as opened:
            with socket.create_connection(opened.get_host_port()):
                comm = await connect(opened.contact_address, timeout=5)
                found = await comm.read()
                await comm.close()
                return found

    assert asyncio.run(both()) == "inside"
