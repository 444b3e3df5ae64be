"""TLS files and token of a farm: read, checked, and refused in one line where they would not protect."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import InputError
from advisor.store.files import reason

TOKEN_VARIABLE = "SIZER_FARM_TOKEN"  # noqa: S105 - its name, not a token
SHORTEST_TOKEN = 16
"""Characters: a shorter one can be guessed from one exchange that was listened to."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Credentials:
    """What this end shows and demands; the token is kept out of every text form of it."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(ca={self.ca}, cert={self.cert}, key={self.key}, token={'***' if self.token else None})"

    @property
    def tls(self) -> bool:
        """Whether every connection is encrypted and both ends show a certificate of the authority."""
        return self.ca is not None

    @property
    def protected(self) -> bool:
        """Whether other machines may be spoken to."""
        return self.tls and self.token is not None

    @property
    def protocol(self) -> str:
        """Scheme of Dask's addresses."""
        return "tls" if self.tls else "tcp"


def read_credentials(ca: Path | None, cert: Path | None, key: Path | None, token_file: Path | None) -> Credentials:
    """Read and check what a command was given; the token comes from its file, else from ``SIZER_FARM_TOKEN``.

    Raises
    ------
    InputError
        One of three TLS files is missing or unreadable, key and certificate do not belong together, or others can read
        the token or it is short; one line each.
    """
    given = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
    missing = [name for name, path in given.items() if path is None]
    if missing and len(missing) < len(given):
        raise InputError(f"TLS needs --tls-ca, --tls-cert and --tls-key together; {', '.join(missing)} is missing")
    for name, path in given.items():
        if path is not None:
            _readable(name, path)
    if ca is not None and cert is not None and key is not None:
        _private(key)
        _check_pair(ca, cert, key)
    return Credentials(ca, cert, key, _token(token_file))


def _readable(name: str, path: Path) -> None:
    try:
        path.read_bytes()
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise InputError(f"{name} {path}: cannot be read: {words}") from error


def _private(path: Path) -> None:
    """Refuse a secret that other users of this machine can read."""
    if path.stat().st_mode & 0o077:
        raise InputError(f"{path}: other users can read it; run: chmod 600 {path}")


def _check_pair(ca: Path, cert: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError) as error:
        raise InputError(f"--tls-ca {ca}: holds no certificate in PEM form ({_words(error)})") from error
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"--tls-cert {cert}, --tls-key {key}: are no certificate and its key in PEM form ({_words(error)})"
        ) from error


def _no_password() -> str:
    """Keys without a pass phrase only: the reader would ask on the terminal otherwise, also where there is none."""
    raise ValueError("the key has a pass phrase; give one without, readable by you alone")


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _token(path: Path | None) -> str | None:
    if path is None:
        # Taken out, so that the processes that measure, and the models and drivers in them, do not inherit it.
        token, place = os.environ.pop(TOKEN_VARIABLE, None), TOKEN_VARIABLE
        if token is None:
            return None
    else:
        _readable("--token-file", path)
        _private(path)
        place = str(path)
        try:
            token = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: is not text; make a token with: openssl rand -hex 32 > {place}") from error
    token = token.strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or any(char.isspace() for char in token):
        raise InputError(
            f"{place}: a token is one line of at least {SHORTEST_TOKEN} characters without spaces; make one with: "
            "openssl rand -hex 32"
        )
    return token


def listening_host(host: str | None, credentials: Credentials) -> str:
    """Address to listen on: loopback unless both TLS and a token protect the port.

    Raises
    ------
    InputError
        Another address was asked for without them.
    """
    if host is None:
        return "0.0.0.0" if credentials.protected else "127.0.0.1"  # noqa: S104 - certificate and token are demanded
    check_reach(f"--host {host}", host, credentials)
    return host


def check_reach(what: str, host: str, credentials: Credentials) -> None:
    """Refuse another machine without TLS and a token. InputError says what is lacking."""
    if host.strip("[]") in LOOPBACK or credentials.protected:
        return
    lacks = [] if credentials.tls else ["--tls-ca, --tls-cert and --tls-key"]
    lacks += [] if credentials.token is not None else ["--token-file"]
    raise InputError(
        f"{what}: whoever is let into a farm runs programs on its boxes, so other machines are spoken to only with"
        f" {' and '.join(lacks)}; without, a farm is on this machine alone (127.0.0.1)"
    )
