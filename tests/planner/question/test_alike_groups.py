"""Groups of cameras that only their name tells apart."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.planner.plan import plan
from advisor.planner.question.alike_groups import merged_groups, with_groups_merged
from advisor.records.scenario import Scenario
from tests.planner.fakes import candidate, inputs, scenario

CAMERA = {"resolution": "1920x1080", "codec": "h264", "fps": 15, "bitrate_kbps": 4000}
BOXES = [candidate(f"box-{cores}", cores, 100.0 + 40.0 * cores) for cores in (2, 4, 8)]


def shop(*counts: int, **changes: Any) -> Scenario:
    """A scenario with groups of so many equal cameras, named g0, g1, ..."""
    groups = [{**CAMERA, "group": f"g{i}", "count": count} for i, count in enumerate(counts)]
    return scenario(cameras=groups, **changes)


def without_words(document: dict[str, Any]) -> dict[str, Any]:
    """A plan without what says how it was made."""
    return {name: value for name, value in document.items() if name not in ("created", "assumptions")}


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_equal_groups_are_planned_as_one_group_of_all_their_cameras(counts: list[int]) -> None:
    parted = plan(inputs(BOXES, shop=shop(*counts)))
    whole = plan(inputs(BOXES, shop=shop(sum(counts))))
    assert without_words(parted.model_dump()) == without_words(whole.model_dump())


@pytest.mark.parametrize(
    "difference", [{"fps": 10}, {"resolution": "1280x720"}, {"codec": "h265"}, {"jitter_ms": 5.0}, {"active_hours": 8}]
)
def test_groups_that_differ_stay_apart(difference: dict[str, Any]) -> None:
    groups = [{**CAMERA, "group": "one", "count": 2}, {**CAMERA, "group": "two", "count": 2, **difference}]
    given_inputs = inputs(BOXES, shop=scenario(cameras=groups))
    assert with_groups_merged(given_inputs) is given_inputs
    assert merged_groups(given_inputs.scenario) == []


def test_groups_before_different_stages_stay_apart() -> None:
    stages = [
        {"id": "person", "model": "like:person", "every": "3 frames"},
        {"id": "reid", "model": "like:reid", "on": "person", "groups": ["g1"]},
    ]
    merged = with_groups_merged(inputs(BOXES, shop=shop(1, 2, 3, stages=stages))).scenario
    assert [(group.group, group.count) for group in merged.cameras] == [("g0", 4), ("g1", 2)]
    assert merged.stages[1].groups == ("g1",)


def test_stages_and_sites_name_the_first_of_the_groups() -> None:
    stages = [{"id": "person", "model": "like:person", "groups": ["g0", "g1"]}]
    sites = [{"name": "small", "count": 2, "cameras": {"g0": 1, "g1": 3}}]
    merged = with_groups_merged(inputs(BOXES, shop=shop(2, 4, stages=stages, sites=sites))).scenario
    assert merged.stages[0].groups == ("g0",)
    assert merged.sites[0].cameras == {"g0": 4}


def test_the_plan_says_which_groups_it_took_as_one() -> None:
    said = [text for text in plan(inputs(BOXES, shop=shop(1, 2))).assumptions if "planned as one" in text]
    assert said == merged_groups(shop(1, 2))
    assert "g0, g1" in said[0]
