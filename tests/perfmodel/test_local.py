"""Which measurements of this machine count, and as what."""

import pytest

from advisor.perfmodel.local import LocalData
from advisor.records.measurement import Interference

from .makers import kernel, measurement


def profile(pass_s, time_s=0.010, **config):
    row = measurement(1.0, kernels=(kernel(0).model_copy(update={"time_s": time_s}),), **config)
    return row.model_copy(update={"pass_s": pass_s})


def test_the_passes_of_a_profile_stand_in_for_a_timing():
    found = LocalData.join(None, [profile(0.012)], [], None)
    (item,) = found.items
    assert item.latency_s == 0.012
    assert item.noise > LocalData.join(None, [measurement(0.012)], [], None).items[0].noise
    assert [wall.time_s for wall in found.walls().values()] == [0.012]


def test_a_steadier_timing_of_the_same_setting_replaces_them():
    rows = [profile(0.012), measurement(0.011), profile(0.020, threads=2)]
    found = LocalData.join(None, rows, [], None)
    assert [item.latency_s for item in found.items] == [0.011, 0.020]


@pytest.mark.parametrize("change", [{"pass_s": None}, {"status": "failed"}])
def test_older_and_failed_profiles_say_nothing_of_whole_passes(change):
    assert LocalData.join(None, [profile(0.012).model_copy(update=change)], [], None).items == []


def test_a_capped_profile_is_not_of_this_machine():
    assert LocalData.join(None, [profile(0.012, simd_cap="avx2")], [], None).items == []


def test_a_disturbed_profile_counts_less():
    quiet, busy = (
        LocalData.join(None, [row], [], None).items[0]
        for row in (profile(0.012), measurement(1.0, dirty=True, kernels=profile(0.012).kernels).model_copy(
            update={"pass_s": 0.012}
        ))
    )  # fmt: skip
    assert busy.noise > quiet.noise


def test_a_passes_time_is_learned_without_what_neighbours_added_and_told_with_it():
    row = measurement(0.010).model_copy(update={"interference": Interference(reference_slowdown=1.8, dirty=True)})
    (item,) = LocalData.join(None, [row], [], None).items
    assert item.latency_s == 0.010
    assert 0.0072 < item.quiet_s < 0.0082
    assert item.half_width > 1.2816 * 0.15


def test_of_a_slow_timing_and_a_quiet_profile_the_surer_counts():
    slow = measurement(0.016).model_copy(update={"interference": Interference(reference_slowdown=1.9, dirty=True)})
    found = LocalData.join(None, [slow, profile(0.010)], [], None)
    assert [item.latency_s for item in found.items] == [0.010]
