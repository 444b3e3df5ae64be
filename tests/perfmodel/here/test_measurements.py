"""Which measurements of this machine count, and as what."""

import numpy as np
import pytest

from advisor.perfmodel.here.interference_correction import USUAL_SLOWDOWN
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.base import Z90
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import Interference, Measurement
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


def disturbed(blocks_s, quiet=(), slow=1.8, **config):
    """Blocks of which only those at the places of ``quiet`` were undisturbed."""
    row = timed(blocks_s, **config)
    flags = tuple(place not in quiet for place in range(len(blocks_s)))
    timing = row.timing.model_copy(update={"block_disturbed": flags})
    interference = Interference(reference_slowdown=slow, other_cpu_cores=slow, dirty=True)
    return row.model_copy(update={"timing": timing, "interference": interference})


def test_what_other_load_added_is_taken_out_of_what_is_learned_and_stays_in_the_answer() -> None:
    row = disturbed([0.006, 0.010, 0.010, 0.010, 0.010], quiet=(0,))
    (item,) = HostMeasurements.join(None, [row], [], None).configurations
    assert item.latency_s == 0.010
    assert 0.0072 < item.undisturbed_s < 0.0082
    assert item.half_width > Z90 * 0.15


def test_of_a_slow_timing_and_a_quiet_profile_the_surer_counts() -> None:
    slow = measurement(0.016).model_copy(update={"interference": Interference(reference_slowdown=1.9, dirty=True)})
    found = HostMeasurements.join(None, [slow, profile(0.010)], [], None)
    assert [item.latency_s for item in found.configurations] == [0.010]


# In the order of a recording of a detector on a machine of two cores, both of which others kept busy [s].
BUSY_S = [0.243, 0.251, 0.198, 0.262, 0.131, 0.240, 0.239, 0.260]


@pytest.mark.parametrize("quiet", [(), (2,), (2, 4)])
def test_a_corrected_timing_is_never_faster_than_the_fastest_undisturbed_block(quiet) -> None:
    (item,) = HostMeasurements.join(None, [disturbed(BUSY_S, quiet, slow=5.0)], [], None).configurations
    fastest_s = min(BUSY_S[place] for place in quiet) if quiet else 0.131
    assert item.undisturbed_s == pytest.approx(max(fastest_s, item.latency_s / np.sqrt(5.0 / USUAL_SLOWDOWN)))
    assert item.undisturbed_s < item.latency_s


@pytest.mark.parametrize("slow", [1.2, 2.0, 5.0])
def test_its_interval_reaches_to_the_uncorrected_value_and_to_the_corrected_one(slow) -> None:
    (item,) = HostMeasurements.join(None, [disturbed(BUSY_S, (4,), slow)], [], None).configurations
    assert item.undisturbed_s < item.latency_s
    assert item.undisturbed_s * np.exp(Z90 * item.noise) >= item.latency_s * (1 - 1e-9)
    assert item.latency_s * np.exp(-item.half_width) <= item.undisturbed_s * (1 + 1e-9)


def test_without_a_block_that_was_faster_nothing_is_taken_out_and_the_doubt_stays() -> None:
    (item,) = HostMeasurements.join(None, [disturbed([0.243] * 8, slow=5.0)], [], None).configurations
    assert item.undisturbed_s == 0.243
    assert item.noise > np.log(5.0 / USUAL_SLOWDOWN) / np.sqrt(3.0)


def test_a_quiet_machine_is_expected_to_do_what_the_corrected_timings_say() -> None:
    rows = [disturbed(BUSY_S * 3, (4,), slow=5.0), measurement(0.010, threads=2)]
    found = HostMeasurements.join(None, rows, [], None)
    for threads in (1, 2):
        config = RunConfig(streams=1, threads=threads)
        busy = found.exact_match(work(), config, threads, 1)
        quiet = found.undisturbed().exact_match(work(), config, threads, 1)
        assert quiet.latency_s == quiet.undisturbed_s == busy.undisturbed_s
        assert quiet.half_width == busy.half_width
        assert not quiet.dirty
        assert (quiet.pass_sigma is None) == (threads == 1 or busy.pass_sigma is None)


def test_of_several_requests_a_block_counts_without_its_waiting() -> None:
    row = disturbed([0.5, 0.2, 0.5, 0.5], (1,), 5.0, streams=2, threads=2)
    timing = row.timing.model_copy(update={"throughput_per_s": 10.0, "avg_time_s": 0.4})
    row = row.model_copy(update={"timing": timing, "mode": LoadMode(kind="async")})
    (item,) = HostMeasurements.join(None, [row], [], None).configurations
    assert item.latency_s == pytest.approx(0.2)
    assert item.undisturbed_s == pytest.approx(0.1)


