"""Pages are read as a browser reads them: parsed, then asked what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest
from pydantic import BaseModel

from advisor.errors import InputError
from advisor.records.plan import DisturbedTimings, Plan, PlanBasis, Price
from advisor.report.html import render_document_html, render_measurements_html, render_plan_html, render_verdict_html
from advisor.report.plan_page import plan_context
from advisor.report.text import EVIDENCE_WORDS, capacity, money
from tests.planner.fakes import scenario
from tests.store.samples import measurement

from .samples import MARKUP, crowded_plan, hopeless_plan, request_plan, shop_plan, tied_plan, verdict

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Text by element, references and balance of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.references: list[tuple[str, str, str | None]] = []
        self.styles = ""
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href", "srcset", "action", "data", "xlink:href", "poster"} or name.startswith("on"):
                self.references.append((tag, name, value))
        if tag in {"script", "iframe", "object", "embed", "link", "base"}:
            self.references.append((tag, "", None))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without start"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.styles += data
        elif data.strip():
            self.texts.append((self.open[-1] if self.open else "", " ".join(data.split())))

    @property
    def text(self) -> str:
        return " ".join(text for _, text in self.texts)

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def page_of(document: Plan | BaseModel) -> Page:
    return Page(render_document_html(document))


DOCUMENTS: list[Callable[[], BaseModel]] = [
    shop_plan, hopeless_plan, request_plan, crowded_plan, verdict,
    lambda: verdict("PASS"), lambda: verdict("INCONCLUSIVE"),
]  # fmt: skip


@pytest.mark.parametrize("make", DOCUMENTS)
def test_a_page_needs_nothing_from_outside(make: Callable[[], BaseModel]) -> None:
    html = render_document_html(make())
    page = Page(html)
    assert page.references == []
    assert not re.search(r"https?:|//\w|\bsrc\s*=|\bhref\s*=", html)
    assert "@import" not in page.styles
    assert "url(" not in page.styles


@pytest.mark.parametrize("make", DOCUMENTS)
def test_a_page_serves_dark_light_and_paper(make: Callable[[], BaseModel]) -> None:
    styles = page_of(make()).styles
    assert "prefers-color-scheme: dark" in styles
    printed = styles[styles.index("@media print") :]
    assert "--ink:#000" in printed  # a dark page must not print light letters on paper
    assert "details::details-content" in printed
    # Every colour that pictures use is defined.
    used = set(re.findall(r"var\((--\w+)\)", render_document_html(make())))
    assert used <= set(re.findall(r"(--\w+):", styles))


def test_a_source_with_an_address_is_text_and_no_link() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    price = best.price.model_copy(update={"source": "https://shop.example/box?a=1&b=2"})
    page = page_of(plan.model_copy(update={"recommended": best.model_copy(update={"price": price})}))
    assert page.references == []
    assert "https://shop.example/box?a=1&b=2" in page.of("td")


def test_markup_in_a_document_is_text() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    evil = plan.model_copy(
        update={
            "scenario": MARKUP, "recommended": best.model_copy(update={"name": MARKUP, "note": MARKUP}),
            "assumptions": (MARKUP,), "warnings": (MARKUP,), "model_notes": {"person": MARKUP},
        }
    )  # fmt: skip
    for html in (render_plan_html(evil), render_verdict_html(verdict(reason=MARKUP, warnings=(MARKUP,)))):
        assert "<script" not in html
        assert MARKUP in Page(html).text


def test_the_page_says_what_the_plan_depends_on() -> None:
    basis = PlanBasis(scenario_sha256="a" * 64, catalogue="b" * 64, calibration="c" * 64, seed=7)
    assert "Depends on: scenario aaaaaaaaaaaa, catalogue b" in render_plan_html(
        shop_plan().model_copy(update={"inputs": basis})
    )
    assert "Depends on" not in render_plan_html(shop_plan())


def test_the_verdict_of_a_plan_comes_first() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    page = page_of(plan)
    assert page.of("h1") == ["Buy MIDDLE"]
    assert page.of("title")[0] == "sizer plan: shop: buy MIDDLE"
    words = [text for tag, text in page.texts if tag not in ("title", "style")]
    sure = f"{best.probability * 100:.0f} % sure to hold (confidence {best.confidence})"
    assert words[:2] == ["Buy MIDDLE", "Price"]
    assert words[2].startswith("300 (240-360) USD for the box (middle) [assumed, ")
    assert words[3:5] == ["Probability", f"{sure}; data sheet only"]
    assert words[5:7] == ["Breaks first", "; ".join(item.text for item in best.breaks_first[:2])]
    assert words[7].startswith("CPUs alone were compared")
    assert words[8] == "Price against capacity"


def test_ties_and_the_cost_of_safety_are_tables_of_the_page() -> None:
    plan = tied_plan()
    best = plan.recommended
    assert best is not None
    page = page_of(plan)
    assert {"Ties", "What safety costs"} <= set(page.of("h2"))
    (tie,) = plan.ties
    words = [text for tag, text in page.texts if tag not in ("title", "style")]
    assert f"middle, 240 USD cheaper, cannot be told from it ({tie.probability * 100:.0f} %)" in words[4]
    cells = [*page.of("td"), *page.of("th")]
    assert {"middle", "340", f"{tie.probability * 100:.0f}"} <= set(cells)
    for step in best.ladder:
        assert step.layer in cells
    assert "+240" in cells
    assert "sizer verify" in page.of("code")
    without = page_of(shop_plan())
    assert "Ties" not in without.of("h2")


def test_a_plan_page_holds_what_a_buyer_must_defend() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    page = page_of(plan)
    assert page.of("h2") == [
        "Price against capacity", "What it will look like", "Why this box", "Comparison", "Best changes", "Warnings",
        "What safety costs", "What it costs", "Change the scenario instead",
        "More headroom for more money", "Where the time goes", "Utilisation", "Requests of two seconds",
        "What breaks first", "Compared with common configurations on the same boxes",
        "Automatic batching by the runtime",
        "What if", "Evidence and sources", "Assumptions",
        f"All {len(plan.rejected)} platforms that are not recommended",
    ]  # fmt: skip
    for text in (*plan.assumptions, *plan.warnings, *(item.text for item in best.breaks_first)):
        assert f"<li>{text.replace('`', '')}</li>" in re.sub(r"</?code>", "", unescape(render_plan_html(plan)))
    for item in plan.sensitivity:
        assert item.change in page.of("th")
        assert item.text.replace("`", "") in re.sub(r"</?code>", "", unescape(render_plan_html(plan)))
    assert capacity(best.predicted) in page.of("b")
    cells = [*page.of("td"), *page.of("th")]
    for stage in ("decode", *best.config.stages):
        assert stage in cells
    for item in (best, *plan.alternatives):
        assert item.price.source in cells
        assert item.price.date in cells
        assert money(item.price.value, "USD") in cells
    assert EVIDENCE_WORDS[best.evidence] in cells
    for item in plan.rejected:
        assert item.reason in cells
    assert plan.scenario_sha256 in page.text


def test_the_picture_marks_what_the_table_compares() -> None:
    page = page_of(shop_plan())
    assert {"small", "middle", "large"} <= set(page.of("text"))
    assert "needed: 8" in page.of("text")
    assert "Not in the picture: 1 without a price." in page.text


def test_nothing_feasible_says_so_and_what_to_change() -> None:
    plan = hopeless_plan()
    page = page_of(plan)
    assert page.of("h1") == ["Not feasible with the platforms of the catalogue"]
    assert "not feasible" in page.of("title")[0]
    assert page.of("h2")[1] == "Nearest misses, and what to change"
    misses = plan_context(plan)["compared"]
    assert [row[0] for row in misses] == ["nearest miss"] * 3
    for row in misses:
        assert "every" in row[-1]
        assert f"What to change: {row[-1]}".replace("`", "") in re.sub(
            r"</?code>", "", unescape(render_plan_html(plan))
        )
    assert "Where the time goes" not in page.text


def test_requests_are_counted_per_second() -> None:
    page = page_of(request_plan())
    assert "capacity [requests/s]" in page.of("text")
    assert "Requests/s" in page.of("span")
    assert "decode" not in page.of("td")
    assert "cameras" not in page.text.split("Change the scenario")[0].split("Assumptions")[0].split("What if")[0]


def test_several_boxes_say_what_is_per_box() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    page = page_of(plan.model_copy(update={"recommended": best.model_copy(update={"count": 2})}))
    assert page.of("h1") == ["Buy 2 x MIDDLE"]
    assert {"Capacity of all 2", "CPU busy per box"} <= set(page.of("span"))
    assert "Where the time goes per box" in page.of("h2")


def test_unknown_prices_and_stale_ones_are_said() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    price = Price(value=None, currency="USD", kind="unknown", source="none", date=None, stale=False, per_box=None)
    cells = page_of(plan.model_copy(update={"recommended": best.model_copy(update={"price": price})})).of("td")
    assert "price unknown" in cells
    stale = best.price.model_copy(update={"stale": True})
    cells = page_of(plan.model_copy(update={"recommended": best.model_copy(update={"price": stale})})).of("td")
    assert f"{best.price.date} (stale)" in cells


def test_sites_of_different_kinds_share_a_table() -> None:
    sites = ({"name": "large", "count": 20}, {"name": "small", "count": None, "platform": "tiny"})
    page = page_of(shop_plan().model_copy(update={"sites": sites}))
    assert {"name", "count", "platform"} <= set(page.of("th"))
    assert "tiny" in page.of("td")


@pytest.mark.parametrize("make", DOCUMENTS)
def test_tables_have_captions_and_scopes_and_pictures_a_text_in_their_place(make: Callable[[], BaseModel]) -> None:
    html = render_document_html(make())
    assert html.count("<table>") == html.count("<caption>")
    assert "<th>" not in html
    for tag in re.findall(r"<th [^>]*>", html):
        assert 'scope="' in tag, tag
    pictures = re.findall(r"<svg [^>]*>", html)
    told = [
        unescape(found[1]) for found in (re.search(r'aria-label="([^"]*)"', picture) for picture in pictures) if found
    ]
    assert len(told) == len(pictures)
    assert all(len(text.split()) >= 5 for text in told), told


def test_the_picture_is_told_in_words() -> None:
    html = unescape(render_plan_html(shop_plan()))
    told = html[html.index('aria-label="Price against capacity') :]
    told = told[: told.index('">')]
    assert "recommended middle: 300 USD, " in told
    assert "just fails small: 90 USD, " in told
    assert "8 cameras are needed" in told


def test_what_was_asked_is_on_the_page_of_plan_and_verdict() -> None:
    asked = scenario()
    for document in (shop_plan().model_copy(update={"asked": asked}), verdict(asked=asked)):
        page = page_of(document)
        assert "What was asked" in page.of("h2")
        assert any(text.startswith("8 cameras: ") for text in page.of("dd"))
        assert page.text.count("true value is believed to lie below") == 1


def test_only_the_decision_is_unfolded() -> None:
    html = render_plan_html(shop_plan())
    first = html[: html.index("<details")]
    assert "<h2>Comparison</h2>" in first
    assert "<h2>Assumptions</h2>" not in first
    assert "<details open" not in html


def test_the_page_of_a_verdict() -> None:
    found = verdict()
    page = page_of(found)
    assert page.of("title")[0] == "sizer verify: shop: FAIL"
    assert page.of("span")[0] == "FAIL"
    cells = [*page.of("td"), *page.of("th")]
    for check in found.checks:
        assert check.name in cells
        assert check.required in cells
    assert {"failed", "ok", "inconclusive", "fewer cameras", "measure 40 more seconds"} <= set(cells)
    assert {"outside P10 - P90", "not measured"} <= set(cells)
    assert "20 / 80.5 / -" in cells
    assert "- / - / -" not in cells
    assert "openvino, CPU, f32, 4 streams x 1 thread" in cells
    assert "CPU, precision f32, streams 2, threads 4, version 9" in cells
    assert (
        "9 cameras pass; limited by cpu; the plan predicted 12 (10 - 14); OUTSIDE the predicted P10 - P90" in page.text
    )
    assert {"usable cores", "3.5", "model abc", "unknown"} <= set(cells)
    assert "Operator: A. Person" in page.text
    assert "Site, box, serial number" in page.text
    assert {"a" * 64, "reid.onnx", "b" * 64} <= set(cells)
    assert "<reid>" in page.of("text")
    assert "cpu fraction" in cells


def test_a_verdict_without_anything_is_a_page_too() -> None:
    bare = verdict(
        "INCONCLUSIVE", checks=(), cameras=(), stages=(), host={}, predicted=None, capacity=None, binding=None,
        utilisation={}, harness={}, interference={}, timeline={}, notes=(), warnings=(),
    )  # fmt: skip
    page = page_of(bare)
    assert page.of("span")[0] == "INCONCLUSIVE"
    assert "Nothing was seen." in page.of("p")
    assert "No timeline was recorded." in page.of("p")
    assert "Capacity search" not in page.text


def test_a_campaign_shows_failures_with_their_reason() -> None:
    failed = measurement("k2", model="<net>", status="failed", failure="killed by signal 9", timing=None)
    page = Page(render_measurements_html([measurement(), failed]))
    assert page.references == []
    assert "<net>" in page.of("th")
    assert "failed: killed by signal 9" in page.of("td")
    assert "1 without a figure" in page.of("span")
    assert "10 ms, 10 ms, 100 FPS" in page.of("td")
    assert "openvino CPU f32 sync, batch 1, 1 streams, 2 threads" in page.of("th")


def test_other_documents_have_no_page() -> None:
    with pytest.raises(InputError, match="no page for a Price"):
        render_document_html(
            Price(value=1.0, currency="USD", kind="vendor", source="x", date=None, stale=False, per_box=None)
        )


def test_commands_are_set_as_such_and_stay_text() -> None:
    plan = shop_plan()
    page = render_plan_html(plan.model_copy(update={"assumptions": ("ask `sizer <b>bench</b>` & wait",)}))
    assert "ask <code>sizer &lt;b&gt;bench&lt;/b&gt;</code> &amp; wait" in page


def test_the_page_of_a_disturbed_machine_says_so_above_the_figures() -> None:
    said = "3 of 4 timings were taken beside other load"
    plan = shop_plan().model_copy(update={"disturbed": DisturbedTimings(timings=4, disturbed=3, reasons=(), text=said)})
    page = unescape(render_plan_html(plan))
    assert page.index(said) < page.index("Price against capacity")
    assert said not in unescape(render_plan_html(shop_plan()))
