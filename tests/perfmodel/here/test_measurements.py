"""Which measurements of this machine count, and as what."""

import pytest

from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.base import Z90
from advisor.records.config import RunConfig
from advisor.records.measurement import Interference
from tests.perfmodel.makers import kernel, measurement, timed, work


def profile(pass_s, time_s=0.010, **config):
    row = measurement(1.0, kernels=(kernel(0).model_copy(update={"time_s": time_s}),), **config)
    return row.model_copy(update={"pass_s": pass_s})


def test_the_passes_of_a_profile_stand_in_for_a_timing() -> None:
    found = HostMeasurements.join(None, [profile(0.012)], [], None)
    (item,) = found.configurations
    assert item.latency_s == 0.012
    assert item.noise > HostMeasurements.join(None, [measurement(0.012)], [], None).configurations[0].noise
    assert [wall.time_s for wall in found.wall_times().values()] == [0.012]


def test_a_steadier_timing_of_the_same_setting_replaces_them() -> None:
    rows = [profile(0.012), measurement(0.011), profile(0.020, threads=2)]
    found = HostMeasurements.join(None, rows, [], None)
    assert [item.latency_s for item in found.configurations] == [0.011, 0.020]


@pytest.mark.parametrize("change", [{"pass_s": None}, {"status": "failed"}])
def test_older_and_failed_profiles_say_nothing_of_whole_passes(change) -> None:
    assert HostMeasurements.join(None, [profile(0.012).model_copy(update=change)], [], None).configurations == []


def test_a_capped_profile_is_not_of_this_machine() -> None:
    assert HostMeasurements.join(None, [profile(0.012, simd_cap="avx2")], [], None).configurations == []


def test_a_disturbed_profile_counts_less() -> None:
    quiet, busy = (
        HostMeasurements.join(None, [row], [], None).configurations[0]
        for row in (profile(0.012), measurement(1.0, dirty=True, kernels=profile(0.012).kernels).model_copy(
            update={"pass_s": 0.012}
        ))
    )  # fmt: skip
    assert busy.noise > quiet.noise


def test_what_other_load_added_is_taken_out_of_what_is_learned_and_stays_in_the_answer() -> None:
    row = measurement(0.010).model_copy(update={"interference": Interference(reference_slowdown=1.8, dirty=True)})
    (item,) = HostMeasurements.join(None, [row], [], None).configurations
    assert item.latency_s == 0.010
    assert 0.0072 < item.undisturbed_s < 0.0082
    assert item.half_width > Z90 * 0.15


def test_of_a_slow_timing_and_a_quiet_profile_the_surer_counts() -> None:
    slow = measurement(0.016).model_copy(update={"interference": Interference(reference_slowdown=1.9, dirty=True)})
    found = HostMeasurements.join(None, [slow, profile(0.010)], [], None)
    assert [item.latency_s for item in found.configurations] == [0.010]


RESTED = timed([0.0125, 0.013, 0.0131, 0.015], "rested")


def test_a_rested_pass_is_no_measurement_of_a_loop() -> None:
    assert HostMeasurements.join(None, [RESTED], [], None).configurations == []


def test_single_passes_show_their_spread() -> None:
    (item,) = HostMeasurements.join(None, [timed([0.010 * 1.02**n for n in range(-20, 21)])], [], None).configurations
    assert item.pass_sigma == pytest.approx(16 * 0.0198 / Z90, rel=0.02)
    (few,) = HostMeasurements.join(None, [timed([0.010, 0.011])], [], None).configurations
    assert few.pass_sigma is None


def test_a_long_run_answers_for_its_configuration_and_the_surest_one_is_learned_from() -> None:
    long = timed([0.012 * 1.02**n for n in range(-20, 21)])
    for rows in ([long, measurement(0.010)], [measurement(0.010), long]):
        found = HostMeasurements.join(None, rows, [], None)
        assert [item.latency_s for item in found.configurations] == [0.010]
        assert found.exact_match(work(), RunConfig(streams=1, threads=1), 1, 1).latency_s == pytest.approx(0.012)


def test_state_variability_is_known_once_a_measurement_saw_many_moments() -> None:
    assert HostMeasurements.join(None, [measurement(0.010)], [], None).state_variability == 0.0
    long = timed([0.010 * 1.02**n for n in range(-20, 21)])
    assert HostMeasurements.join(None, [long], [], None).state_variability == pytest.approx(16 * 0.0198, rel=0.02)
