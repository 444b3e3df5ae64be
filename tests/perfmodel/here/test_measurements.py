"""Which measurements of this machine count, and as what."""

import pytest

from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.perfmodel.here.pause import measured_pause_s
from advisor.perfmodel.resources.cold_pass import LEAST_S
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import Interference
from tests.perfmodel.makers import kernel, measurement, work


def profile(pass_s, time_s=0.010, **config):
    row = measurement(1.0, kernels=(kernel(0).model_copy(update={"time_s": time_s}),), **config)
    return row.model_copy(update={"pass_s": pass_s})


def test_the_passes_of_a_profile_stand_in_for_a_timing():
    found = HostMeasurements.join(None, [profile(0.012)], [], None)
    (item,) = found.configurations
    assert item.latency_s == 0.012
    assert item.noise > HostMeasurements.join(None, [measurement(0.012)], [], None).configurations[0].noise
    assert [wall.time_s for wall in found.wall_times().values()] == [0.012]


def test_a_steadier_timing_of_the_same_setting_replaces_them():
    rows = [profile(0.012), measurement(0.011), profile(0.020, threads=2)]
    found = HostMeasurements.join(None, rows, [], None)
    assert [item.latency_s for item in found.configurations] == [0.011, 0.020]


@pytest.mark.parametrize("change", [{"pass_s": None}, {"status": "failed"}])
def test_older_and_failed_profiles_say_nothing_of_whole_passes(change):
    assert HostMeasurements.join(None, [profile(0.012).model_copy(update=change)], [], None).configurations == []


def test_a_capped_profile_is_not_of_this_machine():
    assert HostMeasurements.join(None, [profile(0.012, simd_cap="avx2")], [], None).configurations == []


def test_a_disturbed_profile_counts_less():
    quiet, busy = (
        HostMeasurements.join(None, [row], [], None).configurations[0]
        for row in (profile(0.012), measurement(1.0, dirty=True, kernels=profile(0.012).kernels).model_copy(
            update={"pass_s": 0.012}
        ))
    )  # fmt: skip
    assert busy.noise > quiet.noise


def test_a_passes_time_is_learned_without_what_neighbours_added_and_told_with_it():
    row = measurement(0.010).model_copy(update={"interference": Interference(reference_slowdown=1.8, dirty=True)})
    (item,) = HostMeasurements.join(None, [row], [], None).configurations
    assert item.latency_s == 0.010
    assert 0.0072 < item.undisturbed_s < 0.0082
    assert item.half_width > 1.2816 * 0.15


def test_of_a_slow_timing_and_a_quiet_profile_the_surer_counts():
    slow = measurement(0.016).model_copy(update={"interference": Interference(reference_slowdown=1.9, dirty=True)})
    found = HostMeasurements.join(None, [slow, profile(0.010)], [], None)
    assert [item.latency_s for item in found.configurations] == [0.010]


def timed(latencies_s, kind="sync", **config):
    row = measurement(sorted(latencies_s)[len(latencies_s) // 2], **config)
    timing = row.timing.model_copy(update={"latencies_s": tuple(latencies_s), "block_p50_s": tuple(latencies_s)})
    return row.model_copy(update={"timing": timing, "mode": LoadMode(kind=kind), "key": f"{kind}{row.key}"})


def cold_s(rows, streams=1, threads=1, batch=1, tight_s=0.011):
    found = HostMeasurements.join(None, rows, [], None)
    config = RunConfig(streams=streams, threads=threads, batch=batch)
    return measured_pause_s(found, work(), config, ResolvedConfig(streams, threads, False, 0.0), tight_s)


RESTED = timed([0.0125, 0.013, 0.0131, 0.015], "rested")


def test_a_rested_pass_is_no_measurement_of_a_loop():
    assert HostMeasurements.join(None, [RESTED], [], None).configurations == []


def test_what_a_pause_costs_is_a_rested_pass_less_one_in_a_loop():
    found = cold_s([RESTED, measurement(0.010)])
    assert found.p50 == pytest.approx(0.0034)
    assert found.p10 < found.p50 < found.p90
    # Two streams of one thread lose as much each; a stream of two threads was not measured.
    assert cold_s([RESTED, measurement(0.010)], streams=2, threads=2) == found
    assert cold_s([RESTED, measurement(0.010)], threads=2) is None
    assert cold_s([measurement(0.010)]) is None


def test_without_a_loop_the_predicted_one_stands_in_where_it_is_the_same():
    assert cold_s([RESTED], tight_s=0.011).p50 == pytest.approx(0.0024)
    assert cold_s([RESTED], batch=8) is None
    assert cold_s([RESTED], tight_s=0.020).p50 == LEAST_S


def test_single_passes_show_their_spread():
    (item,) = HostMeasurements.join(None, [timed([0.010 * 1.02**n for n in range(-20, 21)])], [], None).configurations
    assert item.pass_sigma == pytest.approx(16 * 0.0198 / 1.2816, rel=0.02)
    (few,) = HostMeasurements.join(None, [timed([0.010, 0.011])], [], None).configurations
    assert few.pass_sigma is None


def test_what_saw_many_moments_is_told_and_the_surest_is_learned():
    long = timed([0.012 * 1.02**n for n in range(-20, 21)])
    for rows in ([long, measurement(0.010)], [measurement(0.010), long]):
        found = HostMeasurements.join(None, rows, [], None)
        assert [item.latency_s for item in found.configurations] == [0.010]
        assert found.exact_match(work(), RunConfig(streams=1, threads=1), 1, 1).latency_s == pytest.approx(0.012)


def test_unrest_is_known_once_a_measurement_saw_many_moments():
    assert HostMeasurements.join(None, [measurement(0.010)], [], None).state_variability == 0.0
    long = timed([0.010 * 1.02**n for n in range(-20, 21)])
    assert HostMeasurements.join(None, [long], [], None).state_variability == pytest.approx(16 * 0.0198, rel=0.02)


def test_between_two_states_of_a_cache_neither_is_taken():
    rows = [timed([0.011] * 11 + [0.017] * 9, "rested"), measurement(0.010)]
    # Two of the least and two of the most are left out.
    assert cold_s(rows).p50 == pytest.approx((9 * 0.001 + 7 * 0.007) / 16)
    assert cold_s(rows).p90 == pytest.approx(0.007)


def test_more_activations_go_cold_in_a_batch():
    one, eight = timed([0.012] * 20, "rested"), timed([0.055] * 20, "rested", batch=8)
    rows = [one, measurement(0.010), eight, measurement(0.050, batch=8)]
    assert cold_s(rows).p50 == pytest.approx(0.002)
    assert cold_s(rows, batch=8).p50 == pytest.approx(0.005)
    # Two thirds of the way from 1 to 8, by its logarithm.
    assert cold_s(rows, batch=4).p50 == pytest.approx(0.004)
    assert cold_s(rows, batch=16).p50 == pytest.approx(0.005)
    assert cold_s(rows[:2], batch=8).p50 == pytest.approx(0.002)
