from __future__ import annotations

import numpy as np
import pytest

from advisor.errors import ScenarioError
from advisor.verification.setup import Due, feeds_of, spread_cameras

from .support import scenario


def cameras(count: int, fps: float = 15.0) -> list[dict[str, object]]:
    return [{"group": "cam", "count": count, "resolution": "320x180", "fps": fps}]


def test_spread_phases_lie_within_a_period_and_apart() -> None:
    feeds = feeds_of(scenario(cameras=cameras(8)), phases="spread")
    phases = sorted(feed.phase_s * feed.rate_per_s for feed in feeds)
    gaps = [after - before for before, after in zip(phases, [*phases[1:], phases[0] + 1], strict=True)]
    assert all(0 <= phase < 1 for phase in phases)
    assert min(gaps) > 0.5 / 8


def test_random_phases_are_uniform_and_fixed_by_the_seed() -> None:
    drawn = [
        [feed.phase_s * 15.0 for feed in feeds_of(scenario(cameras=cameras(400)), seed=seed)] for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    for phases in drawn:
        shares = np.histogram(phases, bins=4, range=(0, 1))[0] / 400
        assert shares == pytest.approx([0.25] * 4, abs=0.09)  # four standard errors


def test_in_the_worst_case_all_cameras_deliver_at_once() -> None:
    assert {feed.phase_s for feed in feeds_of(scenario(cameras=cameras(8)), phases="worst")} == {0.0}


@pytest.mark.parametrize("phases", ["random", "spread", "worst"])
def test_a_further_camera_moves_no_phase(phases) -> None:
    fewer, more = (feeds_of(scenario(cameras=cameras(count)), phases=phases) for count in (3, 4))
    assert [feed.phase_s for feed in more[:3]] == [feed.phase_s for feed in fewer]
    assert [feed.ahead_frames for feed in more[:3]] == [feed.ahead_frames for feed in fewer]


def test_key_frames_of_cameras_fall_together_in_the_worst_case_alone() -> None:
    many = scenario(cameras=[{**cameras(300)[0], "gop_frames": 20}])
    drawn = [feed.ahead_frames for feed in feeds_of(many)]
    assert np.bincount(drawn, minlength=20) == pytest.approx([15] * 20, abs=16)  # four standard errors
    periods = [feed.phase_s * feed.rate_per_s for feed in feeds_of(many)]
    assert abs(np.corrcoef(drawn, periods)[0, 1]) < 0.24
    spread = sorted(feed.ahead_frames for feed in feeds_of(scenario(cameras=cameras(8)), phases="spread"))
    assert len(set(spread)) == 8
    assert max(spread) < 30  # two seconds, where the scenario gives no group
    assert {feed.ahead_frames for feed in feeds_of(many, phases="worst")} == {0}
    still = scenario(cameras=[{**cameras(5)[0], "codec": "mjpeg"}])
    assert {feed.ahead_frames for feed in feeds_of(still)} == {0}


@pytest.mark.parametrize(("every", "rate"), [("3 frames", 5.0), ("1 frame", 15.0), ("2/s", 2.0), (None, 15.0)])
def test_a_stage_runs_at_its_rate_and_cameras_take_turns(every, rate) -> None:
    stage = {"id": "person", "model": "m"} | ({"every": every} if every else {})
    plan = scenario(stages=[stage], cameras=cameras(3))
    dues = [Due(plan, feed) for feed in feeds_of(plan)]
    calls = [[number for number in range(1500) if due.is_due(plan.stages[0], number)] for due in dues]
    for numbers in calls:
        assert len(numbers) == pytest.approx(1500 * rate / 15.0, abs=1)
    if every == "3 frames":
        assert len({numbers[0] for numbers in calls}) == 3


@pytest.mark.parametrize(("parent", "child", "rate"), [(3, 5, 3.0), (5, 3, 3.0), (3, 6, 2.5), (1, 4, 3.75)])
def test_a_stage_on_objects_runs_on_frames_of_its_parent_at_the_lower_rate(parent, child, rate) -> None:
    stages = [
        {"id": "person", "model": "m", "every": f"{parent} frames"},
        {"id": "reid", "model": "m", "on": "person", "every": f"{child} frames"},
    ]
    plan = scenario(stages=stages)
    due = Due(plan, feeds_of(plan)[1])
    both = [n for n in range(3000) if due.is_due(plan.stages[0], n) and due.is_due(plan.stages[1], n)]
    alone = [n for n in range(3000) if due.is_due(plan.stages[1], n)]
    assert both == alone
    assert len(both) / 200 == pytest.approx(rate, rel=0.01)


def test_motion_holds_back_only_stages_that_wait_for_it() -> None:
    stages = [{"id": "a", "model": "m", "trigger": "motion"}, {"id": "b", "model": "m"}]
    plan = scenario(stages=stages)
    due = Due(plan, feeds_of(plan)[0])
    assert not due.is_due(plan.stages[0], 0, motion=False)
    assert due.is_due(plan.stages[1], 0, motion=False)


def test_cameras_are_spread_in_proportion_and_add_up() -> None:
    groups = [
        {"group": name, "count": count, "resolution": "320x180", "fps": 5.0} for name, count in [("a", 6), ("b", 2)]
    ]
    plan = scenario(cameras=groups)
    assert spread_cameras(plan, 8) == {"a": 6, "b": 2}
    for total in range(1, 30):
        counts = spread_cameras(plan, total)
        assert sum(counts.values()) == total
        assert abs(counts["b"] - total / 4) < 1


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no camera group 'cams'"):
        feeds_of(scenario(), {"cams": 3})


def test_sources_are_shared_in_turn() -> None:
    group = cameras(3)[0] | {"source": ["a.mp4", "b.mp4"]}
    assert [feed.source for feed in feeds_of(scenario(cameras=[group]))] == ["a.mp4", "b.mp4", "a.mp4"]