def test_the_passes_of_a_profile_bound_its_correction_too() -> None:
    slow = Interference(reference_slowdown=5.0, dirty=True)
    row = profile(0.020).model_copy(update={"interference": slow})
    for fastest_s, corrected_s in ((0.016, 0.016), (None, 0.020)):
        seen = row.model_copy(update={"fastest_pass_s": fastest_s})
        (item,) = HostMeasurements.join(None, [seen], [], None).configurations
        assert item.undisturbed_s == pytest.approx(corrected_s)


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


def test_how_moments_differ_is_seen_in_the_reference_work_around_all_measurements() -> None:
    def rows(slowdowns):
        return [
            measurement(0.010, model=f"m{n}").model_copy(update={"interference": Interference(reference_slowdown=slow)})
            for n, slow in enumerate(slowdowns)
        ]

    steady = HostMeasurements.join(None, rows([1.03] * 30), [], None)
    assert steady.between_moments == pytest.approx(0.0)
    # A guest whose two processors shared one core during a third of the time.
    shared = HostMeasurements.join(None, rows([1.0] * 20 + [1.8] * 10), [], None)
    assert shared.between_moments == pytest.approx(0.9 * np.log(1.8) / 2)
    assert HostMeasurements.join(None, rows([1.0, 1.8] * 5), [], None).between_moments == 0.0


def test_state_variability_is_known_once_a_measurement_saw_many_moments() -> None:
    assert HostMeasurements.join(None, [measurement(0.010)], [], None).state_variability == 0.0
    long = timed([0.010 * 1.02**n for n in range(-20, 21)])
    assert HostMeasurements.join(None, [long], [], None).state_variability == pytest.approx(16 * 0.0198, rel=0.02)


@pytest.mark.parametrize(
    ("effective", "counts"),
    [
        ({"execution_devices": ("CPU",)}, True),
        ({"execution_devices": ("CPUExecutionProvider",)}, True),
        ({"execution_devices": ("GPU",)}, False),
        ({"execution_devices": ("CPU",), "software_rasteriser": True}, False),
    ],
)
def test_what_ran_on_another_device_says_nothing_of_the_processor(effective, counts) -> None:
    ran = EffectiveConfig(device="d", runtime_version="1", **effective)
    row = measurement(0.011).model_copy(update={"effective": ran})
    assert bool(HostMeasurements.join(None, [row], [], None).configurations) == counts


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"runtime": "onnxruntime"}, True),
        ({"runtime": "torch"}, False),
        ({"runtime": "tvm"}, False),
        ({"runtime": "litert"}, False),
        ({"runtime": "onnxruntime", "arena": False}, False),
        ({"runtime": "onnxruntime", "precision": "int8", "quantisation": "dynamic"}, False),
        ({"precision": "bf16"}, True),
        ({"precision": "f16"}, False),
    ],
)
def test_runtimes_and_precisions_that_are_not_predicted_say_nothing_of_those_that_are(changes, counts) -> None:
    row = measurement(0.011)
    row = row.model_copy(update={"config": row.config.model_copy(update=changes)})
    assert bool(HostMeasurements.join(None, [row], [], None).configurations) == counts


def _of(model: str, kind: str, sha256: str, latency_s: float) -> Measurement:
    changes = {"model_kind": kind, "model_sha256": sha256, "key": sha256}
    return measurement(latency_s, model=model).model_copy(update=changes)


def test_files_of_one_name_are_two_networks() -> None:
    """Two detectors in folders of their own, both `best.onnx`."""
    found = HostMeasurements.join(None, [_of("best", "file", "a" * 64, 0.010)], [], None)
    first, other = (work(model="best", kind="file", sha256=sha256 * 64) for sha256 in "ab")
    assert found.exact_match(first, RunConfig(threads=1, streams=1), 1, 1) is not None
    assert found.exact_match(other, RunConfig(threads=1, streams=1), 1, 1) is None


def test_a_file_is_not_the_architecture_whose_name_it_has() -> None:
    found = HostMeasurements.join(None, [_of("resnet-50", "architecture", "a" * 64, 0.010)], [], None)
    built, file = (work(model="resnet-50", kind=kind, sha256="b" * 64) for kind in ("architecture", "file"))
    assert found.exact_match(built, RunConfig(threads=1, streams=1), 1, 1) is not None  # as another version wrote it
    assert found.exact_match(file, RunConfig(threads=1, streams=1), 1, 1) is None


def test_kernels_are_asked_for_by_a_name_that_no_other_network_has() -> None:
    asked: list[str] = []

    class Source:
        def work(self, model: str, runtime: str, precision: str) -> None:
            asked.append(model)

    rows = [
        _of("best", "file", "a" * 64, 0.010),
        _of("best", "file", "b" * 64, 0.020),
        _of("like:x", "stand-in", "c", 1),
    ]
    found = HostMeasurements.join(None, rows, [], Source())
    for item in found.configurations:
        found.work(item)
    assert sorted(asked) == ["best@aaaaaaaaaaaa", "best@bbbbbbbbbbbb", "like:x"]
