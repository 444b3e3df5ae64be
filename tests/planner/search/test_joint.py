"""What is believed of a box as a whole: correlations, quantiles of sums, order of the draws and reasons against one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import ModelRangeError
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import PESSIMISTIC, at
from advisor.planner.search.bounds import admitted, lasting
from advisor.planner.search.combinations import Combinations
from advisor.planner.search.draw_costs import at_each
from advisor.planner.search.joint import (
    DRAWS,
    DrawnOptions,
    JointBelief,
    Quantiles,
    demand_cores,
    mixed,
    part_quantile,
    path_s,
)
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.search import least_deployment
from advisor.planner.search.setup import Choice, set_up
from advisor.planner.search.study import Study
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario

from .parts import WORK_S

BOX = candidate("box", 4, 300.0)
AROUND = {"overhead_ms_per_frame": 3.0, "overhead_ms_per_object": 1.0}
SAMPLING = 4.0 / math.sqrt(DRAWS)
"""Four standard errors of a correlation or a mean over the draws."""


class Sharing(FakePredictor):
    """The fakes' times with a stated share of the error in common."""

    def __init__(self, shares: Mapping[str, float], spread: float, work_s: dict[str, float]) -> None:
        super().__init__(work_s, spread)
        self.shares = shares

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        return super().service(machine, work, config).model_copy(update={"machine_share": self.shares[work.model]})


def deployed(
    shares: tuple[float, float] = (0.5, 0.5),
    shop: Scenario | None = None,
    box: Candidate = BOX,
    spread: float = 1.5,
    reid_s: float = WORK_S["reid"],
) -> Deployment:
    """The configuration with the least demand, whether it holds or not."""
    predictor = Sharing({"person": shares[0], "reid": shares[1]}, spread, WORK_S | {"reid": reid_s})
    deployment = least_deployment(Study.of(inputs([box], predictor, shop)), box, 1)
    assert deployment is not None
    return deployment


def quantiles(deployment: Deployment) -> Quantiles:
    return Quantiles.drawn(0, deployment.scenario, deployment.setup.choice)


def belief(deployment: Deployment) -> JointBelief:
    return deployment.study.belief(deployment.model, deployment.setup, deployment.required)


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.25, 0.81), (0.5, 0.5), (1.0, 0.36), (1.0, 1.0)])
def test_stages_are_correlated_as_the_root_of_the_product_of_their_shares(shares: tuple[float, float]) -> None:
    drawn = quantiles(deployed(shares)).models
    expected = math.sqrt(shares[0] * shares[1])
    assert float(np.corrcoef(drawn["person"], drawn["reid"]).item(1)) == pytest.approx(expected, abs=SAMPLING)
    for z in drawn.values():
        assert (z.mean(), z.std()) == (pytest.approx(0.0, abs=SAMPLING), pytest.approx(1.0, abs=SAMPLING))
    if shares == (1.0, 1.0):
        assert np.array_equal(drawn["person"], drawn["reid"])


def test_parts_that_are_no_model_have_errors_of_their_own() -> None:
    drawn = quantiles(deployed((1.0, 1.0)))
    parts = np.stack(
        [drawn.models["person"], drawn.decode, drawn.preparation, drawn.pause, drawn.memory, drawn.application]
    )
    others = np.asarray(np.corrcoef(parts))[~np.eye(6, dtype=bool)]
    assert np.abs(others).max() < SAMPLING


def test_two_stages_with_the_same_model_have_one_error() -> None:
    stages = [
        {"id": "front", "model": "like:person", "every": "3 frames"},
        {"id": "back", "model": "like:person", "every": "5 frames"},
        {"id": "other", "model": "like:reid", "every": "5 frames"},
    ]
    shop = scenario(stages=stages, activity={})
    study = Study.of(inputs([BOX], FakePredictor({"front": 0.02, "back": 0.02, "other": 0.004}), shop))
    deployment = least_deployment(study, BOX, 1)
    assert deployment is not None
    drawn = quantiles(deployment).models
    assert np.array_equal(drawn["front"], drawn["back"])
    assert not np.array_equal(drawn["front"], drawn["other"])


def test_draws_depend_on_neither_the_platform_nor_the_order_of_the_stages() -> None:
    here = quantiles(deployed())
    elsewhere = quantiles(deployed(box=candidate("elsewhere", 16, 900.0)))
    shop = scenario()
    turned = quantiles(deployed(shop=shop.model_copy(update={"stages": shop.stages[::-1]})))
    for other in (elsewhere, turned):
        assert np.array_equal(here.decode, other.decode)
        assert all(np.array_equal(here.models[name], other.models[name]) for name in ("person", "reid"))
    another = Quantiles.drawn(1, shop, deployed().setup.choice)
    assert not np.array_equal(here.decode, another.decode)


