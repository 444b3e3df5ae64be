from __future__ import annotations

import pytest

from advisor.records.verdict import Check, Verdict
from advisor.verification.verdict import decide, judge

from .support import DROP, LOSE, NEVER, configs, facts, observe, scenario
from .test_checks import late_fate


def check(ok: bool | None, name: str = "drops", **changes: object) -> Check:
    return Check(name=name, required="r", measured="m", ok=ok, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "word"),
    [
        ([check(True), check(True)], "PASS"),
        ([check(True), check(None)], "INCONCLUSIVE"),
        ([check(None), check(False)], "FAIL"),
        ([check(True), check(False, counts=False)], "PASS"),
        ([check(True), check(None, counts=False)], "PASS"),
    ],
)
def test_the_word_follows_from_the_checks(results, word) -> None:
    assert decide(results)[0] == word
    assert decide(results, stopped=True)[0] == "INCONCLUSIVE"


def test_the_reason_names_what_failed_and_what_is_needed() -> None:
    assert "drops: m (required r)" in decide([check(False)])[1]
    assert "measure 40 s longer" in decide([check(None, need_s=12.0), check(None, "latency_p95", need_s=40.0)])[1]
    assert "so far failed: drops" in decide([check(False)], stopped=True)[1]


def verdict(seconds: float, fate: object, **changes: object) -> Verdict:
    plan = scenario()
    seen = observe(plan, seconds, fate, **changes)  # type: ignore[arg-type]
    return judge(plan, seen, configs(plan), facts())


def test_a_clear_pass() -> None:
    found = verdict(40.0, late_fate(10**6), warmup_s=2.0)
    assert found.verdict == "PASS"
    assert found.binding is None
    for camera in found.cameras:
        assert camera.released == camera.done + camera.dropped + camera.lost + camera.in_flight == 600
        assert camera.windows_fps == (15.0,) * 4


def test_a_clear_failure_names_what_binds() -> None:
    found = verdict(20.0, lambda _f, n: DROP if n % 2 else 0.05, cpu_cores=1.95)
    assert found.verdict == "FAIL"
    assert found.binding is not None
    assert found.binding.startswith("cpu")
    assert found.cameras[0].drops_pct == pytest.approx(50.0)


def test_a_slow_model_on_an_idle_machine_is_named() -> None:
    found = verdict(20.0, late_fate(1), service_s=lambda _t: 0.06)
    assert found.verdict == "FAIL"
    assert found.binding in {"time in person (no resource is full)", "time in reid (no resource is full)"}


def test_too_short_a_run_says_how_much_is_missing() -> None:
    found = verdict(3.0, late_fate(10**6))
    assert found.verdict == "INCONCLUSIVE"
    assert "s longer" in found.reason


def test_what_never_ended_stays_in_flight() -> None:
    found = verdict(20.0, lambda _f, n: NEVER if n >= 290 else 0.05)
    assert found.cameras[0].in_flight == 10


def test_borderline_runs_never_flip_between_pass_and_fail() -> None:
    # one in twenty frames late is the limit itself; the proof errs once in a hundred, for each of two cameras
    words = [verdict(60.0, late_fate(20, seed=seed)).verdict for seed in range(40)]
    assert words.count("INCONCLUSIVE") >= 36
    assert {verdict(60.0, late_fate(4, seed=seed)).verdict for seed in range(5)} == {"FAIL"}
    assert {verdict(60.0, late_fate(100, seed=seed)).verdict for seed in range(5)} == {"PASS"}


def test_prediction_is_laid_beside_and_changes_nothing() -> None:
    plan = scenario()
    seen = observe(plan, 20.0, late_fate(10**6))
    promise = {
        "camera_fps": {"p10": 14.0, "p50": 15.0, "p90": 15.0},
        "drops_pct": {"p10": 5.0, "p50": 8.0, "p90": 9.0},
        "utilisation": {"cpu": {"p10": 0.1, "p50": 0.2, "p90": 0.3}},
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0},
    }
    plain, beside = (judge(plan, seen, configs(plan), facts(), wish) for wish in (None, promise))
    assert plain.predicted is None
    assert plain.checks == beside.checks
    assert plain.verdict == beside.verdict
    assert beside.predicted is not None
    rows = {row["figure"]: row for row in beside.predicted["compared"]}
    assert rows["camera_fps"]["inside"] is True
    assert rows["drops_pct"]["inside"] is False
    assert rows["utilisation/cpu"]["measured"] == pytest.approx(0.25)


