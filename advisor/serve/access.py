"""Who may see and change what: names of the host, tokens, and headers that keep a browser from doing more.

A page of another site may make a browser send requests here. Names that no one gave this server are refused, which
stops DNS rebinding; changes need a session or token of their own, and a cookie that other sites cannot have sent.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flask import Request, Response

COOKIE = "sizer_session"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Pages of plans and verdicts carry their style; nothing that is served here runs a script."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
MOST_SESSIONS = 64


@dataclass
class Access:
    """What is permitted: everything may be read on loopback; changes, and all from elsewhere, need the token."""

    token: str | None
    loopback: bool
    _sessions: dict[str, None] = field(default_factory=dict)

    def may_read(self, request: Request) -> bool:
        """Whether a request may see anything."""
        return self.loopback or self.may_change(request)

    def may_change(self, request: Request) -> bool:
        """Whether a request may change anything: it carries the token, or a cookie that was given for it."""
        if self.token is None:
            return False
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(given.strip()):
            return True
        return self._session(request) is not None

    def is_token(self, given: str) -> bool:
        """Compare in constant time."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def begin_session(self, response: Response) -> None:
        """Give a browser that named the token a cookie that no other site can have it send."""
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        response.set_cookie(COOKIE, session, httponly=True, samesite="Strict")

    def form_key(self, request: Request) -> str:
        """What a form of this session carries, so that no other page can have made it."""
        session = self._session(request) or ""
        return hmac.new((self.token or "").encode(), session.encode(), "sha256").hexdigest()

    def is_own_form(self, request: Request) -> bool:
        """Whether a form comes from a page of this session; a request with the token itself needs no such proof."""
        if request.headers.get("Authorization"):
            return True
        return hmac.compare_digest(request.form.get("form_key", "").encode(), self.form_key(request).encode())

    def _session(self, request: Request) -> str | None:
        given = request.cookies.get(COOKIE, "")
        return next((known for known in self._sessions if hmac.compare_digest(known.encode(), given.encode())), None)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def own_names(host: str, names: tuple[str, ...]) -> frozenset[str]:
    """Names under which the server answers: those of loopback, its own address, and those that the user gave."""
    return frozenset(name.lower() for name in (*LOOPBACK_NAMES, host, *names))


def is_own_name(header: str, names: frozenset[str]) -> bool:
    """Whether a ``Host`` header names this server; ports do not count. (Werkzeug's own check knows no IPv6.)"""
    try:
        name = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    return name is not None and name in names