def test_a_single_part_has_the_quantile_of_its_own_draws() -> None:
    drawn = quantiles(deployed())
    for share in (0.5, 0.9, 0.97):
        z = part_quantile(0, "memory", share)
        assert np.count_nonzero(drawn.memory <= z) == round(share * DRAWS)


@given(st.floats(0.1, 5.0), st.floats(1.0, 3.0), st.floats(1.0, 3.0), st.lists(st.floats(-4.0, 4.0), min_size=1))
def test_many_quantiles_of_an_interval_are_those_of_one_at_a_time(
    middle: float, down: float, up: float, quantiles_z: list[float]
) -> None:
    interval = Interval(p10=middle / down, p50=middle, p90=middle * up)
    expected = [at(interval, z) for z in quantiles_z]
    assert at_each(interval, np.array(quantiles_z)) == pytest.approx(expected, rel=1e-9)


def test_nothing_costs_nothing_in_every_draw_and_an_interval_that_reaches_zero_is_refused() -> None:
    z = np.array([-1.0, 0.0, 1.0])
    assert at_each(Interval(p10=0.0, p50=0.0, p90=0.0), z).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ModelRangeError, match="not positive"):
        at_each(Interval(p10=0.0, p50=1.0, p90=2.0), z)


@pytest.mark.parametrize("shop", [scenario(), scenario(application=AROUND)], ids=["models alone", "application"])
def test_demand_and_path_in_a_draw_are_those_of_the_platform_in_it(shop: Scenario) -> None:
    deployment = deployed(shop=shop)
    joint = belief(deployment)
    facts = deployment.facts(deployment.required)
    for rank in (0, 499, DRAWS - 1):
        model, setup = joint.at(rank)
        index = joint.order[rank]
        known = Deployment(deployment.study, model, 1, setup)
        for z in (0.0, PESSIMISTIC):  # a draw is known: all its quantiles are the same
            assert known.cores(deployment.required, z) == pytest.approx(joint.load[index] * model.cores)
        alone = path_s(
            model, deployment.scenario, setup.choice, facts, Quantiles.equal(deployment.scenario, np.zeros(1))
        )
        assert alone[0] == pytest.approx(joint.path_s[index])


def test_the_equivalent_quantile_lies_between_the_median_and_that_of_one_part() -> None:
    marginal = part_quantile(0, "machine", 0.9)
    z = {}
    for share in (0.0, 0.5, 1.0):
        one = deployed((share, share))
        z[share] = one.study.quantile(one.model, one.setup.choice, one.required, 0.9)
    # The more of the error is shared, the less of it cancels; decode and preparation cancel even so.
    assert 0.0 < z[0.0] < z[0.5] < z[1.0] < marginal
    # At it all parts together keep as many cores busy as nine in ten draws do at most.
    one = deployed((0.5, 0.5))
    drawn = demand_cores(one.model, one.scenario, one.setup.choice, one.facts(one.required), quantiles(one))
    assert one.cores(one.required, z[0.5]) == pytest.approx(np.quantile(drawn, 0.9), rel=1e-3)


def test_with_one_part_alone_the_equivalent_quantile_is_that_of_the_part() -> None:
    shop = scenario(cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 20.0}],
                    stages=[{"id": "person", "model": "like:person", "groups": ["web"]}])  # fmt: skip
    one = deployed(shop=shop)
    drawn = quantiles(one).models["person"]
    for share in (0.1, 0.9):
        z = one.study.quantile(one.model, one.setup.choice, one.required, share)
        assert z == pytest.approx(np.quantile(drawn, share), abs=0.01)
    exact = deployed(shop=shop, spread=1.0)
    assert exact.study.quantile(exact.model, exact.setup.choice, exact.required, 0.9) == 0.0


def test_the_quantiles_of_a_box_are_in_order_around_the_median() -> None:
    one = deployed()
    low, middle, high = one.quantiles(one.nominal)
    assert low < middle == 0.0 < high < PESSIMISTIC


def test_draws_that_may_hold_come_first_and_each_of_the_others_has_a_reason() -> None:
    # 2.2 cores at the median and intervals of a factor of two: some draws need more than three cores.
    joint = belief(deployed(box=candidate("three", 3, 100.0), spread=2.0))
    assert 0 < joint.possible < DRAWS
    assert joint.ruled_out(joint.possible - 1) is None
    for rank in range(joint.possible, DRAWS):
        failed = joint.ruled_out(rank)
        assert failed is not None
        assert failed.check == "cpu"
        load = float(joint.load[joint.order[rank]])
        assert load > 1.0
        assert failed.closeness == pytest.approx(1.0 / load)
    assert sorted(joint.order.tolist()) == list(range(DRAWS))


