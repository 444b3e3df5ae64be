from __future__ import annotations

from collections.abc import Callable

import pytest

from advisor.records.base import Evidence
from advisor.records.plan import BoxShare, Mix, Plan, Sensitivity
from advisor.report.plan_text import boxes, changes, compared, heading_line, render_plan

from .samples import crowded_plan, hopeless_plan, request_plan, shop_plan


def test_where_only_different_boxes_carry_it_they_are_the_answer() -> None:
    share = BoxShare(platform="small", name="SMALL", count=2, cameras={"gate": 1}, price_per_box=100.0)
    split = Mix(boxes=(share,), price=200.0, currency="USD", saving=0.0, text="2 x small carry it for 200 USD")
    text = render_plan(hopeless_plan().model_copy(update={"split": split}))
    assert "NOTHING" not in text
    first = " ".join(text.split("\n\n")[0].split())
    assert "no equal boxes carry this scenario, but different ones do: 2 x small carry it for 200 USD" in first
    assert "Carried by splitting the stages over boxes" in text


@pytest.mark.parametrize("make", [shop_plan, hopeless_plan, request_plan, crowded_plan])
def test_no_line_is_too_long(make: Callable[[], Plan]) -> None:
    assert max(map(len, render_plan(make()).splitlines())) <= 118


def test_the_verdict_comes_first_with_price_and_confidence() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    first = render_plan(plan).splitlines()[0]
    assert first.startswith("shop: buy MIDDLE (middle), 300 USD; cpu ")
    assert f"{best.probability * 100:.0f} %" in heading_line(plan)


def test_what_a_buyer_needs_stands_in_the_text() -> None:
    plan = shop_plan()
    text = render_plan(plan)
    assert "just fails   small" in text
    assert "recommended  middle" in text
    assert "alternative  large" in text
    assert plan.just_fails is not None
    assert plan.just_fails.reason.split()[0] in text
    for line in (*plan.assumptions, *plan.warnings):
        assert line.split()[-1] in text
    assert "What breaks first" in text
    assert "data sheet only" in text


def test_nothing_feasible_names_three_misses_and_what_to_change() -> None:
    plan = hopeless_plan()
    text = render_plan(plan)
    assert text.startswith("shop: NOTHING in the catalogue carries this scenario")
    assert [kind for kind, _ in compared(plan)] == ["miss"] * 3
    assert "and 2 more platforms" in text
    (line,) = changes(plan)
    assert line.startswith(
        ", ".join(item.platform for item in plan.rejected[:3]) + ": fails on cpu; try larger `every`"
    )
    assert "What would have to change" in text


def test_nothing_judged_points_to_no_list() -> None:
    plan = hopeless_plan().model_copy(update={"rejected": ()})
    assert heading_line(plan) == "shop: NOTHING carries this scenario, and no platform could be judged."
    assert "Compared" not in render_plan(plan)


def test_requests_have_no_cameras_and_no_decoding() -> None:
    text = render_plan(request_plan())
    assert "requests/s" in text
    assert "cameras" not in text.split("What if")[0]
    assert "decode   " not in text
    assert "camera FPS" not in text


def test_several_boxes_are_counted() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    three = best.model_copy(update={"count": 3})
    assert boxes(three) == "3 x MIDDLE"
    text = render_plan(plan.model_copy(update={"recommended": three}))
    assert "buy 3 x MIDDLE" in text
    assert "per box of 3; capacity of all together" in text


def test_the_next_dearer_is_named_once() -> None:
    plan = shop_plan()
    names = [item.platform for _, item in compared(plan)]
    assert len(names) == len(set(names))
    alone = plan.model_copy(update={"alternatives": ()})
    assert ("next dearer", plan.next_dearer) in compared(alone)


def test_missing_figures_are_dashes() -> None:
    plan = shop_plan()
    assert plan.just_fails is not None
    bare = plan.just_fails.model_copy(update={"predicted": None, "price": None, "evidence": Evidence.UNKNOWN})
    row = next(
        line for line in render_plan(plan.model_copy(update={"just_fails": bare})).splitlines() if "just fails" in line
    )
    assert row.split() == ["just", "fails", "small", "1", "-", "-", "-", "-", "unknown"]


def test_of_many_kinds_of_site_a_terminal_shows_the_first_and_the_bill_of_all() -> None:
    rows = tuple({"site": f"shop {n}", "boxes_per_site": 1, "config": {"stages": {}}} for n in range(500))
    text = render_plan(shop_plan().model_copy(update={"sites": rows, "sites_total": {"sites": 500, "price": 1000.0}}))
    assert text.count("site shop") == 20
    assert "and 480 more kinds of site" in text
    assert "site all together, sites 500, price 1,000" in text
    assert "config" not in text.split("Sites")[1].split("Warnings")[0]


def test_changes_and_sites_are_listed() -> None:
    change = Sensitivity(change="int8", holds=True, platform="small", price=90.0, text="small would do, saving 210 USD")
    plan = shop_plan().model_copy(
        update={"scenario_changes": (change,), "sites": ({"name": "large shop", "count": 20, "power": None},)}
    )
    text = render_plan(plan)
    assert "Change the scenario instead\n  - int8: small would do, saving 210 USD" in text
    assert "Sites\n  - name large shop, count 20" in text


def test_where_nothing_is_known_the_answer_is_that_it_cannot_be_told() -> None:
    plan = hopeless_plan()
    unknown = plan.model_copy(
        update={"rejected": tuple(item.model_copy(update={"check": "evidence"}) for item in plan.rejected)}
    )
    assert "NOTHING in the catalogue" in render_plan(plan).splitlines()[0]
    assert "CANNOT TELL" in render_plan(unknown).splitlines()[0]
