"""Options with their figures as arrays: each is that of the option itself, to the last digit."""

from __future__ import annotations

import pytest

from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.combination_sums import listed_options
from advisor.planner.search.costs import each_stage_cores, load_facts, loaded_stage_cores, stage_cores
from advisor.planner.search.options import Options
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.space import stage_batches
from advisor.planner.search.study import Study

from .test_partial_load import case_of

STUDY = Study.of(case_of(6))
MODEL: PlatformModel = STUDY.model(STUDY.inputs.candidates[0])
FACTS = load_facts(STUDY.scenario, STUDY.case.nominal(1), stage_batches)


@pytest.mark.parametrize("z", [MEDIAN, 0.7, PESSIMISTIC])
def test_arrays_hold_what_each_option_tells(z: float) -> None:
    for stage in STUDY.scenario.stages:
        options, load = MODEL.options(STUDY.scenario, stage), FACTS.stages[stage.id]
        assert len(options) > 1
        times = options.times(z)
        assert list(times.alone_s) == [option.alone_s(z) for option in options]
        assert list(times.pass_s) == [option.pass_s(z) for option in options]
        assert list(times.core_s) == [option.core_s(z) for option in options]
        assert {times.least_preprocess_s} == {option.least_preprocess_s(z) for option in options}
        assert {times.preprocess_s} == {option.preprocess_s(z) for option in options}
        assert list(each_stage_cores(options, load, z)) == [stage_cores(option, load, z) for option in options]


def test_cores_under_load_are_those_of_single_threads_idle_and_contending_at_its_ends() -> None:
    for stage in STUDY.scenario.stages:
        load = FACTS.stages[stage.id]
        options = Options(item for item in MODEL.options(STUDY.scenario, stage) if item.threads_per_stream == 1)
        rows = loaded_stage_cores(MODEL, options, load, MEDIAN)
        assert rows[0] == pytest.approx([stage_cores(option, load, MEDIAN) for option in options])
        assert rows[-1] == pytest.approx([stage_cores(option, load, MEDIAN, contended=True) for option in options])
        assert (rows[-1] > rows[0]).all()


def test_the_first_of_them_are_made_once_and_all_of_them_are_the_options_themselves() -> None:
    options = MODEL.options(STUDY.scenario, STUDY.scenario.stages[0])
    assert options.first(1) == options[:1]
    assert options.first(1) is options.first(1)
    assert options.first(len(options)) is options


def test_where_all_combinations_can_be_listed_the_options_are_those_of_the_model() -> None:
    listed, left_out = listed_options(MODEL, STUDY.scenario, FACTS)
    assert left_out == 0
    assert all(isinstance(options, Options) for options in listed)
    assert [id(options) for options in listed] == [
        id(MODEL.options(STUDY.scenario, stage)) for stage in STUDY.scenario.stages
    ]
