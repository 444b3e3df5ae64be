from __future__ import annotations

from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import max_free_share
from advisor.planner.search.study import Study
from tests.planner.fakes import best_of, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_the_pareto_front_gains_headroom_with_price() -> None:
    result = plan(inputs(BOXES))
    assert result.pareto == ("box-4", "box-8", "box-16")
    prices = [point.price.value or 0.0 for point in result.pareto_points]
    rooms = [point.headroom for point in result.pareto_points]
    assert prices == sorted(prices)
    assert rooms == sorted(rooms)


def test_the_front_is_by_price_whatever_the_objective_and_headroom_is_what_was_simulated() -> None:
    money = {"objective": "tco", "electricity_per_kwh": 0.5, "lifetime_years": 10.0}
    for shop in (scenario(), scenario(money=money)):
        result = plan(inputs(BOXES, shop=shop))
        prices = [point.price.value or 0.0 for point in result.pareto_points]
        assert prices == sorted(prices)
        assert best_of(result).platform in result.pareto
        assert result.pareto_points[0].headroom >= 0.3  # the margin that the scenario asks


def test_headroom_is_counted_in_the_cores_that_are_used() -> None:
    # Two performance cores among ten: what they do quicker must not be held against all ten.
    hybrid = candidate("hybrid", 2, 300.0, efficiency_cores=8)
    given = inputs([hybrid])
    study = Study.of(given)
    study.prepare([hybrid])
    whole, performance = study.models(hybrid)
    assert (whole.cores, performance.cores) == (10.0, 2.0)
    free = max_free_share(study, hybrid, 1)
    alone = Study.of(inputs([candidate("alone", 2, 300.0)]))
    assert free >= max_free_share(alone, alone.inputs.candidates[0], 1)
    (point,) = plan(given).pareto_points
    assert point.headroom <= free + 0.02


def test_four_memory_sizes_of_one_box_are_no_choice() -> None:
    twins = [candidate(f"box-8-{gib}", 8, 300.0 + gib, memory_gib=gib) for gib in (8, 16, 32, 64)]
    same = [Candidate(t.platform.model_copy(update={"processor": "one-chip"}), t.machine) for t in twins]
    result = plan(inputs([*same, candidate("other", 8, 500.0), candidate("big", 16, 700.0)]))
    assert best_of(result).platform == "box-8-8"
    # Other processors first; a variant of the recommendation only fills the place that is left.
    assert [(item.platform, item.role) for item in result.alternatives] == [
        ("box-8-16", "same processor"), ("other", "next in price"), ("big", "more room"),
    ]  # fmt: skip


def test_another_maker_is_shown_even_where_it_is_not_next_in_price() -> None:
    other = candidate("amd", 8, 600.0)
    other = Candidate(other.platform, other.machine.model_copy(update={"vendor": "amd"}))
    result = plan(inputs([candidate(f"intel-{n}", 8, 300.0 + n) for n in range(5)] + [other]))
    assert ("amd", "another maker") in [(item.platform, item.role) for item in result.alternatives]


def test_nothing_far_dearer_is_an_alternative() -> None:
    result = plan(inputs([candidate("box", 8, 300.0), candidate("near", 8, 740.0), candidate("far", 8, 760.0)]))
    assert [item.platform for item in result.alternatives] == ["near"]
    (far,) = result.rejected
    assert (far.platform, far.check) == ("far", "cost")
