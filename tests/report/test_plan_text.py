from __future__ import annotations

from collections.abc import Callable

import pytest

from advisor.records.base import Evidence
from advisor.records.plan import (
    BoxShare,
    DisturbedTimings,
    LadderStep,
    Mix,
    ParetoPoint,
    Plan,
    PlanBasis,
    Sensitivity,
    WithoutMeasurements,
)
from advisor.report.layout import PROSE_WIDTH, plain_text
from advisor.report.plan_summary import advice_lines, answer_sentence, boxes, compared, ladder_rows
from advisor.report.plan_text import render_plan
from tests.planner.fakes import scenario

from .samples import crowded_plan, hopeless_plan, request_plan, shop_plan, tied_plan


def text_of(plan: Plan, width: int | None = None) -> str:
    return plain_text(render_plan(plan, details=True), width)


def section_of(plan: Plan, title: str) -> list[str]:
    """Lines below a heading up to the next one."""
    lines = text_of(plan).splitlines()
    found = lines[next(place for place, line in enumerate(lines) if line.startswith(title)) + 1 :]
    return found[: found.index("")] if "" in found else found


def test_where_only_different_boxes_are_sufficient_they_are_the_answer() -> None:
    share = BoxShare(platform="small", name="SMALL", count=2, cameras={"gate": 1}, price_per_box=100.0)
    split = Mix(boxes=(share,), price=200.0, currency="USD", saving=0.0, text="2 x small carry it for 200 USD")
    text = text_of(hopeless_plan().model_copy(update={"split": split}))
    assert "NOT FEASIBLE" not in text
    first = " ".join(text.split("\n\n")[0].split())
    assert "no single kind of box is sufficient, but different boxes together are: 2 x small carry it for 200" in first
    assert "Sufficient: stages split over boxes" in text


def test_a_plan_of_a_disturbed_machine_says_so_in_its_first_lines() -> None:
    said = "3 of 4 timings were taken beside other load: `sizer plan --on this --again`"
    plan = shop_plan().model_copy(update={"disturbed": DisturbedTimings(timings=4, disturbed=3, reasons=(), text=said)})
    first = " ".join(text_of(plan).split("\n\n")[0].split())
    assert f"{said}." in first
    assert first.index(said) < first.index("price ")
    assert first.startswith(answer_sentence(plan)[:40])


def test_one_line_says_what_the_plan_depends_on() -> None:
    basis = PlanBasis(scenario_sha256="a" * 64, catalogue="b" * 64, calibration="c" * 64, seed=7)
    before = shop_plan()
    assert before.inputs is None
    assert "Depends on" not in text_of(before)
    lines = section_of(before.model_copy(update={"inputs": basis}), "Depends on")
    named = "scenario aaaaaaaaaaaa, catalogue bbbbbbbbbbbb, calibration cccccccccccc, no offers, seed 7, no measurement"
    assert " ".join(" ".join(lines).split()) == f"- {named}"
    measured = basis.model_copy(update={"measurements": ("k1", "k2"), "offers": "d" * 64})
    lines = section_of(before.model_copy(update={"inputs": measured}), "Depends on")
    assert " ".join(" ".join(lines).split()).endswith("offers dddddddddddd, seed 7, 2 measurements")


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("other", "Without these: 2 x other for 80 USD, holding with a probability of 93 %"),
        ("middle", "Without these: the same, 2 x middle for 80 USD, holding with a probability of 93 %"),
        (None, "Without these: no equal boxes would hold"),
    ],
)
def test_what_was_measured_here_is_named_with_the_answer_without_it(platform: str | None, said: str) -> None:
    best = shop_plan().recommended
    assert best is not None
    assert best.platform == "middle"
    price = best.price.model_copy(update={"value": 80.0})
    none = platform is None
    without = WithoutMeasurements(
        entered=("mine f32: 20 ms", "3 of other models"), platform=platform, count=0 if none else 2,
        price=None if none else price, probability=None if none else 0.93,
    )  # fmt: skip
    basis = PlanBasis(scenario_sha256="a" * 64, catalogue="b" * 64, calibration="c" * 64, seed=7)
    plan = shop_plan().model_copy(update={"inputs": basis, "without_measurements": without})
    lines = " ".join(" ".join(section_of(plan, "Depends on")).split())
    assert lines.endswith(f"measured on this machine and entered: mine f32: 20 ms; 3 of other models. {said}")


@pytest.mark.parametrize("make", [shop_plan, hopeless_plan, request_plan, crowded_plan])
@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_wider_than_the_terminal(make: Callable[[], Plan], width: int) -> None:
    assert max(map(len, text_of(make(), width).splitlines())) <= width


