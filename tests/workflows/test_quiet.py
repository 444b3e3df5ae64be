"""A plan of this machine that was timed beside other load."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from advisor.records.base import Interval
from advisor.records.measurement import Interference, Measurement
from advisor.workflows import quiet
from tests.perfmodel.makers import measurement

REASON = "other processes used {} cores"


def machine(name: str, fingerprint: str | None = None) -> Any:
    platform = SimpleNamespace(id=name, measured_fingerprint=fingerprint)
    return SimpleNamespace(machine=SimpleNamespace(id=name), platform=platform)


HERE = machine("this")
PREDICTOR: Any = SimpleNamespace(host="quiet")


def timed(dirty: bool, cores: float = 1.9, **config: object) -> Measurement:
    reasons = (REASON.format(cores),) if dirty else ()
    return measurement(0.2, **config).model_copy(update={"interference": Interference(dirty=dirty, reasons=reasons)})


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A plan of one model; a quiet machine carries 3 to 5 cameras."""
    capacity = Interval(p10=3.0, p50=4.0, p90=5.0)
    asked: list[Any] = []

    def capacities(alone: Any) -> tuple[Interval, None]:
        asked.append(alone)
        return capacity, None

    monkeypatch.setattr(quiet, "_capacity", capacities)
    monkeypatch.setattr(quiet, "replace", lambda old, **new: SimpleNamespace(**{**vars(old), **new}))
    scenario = SimpleNamespace(accuracy=SimpleNamespace(precisions=("f32",)))
    return SimpleNamespace(models={"a": SimpleNamespace(sha256="toy")}, scenario=scenario, candidates=(), asked=asked)


def test_it_says_so_with_the_capacity_of_a_quiet_machine_and_how_to_repeat_it(inputs: Any) -> None:
    rows = [timed(True), timed(True, 0.7, batch=4), timed(False, batch=8)]
    found = quiet.disturbed_timings(inputs, HERE, PREDICTOR, rows, here=True)
    assert found is not None
    assert (found.timings, found.disturbed) == (3, 2)
    assert found.reasons == ("other processes used cores",)
    assert found.quiet_capacity_cameras == Interval(p10=3.0, p50=4.0, p90=5.0)
    assert "2 of 3 timings" in found.text
    assert "4 (3 - 5) cameras" in found.text
    assert "--again" in found.text
    (alone,) = inputs.asked
    assert alone.candidates == (HERE,)
    assert alone.predictor.boxes == {"this": PREDICTOR}


@pytest.mark.parametrize(
    "rows",
    [[timed(False)], [timed(True, precision="int8")], [timed(True).model_copy(update={"model_sha256": "another"})], []],
)
def test_nothing_is_said_of_a_quiet_hour_or_of_timings_that_the_plan_does_not_use(rows: Any, inputs: Any) -> None:
    assert quiet.disturbed_timings(inputs, HERE, PREDICTOR, rows, here=True) is None


def test_nothing_is_said_where_nothing_measured_enters(inputs: Any) -> None:
    assert quiet.disturbed_timings(inputs, HERE, None, [timed(True)], here=True) is None


@pytest.mark.parametrize(("here", "again"), [(True, "as it is this machine"), (False, "`sizer catalog add FILE` here")])
def test_a_measured_box_is_called_by_its_name(inputs: Any, here: bool, again: str) -> None:
    found = quiet.disturbed_timings(inputs, machine("box-atom-1234", "1234"), PREDICTOR, [timed(True)], here=here)
    assert found is not None
    assert "timings of box-atom-1234 were" in found.text
    assert found.text.endswith(again)


SHOP, OTHER, BOX = machine("shop"), machine("shop-2"), machine("box-atom-1234", "1234")


@pytest.mark.parametrize(
    ("candidates", "named", "recommended", "expected"),
    [
        ([SHOP, BOX], False, "shop", None),  # a box in the catalogue is no reason, be it this machine
        ([SHOP, BOX], False, None, None),
        ([SHOP, BOX], False, "box-atom-1234", (BOX, "1234")),
        ([SHOP, BOX], True, "shop", (BOX, "1234")),
        ([SHOP, BOX, HERE], True, "shop", (HERE, "here")),
        ([BOX, HERE], True, "box-atom-1234", (BOX, "1234")),
        ([SHOP, OTHER], True, "shop", None),
    ],
)
def test_what_is_told_of_is_what_the_answer_rests_on(
    candidates: Any, named: bool, recommended: str | None, expected: Any
) -> None:
    plan: Any = SimpleNamespace(recommended=recommended and SimpleNamespace(platform=recommended))
    asked: Any = SimpleNamespace(candidates=candidates, named=named)
    assert quiet.rested_on(asked, plan, "here") == expected
