from __future__ import annotations

import pytest

from advisor.errors import Infeasible
from advisor.planner.question.candidates import admit, excluding_limit
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
