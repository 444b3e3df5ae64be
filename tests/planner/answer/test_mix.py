from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from advisor.planner.answer import mix
from advisor.planner.answer.mix import BoxKind, cheapest_numbers
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.study import Study
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario


@pytest.mark.parametrize("spare_box", [False, True])
@pytest.mark.parametrize("total", [3, 7, 11, 12])
def test_the_integer_program_finds_what_trying_all_finds(total: int, spare_box: bool) -> None:
    kinds = [
        BoxKind(candidate(f"k{i}", 4, p), p, p, n) for i, (p, n) in enumerate([(100.0, 3), (170.0, 5), (260.0, 8)])
    ]

    def carries(numbers: tuple[int, ...]) -> bool:
        room = sum(number * kind.cameras for number, kind in zip(numbers, kinds, strict=True))
        lost = max((k.cameras for number, k in zip(numbers, kinds, strict=True) if number), default=0)
        return room - (lost if spare_box else 0) >= total

    tried = [n for n in itertools.product(range(5), repeat=3) if sum(n) <= 4 and carries(n)]
    best = min((sum(a * kind.price for a, kind in zip(n, kinds, strict=True)) for n in tried), default=None)
    found = cheapest_numbers(kinds, total, 4, spare_box=spare_box)
    if best is None:
        assert found is None
        return
    assert found is not None
    assert carries(tuple(found))
    assert sum(a * kind.price for a, kind in zip(found, kinds, strict=True)) == best


def test_a_mix_is_cheaper_than_equal_boxes_and_carries_every_camera() -> None:
    boxes = [candidate("small", 1, 60.0), candidate("large", 4, 300.0)]
    shop = scenario(
        cameras=[{"group": "aisle", "count": 11, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}]
    )
    result = plan(inputs(boxes, FakePredictor({"person": 0.02, "reid": 0.002}), shop))
    if result.recommended is None or result.mix is None:
        pytest.fail("this case is made so that a mix wins")
    assert result.mix.price < (result.recommended.price.value or 0)
    assert sum(share.count * sum(share.cameras.values()) for share in result.mix.boxes) == 11
    for share in result.mix.boxes:
        assert share.config is not None
        assert share.predicted is not None
        assert set(share.config.stages) == {"person", "reid"}
        most = 1 if share.platform == "small" else 4
        assert all((config.threads or 0) <= most for config in share.config.stages.values())
        assert share.predicted.utilisation["cpu"].p90 <= 1.0


@pytest.mark.parametrize("objective", ["price", "tco"])
def test_a_mix_is_found_by_price_and_by_tco(objective: str) -> None:
    # One box of each kind carries what equal boxes carry for more: three small ones, or two of the others.
    shop = scenario(
        cameras=[{"group": "aisle", "count": 12, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}],
        money={"objective": objective, "licence_per_box": 10.0},
        margin={"headroom_pct": 20.0},
    )  # fmt: skip
    result = plan(inputs([candidate("small", 2, 100.0), candidate("middle", 4, 190.0)], shop=shop))
    assert result.recommended is not None
    assert result.mix is not None
    assert {share.platform: share.count for share in result.mix.boxes} == {"small": 1, "middle": 1}
    assert result.mix.price == 290.0
    if objective == "price":
        assert result.mix.saving == pytest.approx((result.recommended.price.value or 0.0) - 290.0)
    else:
        # A licence less as well, and less idle power: at least what the boxes cost less.
        assert result.mix.saving > 0.0
        assert "over the lifetime" in result.mix.text


def test_a_mix_is_found_beside_a_single_dearer_box_too() -> None:
    shop = scenario(
        cameras=[{"group": "aisle", "count": 12, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}],
        margin={"headroom_pct": 20.0},
    )
    boxes = [candidate("small", 2, 100.0), candidate("middle", 4, 190.0), candidate("large", 16, 295.0)]
    result = plan(inputs(boxes, shop=shop))
    assert result.recommended is not None
    assert (result.recommended.platform, result.recommended.count) == ("large", 1)
    assert result.mix is not None
    assert result.mix.saving == pytest.approx(5.0)


def test_no_mix_is_sought_further_once_none_can_be_cheaper(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one box of the dearer kinds carries is not asked once the first ones settle it; the answer is the same."""
    asked: list[tuple[str, int]] = []

    def holds(study: Study, candidate: Candidate, counts: dict[str, int]) -> bool:
        cameras = sum(counts.values())
        asked.append((candidate.platform.id, cameras))
        return cameras <= {"a": 4, "b": 7, "c": 12}[candidate.platform.id]

    monkeypatch.setattr(mix, "_holds", holds)
    monkeypatch.setattr(mix, "_box_cost", lambda single, candidate, counts: 0.0)
    study = Study.of(inputs([candidate("a", 4, 100.0), candidate("b", 8, 200.0), candidate("c", 16, 300.0)]))
    total = study.case.grown_cameras
    bounds = [
        BoxKind(item, price, price, cameras)
        for item, price, cameras in zip(study.inputs.candidates, (100.0, 200.0, 300.0), (6, 12, 13), strict=True)
    ]
    everything = mix._kinds(study, study, bounds, math.inf)
    assert [kind.cameras for kind in everything] == [4, 7, 12]
    exhaustive = set(asked)
    costs = mix._least_costs([replace(kind, cost=kind.price) for kind in everything], total)[-1]
    asked.clear()
    assert mix._kinds(study, study, bounds, 301.0) == everything
    assert set(asked) == exhaustive
    asked.clear()
    assert mix._kinds(study, study, bounds, costs + 1.0) == everything[:2]  # "c" alone costs more
    assert {name for name, _ in asked} == {"a", "b"}
    asked.clear()
    early = mix._least_costs([replace(bounds[0], cameras=4), *bounds[1:]], total)[-1]
    assert mix._kinds(study, study, bounds, early) == []
    assert not asked  # each of them costs as much with the cheapest that may carry the rest


def test_what_carries_no_more_than_a_cheaper_box_is_found_out_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def holds(study: Study, candidate: Candidate, counts: dict[str, int]) -> bool:
        asked.append(sum(counts.values()))
        return asked[-1] <= 7

    monkeypatch.setattr(mix, "_holds", holds)
    study = Study.of(inputs([candidate("a", 16, 100.0)]))
    bound = BoxKind(study.inputs.candidates[0], 100.0, 100.0, 30)
    assert mix._carried(study, bound, more_than=6) == 7
    thorough = len(asked)
    asked.clear()
    assert mix._carried(study, bound, more_than=14) == 0
    assert asked == [30, 15]
    assert len(asked) < thorough


def test_what_is_at_hand_is_in_a_mix_as_often_as_there_is_of_it() -> None:
    predictor = FakePredictor({"person": 0.05, "reid": 0.001})
    shop = scenario(cameras=[camera(12)], margin={"headroom_pct": 20.0})
    boxes = [candidate("this", 4, 0.0), candidate("same", 4, 300.0), candidate("large", 16, 900.0)]
    free = plan(inputs(boxes, predictor, shop)).recommended
    assert free is not None
    assert (free.platform, free.count) == ("this", 2)  # as if any number of it were free
    result = plan(inputs([replace(boxes[0], at_hand=1), *boxes[1:]], predictor, shop))
    assert result.recommended is not None
    assert (result.recommended.platform, result.recommended.count) == ("same", 2)
    assert result.mix is not None
    assert {share.platform: share.count for share in result.mix.boxes} == {"this": 1, "same": 1}
    assert result.mix.price == 300.0
