"""The web application: pages and, below ``/api``, the same as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from jinja2 import ChoiceLoader, PackageLoader
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from advisor.addresses import hidden
from advisor.errors import SizerError, StoreError

from .access import HEADERS, Access, is_own_name, own_names
from .api import api
from .pages import pages
from .uploads import MOST_BYTES, Uploads


@dataclass(frozen=True)
class Settings:
    """How the store is served."""

    store_url: str | None = None
    host: str = "127.0.0.1"
    loopback: bool = True
    names: tuple[str, ...] = ()
    """Further names under which it answers."""
    token: str | None = None


class _App(Flask):
    def select_jinja_autoescape(self, filename: str | None) -> bool:  # noqa: ARG002 - every template is a page
        """Escape in every template, whatever it is called."""
        return True


def create_app(settings: Settings) -> Flask:
    """Make the application of a store."""
    app = _App("advisor.serve", static_folder=None)
    app.jinja_loader = ChoiceLoader(
        [PackageLoader("advisor.serve", "templates"), PackageLoader("advisor.report", "templates")]
    )
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES + 64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
    )  # fmt: skip
    access = Access(settings.token, settings.loopback)
    names = own_names(settings.host, settings.names)
    app.extensions["sizer"] = {"settings": settings, "access": access, "uploads": Uploads()}
    app.register_blueprint(pages)
    app.register_blueprint(api)

    @app.before_request
    def _admitted() -> Any:
        if not is_own_name(request.headers.get("Host", ""), names):
            return _refused("this server does not answer to that name (sizer serve --name)", 400)
        g.may_change = access.may_change(request)
        if access.may_read(request) or request.endpoint in {"pages.enter", "pages.entered"}:
            return None
        return _refused("a token is needed: every request from another machine carries it", 401)

    @app.after_request
    def _guarded(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.errorhandler(SizerError)
    def _failed(error: SizerError) -> Any:
        missing = isinstance(error, StoreError) and " is not in store " in str(error)
        return _refused(str(error), 404 if missing else 503 if isinstance(error, StoreError) else 400)

    @app.errorhandler(HTTPException)
    def _wrong(error: HTTPException) -> Any:
        return _refused(error.description or error.name, error.code or 500)

    return app


def _refused(text: str, status: int) -> Response | WerkzeugResponse:
    """One line, as JSON or as a page."""
    line = " ".join(hidden(text).split())
    if request.path.startswith("/api/"):
        response = jsonify({"error": line})
    else:
        response = Response(render_template("error.html", title="sizer", text=line, status=status))
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
