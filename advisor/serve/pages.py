"""Pages: lists with filters, plans and verdicts as `sizer report --html` writes them, and the import of price lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as WerkzeugResponse

from advisor.addresses import hidden
from advisor.report.html import render_document_html
from advisor.workflows import browse
from advisor.workflows.runs import stored_run

from .asked import CHOSEN, KINDS, STATUSES, extension, one_of, part, store_url, text
from .uploads import FIELDS, import_upload, uploaded

GIB = 2**30
pages = Blueprint("pages", __name__)

HEADS = {
    "runs": ("Created", "Kind", "Result"),
    "measurements": ("Started", "Model", "Runtime", "Device", "Precision", "Kind", "Status", "Machine"),
    "offers": ("Product", "Price", "Observed", "Kind", "Tax", "Memory GB", "Condition", "Source"),
}


@dataclass(frozen=True)
class Cell:
    """Text of a table, with where it leads."""

    text: str
    link: str | None = None


@dataclass(frozen=True)
class Filter:
    """A filter of a list; with values a choice of these, else free text."""

    name: str
    label: str
    values: Sequence[str] = ()


@pages.get("/")
def start() -> WerkzeugResponse:
    """The list of plans and verdicts."""
    return redirect("/runs")


@pages.get("/runs")
def runs() -> str:
    """Plans and verdicts."""
    found = browse.runs_page(store_url(), part(), one_of("kind", KINDS), text("scenario"))
    rows = [[Cell(row["created"]), Cell(row["kind"]), Cell(row["title"], f"/runs/{row['id']}")] for row in found.rows]
    return _list("runs", "Plans and verdicts", rows, found.total,
                 [Filter("kind", "Kind", KINDS), Filter("scenario", "Scenario")])  # fmt: skip


@pages.get("/runs/<run_id>")
def run(run_id: str) -> str:
    """One plan or verdict as its page."""
    return render_document_html(stored_run(run_id, store_url=store_url()))


@pages.get("/measurements")
def measurements() -> str:
    """Measurements of all machines of the store."""
    status = one_of("status", STATUSES)
    found = browse.measurements_page(store_url(), part(), text("model"), text("host"), status)
    rows = [
        [
            Cell(row["started"]), Cell(hidden(row["model"]), f"/api/measurements/{row['key']}"), Cell(row["runtime"]),
            Cell(row["device"]), Cell(row["precision"]), Cell(row["kind"]), Cell(row["status"]),
            Cell(row["host_fingerprint"][:12]),
        ]
        for row in found.rows
    ]  # fmt: skip
    filters = [Filter("model", "Model"), Filter("host", "Machine"), Filter("status", "Status", STATUSES)]
    return _list("measurements", "Measurements", rows, found.total, filters)


@pages.get("/offers")
def offers() -> str:
    """Prices by product and day."""
    found, total = browse.offers_page(store_url(), part(), one_of("of", CHOSEN) or "all", text("product"))
    rows = [
        [
            Cell(offer.product), Cell(f"{offer.price:,.2f} {offer.currency}"), Cell(offer.observed), Cell(offer.kind),
            Cell(offer.basis or "-"), Cell("-" if offer.memory_bytes is None else f"{offer.memory_bytes / GIB:g}"),
            Cell(offer.condition), Cell(hidden(offer.source)),
        ]
        for offer in found
    ]  # fmt: skip
    return _list("offers", "Offers", rows, total, [Filter("of", "Which", CHOSEN), Filter("product", "Product")])


@pages.get("/enter")
def enter() -> str:
    """Form that asks for the token."""
    return _page("enter.html", "Enter the token", has_token=extension("access").token is not None)


@pages.post("/enter")
def entered() -> Response | WerkzeugResponse:
    """Begin a session for whoever names the token."""
    access = extension("access")
    if not access.is_token(request.form.get("token", "")):
        raise Forbidden("that is not the token of this server")
    response = redirect("/import")
    access.begin_session(response)
    return response


@pages.get("/import")
def form() -> str | WerkzeugResponse:
    """Form for a price list."""
    if not g.may_change:
        return redirect("/enter")
    return _page("import.html", "Import a price list", form_key=extension("access").form_key(request), result=None)


@pages.post("/import")
def preview() -> str:
    """What a price list would change; it waits for its import."""
    access = _permitted()
    upload = uploaded(request)
    fields = {name: request.form.get(name, "") for name in FIELDS}
    result = import_upload(upload, fields, store_url(), dry_run=True)
    waiting = extension("uploads").keep(upload, fields)
    return _page("import.html", "What would change", form_key=access.form_key(request), result=result, waiting=waiting)


@pages.post("/import/<waiting>")
def confirmed(waiting: str) -> str:
    """Import a list whose difference was shown."""
    access = _permitted()
    upload, fields = extension("uploads").take(waiting)
    result = import_upload(upload, fields, store_url(), dry_run=False)
    return _page("import.html", "Imported", form_key=access.form_key(request), result=result, waiting=None)


def _permitted() -> Any:
    access = extension("access")
    if not access.may_change(request):
        raise Forbidden("changes need the token; start the server with one, and enter it")
    if not access.is_own_form(request):
        raise Forbidden("this form is not of this session; open it again")
    return access


def _list(name: str, title: str, rows: list[list[Cell]], total: int, filters: list[Filter]) -> str:
    wanted = part()
    last = max(1, -(-total // wanted.rows))

    def link(page: int) -> str:
        return "?" + urlencode({**{key: value for key, value in request.args.items() if value}, "page": page})

    return _page(
        "list.html", title, heads=HEADS[name], rows=rows, total=total, filters=filters, given=request.args,
        page=wanted.page, last=last, first_row=wanted.offset + 1, name=name,
        before=link(wanted.page - 1) if wanted.page > 1 else None,
        after=link(wanted.page + 1) if wanted.page < last else None,
    )  # fmt: skip


def _page(template: str, title: str, **values: Any) -> str:
    settings = extension("settings")
    return render_template(
        template, title=f"sizer: {title}", heading=title, may_change=g.may_change,
        changeable=settings.token is not None, **values,
    )  # fmt: skip