def test_prose_in_a_file_has_a_fixed_width_and_rows_are_single_lines() -> None:
    plan = shop_plan()
    prose = [line for line in text_of(plan).splitlines() if line.startswith("  - ")]
    assert max(map(len, prose)) <= PROSE_WIDTH
    (row,) = [line for line in section_of(plan, "Compared") if "recommended" in line]
    assert row.split()[:4] == ["recommended", "middle", "1", "300"]


def test_the_answer_comes_first_with_price_and_confidence() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    first = text_of(plan).splitlines()[0]
    sure = f"{best.probability * 100:.0f} % sure to hold (confidence {best.confidence})"
    assert first == f"shop: buy MIDDLE (middle), 300 USD; {sure}"
    assert "cannot be told" not in first
    assert f"{best.probability * 100:.0f} %" in answer_sentence(plan)


def test_an_answer_that_is_less_sure_than_asked_for_says_so_in_its_first_sentence() -> None:
    """It said `74 % sure to hold` and no more."""
    plan = shop_plan()
    assert plan.recommended is not None
    asked = scenario(margin={"confidence_pct": 80.0})
    less = plan.model_copy(
        update={"asked": asked, "recommended": plan.recommended.model_copy(update={"probability": 0.74})}
    )
    assert "74 % sure to hold" in answer_sentence(less)
    assert "where 80 % are asked for" in answer_sentence(less)
    kept = plan.recommended.model_copy(update={"probability": 0.8})
    assert "asked for" not in answer_sentence(less.model_copy(update={"recommended": kept}))


def test_the_text_holds_what_a_buyer_needs() -> None:
    plan = shop_plan()
    text = text_of(plan)
    assert "just fails   small" in text
    assert "recommended  middle" in text
    assert "alternative  large" in text
    assert plan.just_fails is not None
    assert plan.just_fails.reason.split()[0] in text
    words = " ".join(text.split())
    for line in (*plan.assumptions, *plan.warnings):
        assert " ".join(line.split()) in words
    assert "What breaks first" in text
    assert "data sheet only" in text


def test_not_feasible_names_three_misses_and_what_to_change() -> None:
    plan = hopeless_plan()
    text = text_of(plan)
    assert text.startswith("shop: NOT FEASIBLE with the platforms considered")
    assert [kind for kind, _ in compared(plan)] == ["nearest miss"] * 3
    assert "and 2 more platforms" in text
    (line,) = advice_lines(plan)
    assert line.startswith(
        ", ".join(item.platform for item in plan.rejected[:3]) + ": fails on cpu; try larger `every`"
    )
    assert "What would have to change" in text


def test_where_no_platform_was_evaluated_nothing_is_compared() -> None:
    plan = hopeless_plan().model_copy(update={"rejected": ()})
    assert answer_sentence(plan) == "shop: NO ANSWER: no platform could be evaluated."
    assert "Compared" not in text_of(plan)


def test_requests_have_no_cameras_and_no_decoding() -> None:
    text = text_of(request_plan())
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
    text = text_of(plan.model_copy(update={"recommended": three}))
    assert "buy 3 x MIDDLE" in text
    assert "per box of 3; capacity of all 3" in text


def test_the_next_dearer_is_named_once() -> None:
    plan = shop_plan()
    names = [item.platform for _, item in compared(plan)]
    assert len(names) == len(set(names))
    alone = plan.model_copy(update={"alternatives": ()})
    assert ("next dearer", plan.next_dearer) in compared(alone)


def test_missing_figures_are_dashes_and_a_missing_price_is_unknown() -> None:
    plan = shop_plan()
    assert plan.just_fails is not None
    bare = plan.just_fails.model_copy(update={"predicted": None, "price": None, "evidence": Evidence.UNKNOWN})
    rows = section_of(plan.model_copy(update={"just_fails": bare}), "Compared")
    row = next(line for line in rows if "just fails" in line)
    assert row.split() == ["just", "fails", "small", "1", "unknown", "-", "-", "-", "-", "-"]


def test_a_terminal_lists_the_first_kinds_of_site_and_the_total_of_all() -> None:
    rows = tuple({"site": f"shop {n}", "boxes_per_site": 1, "config": {"stages": {}}} for n in range(500))
    plan = shop_plan().model_copy(update={"sites": rows, "sites_total": {"sites": 500, "price": 1000.0}})
    sites = section_of(plan, "Sites")
    assert sum("shop" in line for line in sites) == 20
    assert "and 480 more kinds of site" in sites[-1]
    assert not any("config" in line for line in sites)
    assert [line.split() for line in section_of(plan, "All sites")] == [["sites", "500"], ["price", "1,000"]]


