from __future__ import annotations

import datetime as dt
from math import exp, log
from typing import cast

import pytest

from advisor.perfmodel.here.present import PresentSpeed, load_of
from advisor.perfmodel.predictor import Predictor
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import MicroBenchmark, ProfileMeasurement, TimingMeasurement
from tests.perfmodel.makers import kernel, machine, measurement, timed, work

OLD, NEW = "2026-11-30T10:00:00Z", "2026-11-30T12:00:00Z"
FRESH = dt.datetime(2026, 11, 30, 11, tzinfo=dt.UTC)


def row(
    time_s: float, model: str = "toy", kind: str = "sync", started: str = OLD, **config: object
) -> TimingMeasurement:
    found = cast(TimingMeasurement, timed([time_s] * 20, kind, **config))
    return found.model_copy(update={"started": started, "model": model, "model_sha256": model})


def speed(*changes: tuple[str, str, float], processors: int = 4) -> PresentSpeed:
    """Models that were timed anew, with the factor by which they take longer."""
    settings: dict[str, tuple[str, dict[str, object]]] = {
        "alone": ("sync", {}),
        "full": ("async", {"threads": 4, "streams": 4}),
        "rested": ("rested", {}),
    }
    stored, now = [], []
    for model, load, factor in changes:
        kind, config = settings[load]
        stored.append(row(0.01, model, kind, **config))
        now.append(row(0.01 * factor, model, kind, NEW, **config))
    found = PresentSpeed.between(stored, now, FRESH, processors)
    assert found is not None
    return found


def micro(name: str, value: float, unit: str = "s", started: str = OLD, **parameters: str) -> MicroBenchmark:
    return MicroBenchmark(
        key=name, name=name, value=value, unit=unit, samples=9, host_fingerprint="h", started=started, spread=0.1,
        parameters=parameters,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "threads", "processors", "load"),
    [("sync", 1, 4, "alone"), ("sync", 1, 1, "alone"), ("sync", 2, 8, "alone"), ("sync", 4, 8, "full"),
     ("async", 2, 2, "full"), ("rested", 4, 4, "rested")],
)  # fmt: skip
def test_a_load_goes_by_the_share_of_processors_at_work(kind: str, threads: int, processors: int, load: str) -> None:
    assert load_of(row(0.01, kind=kind, threads=threads), processors) == load


def test_a_model_goes_by_its_own_change_and_anything_else_by_the_mean() -> None:
    now = speed(("a", "alone", 1.2), ("b", "alone", 1.5), ("a", "full", 1.1))
    rows = now.rows([row(0.02, "a"), row(0.02, "c"), row(0.02, "b", "async", threads=4, streams=4)])
    times_s = [one.timing.p50.value_s for one in rows if isinstance(one, TimingMeasurement) and one.timing]
    assert times_s == pytest.approx([0.024, 0.02 * (1.2 * 1.5) ** 0.5, 0.022])


def test_every_time_of_a_timing_changes_and_its_rate_the_other_way() -> None:
    (found,) = speed(("a", "alone", 2.0)).rows([row(0.02, "a")])
    assert isinstance(found, TimingMeasurement)
    assert found.timing is not None
    assert found.timing.throughput_per_s == pytest.approx(25.0)
    assert found.timing.avg_time_s == found.timing.min_s == found.timing.p95.value_s == pytest.approx(0.04)
    assert set(found.timing.latencies_s) == set(found.timing.block_p50_s) == {0.04}


def test_what_was_measured_lately_is_as_of_now_already() -> None:
    now = speed(("a", "alone", 1.5), ("a", "full", 1.5))
    fresh = [row(0.02, "a", started=NEW)]
    assert now.rows(fresh) == fresh
    decode = [micro("decode/h264/64x64/10kbps/n1", 0.003, started=NEW)]
    assert now.micro(decode) == decode


def test_kernels_of_a_profile_change_with_the_passes_of_their_model() -> None:
    profile = measurement(0.02, "a", kernels=(kernel(0, time_s=0.004), kernel(1))).model_copy(
        update={"started": OLD, "pass_s": 0.02, "fastest_pass_s": None}
    )
    (found,) = speed(("a", "alone", 1.5)).rows([profile])
    assert isinstance(found, ProfileMeasurement)
    assert [part.time_s for part in found.kernels] == [pytest.approx(0.006), None]
    assert (found.pass_s, found.fastest_pass_s) == (pytest.approx(0.03), None)


def test_work_of_a_core_changes_as_passes_do_in_the_mean_and_contention_stays() -> None:
    now = speed(("a", "alone", 1.0), ("a", "full", 1.44))
    (found,) = now.micro([micro("decode/h264/64x64/10kbps/n2", 0.003, alone_s="0.002", frames_per_s="7")])
    assert found.value == pytest.approx(0.0036)
    assert found.value / float(found.parameters["alone_s"]) == pytest.approx(1.5)
    assert found.parameters["frames_per_s"] == "7"
    assert found.spread is not None
    assert found.spread > 0.1


@pytest.mark.parametrize(
    ("name", "unit"), [("peak/openvino/f32/native/t1", "FLOP/s"), ("stacking", "1"), ("cold/openvino/t1", "s")]
)
def test_rates_shares_and_pauses_stay(name: str, unit: str) -> None:
    given = [micro(name, 0.5, unit)]
    assert speed(("a", "alone", 1.5)).micro(given) == given


def test_models_that_changed_apart_leave_more_open_for_what_was_not_timed_anew() -> None:
    together = speed(("a", "alone", 1.2), ("b", "alone", 1.2))
    apart = speed(("a", "alone", 1.0), ("b", "alone", 1.44))
    assert together.deviation == pytest.approx(0.03)
    assert apart.deviation == pytest.approx(log(1.2))


def test_nothing_is_known_where_nothing_could_be_timed() -> None:
    assert PresentSpeed.between([], [], FRESH, 2) is None


def test_a_plan_predicts_the_machine_as_it_is_now() -> None:
    """What was looked up changes by its own factor; the other stream setting follows, contention by both."""
    host = machine("this")
    rows = [row(0.010, "toy", threads=1, streams=1), row(0.016, "toy", "async", threads=4, streams=4)]
    rows[1] = rows[1].model_copy(
        update={"timing": rows[1].timing.model_copy(update={"throughput_per_s": 250.0})} if rows[1].timing else {}
    )
    now = speed(("toy", "alone", 1.1), ("toy", "full", 1.3))
    before, after = (Predictor.load(host=host, measurements=given) for given in (rows, now.rows(rows)))
    for config, factor in ((RunConfig(threads=1, streams=1), 1.1), (RunConfig(threads=4, streams=4, requests=4), 1.3)):
        first, second = (one.service(host, work(), config).latency_s.p50 for one in (before, after))
        assert second / first == pytest.approx(factor, rel=1e-6)


def test_passes_after_pauses_are_compared_by_the_mean_that_a_pause_is_taken_from() -> None:
    """A shared cache is there or not: a median would see one of the two."""
    usual = cast(TimingMeasurement, timed([0.01] * 11 + [0.02] * 9, "rested")).model_copy(update={"started": OLD})
    more = cast(TimingMeasurement, timed([0.01] * 5 + [0.02] * 15, "rested")).model_copy(update={"started": NEW})
    found = PresentSpeed.between([usual], [more], FRESH, 4)
    assert found is not None
    mean, later = (9 * 0.01 + 7 * 0.02) / 16, (3 * 0.01 + 13 * 0.02) / 16
    assert exp(found.change("toy", "rested")) == pytest.approx(later / mean)
    assert LoadMode(kind="rested") == usual.mode
