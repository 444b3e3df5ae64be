"""Self-contained pages: one file, no network, readable in dark and light, made to be printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from pydantic import BaseModel

from advisor.errors import InputError
from advisor.records.comparison import Comparison
from advisor.records.measurement import Measurement
from advisor.records.plan import Plan
from advisor.records.surface import WhatIfSurface
from advisor.records.verdict import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment


SCRIPTS = ("model.js", "page.js")
"""Of ``advisor/report/what_if``, in the order in which the page has them."""


def _commands(text: str) -> str:
    """Escape a text and mark what is between backticks as a command."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def environment() -> Environment:
    """Return the templates of pages; what is put into them is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("advisor.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _commands
    return environment


def render_plan_html(plan: Plan, surface: WhatIfSurface | None = None, *, stored: bool = False) -> str:
    """Lay out a plan as a page; with ``surface`` it answers what-if, else it says why not.

    ``stored``: it was made before, so that no surface can be at hand.
    """
    from .plan_page import plan_context

    embedded = {"surface": surface, "surface_json": "", "scripts": "", "no_what_if": _no_what_if(plan, stored=stored)}
    if surface is not None:
        # "<" cannot end the element that holds the data, whatever a name contains.
        embedded["surface_json"] = surface.model_dump_json(by_alias=True).replace("<", "\\u003c")
        folder = resources.files("advisor.report") / "what_if"
        embedded["scripts"] = "\n".join((folder / name).read_text("utf-8") for name in SCRIPTS)
    return environment().get_template("plan.html.j2").render(plan_context(plan) | embedded)


def _no_what_if(plan: Plan, *, stored: bool) -> str:
    why = None if plan.asked is None else plan.asked.why_no_what_if
    if why is None and stored:
        why = "it is worked out while a plan is made, and not stored with it (`sizer plan SCENARIO --html FILE`)"
    return f"This page answers no what-if: {why or 'too little is known of boxes with a price to learn it from'}."


def render_verdict_html(verdict: Verdict) -> str:
    """Lay out a verdict as a page."""
    from .verdict_page import verdict_context

    return environment().get_template("verdict.html.j2").render(verdict_context(verdict))


def render_measurements_html(measurements: Sequence[Measurement]) -> str:
    """Lay out a campaign: models as rows; device, precision, mode and batch as columns."""
    from .tables import campaign_table

    columns, rows = campaign_table(measurements)
    context = {
        "title": "Measurements of this machine",
        "columns": columns,
        "rows": rows,
        "count": len(measurements),
        "failed": sum(item.status == "failed" for item in measurements),
    }
    return environment().get_template("measurements.html.j2").render(context)


def render_comparison_html(comparison: Comparison) -> str:
    """Lay out a comparison as a page."""
    from .compare_page import comparison_context

    return environment().get_template("comparison.html.j2").render(comparison_context(comparison))


def render_document_html(document: BaseModel) -> str:
    """Lay out whichever stored document it is.

    Raises
    ------
    InputError
        There is no page for this kind.
    """
    if isinstance(document, Plan):
        return render_plan_html(document, stored=True)
    if isinstance(document, Verdict):
        return render_verdict_html(document)
    raise InputError(f"there is no page for a {type(document).__name__}; use --json")