def test_the_last_bin_is_no_fraction_of_a_second() -> None:
    found = verdict(20.2, late_fate(10**6)).timeline["cameras"]["cam-1"]
    assert len(found) == 20
    assert found[-1][1] == pytest.approx(found[0][1], rel=0.05)


def test_the_record_survives_its_own_json() -> None:
    found = verdict(20.0, late_fate(10**6))
    text = found.model_dump_json(by_alias=True)
    assert Verdict.model_validate_json(text) == found
    assert 0 < len(found.timeline["spans"]) < 200
    assert [row[0] for row in found.timeline["cameras"]["cam-1"]] == [float(second) for second in range(20)]


def test_the_table_of_cameras_says_what_happened_to_each() -> None:
    fates = {0: lambda n: DROP if n % 25 else 0.05, 1: lambda n: LOSE if n % 4 == 0 else 0.05, 2: lambda n: 0.05}
    plan = scenario(cameras=[{"group": "cam", "count": 3, "resolution": "320x180", "fps": 15.0}])
    seen = observe(plan, 20.0, lambda feed, number: fates[feed](number))
    seen.rows([["c", 2, 1.0, "stalled: nothing came for 3 s"], ["c", 2, 4.0, "ok"]])
    statuses = [camera.status for camera in judge(plan, seen, configs(plan), facts()).cameras]
    assert statuses == ["drops 96 %, allowed 1 %", "lost 75 of 300 frames", "stalled: nothing came for 3 s"]


def test_a_run_on_another_box_than_the_planned_is_inconclusive_with_its_own_word() -> None:
    plan = scenario()
    seen = observe(plan, 20.0, lambda _f, n: DROP if n % 2 else 0.05)
    seen.rows([["c", 1, 1.0, "failed: no picture"]])
    asked = {name: config.model_copy(update={"threads": 64}) for name, config in configs(plan).items()}
    found = judge(plan, seen, asked, facts(), other_box="the plan is for a desktop")
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason.startswith("this is not the planned box: the plan is for a desktop; here failed: ")
    assert "sources (cam-2 failed: no picture)" in found.reason  # the dead camera is not hidden
    checked = {check.name: check.ok for check in found.checks}
    assert checked["effective_config"] is None
    assert checked["planned_box"] is None
    forced = judge(plan, seen, asked, facts())
    assert forced.verdict == "FAIL"
    assert "planned_box" not in {check.name for check in forced.checks}


@pytest.mark.parametrize(("kind", "words"), [("drawn", "as many as the scenario says"), ("real", "found by the model")])
def test_the_verdict_says_whose_objects_made_the_load(kind, words) -> None:
    plan = scenario()
    seen = observe(plan, 40.0)
    seen.objects["person"] = kind
    assert judge(plan, seen, configs(plan), facts()).reason.endswith(f"; objects of person: {words}")


def test_a_disturbed_run_that_decides_nothing_says_who_disturbed_it() -> None:
    found = verdict(5.0, late_fate(10**6), other_cores=0.6)
    assert found.verdict == "INCONCLUSIVE"
    assert "stop other work and repeat: other processes took 0.60 of 2 cores" in found.reason


def test_a_healthy_live_camera_passes() -> None:
    camera = {"group": "net", "count": 1, "resolution": "320x180", "fps": 15.0, "source": ["rtsp://camera/1"]}
    plan = scenario(cameras=[camera])
    seen = observe(plan, 40.0)
    seen.rows([["c", 0, 0.0, "ok"], ["v", 0, "h264", 320, 180, 8, None]])
    found = judge(plan, seen, configs(plan), facts())
    assert found.verdict == "PASS", found.reason
    assert found.cameras[0].status == "ok"
