"""Serves the application until it is interrupted, on waitress."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from advisor.errors import InputError

from .access import is_loopback
from .app import Settings, create_app

LEAST_TOKEN = 16
"""Characters of a token at least: shorter ones can be tried out."""
THREADS = 4


def read_token(file: Path | None, given: str | None) -> str | None:
    """Token from a file, else as given (by the environment); None: there is none.

    Raises
    ------
    InputError
        The file cannot be read, or the token is too short or no text.
    """
    where = "SIZER_SERVE_TOKEN" if file is None else str(file)
    if file is not None:
        try:
            given = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file}: the token cannot be read ({error}); write it into the file as text") from error
    if given is None:
        return None
    if len(given) < LEAST_TOKEN or any(letter.isspace() for letter in given):
        raise InputError(
            f"{where}: a token has at least {LEAST_TOKEN} characters and no spaces; `openssl rand -hex 16` makes one"
        )
    return given


def serve(settings: Settings, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; ``ready`` is told the address once requests are answered.

    Raises
    ------
    InputError
        The address is not of this machine, the port is taken, or the address is not loopback and no token is set.
    KeyboardInterrupt
        Always at the end: whoever started it ends it.
    """
    from waitress.server import create_server

    if not is_loopback(settings.host) and settings.token is None:
        raise InputError(
            f"--host {settings.host}: other machines could read the store; set a token (--token-file FILE), which "
            "every request then carries, or serve on 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, port), family=family)
    except OSError as error:
        said = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise InputError(
            f"cannot serve on {settings.host} port {port} ({said}); name another --port or --host"
        ) from error
    # A busy machine is no news: a request that waits a moment is answered all the same.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(create_app(settings), sockets=[listening], threads=THREADS, ident="sizer")
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready(f"http://{shown}:{listening.getsockname()[1]}/")
    try:
        server.run()  # waitress ends its threads and returns when it is interrupted
    finally:
        server.close()
    raise KeyboardInterrupt
