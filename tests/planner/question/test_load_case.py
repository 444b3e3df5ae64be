from __future__ import annotations

from advisor.planner.question.load_case import Load, LoadCase
from tests.planner.fakes import scenario


def test_growth_keeps_the_shares_of_the_groups() -> None:
    case = LoadCase.of(scenario(margin={"growth_cameras": 4}))
    assert case.now == {"aisle": 6, "door": 2}
    assert case.grown == {"aisle": 9, "door": 3}
    assert (case.cameras, case.grown_cameras) == (8, 12)


def test_the_fullest_box_carries_its_share() -> None:
    requests = [{"group": "calls", "rate_per_s": 10.0}]
    case = LoadCase.of(scenario(margin={"growth_cameras": 4, "growth_requests_pct": 50.0}, requests=requests))
    # 9 and 3 like cameras dealt out over two boxes in turn: the first has 5 and 1; half of 1.5 times the requests.
    assert case.required(2) == Load({"aisle": 5, "door": 1}, 1.0, 0.75)
    assert case.nominal(2) == Load({"aisle": 3, "door": 1}, 1.0, 0.5)
    assert case.with_total(16, 1) == Load({"aisle": 12, "door": 4})


def test_loads_without_requests_are_equal_where_their_cameras_are() -> None:
    case = LoadCase.of(scenario())
    assert case.required(4) == Load({"aisle": 2, "door": 0})
    assert case.required(8) == case.required(9) == Load({"aisle": 1, "door": 0})
    assert case.nominal(8).key == case.nominal(9).key


def test_derived_cases_keep_the_cameras_of_today() -> None:
    shop = scenario(margin={"growth_cameras": 4})
    case = LoadCase.of(shop)
    assert case.with_objects_factor(1.5).required(1) == Load({"aisle": 9, "door": 3}, 1.5)
    assert case.with_extra_cameras(4).grown == {"aisle": 12, "door": 4}
    assert case.with_exactly({"aisle": 1, "door": 0}).required(1).counts == {"aisle": 1, "door": 0}
    # A changed scenario brings its own growth.
    assert case.with_scenario(scenario()).grown == case.now


def test_keys_tell_cases_and_loads_apart_by_content() -> None:
    shop = scenario()
    case = LoadCase.of(shop)
    assert LoadCase.of(scenario(), counts={"door": 2, "aisle": 6}).key == case.key
    assert case.with_objects_factor(2.0).key != case.key
    assert case.with_extra_cameras(1).key != case.key
    assert Load({"a": 1, "b": 2}).key == Load({"b": 2, "a": 1}).key
    assert len({Load({"a": 1}).key, Load({"a": 2}).key, Load({"a": 1}, 2.0).key, Load({"a": 1}, 1.0, 2.0).key}) == 4


def test_no_more_boxes_than_cameras_and_one_to_spare_with_redundancy() -> None:
    shop = scenario(candidates={"max_boxes": 20}, margin={"redundancy": "n+1"})
    case = LoadCase.of(shop)
    assert (case.max_boxes, case.spare_boxes) == (8, 1)
    assert LoadCase.of(scenario()).spare_boxes == 0
    requests = scenario(
        cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 5.0}], candidates={"max_boxes": 20},
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
    )  # fmt: skip
    assert LoadCase.of(requests).max_boxes == 20


def test_a_load_is_dealt_out_once_per_case_and_number_of_boxes() -> None:
    case = LoadCase.of(scenario())
    assert case.required(2) is case.required(2)
    assert case.nominal(2) is case.nominal(2)
    more = case.with_exactly({"aisle": 60, "door": 2})
    assert more.required(2) != case.required(2)
    assert more.nominal(2).counts == {"aisle": 30, "door": 1}
    assert case.with_objects_factor(2.0).required(2).objects_factor == 2.0
