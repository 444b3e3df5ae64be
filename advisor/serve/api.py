"""JSON below ``/api``: the same lists, filters and documents as the pages."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import Forbidden

from advisor.addresses import hidden
from advisor.errors import InputError
from advisor.workflows import browse
from advisor.workflows.runs import stored_run

from .asked import CHOSEN, KINDS, STATUSES, extension, one_of, part, store_url, text
from .uploads import import_upload, uploaded

api = Blueprint("api", __name__, url_prefix="/api")


def _listed(rows: Any, total: int) -> Response:
    wanted = part()
    return jsonify({"page": wanted.page, "rows_per_page": wanted.rows, "total": total, "rows": rows})


@api.get("/runs")
def runs() -> Response:
    """Plans and verdicts."""
    found = browse.runs_page(store_url(), part(), one_of("kind", KINDS), text("scenario"))
    return _listed(found.rows, found.total)


@api.get("/runs/<run_id>")
def run(run_id: str) -> Response:
    """One plan or verdict, without the secrets of addresses."""
    document = stored_run(run_id, store_url=store_url())
    return Response(_without_secrets(document.model_dump_json(by_alias=True)), mimetype="application/json")


@api.get("/measurements")
def measurements() -> Response:
    """Measurements without their samples."""
    found = browse.measurements_page(store_url(), part(), text("model"), text("host"), one_of("status", STATUSES))
    return _listed(found.rows, found.total)


@api.get("/measurements/<key>")
def measurement(key: str) -> Response:
    """One measurement."""
    document = json.dumps(browse.measurement_document(store_url(), key))
    return Response(_without_secrets(document), mimetype="application/json")


@api.get("/offers")
def offers() -> Response:
    """Prices by product and day."""
    rows, total = browse.offers_page(store_url(), part(), one_of("of", CHOSEN) or "all", text("product"))
    return _listed([offer.model_dump(mode="json") for offer in rows], total)


@api.post("/offers/import")
def import_offers() -> Response:
    """Import a price list: multipart ``file``, and ``dry_run``, ``currency``, ``observed_at``, ``source``."""
    access = extension("access")
    if not access.may_change(request):
        raise Forbidden("changes need the token (Authorization: Bearer ...), and a server that was started with one")
    if not access.is_own_form(request):
        raise Forbidden("this form is not of this session; send the token itself")
    dry = request.form.get("dry_run", "true").lower()
    if dry not in {"true", "false"}:
        raise InputError(f"dry_run: {dry[:20]!r} is neither true nor false")
    result = import_upload(uploaded(request), request.form, store_url(), dry_run=dry == "true")
    return Response(result.model_dump_json(by_alias=True), mimetype="application/json")


def _without_secrets(document: str) -> str:
    """Hide secrets within the texts of a JSON document, whose marks must stay what they are."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return hidden(value)
        if isinstance(value, list):
            return [cleaned(item) for item in value]
        return {name: cleaned(item) for name, item in value.items()} if isinstance(value, dict) else value

    return json.dumps(cleaned(json.loads(document)))
