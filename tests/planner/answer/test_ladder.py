"""What each layer of safety costs: never less than the layer before, and only those that are asked for."""

from __future__ import annotations

import pytest

from advisor.planner.plan import plan
from advisor.records.plan import LadderStep
from tests.planner.fakes import FakePredictor, best_of, camera, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 3, 4, 6, 8, 16)]


def ladder(spread: float = 1.2, person_s: float = 0.02, **margin: float) -> tuple[LadderStep, ...]:
    shop = scenario(margin=margin, candidates={"max_boxes": 1}, cameras=[camera(8)])
    return best_of(plan(inputs(BOXES, FakePredictor({"person": person_s, "reid": 0.004}, spread), shop))).ladder


def layers(steps: tuple[LadderStep, ...]) -> list[str]:
    return [step.layer for step in steps]


def test_every_layer_asked_for_is_a_step_with_its_figure() -> None:
    assert layers(ladder(growth_cameras=3, headroom_pct=25.0, confidence_pct=95.0)) == [
        "today's load, at the median",
        "with growth (3 more cameras)",
        "with 25 % headroom at the median",
        "with 95 % confidence in the SLO",
    ]


def test_one_camera_is_no_plural() -> None:
    assert "with growth (1 more camera)" in layers(ladder(growth_cameras=1))


@pytest.mark.parametrize(
    ("margin", "left_out"),
    [
        ({"headroom_pct": 0.0}, "headroom"),
        ({"confidence_pct": 50.0}, "confidence"),
        ({"growth_cameras": 0}, "growth"),
    ],
)
def test_a_layer_that_is_not_asked_for_is_left_out(margin: dict[str, float], left_out: str) -> None:
    everything: dict[str, float] = {"growth_cameras": 2, "headroom_pct": 20.0, "confidence_pct": 80.0}
    steps = ladder(1.2, 0.02, **everything | margin)
    assert len(steps) == 3
    assert all(left_out not in layer for layer in layers(steps))


def test_growth_of_requests_is_a_layer_too() -> None:
    shop = scenario(
        cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 60.0}],
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
        margin={"growth_requests_pct": 100.0}, slo={"latency_p95_ms": 300.0, "window_s": 20.0},
    )  # fmt: skip
    steps = best_of(plan(inputs(BOXES, shop=shop))).ladder
    assert layers(steps)[1] == "with growth (100 % more requests)"
    # 60 requests of 20 ms keep 1.2 cores busy, twice as many 2.4.
    assert [step.platform for step in steps[:2]] == ["box-2", "box-3"]


def test_each_layer_costs_what_the_utilisation_law_says() -> None:
    """Decode 8 ms at 15/s, person 21 ms at 5/s and reid 12/s of 5 ms: 0.285 cores per camera."""
    steps = ladder(2.0, growth_cameras=4, headroom_pct=30.0, confidence_pct=90.0)
    # 8 cameras keep 2.3 cores busy, 12 of them 3.4, of which 30 % must stay free: 4.9.
    assert [step.platform for step in steps[:3]] == ["box-3", "box-4", "box-6"]
    prices = [step.price or 0.0 for step in steps]
    assert prices == sorted(prices)


@pytest.mark.parametrize("person_s", [0.005, 0.03, 0.06])
@pytest.mark.parametrize("spread", [1.2, 2.2])
def test_no_layer_is_cheaper_than_the_one_before(person_s: float, spread: float) -> None:
    prices = [step.price or 0.0 for step in ladder(spread, person_s, growth_cameras=2)]
    # The last is the recommendation, which may be one that misses the confidence by less than can be told.
    assert prices == sorted(prices)


def test_the_last_step_is_the_recommendation_with_its_spare_box() -> None:
    shop = scenario(margin={"redundancy": "n+1"})
    best = best_of(plan(inputs(BOXES, shop=shop)))
    last = best.ladder[-1]
    assert (last.platform, last.count, last.price) == (best.platform, best.count, best.price.value)
    assert all(step.count >= 2 for step in best.ladder)
