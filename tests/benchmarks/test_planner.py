"""Cases of the planner's section run, and are given up at their limit; nothing is held to a time."""

import os
import sys

import pytest
import yaml

from advisor.store.scenario import parse_scenario
from benchmarks import planner


def test_a_run_beyond_its_limit_is_given_up() -> None:
    assert planner._measured([sys.executable, "-c", "while True: pass"], os.environ, 1) is None


def test_a_run_that_ends_is_measured_with_what_it_says() -> None:
    done = planner._measured([sys.executable, "-c", "print(7)"], os.environ, 30)
    assert done is not None
    assert done.output == "7\n"
    assert 0 < done.cpu_s < 30


def test_a_run_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="exit code 2"):
        planner._measured([sys.executable, "-c", "raise SystemExit(2)"], os.environ, 30)


def test_tables_say_what_did_not_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "_measured", lambda *_: None)
    assert planner.over_catalogue((60,), 9)[-1] == "| 60 | not finished in 9 s | - | - | - | - | - |"
    assert planner.over_sites(500, 9) == "500 sites x 60 platforms: not finished in 9 s."
    assert "| the same, warm | not finished in 9 s | - | - | - |" in planner.whole_commands(1, 9)


def test_platforms_and_sites_are_planned_for() -> None:
    found = planner.plan_for("platforms", 4)
    assert found["search"]["platforms"] == 4
    assert found["cpu_s"] > 0
    sites = planner.plan_for("sites", 3)
    assert (sites["kinds"], sites["boxes"] >= 3) == (3, True)


@pytest.mark.parametrize("distinct", [False, True])
def test_scenarios_of_many_cameras_are_valid(*, distinct: bool) -> None:
    shop = parse_scenario(yaml.safe_dump(planner.many_cameras(1000, 40, distinct=distinct)))
    assert sum(group.count for group in shop.cameras) == 1000
    assert len({group.fps for group in shop.cameras}) == (40 if distinct else 1)