def test_sites_are_a_table_with_figures_to_the_right() -> None:
    sites = ({"name": "large shop", "count": 20, "power": None}, {"name": "small shop", "count": 1200, "power": 7.0})
    heading, _, *rows = section_of(shop_plan().model_copy(update={"sites": sites}), "Sites")
    assert heading.split() == ["name", "count", "power"]
    assert [row.split() for row in rows] == [["large", "shop", "20", "-"], ["small", "shop", "1200", "7"]]
    assert {row.index("20") + 2 for row in rows[:1]} == {rows[1].index("1200") + 4}


def test_changes_of_the_scenario_are_listed() -> None:
    change = Sensitivity(change="int8", holds=True, platform="small", price=90.0, text="small would do, saving 210 USD")
    text = text_of(shop_plan().model_copy(update={"scenario_changes": (change,)}))
    assert "Change the scenario instead\n  - int8: small would do, saving 210 USD" in text


def test_the_pareto_front_is_a_table_of_at_least_two_points() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    points = tuple(
        ParetoPoint(platform=name, count=1, price=best.price, headroom=headroom)
        for name, headroom in (("middle", 0.305), ("large", 0.6))
    )
    title = "Pareto front: more headroom for more money"
    rows = section_of(plan.model_copy(update={"pareto_points": points}), title)
    assert [row.split() for row in rows[-2:]] == [["middle", "1", "300", "30"], ["large", "1", "300", "60"]]
    assert title not in text_of(plan.model_copy(update={"pareto_points": points[:1]}))


def test_without_evidence_there_is_no_answer() -> None:
    plan = hopeless_plan()
    unknown = plan.model_copy(
        update={"rejected": tuple(item.model_copy(update={"check": "evidence"}) for item in plan.rejected)}
    )
    assert "NOT FEASIBLE" in text_of(plan).splitlines()[0]
    assert "NO ANSWER: there is no evidence" in text_of(unknown).splitlines()[0]
    unpredicted = {"check": "evidence", "predicted": None}
    misses = tuple(item.model_copy(update=unpredicted) for item in plan.nearest_misses)
    (line,) = advice_lines(unknown.model_copy(update={"nearest_misses": misses}))
    assert ": not known; measure it: `sizer bench` there" in line
    # What is predicted has its measurements: its reason says what else is not known.
    predicted = tuple(item.model_copy(update={"check": "evidence"}) for item in plan.nearest_misses)
    assert all(item.predicted is not None for item in predicted)
    assert advice_lines(unknown.model_copy(update={"nearest_misses": predicted})) == []


def test_a_cheaper_box_that_cannot_be_told_apart_is_in_the_answer_and_in_a_table() -> None:
    plan = tied_plan()
    (tie,) = plan.ties
    sure = f"{tie.probability * 100:.0f}"
    assert answer_sentence(plan).endswith(f"; middle, 240 USD cheaper, cannot be told from it ({sure} %)")
    by_tco = plan.model_copy(update={"objective": "tco"})
    assert "; middle, 240 USD cheaper over the lifetime, cannot be told from it" in answer_sentence(by_tco)
    two = [tie.model_copy(update={"count": 2}) for tie in plan.ties]
    assert "; 2 x middle, 240 USD" in answer_sentence(plan.model_copy(update={"ties": tuple(two)}))
    lines = section_of(plan, "Ties: boxes whose price or probability cannot be told from that of the recommended ones")
    (row,) = [line for line in lines if line.strip().startswith("middle")]
    assert row.split()[:3] == ["middle", "340", sure]
    assert "`sizer verify`" in " ".join(lines)
    assert "Ties" not in text_of(shop_plan())


def test_what_each_layer_of_safety_costs_is_said_with_the_difference() -> None:
    plan = tied_plan()
    lines = section_of(plan, "What safety costs")
    assert [line.split()[-3:] for line in lines if "%" in line or "today" in line] == [
        ["median", "middle", "340"],
        ["middle", "340", "+0"],
        ["large", "580", "+240"],
    ]


def test_a_layer_that_nothing_suffices_for_says_so() -> None:
    best = tied_plan().recommended
    assert best is not None
    steps = (
        LadderStep(layer="first", platform="a", count=2, price=100.0),
        LadderStep(layer="second", platform=None, count=0, price=None),
        LadderStep(layer="third", platform="b", count=1, price=50.0),
    )
    changed = tied_plan().model_copy(update={"recommended": best.model_copy(update={"ladder": steps})})
    assert ladder_rows(changed) == [
        ("first", "2 x a", "100", ""), ("second", "nothing suffices", "-", ""), ("third", "b", "50", ""),
    ]  # fmt: skip
    assert ladder_rows(hopeless_plan()) == []
