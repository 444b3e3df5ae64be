"""Dask's TCP and TLS transports behind a doorman: no byte of Dask's own protocol is read before both ends are known.

Dask's messages are pickles, and whoever may send one runs code. Where certificates are demanded (mutual TLS), the TLS
handshake comes first; then, on the plain or encrypted stream, versions and the proof of the token are exchanged in
three short lines of JSON. Only after that does Dask's handshake begin.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distributed.comm.core import Comm, FatalCommClosedError
from distributed.comm.registry import backends
from distributed.comm.tcp import (
    TCP,
    TLS,
    TCPBackend,
    TCPConnector,
    TCPListener,
    TLSBackend,
    TLSConnector,
    TLSListener,
)

from .identity import difference, holds, own_versions, proof

LOG = logging.getLogger("advisor.farm")
_MOST_BYTES = 4096
_PATIENCE_S = 10.0
"""In which each line must come: whoever connects and says nothing is let go."""
_NONCE_BYTES = 32


class RefusedError(FatalCommClosedError):  # type: ignore[misc]
    """The other end is not let in, or does not let us in; the message is one line. Dask does not try again."""


@dataclass(frozen=True)
class Doorman:
    """What this process demands of every connection, in both directions."""

    token: str | None = field(repr=False)
    versions: Mapping[str, str] = field(default_factory=own_versions)

    async def admit(self, stream: Any, who: str) -> bool:
        """Of an incoming stream: whether the other end may go on. The refused end is told why."""
        try:
            challenge = secrets.token_hex(_NONCE_BYTES)
            await _say(stream, {"farm": challenge})
            hello = await _hear(stream)
            answer = str(hello.get("answer"))[:200]
            refusal = self._refusal(challenge, answer, hello)
            if refusal is None:
                await _say(stream, {"proof": proof(self.token, "listener", challenge, answer)})
                return True
            LOG.warning("refused %s: %s", who, refusal)
            await _say(stream, {"refused": refusal})
        except (OSError, ValueError, TimeoutError) as error:
            LOG.warning("refused %s: speaks no farm protocol (%s)", who, type(error).__name__)
        stream.close()
        return False

    def _refusal(self, challenge: str, answer: str, hello: Mapping[str, Any]) -> str | None:
        if not holds(self.token, "caller", challenge, answer, hello.get("proof")):
            return _TOKEN if self.token is not None else _NO_TOKEN
        versions = hello.get("versions")
        if not isinstance(versions, dict) or not all(isinstance(versions.get(key), str) for key in self.versions):
            return "names no versions"
        # Said from the refused end's side, where it is read.
        return difference(versions, self.versions)

    async def enter(self, stream: Any) -> None:
        """Of an outgoing stream: prove ourselves, and see that the other end holds the token, too."""
        try:
            challenge = str((await _hear(stream)).get("farm"))[:200]
            answer = secrets.token_hex(_NONCE_BYTES)
            await _say(
                stream,
                {
                    "answer": answer,
                    "proof": proof(self.token, "caller", challenge, answer),
                    "versions": dict(self.versions),
                },
            )
            verdict = await _hear(stream)
        except (OSError, ValueError, TimeoutError) as error:
            cause = getattr(stream, "error", None) or getattr(error, "real_error", None)
            stream.close()
            if isinstance(cause, ssl.SSLError):  # with TLS 1.3 the other end's refusal arrives only now
                raise RefusedError(f"TLS: the other end refused our certificate ({cause.reason or cause})") from error
            raise OSError(f"no answer of a farm ({type(error).__name__})") from error
        if "refused" in verdict:
            stream.close()
            raise RefusedError(str(verdict["refused"])[:300])
        if not holds(self.token, "listener", challenge, answer, verdict.get("proof")):
            stream.close()
            raise RefusedError(_TOKEN if self.token is not None else _NO_TOKEN)


_TOKEN = "the token is missing or another one than the scheduler's; give all machines of a farm one --token-file"  # noqa: S105
_NO_TOKEN = "this end was given a token and the other end none; start the scheduler with --token-file, too"  # noqa: S105


async def _say(stream: Any, message: Mapping[str, Any]) -> None:
    await asyncio.wait_for(stream.write(json.dumps(message).encode() + b"\n"), _PATIENCE_S)


async def _hear(stream: Any) -> dict[str, Any]:
    line = await asyncio.wait_for(stream.read_until(b"\n", max_bytes=_MOST_BYTES), _PATIENCE_S)
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - as what else is no message
    return message


class _Guarded:
    """Connector that proves itself; see :class:`Doorman`."""

    def __init__(self, doorman: Doorman) -> None:
        self._doorman = doorman

    async def connect(self, address: str, deserialize: bool = True, **arguments: Any) -> Comm:
        comm: TCP = await super().connect(address, deserialize=deserialize, **arguments)  # type: ignore[misc]
        await self._doorman.enter(comm.stream)
        return comm


class _GuardedTcpConnector(_Guarded, TCPConnector):  # type: ignore[misc]
    comm_class = TCP


class _GuardedTlsConnector(_Guarded, TLSConnector):  # type: ignore[misc]
    comm_class = TLS


class _Guarding:
    """Listener that lets nobody past who has not proved itself."""

    doorman: Doorman

    async def _prepare_stream(self, stream: Any, address: str) -> Any:
        ready = await super()._prepare_stream(stream, address)  # type: ignore[misc]
        if ready is None or not await self.doorman.admit(ready, address):
            return None
        return ready


def install(doorman: Doorman) -> None:
    """Put the doorman before every connection that this process makes or takes from now on."""

    class TcpListener(_Guarding, TCPListener):  # type: ignore[misc]
        """Plain; bound to loopback only, see :func:`advisor.farm.credentials.listening_host`."""

    class TlsListener(_Guarding, TLSListener):  # type: ignore[misc]
        """Mutual TLS."""

    TcpListener.doorman = TlsListener.doorman = doorman

    class Tcp(TCPBackend):  # type: ignore[misc]
        """Backend of ``tcp://``."""

        _listener_class = TcpListener

        def get_connector(self) -> Any:
            return _GuardedTcpConnector(doorman)

    class Tls(TLSBackend):  # type: ignore[misc]
        """Backend of ``tls://``."""

        _listener_class = TlsListener

        def get_connector(self) -> Any:
            return _GuardedTlsConnector(doorman)

    backends["tcp"], backends["tls"] = Tcp(), Tls()
