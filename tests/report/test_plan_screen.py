"""The first screen of a plan: one screen, and the decision in its first lines."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.records.plan import LadderStep, Plan, Price, Undecided
from advisor.report.decision import cheaper_unknown, decided_by, runs_on
from advisor.report.layout import PROSE_WIDTH, plain_text
from advisor.report.plan_page import plan_context
from advisor.report.plan_summary import answer_sentence, carrying_boxes
from advisor.report.plan_text import render_plan
from advisor.report.question import question_rows
from advisor.store.scenario import load_scenario
from tests.planner.fakes import scenario

from .samples import crowded_plan, hopeless_plan, request_plan, shop_plan, tied_plan

RECORDED = Path(__file__).parents[1] / "regression" / "data" / "plans.json.gz"
SHIPPED = (
    "factory-line", "nvr-motion", "shelf-ocr", "store-analytics", "text-service", "traffic-intersection",
)  # fmt: skip
SCREEN = 42
"""Lines of a terminal of 100 columns."""


@functools.cache
def recorded(name: str) -> Plan:
    """Plan of a shipped scenario as it was recorded, with what was asked."""
    plan = Plan.model_validate(json.loads(gzip.decompress(RECORDED.read_bytes()))[name])
    return plan.model_copy(update={"asked": load_scenario(name).without_addresses()})


def screen(plan: Plan, width: int = PROSE_WIDTH) -> list[str]:
    return plain_text(render_plan(plan), width).splitlines()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_plan_of_a_shipped_scenario_is_one_screen(name: str) -> None:
    lines = screen(recorded(name))
    assert len(lines) <= SCREEN
    assert lines[0].startswith(f"{name}: buy ")
    rows = [line.strip() for line in lines if line.startswith("  ")]
    for begin in ("price ", "predicted ", "nearest limit ", "breaks first ", "decided by ", "must hold "):
        assert any(row.startswith(begin) for row in rows), begin


@pytest.mark.parametrize("make", [shop_plan, hopeless_plan, request_plan, crowded_plan, tied_plan])
def test_every_plan_is_one_screen_and_shorter_than_its_details(make: Callable[[], Plan]) -> None:
    plan = make()
    assert len(screen(plan)) <= SCREEN
    assert len(plain_text(render_plan(plan, details=True), PROSE_WIDTH).splitlines()) > len(screen(plan))


def test_what_the_answer_leaves_out_stands_before_the_price() -> None:
    text = " ".join(screen(shop_plan()))
    left_out = "CPUs alone were compared: accelerators, integrated graphics and neural processors are not used"
    assert text.index(left_out) < text.index("price ")
    whole = shop_plan().model_copy(update={"not_considered": ()})
    assert "not used" not in " ".join(screen(whole))


def test_what_was_asked_is_said_and_how_intervals_are_read() -> None:
    text = " ".join(" ".join(screen(recorded("store-analytics"))).split())
    assert "8 cameras: 6 aisle + 2 entrance: 1920x1080, 15 FPS, h264, 4,000 kbit/s" in text
    assert "95 % within 300 ms, at most 1 % dropped" in text
    assert "90 % confidence, 30 % headroom, growth by 2 cameras" in text
    assert "person = like:person-detection-retail-0013 every 3 frames" in text
    assert text.count("P50 (P10 - P90)") == 1
    assert "with a probability of 50, 10 and 90 %" in text


def test_the_screen_says_what_decided_the_price_and_what_relaxing_it_saves() -> None:
    text = " ".join(" ".join(screen(recorded("traffic-intersection"))).split())
    assert (
        "decided by 90 % confidence in the SLO, which costs 120 USD: without it mini-pc-i3-n305-16-gb for 238 USD"
        in text
    )
    assert "just fails mini-pc-i3-n305-32-gb: at 90 % confidence it needs 8.5 cores and has 8" in text


def test_without_an_answer_the_screen_says_what_is_missing_and_what_to_try() -> None:
    plan = hopeless_plan()
    text = " ".join(" ".join(screen(plan)).split())
    first = plan.nearest_misses[0]
    assert f"nearest miss {first.platform}: {first.reason[:60]}" in text
    assert "try larger `every` intervals" in text


def test_many_warnings_are_counted_and_long_ones_cut_at_a_word() -> None:
    warnings = ("first " * 100, "second", "third", "fourth")
    lines = screen(shop_plan().model_copy(update={"warnings": warnings}))
    assert "  - 2 more warnings (--details)" in lines
    cut = " ".join(line.strip(" -") for line in lines if "first" in line)
    assert cut.endswith("first ...")


def undecided(probability: float) -> Undecided:
    price = Price(
        value=90.0, currency="USD", kind="assumed", source="x", date=None, stale=False, per_box=90.0
    )  # fmt: skip
    return Undecided(
        platform="tiny-0", name="TINY", count=1, price=price, probability=probability, measurement=None, text="perhaps"
    )


@pytest.mark.parametrize(("probability", "told"), [(0.59, "CANNOT TELL"), (0.02, "NOT FEASIBLE")])
def test_a_box_that_may_well_hold_is_no_no(probability: float, told: str) -> None:
    plan = hopeless_plan().model_copy(update={"undecided": (undecided(probability),)})
    assert told in answer_sentence(plan)
    assert plan.cannot_tell is (told == "CANNOT TELL")
    if plan.cannot_tell:
        assert "one box may be sufficient, the likeliest tiny-0 for 90 USD: 59 % that it holds" in answer_sentence(plan)


def test_a_box_without_a_price_that_holds_is_ranked_and_not_refused() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    unknown = Price(value=None, currency="USD", kind="unknown", source="none", date=None, stale=False, per_box=None)
    assert plan.just_fails is not None
    holding = plan.just_fails.model_copy(
        update={"platform": "chip", "check": "cost", "predicted": best.predicted, "price": unknown}
    )
    alone = plan.model_copy(
        update={"recommended": None, "alternatives": (), "rejected": (holding,), "just_fails": None}
    )
    assert alone.unpriced == (holding,)
    assert "NO PRICE: chip would hold" in answer_sentence(alone)
    assert any(line.split()[:2] == ["holds", "chip"] for line in screen(alone))
    assert plan.unpriced == ()


def test_the_sample_of_the_readme_has_the_rows_that_are_printed() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    sample = readme[readme.index("```text\nstore-analytics: buy ") + len("```text\n") :]
    shown = sample[: sample.index("```")].splitlines()

    def names(lines: list[str]) -> list[str]:
        """Titles of sections, and names of facts."""
        titles = [line.split(" (")[0] for line in lines if line and not line.startswith(" ") and len(line) < 60]
        facts = [line[2:17].strip() for line in lines if line.startswith("  ") and line[2:3].isalpha()]
        return [*titles, *facts]

    printed = screen(recorded("store-analytics"))
    assert {"Compared", "Best changes", "Warnings"} <= set(names(shown))
    assert [name for name in names(shown) if len(name) < 15] == [name for name in names(printed) if len(name) < 15]


@pytest.mark.parametrize(
    ("prices", "decided"),
    [
        ((300.0, 340.0, 340.0), "growth, which costs 40 USD: without it box for 300 USD would do for today's load"),
        ((300.0, 340.0, 300.0), "today's load itself: no layer of safety made it dearer"),
        ((300.4, 300.0, 311.6), "headroom, which costs 12 USD: without it box for 300 USD would do with growth"),
    ],
)
def test_a_layer_decides_only_if_what_would_do_without_it_is_cheaper_in_the_end(
    prices: tuple[float, ...], decided: str
) -> None:
    """By TCO boxes that are dearer to buy may be the cheapest of one layer, and not of the next."""
    plan = shop_plan()
    assert plan.recommended is not None
    layers = ("today's load", "with growth", "with headroom")
    ladder = tuple(
        LadderStep(layer=layer, platform="box", count=1, price=price)
        for layer, price in zip(layers, prices, strict=True)
    )
    changed = plan.model_copy(update={"recommended": plan.recommended.model_copy(update={"ladder": ladder})})
    assert decided_by(changed) == decided


def with_config(plan: Plan, device: str, decoding: str) -> Plan:
    best = plan.recommended
    assert best is not None
    stages = {name: one.model_copy(update={"device": device}) for name, one in best.config.stages.items()}
    decode = best.config.decode.model_copy(update={"device": decoding})
    config = best.config.model_copy(update={"stages": stages, "decode": decode})
    return plan.model_copy(update={"recommended": best.model_copy(update={"config": config})})


def test_the_screen_says_where_models_and_decoding_run_unless_the_cores_do_all() -> None:
    plan = shop_plan()
    assert runs_on(plan) == ""
    assert runs_on(with_config(plan, "GPU", "hardware")) == "person, reid on GPU at f32; decoding in hardware"
    assert runs_on(with_config(plan, "CPU", "hardware")) == "person, reid on CPU at f32; decoding in hardware"
    text = " ".join(" ".join(screen(with_config(plan, "GPU", "software"))).split())
    assert "runs on person, reid on GPU at f32; decoding in software" in text


def test_cheaper_boxes_of_which_nothing_is_known_are_named() -> None:
    """A Raspberry Pi of which no figure was known stood in no line, and the dearer box was called the cheapest."""
    plan = shop_plan()
    assert plan.just_fails is not None
    assert cheaper_unknown(plan) == ""
    price = undecided(0.5).price
    unknown = plan.just_fails.model_copy(
        update={"platform": "pi", "check": "evidence", "reason": "cannot tell", "price": price}
    )
    dearer = unknown.model_copy(update={"platform": "gold", "price": price.model_copy(update={"value": 9000.0})})
    one = plan.model_copy(update={"rejected": (dearer, unknown)})
    assert cheaper_unknown(one) == "the cheaper pi for 90 USD: cannot tell"
    two = plan.model_copy(update={"rejected": (unknown.model_copy(update={"platform": "pi-4"}), dearer, unknown)})
    assert cheaper_unknown(two).startswith("2 cheaper platforms, the cheapest pi-4 for 90 USD: ")
    assert "1 cheaper platform, from 90 USD on, could not be judged." in " ".join(" ".join(screen(one)).split())
    assert ("Not known", cheaper_unknown(one)) in plan_context(one)["why"]


def test_capacity_with_a_spare_box_is_said_to_be_that_of_the_boxes_left() -> None:
    plan = shop_plan()
    best, asked = plan.recommended, scenario()
    assert best is not None
    two = best.model_copy(update={"count": 2})
    spare = asked.model_copy(update={"margin": asked.margin.model_copy(update={"redundancy": "n+1"})})
    assert carrying_boxes(plan, best) == ""
    assert carrying_boxes(plan, two) == "all 2"
    of_spare = plan.model_copy(update={"asked": spare, "recommended": two})
    assert carrying_boxes(of_spare, two) == "1 of 2, one failed"
    assert "but the one that may fail" in plan_context(of_spare)["together_words"]
    assert plan_context(plan)["together_words"] == "all boxes together"
    text = " ".join(" ".join(plain_text(render_plan(of_spare, details=True), PROSE_WIDTH).splitlines()).split())
    assert "cameras on 1 of 2, one failed; CPU" in text
    assert "per box of 2; capacity of 1 of 2, one failed" in text


def test_a_stage_that_must_run_on_a_device_is_said_to() -> None:
    plan = recorded("store-analytics")
    assert plan.asked is not None
    first, *others = plan.asked.stages
    pinned = plan.asked.model_copy(update={"stages": (first.model_copy(update={"device": "NPU"}), *others)})
    assert "person-detection-retail-0013 every 3 frames on NPU alone;" in dict(question_rows(pinned))["models"]
