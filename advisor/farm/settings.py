"""How Dask is set up for a farm: nothing that disturbs a measurement, no open web page, TLS by the given files."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError

from .credentials import Credentials, check_reach

if TYPE_CHECKING:
    from distributed.security import Security

DEFAULT_PORT = 8786
GONE_AFTER_S = 60.0
"""Without a sign of life for so long, a box counts as gone; its worker speaks every few seconds while it measures."""
_SETTINGS: dict[str, Any] = {
    # Samples of all threads every 10 ms, and meters several times a second: they would be part of what is measured.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "1h",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.monitor-interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    # Pages without a password that Dask would serve on another port.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.diagnostics.nvml": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.client.scheduler-info-interval": "60s",
}


def require_distributed() -> None:
    """InputError with the remedy where the extra is not installed."""
    try:
        importlib.import_module("distributed")
    except ImportError as error:
        raise InputError(
            f"a farm needs Dask distributed, which cannot be imported ({error}); run: pip install 'sizer[farm]'"
        ) from error


def _silence() -> None:
    """Switch off what Dask and its event loop log, unless ``--debug`` or ``SIZER_DEBUG`` ask for it.

    What matters of it is said by us in one line; Dask gives its loggers levels and handlers of their own.
    """
    if os.environ.get("SIZER_DEBUG"):
        return
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _LOGGERS]
    for name in (*_LOGGERS, *names):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


_LOGGERS = ("distributed", "tornado", "asyncio")


def prepare(credentials: Credentials) -> Security:
    """Set Dask up in this process and put the doorman before its connections; what it logs goes nowhere."""
    require_distributed()
    import dask
    from distributed.security import Security

    from .transport import Doorman, install

    dask.config.set(_SETTINGS)
    _silence()
    install(Doorman(credentials.token))
    if not credentials.tls:
        return Security(require_encryption=False)
    files = {
        f"tls_{role}_{kind}": str(path)
        for role in ("scheduler", "worker", "client")
        for kind, path in (("cert", credentials.cert), ("key", credentials.key))
    }
    return Security(require_encryption=True, tls_ca_file=str(credentials.ca), **files)


def scheduler_address(text: str, credentials: Credentials) -> str:
    """``HOST`` or ``HOST:PORT`` as Dask writes it.

    Raises
    ------
    InputError
        It is neither, names a scheme that does not fit the credentials, or another machine without TLS and a token.
    """
    scheme, mark, rest = text.rpartition("://")
    if mark and scheme != credentials.protocol:
        remedy = "give --tls-ca, --tls-cert and --tls-key" if scheme == "tls" else "leave the scheme out"
        raise InputError(f"scheduler {text!r}: is not {credentials.protocol}://; {remedy}")
    host, colon, port = rest.rpartition(":")
    if rest.count(":") > 1 and not rest.startswith("["):
        raise InputError(f"scheduler {text!r}: write an IPv6 address in brackets, such as [::1]:{DEFAULT_PORT}")
    if not colon or rest.endswith("]"):
        host, port = rest, str(DEFAULT_PORT)
    if (
        not host
        or any(char.isspace() or char in "/@" for char in host)
        or not port.isdigit()
        or not 0 < int(port) < 65536
    ):
        raise InputError(f"scheduler {text!r}: write HOST or HOST:PORT, such as 192.168.1.5:{DEFAULT_PORT}")
    check_reach(f"scheduler {text}", host, credentials)
    return f"{credentials.protocol}://{host}:{port}"
