from __future__ import annotations

import datetime as dt

import pytest

from advisor.planner.answer.sites import largest_case, site_counts
from advisor.planner.plan import plan
from advisor.records.scenario import Scenario
from tests.planner.fakes import TODAY, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def sites(*rows: tuple[str, int, int, int]) -> Scenario:
    listed = [{"name": n, "count": c, "cameras": {"aisle": a, "door": d}} for n, c, a, d in rows]
    return scenario(sites=listed)


def test_the_bill_is_the_sum_over_all_sites() -> None:
    result = plan(inputs(BOXES, shop=sites(("large", 3, 6, 2), ("small", 100, 1, 1), ("again", 7, 1, 1))))
    rows = {row["site"]: row for row in result.sites}
    assert rows["small"]["platform"] == rows["again"]["platform"]
    assert rows["small"]["price_per_site"] < rows["large"]["price_per_site"]
    total = sum(row["price_per_site"] * row["sites"] for row in result.sites)
    assert result.sites_total["price"] == pytest.approx(total)
    assert result.sites_total["sites"] == 110
    # Each kind of site is told how to set up its boxes.
    assert all(set(row["config"]["stages"]) == {"person", "reid"} for row in result.sites)
    assert rows["small"]["config"]["decode"]["threads"] <= 2
    # The recommendation explains the most demanding kind of site.
    assert result.recommended is not None
    assert result.recommended.platform == rows["large"]["platform"]


def test_a_site_that_nothing_carries_is_named_and_there_is_no_sum() -> None:
    shop = sites(("huge", 1, 4000, 0), ("small", 2, 1, 1))
    result = plan(inputs(BOXES, shop=shop))
    assert result.sites_total["price"] is None
    assert result.sites_total["unsolved"] == ["huge"]


def test_groups_that_a_site_does_not_name_have_no_cameras() -> None:
    shop = scenario(sites=[{"name": "a", "count": 1, "cameras": {"door": 3}}])
    assert site_counts(shop, shop.sites[0]) == {"aisle": 0, "door": 3}


def test_the_bill_of_all_sites_holds_tco_and_energy_and_warns_of_their_prices() -> None:
    old = candidate("small", 4, 100.0, price_date=TODAY - dt.timedelta(days=400))
    sites = [
        {"name": "large", "count": 2, "cameras": {"aisle": 12, "door": 2}},
        {"name": "tiny", "count": 10, "cameras": {"aisle": 1}},
    ]
    result = plan(inputs([old, candidate("big", 32, 900.0)], shop=scenario(sites=sites, candidates={"max_boxes": 1})))
    rows = {row["site"]: row for row in result.sites}
    assert (rows["large"]["platform"], rows["tiny"]["platform"]) == ("big", "small")
    total = result.sites_total
    assert total["price"] == pytest.approx(2 * 900.0 + 10 * 100.0)
    assert total["tco"] == pytest.approx(2 * rows["large"]["tco_per_site"] + 10 * rows["tiny"]["tco_per_site"])
    assert total["tco"] > total["price"]
    assert total["energy_kwh_per_year"] > 0
    assert any(text.startswith("small: the price is from") for text in result.warnings)


def test_the_kind_of_site_with_most_frames_per_second_is_explained() -> None:
    shop = scenario(
        cameras=[
            {"group": "slow", "count": 1, "resolution": "640x480", "fps": 5.0, "bitrate_kbps": 1000.0},
            {"group": "fast", "count": 1, "resolution": "640x480", "fps": 30.0, "bitrate_kbps": 1000.0},
        ],
        sites=[
            {"name": "many-slow", "count": 9, "cameras": {"slow": 11}},  # 55 frames/s
            {"name": "few-fast", "count": 1, "cameras": {"fast": 2}},  # 60 frames/s
        ],
    )
    assert largest_case(shop).now == {"slow": 0, "fast": 2}
    assert largest_case(scenario()).now == {"aisle": 6, "door": 2}