def ruled_out(shop: Scenario, box: Candidate = BOX) -> tuple[str, str, float]:
    failed = belief(deployed(shop=shop, box=box)).ruled_out(DRAWS - 1)
    assert failed is not None
    return failed.check, failed.reason, failed.closeness


def test_the_reason_names_the_figure_and_its_limit() -> None:
    frame = {"group": "a", "count": 1, "resolution": "1920x1080", "fps": 100.0, "bitrate_kbps": 4000.0}
    check, reason, closeness = ruled_out(scenario(cameras=[frame], slo={"latency_p95_ms": 300.0, "window_s": 5.0}))
    assert (check, "of a core" in reason) == ("camera_fps", True)
    assert 0.0 < closeness < 1.0
    check, reason, _ = ruled_out(scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 20.0, "window_s": 5.0}))
    assert (check, "the budget is 20 ms" in reason) == ("latency_p95", True)
    check, reason, _ = ruled_out(scenario(), candidate("two", 2, 100.0))
    assert (check, reason.endswith("cores and has 2")) == ("cpu", True)
    check, reason, _ = ruled_out(scenario(), candidate("starved", 16, 100.0, memory_gib=1.0))
    assert (check, "GiB of memory and has" in reason) == ("memory", True)


def combinations(deployment: Deployment) -> list[Choice]:
    table = deployment.study.table(deployment.model, deployment.required, 0.0)
    assert table is not None
    return [table.choice(index) for index in range(len(table))]


@pytest.mark.parametrize("application", ["none", AROUND])
def test_options_costed_once_are_the_draws_of_each_combination(application: object) -> None:
    shop = scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 60.0, "window_s": 5.0}, application=application)
    one = deployed((0.2, 0.9), shop, candidate("three", 3, 100.0), spread=2.0)
    drawn = DrawnOptions(0, one.model, shop, one.facts(one.required))
    found = set()
    for choice in combinations(one):
        setup = set_up(one.model, shop, choice, one.required)
        expected = JointBelief.of(0, one.model, shop, setup, one.facts(one.required)).possible
        assert drawn.possible(choice) == expected
        found.add(expected)
    assert len(found) > 2


def test_no_bound_rules_out_what_the_draws_let_hold() -> None:
    """Nearly all of the load is one stage, whose error nothing cancels; in the path three errors partly cancel.

    The quantile of the load, applied to the path, would rule out a budget that nine in ten draws keep.
    """
    activity = {"objects_per_frame": {"person": {"mean": 10.0}}}
    cameras = [camera(8) | {"codec": "raw"}]

    def given_budget(latency_p95_ms: float) -> tuple[Deployment, Combinations, float]:
        slo = {"camera_fps": 15.0, "latency_p95_ms": latency_p95_ms, "window_s": 5.0}
        shop = scenario(activity=activity, cameras=cameras, slo=slo)
        one = deployed((0.0, 0.0), shop, candidate("large", 32, 900.0), spread=2.0, reid_s=0.02)
        z = one.study.quantile(one.model, one.setup.choice, one.required, 0.9)
        return one, one.study.combinations(one.model, one.required), z

    loose, table, z = given_budget(300.0)
    facts = loose.facts(loose.required)
    by_table_ms = 1000.0 * table.least_path_s(z)
    paths_s = [path_s(loose.model, loose.scenario, choice, facts, quantiles(loose)) for choice in combinations(loose)]
    by_draws_ms = 1000.0 * min(float(np.quantile(path, 0.9)) for path in paths_s)
    assert by_draws_ms < 0.97 * by_table_ms
    one, table, z = given_budget((by_draws_ms + by_table_ms) / 2)
    found = admitted(one.model, one.scenario, table, lasting(one.model, one.scenario, table), z)
    assert not len(found.certain)
    possible = one.study.possible(one.model, table, one.required, z, found)
    assert len(possible)
    for place in range(len(table)):
        setup = set_up(one.model, one.scenario, table.choice(place), one.required)
        reason = one.study.belief(one.model, setup, one.required).ruled_out(one.study.draws_asked - 1)
        assert (place in possible) == (reason is None)


def test_shares_mix_the_two_errors() -> None:
    machine, own = np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    assert mixed(0.0, machine, own).tolist() == own.tolist()
    assert mixed(1.0, machine, own).tolist() == machine.tolist()
    assert mixed(0.36, machine, own) == pytest.approx(0.6 * machine + 0.8 * own)
