from __future__ import annotations

import pytest

from advisor.records.config import EffectiveConfig, RunConfig
from advisor.verification import conditions
from advisor.verification.checks import Case
from advisor.verification.observation import Observation, PictureKind
from advisor.verification.statistics import figures
from advisor.verification.usage import usage

from .support import configs, observe, scenario


def case(seen: Observation) -> Case:
    plan = scenario()
    return Case(plan, seen, figures(seen), usage(seen, 2.0), configs(plan))


def test_broken_outputs_fail_and_a_silent_stage_is_open() -> None:
    seen = observe(scenario(), 10.0)
    assert conditions.outputs(case(seen)).ok is True
    del seen.passes["reid"]
    silent = conditions.outputs(case(seen))
    assert silent.ok is None
    assert "reid" in silent.measured
    broken = observe(scenario(), 10.0)
    broken.rows([["n", "person", "not finite"]])
    assert conditions.outputs(case(broken)).ok is False


def test_a_real_detector_that_finds_nothing_is_told_of_the_range_of_pixels() -> None:
    seen = observe(scenario(), 10.0)
    del seen.passes["reid"]
    assert "pixels" not in conditions.outputs(case(seen)).advice  # its objects are drawn
    parent = next(stage.on for stage in scenario().stages if stage.id == "reid")
    seen.objects[parent] = "real"
    seen.found.pop(parent, None)
    assert "write 'pixels: 0-255'" in conditions.outputs(case(seen)).advice
    seen.found[parent] = [1, 3]
    assert "pixels" not in conditions.outputs(case(seen)).advice


def test_settings_that_were_not_granted_fail() -> None:
    granted = EffectiveConfig(device="CPU", precision="f32", streams=1, threads=2, batch=1, runtime_version="1")
    assert conditions.differences(RunConfig(threads=2), granted) == []
    assert conditions.differences(RunConfig(streams=4, threads=8, precision="bf16"), granted) == [
        "precision bf16 -> f32", "streams 4 -> 1", "threads 8 -> 2",
    ]  # fmt: skip
    collects = RunConfig(device="BATCH:CPU(4)", auto_batch_timeout_s=0.1)
    other = granted.model_copy(update={"auto_batch": 2, "auto_batch_timeout_s": 1.0})
    assert conditions.differences(collects, other) == ["automatic batch 4 -> 2", "auto_batch_timeout_s 0.1 -> 1.0"]
    seen = observe(scenario(), 10.0)
    assert conditions.effective_config(case(seen)).ok is True
    seen.effective["reid"] = granted
    found = conditions.effective_config(case(seen))
    assert found.ok is False
    assert found.measured == "reid: threads 1 -> 2, batch 4 -> 1"
    del seen.effective["reid"]
    assert conditions.effective_config(case(seen)).ok is None


@pytest.mark.parametrize(
    ("rss", "ok"),
    [
        (lambda _t: 2e8, True),
        (lambda t: 2e8 + 1e6 * t, True),  # 40 MB from the middle of the second quarter on: within the slack
        (lambda t: 2e8 + 4e6 * t, False),  # a leak
        (lambda t: 2e8 + (3e8 if t > 60 else 0), None),  # one jump, then still
        (lambda t: 2e8 + (3e8 if t > 10 else 0), True),  # pools that fill at the start
    ],
)
def test_memory_that_rises_all_the_time_fails(rss, ok) -> None:
    found = conditions.memory_growth(case(observe(scenario(), 80.0, rss=rss)))
    assert found.ok is ok
    assert found.counts


def test_pictures_that_wait_are_no_leak() -> None:
    pixels = 320 * 180

    def rss(t: float) -> float:
        return 2e8 + 40.0 * t * 1.5 * pixels

    waiting = conditions.memory_growth(case(observe(scenario(), 80.0, rss=rss, in_flight=lambda t: 40.0 * t)))
    assert waiting.ok is False
    assert waiting.advice.startswith("the box cannot keep up")
    leak = conditions.memory_growth(case(observe(scenario(), 80.0, rss=rss)))
    assert leak.ok is False
    assert "leak ends the service" in leak.advice


def test_memory_of_a_short_run_only_informs() -> None:
    assert not conditions.memory_growth(case(observe(scenario(), 20.0, rss=lambda t: 2e8 + 4e7 * t))).counts


def test_a_falling_clock_counts_only_with_slower_passes() -> None:
    plan = scenario()

    def cold(t: float) -> float:
        return 3e9 if t < 30 else 2.4e9

    def slow(t: float) -> float:
        return 0.02 if t < 30 else 0.03

    assert conditions.thermal_drift(case(observe(plan, 60.0, hz=cold))).ok is True
    assert conditions.thermal_drift(case(observe(plan, 60.0, hz=cold, service_s=slow))).ok is False
    unknown = conditions.thermal_drift(case(observe(plan, 60.0, service_s=slow)))
    assert unknown.counts is False
    assert "clock unknown" in unknown.measured


def test_interference_informs_but_does_not_count() -> None:
    quiet = conditions.interference(case(observe(scenario(), 10.0)))
    noisy = conditions.interference(case(observe(scenario(), 10.0, other_cores=0.5)))
    assert (quiet.ok, noisy.ok, noisy.counts) == (True, False, False)
    assert noisy.measured.startswith("0.50 cores by others")


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ([PictureKind("h264", 320, 180, 8)], ""),
        ([PictureKind("h264", 321, 180, 8)], ""),
        ([PictureKind("h264", 320, 180, 8, 15.1)], ""),
        ([PictureKind("hevc", 1280, 720, 10)], "h265, 1280x720, 10 bit where h264, 320x180, 8 bit was planned"),
        ([PictureKind("h264", 320, 180, 8), PictureKind("h264", 640, 360, 8)], "640x360 where 320x180 was planned"),
    ],
)
def test_what_cameras_send_is_held_against_the_scenario(kinds, said) -> None:
    plan = scenario(cameras=[{"group": "c", "count": 1, "resolution": "320x180", "fps": 15.0, "source": ["a.mp4"]}])
    seen = observe(plan, 20.0)
    seen.pictures[0] = kinds
    found = conditions.streams(Case(plan, seen, figures(seen), usage(seen, 2.0), configs(plan)))
    assert found is not None
    assert (found.ok, found.measured) == ((None, f"c-1: {said}") if said else (True, "1 of 1 seen, as planned"))


def test_a_file_of_another_rate_is_played_at_the_planned_one_and_told() -> None:
    plan = scenario(cameras=[{"group": "c", "count": 1, "resolution": "320x180", "fps": 15.0, "source": ["a.mp4"]}])
    seen = observe(plan, 20.0)
    seen.pictures[0] = [PictureKind("h264", 320, 180, 8, 30.0)]
    found = conditions.streams(Case(plan, seen, figures(seen), usage(seen, 2.0), configs(plan)))
    assert found is not None
    assert found.ok is True
    assert found.measured == "1 of 1 seen, as planned; c-1: recorded at 30/s, played at the planned 15/s"


def test_a_scenario_of_clips_has_no_streams_to_compare() -> None:
    assert conditions.streams(case(observe(scenario(), 20.0))) is None
