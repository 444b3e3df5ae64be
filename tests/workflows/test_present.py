"""A plan of this machine is of the machine as it is now."""

from __future__ import annotations

import datetime as dt
from math import log
from types import SimpleNamespace
from typing import Any

import pytest

from advisor.measure.campaign.campaign import Campaign
from advisor.measure.campaign.present import Anew
from advisor.perfmodel.here.present import PresentSpeed
from advisor.records.base import Interval
from advisor.records.host_settings import NOTHING_ASKED
from advisor.workflows import quiet
from advisor.workflows.present import Present, present_speed
from advisor.workflows.verify_setting import VerifyRequest, setting_of
from tests.measure.hosts import facts
from tests.perfmodel.here.test_present import NEW, row
from tests.workflows.test_plan import planning, predicted, stored  # noqa: F401 - a fixture

MEASURED = dt.datetime(2026, 11, 30, 10, 5, tzinfo=dt.UTC)


def present(factor: float) -> Present:
    speed = PresentSpeed({("person", "alone"): log(factor), ("person", "full"): log(factor)}, MEASURED, 4)
    return Present(speed, 6, 0, MEASURED)


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """``later_s`` is what the second timing takes, of 10 ms before; None: it fails."""
    given = SimpleNamespace(later_s=0.012, items=1, failing=0)

    def to_take_anew(*_: object) -> Anew:
        return Anew((row(0.01, "person"),) * given.items, (SimpleNamespace(estimate_s=1.0),) * given.items)  # type: ignore[arg-type]

    def take_anew(found: Anew, store: object, host: str, arrived: Any) -> list[Any]:
        arrived("person: done")
        later = None if given.later_s is None else row(given.later_s, "person", started=NEW)
        return [None if n < given.failing else later for n, _ in enumerate(found.items)]

    monkeypatch.setattr("advisor.measure.campaign.present.to_take_anew", to_take_anew)
    monkeypatch.setattr("advisor.measure.campaign.present.take_anew", take_anew)
    return given


def look(said: list[str]) -> Present | None:
    found, told = present_speed(Campaign(()), facts(threads=4), SimpleNamespace(), None, said.append)  # type: ignore[arg-type]
    assert set(said) <= set(told)  # what is said on the terminal stands in the plan, too
    return found


def test_what_was_timed_anew_tells_how_much_slower_it_is_and_that_is_said(anew: SimpleNamespace) -> None:
    said: list[str] = []
    found = look(said)
    assert found is not None
    assert found.slower == pytest.approx(log(1.2))
    assert found.factors == {"person/alone": 1.2}
    assert said == [found.text]
    assert "2026-11-30 10:00 UTC: 1 timing taken anew, passes take 20 % longer now" in found.text


def test_a_small_change_enters_without_a_word(anew: SimpleNamespace) -> None:
    anew.later_s, said = 0.0098, []
    found = look(said)
    assert found is not None
    assert found.factors == {"person/alone": 0.98}
    assert "as long now" in found.text
    assert said == []


def test_what_could_not_be_timed_is_said(anew: SimpleNamespace) -> None:
    anew.items, anew.failing, anew.later_s, said = 3, 1, 0.01, []
    found = look(said)
    assert found is not None
    assert (found.timed_anew, found.failed) == (2, 1)
    assert "2 timings taken anew" in said[0]
    assert "(1 could not be taken" in said[0]


def test_a_faster_hour_is_called_shorter(anew: SimpleNamespace) -> None:
    anew.later_s = 0.008
    found = look([])
    assert found is not None
    assert "20 % shorter now" in found.text


def test_where_nothing_is_old_nothing_is_timed(anew: SimpleNamespace) -> None:
    anew.items, said = 0, []
    assert look(said) is None
    assert said == []


def test_a_machine_that_cannot_be_timed_now_is_planned_as_measured_and_that_is_said(anew: SimpleNamespace) -> None:
    anew.later_s, said = None, []
    assert look(said) is None
    assert "its figures are of the hour in which it was measured" in said[0]


def test_the_plan_of_this_machine_and_its_basis_change_and_no_other_box(
    planning: SimpleNamespace,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    box = "mini-pc-i7-11800h-16-gb"
    key = stored(planning)
    old = planning.store.get(key).model_copy(update={"started": "2026-11-30T10:00:00Z"})
    planning.store.keep(old)
    monkeypatch.setattr("advisor.workflows.plan_inputs.present_speed", lambda *_: (None, ()))
    before = planning.inputs(on=(box, "this"))
    sha256 = old.model_sha256
    speed = PresentSpeed({(sha256, "alone"): log(1.5)}, MEASURED + dt.timedelta(hours=1), 4)
    hour = Present(speed, 1, 0, MEASURED)
    monkeypatch.setattr("advisor.workflows.plan_inputs.present_speed", lambda *_: (hour, (hour.text,)))
    now = planning.inputs(on=(box, "this"))
    first, second = predicted(before), predicted(now)
    assert first[0] == second[0]
    times_s = [pair[1].latency_s.p50 for pair in (first, second)]  # type: ignore[attr-defined]
    assert times_s[1] / times_s[0] == pytest.approx(1.5)
    assert before.basis.slower_now == {}
    assert now.basis.slower_now == {f"{sha256[:12]}/alone": 1.5}
    assert any("passes take 50 % longer now" in text for text in now.assumptions)
    assert planning.store.get(key) == old


CAPACITY = Interval(p10=7.0, p50=8.0, p90=9.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_capacity", lambda _: (CAPACITY, None))
    monkeypatch.setattr(quiet, "_alone", lambda *_: None)


@pytest.mark.usefixtures("told")
def test_a_plan_says_how_fast_the_machine_is_and_what_it_carried_in_its_hour() -> None:
    found = quiet.present_machine(SimpleNamespace(), SimpleNamespace(), present(1.25), SimpleNamespace())  # type: ignore[arg-type]
    assert found is not None
    assert (found.slower, found.timed_anew, found.measured) == (pytest.approx(1.25), 6, "2026-11-30T10:05:00Z")
    assert found.measured_capacity_cameras == CAPACITY
    assert found.text.startswith("This machine was measured on 2026-11-30 10:05 UTC")
    assert found.text.endswith("As it was then it would carry 8 (7 - 9) cameras")


@pytest.mark.usefixtures("told")
def test_a_machine_as_fast_as_then_has_no_second_figure() -> None:
    assert quiet.present_machine(SimpleNamespace(), SimpleNamespace(), present(1.02), SimpleNamespace()) is None  # type: ignore[arg-type]


def test_a_verification_that_plans_for_itself_notes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = SimpleNamespace(threads=1, device="software")
    option = SimpleNamespace(config=SimpleNamespace(stages={}, decode=decode, host=NOTHING_ASKED), predicted=None)
    monkeypatch.setattr("advisor.workflows.plan.configure_on", lambda *_: (option, ("slower than it was",)))
    nothing: Any = None
    assert setting_of(VerifyRequest("shop"), nothing, nothing, nothing, None, print).notes == ("slower than it was",)
