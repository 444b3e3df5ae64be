from __future__ import annotations

import pytest

from advisor.errors import Inconclusive, Infeasible
from advisor.planner.question.candidates import admit, at_site, excluding_limit
from advisor.planner.question.inputs import Candidate
from tests.planner.fakes import TODAY, candidate, scenario

BOX = candidate("box", 4, 300.0, power_w=65.0)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"candidates": {"vendors": ["amd"]}}, "candidates.vendors"),
        ({"candidates": {"vendors": ["Intel"]}}, None),
        ({"candidates": {"form_factor": ["server"]}}, "candidates.form_factor"),
        ({"candidates": {"max_price": 299.0}}, "candidates.max_price"),
        ({"candidates": {"max_price": 300.0}}, None),
        ({"site": {"fanless": True}}, "site.fanless"),
        ({"site": {"max_power_w": 64.0}}, "site.max_power_w"),
        ({"site": {"max_power_w": 65.0}}, None),
    ],
)
def test_each_limit_excludes_what_is_beyond_it(changes: dict[str, object], check: str | None) -> None:
    limit = excluding_limit(scenario(**changes), BOX, TODAY)
    assert (None if limit is None else limit[0]) == check


def test_a_box_of_unknown_power_cannot_be_told_to_keep_a_limit() -> None:
    unknown = Candidate(BOX.platform.model_copy(update={"max_power_w": None}), BOX.machine)
    limit = excluding_limit(scenario(site={"max_power_w": 65.0}), unknown, TODAY)
    assert limit is not None
    assert limit[1].startswith("cannot tell")


def test_nothing_left_is_an_error_unless_the_user_named_the_candidates() -> None:
    shop = scenario(candidates={"max_price": 10.0})
    with pytest.raises(Infeasible, match=r"candidates\.max_price"):
        admit(shop, (BOX,), TODAY)
    admitted, excluded = admit(shop, (BOX,), TODAY, named=True)
    assert admitted == ()
    assert [(item.candidate, item.check) for item in excluded] == [(BOX, "candidates.max_price")]


def ranged(low: float, value: float, high: float) -> Candidate:
    """A box whose package holds 30, 45 or 60 W, as its maker sets it."""
    sourced = BOX.platform.max_power_w
    assert sourced is not None
    wall = sourced.model_copy(update={"low": low, "value": value, "high": high})
    package = sourced.model_copy(update={"low": 30.0, "value": 45.0, "high": 60.0})
    platform = BOX.platform.model_copy(update={"max_power_w": wall, "sustained_power_w": package})
    power = {"sustained_power_w": 45.0, "sustained_power_low_w": 30.0, "sustained_power_high_w": 60.0}
    return Candidate(platform, BOX.machine.model_copy(update=power))


@pytest.mark.parametrize(
    ("wall", "excluded", "package"),
    [
        # All settings keep the limit; all break it; some do: 30 + (65 - 50) x 30 / 40 W then.
        ((45.0, 55.0, 65.0), False, (30.0, 45.0, 60.0)),
        ((66.0, 80.0, 99.0), True, (30.0, 45.0, 60.0)),
        ((50.0, 70.0, 90.0), False, (30.0, 41.25, 41.25)),
        ((50.0, 55.0, 70.0), False, (30.0, 45.0, 52.5)),
        ((65.0, 80.0, 95.0), False, (30.0, 30.0, 30.0)),
    ],
)
def test_a_site_limit_is_compared_with_the_range_of_a_box_and_caps_it(wall, excluded, package) -> None:
    shop, box = scenario(site={"max_power_w": 65.0}), ranged(*wall)
    assert (excluding_limit(shop, box, TODAY) is not None) == excluded
    set_box = at_site(shop, box)
    machine = set_box.machine
    limits = machine.sustained_power_low_w, machine.sustained_power_w, machine.sustained_power_high_w
    assert limits == pytest.approx(package)
    assert bool(set_box.notes) == (package != (30.0, 45.0, 60.0))
    assert at_site(scenario(), box) is box


def test_the_note_says_what_to_set() -> None:
    (note,) = at_site(scenario(site={"max_power_w": 65.0}), ranged(50.0, 70.0, 90.0)).notes
    assert "65 W at the wall only if its sustained power limit is set to 41 W or less" in note


def test_a_catalogue_of_unknown_power_gives_no_answer_instead_of_a_no() -> None:
    unknown = Candidate(BOX.platform.model_copy(update={"max_power_w": None}), BOX.machine)
    shop = scenario(site={"max_power_w": 65.0})
    with pytest.raises(Inconclusive, match="cannot tell"):
        admit(shop, (unknown,), TODAY)
    _, excluded = admit(shop, (unknown,), TODAY, named=True)
    assert [item.check for item in excluded] == ["evidence"]
