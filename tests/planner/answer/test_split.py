"""Stages split over boxes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.planner.answer.split import parts
from advisor.planner.plan import plan
from advisor.planner.question.inputs import PlanInputs
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, candidate, inputs, scenario

STAGES = [
    {"id": "person", "model": "like:person"},
    {"id": "reid", "model": "like:reid", "on": "person"},
    {"id": "plate", "model": "like:plate"},
]


def shop(**changes: object) -> Scenario:
    camera = {"group": "gate", "count": 1, "resolution": "1280x720", "codec": "raw", "fps": 15.0}
    return scenario(**{"cameras": [camera], "stages": STAGES, **changes})


def case(*prices: float, **changes: object) -> PlanInputs:
    """One camera, which cannot be dealt out, with two trees of about two busy cores each."""
    boxes = [candidate(f"box-{cores}", cores, price) for cores, price in zip((4, 8), prices, strict=True)]
    work_s = {"person": 0.1, "reid": 0.001, "plate": 0.1}
    return inputs(boxes, FakePredictor(work_s), shop(**changes))


def test_one_camera_too_much_for_a_small_box_is_carried_by_two_with_a_part_of_the_stages_each() -> None:
    result = plan(case(100.0, 900.0))
    assert result.recommended is not None
    assert (result.recommended.platform, result.recommended.count) == ("box-8", 1)
    split = result.split
    assert split is not None
    assert [(share.platform, share.count, share.stages) for share in split.boxes] == [
        ("box-4", 1, ("person", "reid")), ("box-4", 1, ("plate",)),
    ]  # fmt: skip
    assert (split.price, split.saving) == (pytest.approx(200.0), pytest.approx(700.0))
    for share in split.boxes:
        assert share.config is not None
        assert share.predicted is not None
        assert tuple(share.config.stages) == share.stages
        # Two cores of four with one camera: about half busy, by the utilisation law.
        assert 0.3 < share.predicted.utilisation["cpu"].p50 < 0.7
    assert "both decode" in split.text


def test_no_split_where_it_would_cost_more_or_too_many_boxes() -> None:
    assert plan(case(500.0, 900.0)).split is None
    assert plan(case(100.0, 900.0, candidates={"max_boxes": 1})).split is None


def test_where_nothing_holds_alone_a_split_is_named() -> None:
    small = inputs([candidate("box-4", 4, 100.0)], FakePredictor({"person": 0.1, "reid": 0.001, "plate": 0.1}), shop())
    result = plan(small)
    assert result.recommended is None
    assert result.carried
    assert result.split is not None
    assert result.split.price == pytest.approx(200.0)


def test_with_redundancy_each_part_has_a_spare_box() -> None:
    split = plan(case(100.0, 900.0, margin={"redundancy": "n+1"})).split
    assert split is not None
    assert [share.count for share in split.boxes] == [2, 2]


def test_trees_stay_whole_and_every_way_is_looked_at_once() -> None:
    ways = list(parts(shop()))
    assert ways == [(frozenset({"person", "reid"}), frozenset({"plate"}))]
    three = shop(stages=[*STAGES, {"id": "face", "model": "like:face"}])
    assert len(list(parts(three))) == 3
    many = shop(stages=[{"id": f"s{n}", "model": "like:person"} for n in range(7)])
    assert [len(second) for _, second in parts(many)] == [1] * 7
    assert list(parts(scenario())) == []


def test_both_parts_are_not_put_on_the_one_box_that_is_at_hand() -> None:
    small, large = case(0.0, 900.0).candidates
    predictor = FakePredictor({"person": 0.1, "reid": 0.001, "plate": 0.1})
    like_it = candidate("like-it", 4, 200.0)
    result = plan(inputs([replace(small, at_hand=1), like_it, large], predictor, shop()))
    assert result.split is not None
    assert sorted(share.platform for share in result.split.boxes) == ["box-4", "like-it"]
    assert result.split.price == pytest.approx(200.0)
