"""Closed forms of core time, memory and traffic against sums made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.planner.question.load_case import Load, LoadCase
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.combination_table import CombinationTable
from advisor.planner.search.combinations import Combinations
from advisor.planner.search.costs import (
    MEMORY_OF_CAMERA_BYTES,
    MEMORY_OF_SYSTEM_BYTES,
    application_cores,
    choice_cores,
    choice_memory_bytes,
    decode_cores,
    load_facts,
    stage_cores,
)
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.setup import plain_decode_share
from advisor.planner.search.space import stage_batches
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, scenario

from .parts import choice, option, platform_model

NOMINAL = LoadCase.of(scenario()).nominal(1)


def table(shop: Scenario, load: Load = NOMINAL, z: float = MEDIAN, cores: int = 4) -> CombinationTable:
    return CombinationTable(platform_model(shop, cores), shop, load_facts(shop, load, stage_batches), z)


def test_the_load_of_a_stage_is_calls_times_items() -> None:
    facts = load_facts(scenario(), NOMINAL, stage_batches)
    # 8 cameras x 15 FPS on every third frame; and on every fifth.
    assert facts.stages["person"].calls_per_s == pytest.approx(40.0)
    assert facts.stages["person"].passes == {1: 1.0}
    reid = facts.stages["reid"]
    assert reid.calls_per_s == pytest.approx(24.0)
    assert reid.passes[1] == pytest.approx(reid.items_per_call)
    # A batch of four needs a pass per four objects or part of them.
    assert reid.items_per_call / 4 < reid.passes[4] < reid.items_per_call
    assert facts.decode == {"aisle": 90.0, "door": 30.0}
    assert facts.cameras == 8


def test_a_stage_that_few_frames_reach_does_not_decide_the_tail() -> None:
    shop = scenario(
        stages=[
            {"id": "person", "model": "like:person", "every": "9 frames"},
            {"id": "reid", "model": "like:reid", "every": "11 frames"},
        ]
    )
    facts = load_facts(shop, NOMINAL, stage_batches)
    assert (facts.stages["person"].decides_p95, facts.stages["reid"].decides_p95) == (True, False)


def test_core_time_is_rate_times_service_demand() -> None:
    shop = scenario()
    model, facts = platform_model(shop), load_facts(shop, NOMINAL, stage_batches)
    assert decode_cores(model, shop, facts, MEDIAN) == pytest.approx(120.0 * 0.008)
    person = option(model, shop, "person")
    assert stage_cores(person, facts.stages["person"], MEDIAN) == pytest.approx(40.0 * (0.02 + 0.001))
    # The pessimistic side of everything is 1.2 times the median.
    assert stage_cores(person, facts.stages["person"], PESSIMISTIC) == pytest.approx(1.2 * 40.0 * (0.02 + 0.001))
    items = facts.stages["reid"].items_per_call
    expected = 120.0 * 0.008 + 40.0 * 0.021 + 24.0 * items * 0.005
    assert choice_cores(model, shop, choice(model, shop), facts, MEDIAN) == pytest.approx(expected)


def test_the_application_is_paid_per_frame_and_per_object() -> None:
    plain = scenario()
    shop = scenario(application={"overhead_ms_per_frame": 4.0, "overhead_ms_per_object": 2.0})
    model, facts = platform_model(shop), load_facts(shop, NOMINAL, stage_batches)
    assert application_cores(model, shop, facts, MEDIAN) == pytest.approx(120.0 * 0.004)
    assert application_cores(model, shop, facts, PESSIMISTIC) == pytest.approx(1.2 * 120.0 * 0.004)
    added = choice_cores(model, shop, choice(model, shop), facts, MEDIAN) - choice_cores(
        platform_model(plain), plain, choice(platform_model(plain), plain), facts, MEDIAN
    )
    objects_per_s = 24.0 * facts.stages["reid"].items_per_call
    assert added == pytest.approx(120.0 * 0.004 + objects_per_s * 0.002)


def test_the_application_works_on_raw_frames_and_not_on_requests() -> None:
    raw = [{"group": "line", "count": 2, "resolution": "640x480", "codec": "raw", "fps": 10.0}]
    shop = scenario(cameras=raw, application={"overhead_ms_per_frame": 4.0})
    facts = load_facts(shop, LoadCase.of(shop).nominal(1), stage_batches)
    assert application_cores(platform_model(shop), shop, facts, MEDIAN) == pytest.approx(20.0 * 0.004)


def test_memory_is_that_of_models_cameras_and_system() -> None:
    shop = scenario()
    chosen = choice(platform_model(shop), shop)
    fixed = MEMORY_OF_SYSTEM_BYTES + 8 * MEMORY_OF_CAMERA_BYTES
    assert choice_memory_bytes(chosen, 8, MEDIAN) == pytest.approx(fixed + 2 * 50e6)
    assert choice_memory_bytes(chosen, 8, PESSIMISTIC) == pytest.approx(fixed + 2 * 60e6)


def test_the_table_holds_every_combination_with_the_costs_of_its_choice() -> None:
    shop = scenario()
    model, facts = platform_model(shop), load_facts(shop, NOMINAL, stage_batches)
    combinations, listed = table(shop), Combinations(model, shop, facts, MEDIAN)
    sizes = [len(model.options(shop, stage)) for stage in shop.stages]
    assert len(combinations) == np.prod(sizes)
    shapes = set()
    for index in range(len(combinations)):
        chosen = combinations.choice(index)
        shapes.add(tuple((item.threads_per_stream, item.config.batch) for item in chosen.values()))
        assert combinations.demand[index] == pytest.approx(choice_cores(model, shop, chosen, facts, MEDIAN))
        place = int(combinations.listed[index])
        assert listed.choice(place) == chosen
        assert listed.memory[place] == pytest.approx(choice_memory_bytes(chosen, 8, MEDIAN))
    assert len(shapes) == len(combinations)


def test_the_table_begins_with_the_least_demand_and_few_threads() -> None:
    combinations = table(scenario(), cores=16)
    assert combinations.demand[0] == pytest.approx(combinations.demand.min(), rel=0.01)
    assert combinations.choice(0)["person"].threads_per_stream == 1
    assert (np.diff(combinations.likely) > -0.011 * combinations.likely[1:]).all()


def test_traffic_is_that_of_the_items() -> None:
    shop = scenario()
    facts = load_facts(shop, NOMINAL, stage_batches)
    combinations = table(shop)
    single = next(index for index in range(len(combinations)) if combinations.choice(index)["reid"].config.batch == 1)
    items_per_s = 40.0 + 24.0 * facts.stages["reid"].items_per_call
    # 1 MB per pass; a decoded picture is written, read, and read as a reference.
    decoded = sum(facts.decode[group.group] * 3 * 1.5 * math.prod(group.size) for group in shop.cameras)
    assert combinations.traffic[single] == pytest.approx(items_per_s * 1e6 + decoded)


def test_the_shortest_path_is_decode_and_every_stage_on_the_way() -> None:
    shop = scenario()
    combinations = table(shop)
    chosen = combinations.choice(0)
    decode_s = 0.008 * plain_decode_share(shop.cameras[0])
    stages_s = sum(item.alone_s(MEDIAN) + item.preprocess_s(MEDIAN) for item in chosen.values())
    assert combinations.path_s[0] == pytest.approx(decode_s + stages_s)
    around = table(scenario(application={"overhead_ms_per_frame": 4.0, "overhead_ms_per_object": 2.0}))
    assert around.path_s[0] == pytest.approx(decode_s + 0.004 + stages_s + 0.002)


def test_another_load_is_costed_in_the_same_order() -> None:
    shop = scenario()
    model, combinations = platform_model(shop), table(shop)
    half = load_facts(shop, Load({"aisle": 3, "door": 1}), stage_batches)
    assert combinations.cores_under(model, shop, half, MEDIAN) == pytest.approx(combinations.demand / 2)


def test_no_faster_than_marks_what_relieves_nothing() -> None:
    combinations = table(scenario())
    for index in range(len(combinations)):
        marked = combinations.no_faster_than(index)
        assert marked[index]
        mine = combinations.choice(index)
        for other in np.flatnonzero(marked):
            theirs = combinations.choice(int(other))
            assert all(theirs[name].pass_s(MEDIAN) >= mine[name].pass_s(MEDIAN) for name in mine)
            assert combinations.demand[other] >= combinations.demand[index]
    assert not combinations.no_faster_than(len(combinations) - 1).all()


def test_a_huge_product_of_options_is_cut_at_the_most_core_time() -> None:
    stages = [
        {"id": f"s{number}", "model": "like:person", "batch": {"max": 16}, "on": None if number == 0 else "s0"}
        for number in range(6)
    ]
    shop = scenario(stages=stages, activity={"objects_per_frame": {"s0": {"mean": 2.0}}})
    model = platform_model(shop, 16, FakePredictor({stage.id: 0.01 for stage in shop.stages}))
    every = [len(model.options(shop, stage)) for stage in shop.stages]
    combinations = CombinationTable(model, shop, load_facts(shop, NOMINAL, stage_batches), MEDIAN)
    assert len(combinations) <= 8192 < np.prod(every)
    least = [min(item.core_s(PESSIMISTIC) for item in model.options(shop, stage)) for stage in shop.stages]
    kept = combinations.choice(int(np.argmin(combinations.demand)))
    assert [item.core_s(PESSIMISTIC) for item in kept.values()] == pytest.approx(least)


def test_least_costs_are_those_of_the_table_without_one() -> None:
    shop = scenario()
    model, facts, combinations = platform_model(shop), load_facts(shop, NOMINAL, stage_batches), table(shop)
    least = LeastCosts(model, shop, facts)
    median_cores = combinations.busy_under(model, shop, facts, MEDIAN)
    assert least.busiest() == (float(median_cores.min()), combinations.choice(int(np.argmin(median_cores))))
    for z in (MEDIAN, PESSIMISTIC):
        assert least.path_s(z) == pytest.approx(float(table(shop, z=z).path_s.min()))
    assert (least.combinations, least.left_out) == (len(combinations), 0)


@pytest.mark.parametrize(("on", "timeout_ms", "passes"), [(False, 0.0, 0.25), (True, 0.0, 1.0), (True, 20.0, 0.25)])
def test_the_least_passes_are_those_of_batches_that_the_simulator_can_fill(on, timeout_ms, passes) -> None:
    """Whole frames share batches without a timeout, objects of different frames only with one; one object per frame."""
    asked = {"id": "asked", "model": "m", "batch": {"max": 4, "timeout_ms": timeout_ms}} | (
        {"on": "person"} if on else {}
    )
    shop = scenario(
        stages=[{"id": "person", "model": "m"}, asked],
        activity={"objects_per_frame": {"person": {"mean": 1, "p95": 1, "max": 1}}},
        slo={"load": "mean", "latency_p95_ms": 300.0},
    )
    found = load_facts(shop, LoadCase.of(shop).nominal(1), stage_batches).stages["asked"].passes
    assert found[4] == pytest.approx(passes)
    assert found[1] == pytest.approx(1.0)
