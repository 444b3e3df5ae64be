"""What a pass takes longer after a pause, from rested passes and from loops."""

import pytest

from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.perfmodel.here.pause import measured_pause_s
from advisor.perfmodel.resources.cold_pass import LEAST_S
from advisor.records.config import RunConfig
from tests.perfmodel.makers import measurement, timed, work


def pause_s(rows, streams=1, threads=1, batch=1, loop_s=0.011):
    found = HostMeasurements.join(None, rows, [], None)
    config = RunConfig(streams=streams, threads=threads, batch=batch)
    return measured_pause_s(found, work(), config, ResolvedConfig(streams, threads, False, 0.0), loop_s)


RESTED = timed([0.0125, 0.013, 0.0131, 0.015], "rested")


def test_what_a_pause_costs_is_a_rested_pass_less_one_in_a_loop() -> None:
    found = pause_s([RESTED, measurement(0.010)])
    assert found.p50 == pytest.approx(0.0034)
    assert found.p10 < found.p50 < found.p90
    # Two streams of one thread lose as much each; a stream of two threads was not measured.
    assert pause_s([RESTED, measurement(0.010)], streams=2, threads=2) == found
    assert pause_s([RESTED, measurement(0.010)], threads=2) is None
    assert pause_s([measurement(0.010)]) is None


def test_without_a_loop_the_predicted_one_stands_in_where_it_is_the_same() -> None:
    assert pause_s([RESTED], loop_s=0.011).p50 == pytest.approx(0.0024)
    assert pause_s([RESTED], batch=8) is None
    assert pause_s([RESTED], loop_s=0.020).p50 == LEAST_S


def test_between_two_states_of_a_cache_neither_is_taken() -> None:
    rows = [timed([0.011] * 11 + [0.017] * 9, "rested"), measurement(0.010)]
    # Two of the least and two of the most are left out.
    assert pause_s(rows).p50 == pytest.approx((9 * 0.001 + 7 * 0.007) / 16)
    assert pause_s(rows).p90 == pytest.approx(0.007)


def test_more_activations_go_cold_in_a_batch() -> None:
    one, eight = timed([0.012] * 20, "rested"), timed([0.055] * 20, "rested", batch=8)
    rows = [one, measurement(0.010), eight, measurement(0.050, batch=8)]
    assert pause_s(rows).p50 == pytest.approx(0.002)
    assert pause_s(rows, batch=8).p50 == pytest.approx(0.005)
    # Two thirds of the way from 1 to 8, by its logarithm.
    assert pause_s(rows, batch=4).p50 == pytest.approx(0.004)
    assert pause_s(rows, batch=16).p50 == pytest.approx(0.005)
    assert pause_s(rows[:2], batch=8).p50 == pytest.approx(0.002)
