from __future__ import annotations

from advisor.farm.roster import KEPT, Roster
from advisor.records.farm import BoxProgress, CampaignProgress

from .fake_farm import box


def campaign(
    name: str, *boxes: str, ended: bool = False, finished: tuple[str, ...] = (), doing: str | None = None
) -> CampaignProgress:
    progress = tuple(BoxProgress(name=one, finished=one in finished, doing=doing) for one in boxes)
    return CampaignProgress(
        id=name, kind="bench", title=f"{name}.yaml", desk="d", started="", boxes=progress, ended=ended
    )


def roster(*names: str) -> Roster:
    found = Roster()
    for name in names:
        found.came(box(name))
    return found


def test_a_box_serves_campaigns_in_the_order_in_which_they_came() -> None:
    boxes = roster("a", "b")
    assert boxes.report(campaign("first", "a"), "desk-1") == ["a"]
    second = campaign("second", "a", "b")
    assert boxes.report(second, "desk-2") == ["b"]
    assert boxes.waiting("second", second.boxes[0]) == "first.yaml"
    assert boxes.waiting("second", second.boxes[1]) is None
    boxes.report(campaign("first", "a", finished=("a",)), "desk-1")
    assert boxes.report(second, "desk-2") == ["a", "b"]


def test_a_desk_that_goes_loses_its_turns_and_says_what_was_being_done() -> None:
    boxes = roster("a", "b")
    boxes.report(campaign("first", "a", "b", finished=("b",)), "desk-1")
    second = campaign("second", "a")
    assert boxes.report(second, "desk-2") == []
    assert boxes.desk_went("desk-1") == ["a"]
    assert boxes.campaigns["first"].ended
    assert boxes.campaigns["first"].note == "its desk went"
    assert boxes.report(second, "desk-2") == ["a"]
    assert boxes.desk_went("desk-3") == []


def test_a_box_that_went_has_no_turn_until_it_is_back() -> None:
    boxes = roster("a")
    first = campaign("first", "a")
    boxes.went("a", "2026-01-01T00:00:09Z")
    boxes.went("unknown", "2026-01-01T00:00:09Z")
    assert boxes.report(first, "desk-1") == []
    assert (boxes.boxes["a"].present, boxes.boxes["a"].since) == (False, "2026-01-01T00:00:09Z")
    boxes.came(box("a"))
    assert boxes.report(first, "desk-1") == ["a"]


def test_of_ended_campaigns_the_latest_stay() -> None:
    boxes = roster("a")
    boxes.report(campaign("runs", "a"), "desk-0")
    for number in range(KEPT + 5):
        boxes.report(campaign(f"c{number}", "a"), "desk-1")
        assert boxes.end(campaign(f"c{number}", "a", ended=True)) == [], "it never had its turn"
    assert list(boxes.campaigns) == ["runs", *(f"c{number}" for number in range(5, KEPT + 5))]
    assert boxes.owners == {"runs": "desk-0"}
