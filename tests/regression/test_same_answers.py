"""Plans, predictions and simulated runs are those that were recorded, to 1e-9 (README.md in this folder)."""

import itertools
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from advisor.perfmodel.predictor import Predictor
from advisor.records.base import Interval
from advisor.records.prediction import ServiceEstimate

from . import recorded
from .compare import differences
from .record import ON_THIS

PLANS = recorded.read("plans")
PREDICTIONS = recorded.read("predictions")
SIMULATIONS = recorded.read("simulations")


@pytest.fixture(scope="module")
def store_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded.store_copy(tmp_path_factory.mktemp("regression"))


@pytest.fixture(autouse=True)
def _no_data_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogue entries and a calibration of whoever runs the tests would change the answers."""
    for name in [name for name in os.environ if name.startswith("SIZER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))


def assert_same(before: Any, after: Any, name: str) -> None:
    found = list(differences(before, after))
    assert not found, f"{name}: {len(found)} differences, the first: " + "; ".join(found[:3])


@pytest.mark.parametrize("name", sorted(set(PLANS) - {"configured"}))
def test_plan(name: str, store_file: Path) -> None:
    assert_same(PLANS[name], recorded.planned(name, store_file), name)


EVERY = 18
"""Every eighteenth box of the catalogue is enough to see whether a store moves a plan."""


@pytest.fixture(scope="module")
def over_some_boxes(store_file: Path) -> recorded.Json:
    """The plan from the recorded store, over some boxes of the catalogue."""
    found = recorded.planned("store-analytics", store_file, every=EVERY)
    assert found["recommended"] is not None
    assert found["search"]["judged_by_simulation"] > 0
    return found


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_plan_over_the_catalogue_is_the_same_on_another_host(
    factor: float, over_some_boxes: recorded.Json, store_file: Path, tmp_path: Path
) -> None:
    """Another machine, on which everything took 0.8 or 1.2 times as long."""
    fingerprint = "f" * 16
    other = recorded.another_host(store_file, tmp_path, fingerprint, factor)
    found = recorded.planned("store-analytics", other, fingerprint, every=EVERY)
    assert_same(over_some_boxes, found, f"local timings x {factor}")


def test_a_plan_over_the_catalogue_is_the_same_from_an_empty_store(
    over_some_boxes: recorded.Json, tmp_path: Path
) -> None:
    found = recorded.planned("store-analytics", tmp_path / "empty.sqlite3", every=EVERY)
    assert_same(over_some_boxes, found, "empty store")


@pytest.mark.slow
def test_the_whole_catalogue_is_planned_the_same_on_a_slower_host_and_from_an_empty_store(
    store_file: Path, tmp_path: Path
) -> None:
    fingerprint = "f" * 16
    other = recorded.another_host(store_file, tmp_path, fingerprint, 1.2)
    assert_same(PLANS["store-analytics"], recorded.planned("store-analytics", other, fingerprint), "slower host")
    found = recorded.planned("store-analytics", tmp_path / "empty.sqlite3")
    assert_same(PLANS["store-analytics"], found, "empty store")


@pytest.mark.parametrize(
    "name",
    ["text-service", *(pytest.param(name, marks=pytest.mark.slow) for name in ("nvr-motion", "traffic-intersection"))],
)
def test_last_digits_decide_nothing(name: str, store_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time that is predicted is moved by a few units of its last digit, as another processor's instructions do.

    Two plans listed other boxes on a machine with AVX-512 than on one with AVX2, where boxes could run on all cores or
    on the large ones at equal cost.
    """
    exact, nudges = Predictor.service_many, itertools.cycle((0.0, 1e-14, -1e-14))

    def nudged(self: Predictor, *arguments: Any, **named: Any) -> list[ServiceEstimate]:
        return [_moved(estimate, 1.0 + next(nudges)) for estimate in exact(self, *arguments, **named)]

    monkeypatch.setattr(Predictor, "service_many", nudged)
    assert_same(PLANS[name], recorded.planned(name, store_file), "last digits")


def _moved(estimate: ServiceEstimate, factor: float) -> ServiceEstimate:
    times = {key: value for key, value in estimate if key.endswith("_s") and isinstance(value, Interval)}
    moved = {
        key: Interval(p10=value.p10 * factor, p50=value.p50 * factor, p90=value.p90 * factor)
        for key, value in times.items()
    }
    return estimate.model_copy(update=moved)


def test_the_other_host_really_is_slower(store_file: Path, tmp_path: Path) -> None:
    """Else the tests above could not fail: a plan of the machine itself follows its timings."""
    other = recorded.another_host(store_file, tmp_path, "f" * 16, 1.2)
    slower = recorded.planned(ON_THIS, other, "f" * 16)["recommended"]["predicted"]["utilisation"]["cpu"]["p50"]
    assert slower > 1.1 * PLANS[ON_THIS]["recommended"]["predicted"]["utilisation"]["cpu"]["p50"]


def test_configuration_of_this_machine(store_file: Path) -> None:
    assert_same(PLANS["configured"], recorded.configured(ON_THIS, store_file), "configured")


def test_predictions(store_file: Path) -> None:
    cases = defaultdict(list)
    for case in PREDICTIONS["services"]:
        cases[case["known"]].append(case)
    for known, rows in cases.items():
        found = recorded.services(rows, recorded.predictor(known, store_file))
        for case, estimate in zip(rows, found, strict=True):
            config = {key: value for key, value in case["config"].items() if value is not None}
            name = f"knowing {known}: {case['platform']}, {case['estimate']['model']}, {config}"
            assert_same(case["estimate"], estimate, name)


def test_every_evidence_class_is_among_the_predictions() -> None:
    classes = {case["estimate"]["evidence"] for case in PREDICTIONS["services"]}
    assert {"measured", "published", "anchored", "spec"} <= classes
    measured = [case["estimate"] for case in PREDICTIONS["services"] if case["estimate"]["evidence"] == "measured"]
    for figure in ("alone_s", "cold_s", "pass_sigma", "moment_sigma"):
        assert any(estimate[figure] is not None for estimate in measured), figure


def test_costs_beside_the_models(store_file: Path) -> None:
    predictor = recorded.predictor("everything", store_file)
    for case in PREDICTIONS["costs"]:
        name = ", ".join(str(case[key]) for key in ("method", "platform", "arguments", "work", "config") if key in case)
        assert_same(case["cost"], recorded.cost(case, predictor), name)


@pytest.mark.parametrize("name", SIMULATIONS)
def test_simulated_run(name: str) -> None:
    assert_same(SIMULATIONS[name]["result"], recorded.simulated(SIMULATIONS[name]), name)
