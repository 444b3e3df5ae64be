"""Table makers on figures made up here; nothing is timed."""

import json
import statistics
from types import SimpleNamespace

import pytest

from advisor import __version__
from advisor.clock import RealClock
from advisor.errors import Inconclusive
from advisor.measure.timing.harness import MeasureSpec, Session
from advisor.records.base import Interval
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import BenchReport, Interference
from advisor.store.scenario import load_scenario
from benchmarks import cascade, devices, harness, host_spec, local, overhead, quick, repeatability
from benchmarks.common import spread, table, variation
from benchmarks.sections import SECTIONS, chosen
from benchmarks.variants import CAPACITY, variants, write


def cells(text: str, first: str) -> list[str]:
    """Cells of the one row that begins with ``first``."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def pair(model: str, shape: str, throughput: float, latency: float, disturbed: bool = False) -> harness.Pair:
    ours = harness.Figures(100.0 * throughput, 0.01 * latency, disturbed)
    return harness.Pair(model, shape, ours, harness.Figures(100.0, 0.01))


def test_table_escapes_bars_and_shows_the_unknown_as_a_dash() -> None:
    assert table(["a", "b"], [["x|y", None], [0, "two\nlines"]]).splitlines() == [
        "| a | b |", "| --- | --- |", "| x\\|y | - |", "| 0 | two lines |",
    ]  # fmt: skip


def test_spread_and_variation_are_those_of_the_sample() -> None:
    values = [3.0, 1.0, 2.0, 10.0]
    assert spread(values).text(1) == "2.5 (1.0-10.0)"
    assert variation(values) == pytest.approx(statistics.stdev(values) / 4.0)
    assert variation([1.0]) is None


def test_harness_table_takes_medians_of_ratios_per_cell() -> None:
    found = [
        *(pair("m", "one", ratio, 1 / ratio) for ratio in (0.9, 1.0, 1.4)),
        *(pair("m", "many", ratio, 1.0, disturbed=True) for ratio in (1.10, 1.20, 1.30)),
    ]
    text = harness.tables(found)
    one = [line for line in text.splitlines() if line.startswith("| m | one |")]
    assert one == ["| m | one | 100.0 | 1.000 (0.900-1.400) | 1.000 (0.714-1.111) | 3 |"]
    assert cells(text, "throughput") == ["throughput", "1.150 (0.900-1.400)", "1.100 (1.000-1.200)", "50 %", "6"]
    assert "3 of its 6 runs disturbed" in text


def test_benchmark_app_is_asked_for_the_same_configuration(tmp_path) -> None:
    shape = harness.shapes(4)[-1]
    file = type("File", (), {"path": "m.onnx", "token_limit": None})()
    words = harness.command(file, shape, 3, tmp_path)
    options = dict(zip(words[4::2], words[5::2], strict=False))
    assert (options["-nstreams"], options["-nthreads"], options["-nireq"], options["-b"]) == ("4", "4", "4", "1")
    assert (options["-infer_precision"], options["-hint"], options["-api"]) == ("f32", "none", "async")
    assert len(harness.shapes(1)) == 1


def test_benchmark_apps_file_is_read_in_seconds() -> None:
    text = json.dumps({"execution_results": {"throughput": "96.62", "latency (ms)": "8.69"}})
    assert harness.parse(text) == harness.Figures(96.62, pytest.approx(0.00869))


def test_repeatability_splits_by_threads_and_neighbour() -> None:
    found = [
        repeatability.Repeat(threads, busy, p50, busy, 8 if busy else 0, 1.5 if busy else None)
        for threads in (1, 2)
        for busy in (False, True)
        for p50 in ((0.010, 0.010) if not busy else (0.010, 0.030))
    ]
    lines = repeatability.tables(found).splitlines()
    assert lines[2] == "| 1 | none | 10.00 ms (10.00-10.00) | 0.00 % | 0.00 % (2) | - | 0 % | 0 | 2 |"
    busy_line = "| 2 | busy | 20.00 ms (10.00-30.00) | 70.71 % | - (0) | 1.50 (1.50-1.50) | 100 % | 8 | 2 |"
    assert lines[5] == busy_line


def test_overhead_differences_are_taken_round_by_round() -> None:
    calls = {"bare": [10e-6, 30e-6], "wrapped": [12e-6, 33e-6], "harness": [13e-6, 35e-6]}
    text = overhead.tables({"sync": [1e-6]}, calls, [4e-4])
    assert cells(text, "added by sizer's call")[1] == "2.5 us (2.0-3.0)"
    assert cells(text, "added by the harness")[1] == "4.0 us (3.0-5.0)"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_null_model_is_a_compiled_model_to_the_harness(kind) -> None:
    spec = MeasureSpec(
        min_duration_s=0.01, max_duration_s=0.01, warmup_max_s=0, block_s=0.005, min_samples=1, min_blocks=1
    )
    session = Session(overhead.NullModel(), LoadMode(kind=kind), spec, RealClock())
    while not session.step():
        pass
    assert session.timing().samples > 1
    assert overhead.per_pass_s(overhead.NullModel(), kind, spec) > 0


def test_device_rows_are_held_against_the_plain_cpu_under_the_same_load() -> None:
    dense, sparse = devices.cases()[:2]
    auto = next(case for case in devices.cases() if case.name.startswith("AUTO"))
    effective = EffectiveConfig(device="CPU", runtime_version="1", streams=2, optimal_requests=4)
    found = []
    for factor in (1.0, 2.0):  # the machine doubles its speed between rounds: ratios must not see it
        found += [
            devices.Result(dense, 100 * factor, 0.01, 0.02, effective, False),
            devices.Result(sparse, 10, 0.01, 0.02, effective, False),
            devices.Result(auto, 90 * factor, 0.01, 0.02, effective, True),
        ]
    row = cells(devices.tables(found), auto.name)
    assert row[2] == "0.90 (0.90-0.90)"
    assert row[-1] == "2/2"
    assert {case.config.auto_batch_timeout_s for case in devices.cases()} == {None, *devices.TIMEOUTS_S}


def test_quick_table_names_what_was_left_out() -> None:
    report = BenchReport(
        sizer_version=__version__, created="2026-01-01T00:00:00Z", host_fingerprint="x", measurements=(),
        left_out=("a model",), took_s=61.4,
    )  # fmt: skip
    text = quick.tables(report)
    assert cells(text, "time taken")[1] == "61 s of 120 s"
    assert text.endswith("- left out: a model")


def outcome(name: str, predicted: float, measured: float | None, **more: object) -> cascade.Outcome:
    figures = {
        "p95": cascade.Figure(0.8 * predicted, predicted, 1.2 * predicted, measured),
        "fps": cascade.Figure(15, 15, 15, 15.0),
        "drops": cascade.Figure(0, 1, 2, 0.0),
        "cpu": cascade.Figure(0.4, 0.5, 0.6, 0.5),
    }
    return cascade.Outcome(name, figures, **more)


def test_cascade_summary_names_the_worst_and_keeps_failures() -> None:
    found = [
        outcome("good", 100.0, 100.0),
        outcome("fair", 110.0, 100.0, capacity=(2.0, 3.0, 4.0, 5)),
        outcome("bad", 50.0, 100.0, disturbed=True),
        outcome("unseen", 50.0, None),
        cascade.Outcome("broken", failure="refused"),
    ]
    text = cascade.tables(found)
    assert cells(text, "p95 latency") == ["p95 latency", "3", "10.0 %", "67 % within 15 %", "67 %", "bad, -50 %"]
    assert cells(text, "drops (percentage points)")[2] == "1.0"
    assert "| fair | 3 (2-4) | 5 | -2 | no | no |" in text
    assert "Capacity: 0 of 1 within one camera or 10 % of what was found, 0 of 1 inside P10-P90." in text
    assert cells(text, "unseen")[1:3] == ["50 (40-60) / -", "-"]
    assert text.endswith("- broken showed nothing: refused")
    assert "| broken |" not in text


@pytest.mark.parametrize(
    ("predicted", "found", "near"), [(4.4, 3, True), (5, 3, False), (22, 20, True), (23, 20, False)]
)
def test_capacity_is_near_within_one_camera_or_a_tenth(predicted: float, found: int, near: bool) -> None:
    assert cascade.capacity_near(predicted, found) is near


def test_two_runs_of_one_variant_show_what_an_error_can_mean() -> None:
    found = [
        outcome("calm", 100.0, 100.0, again=outcome("calm", 100.0, 100.0, slower=1.1), slower=0.9),
        outcome("moody", 100.0, 50.0, again=outcome("moody", 100.0, 200.0)),
        outcome("once", 100.0, 100.0, again=cascade.Outcome("once", failure="refused")),
    ]
    text = cascade.tables(found)
    assert "factor of 2.00 in the median, at most 4.00 (moody)" in text
    assert "errs by 0.0 % in the median, 100 % within 15 %" in text
    assert "| calm | 100 | 100 | +0 % | 0.90 / 1.10 |" in text
    assert "| moody | 50 | 200 | +0 % | - / - |" in text
    assert "| once | 100 |" not in text


def test_an_error_against_nothing_measured_is_unknown_and_not_zero() -> None:
    assert cascade.Figure(1, 2, 3, None).error is None
    assert cascade.Figure(1, 2, 3, 0.0).error is None
    assert cascade.Figure(1, 2, 3, None).inside is None


def test_all_variants_are_valid_scenarios(tmp_path) -> None:
    known = variants()
    assert len(known) >= 12
    assert set(CAPACITY) | set(cascade.QUICK) <= set(known)
    for name, item in known.items():
        assert load_scenario(str(write(item, tmp_path))).scenario == name


ONE_THREAD = RunConfig(streams=1, threads=1, requests=1)


def local_row(group: str, name: str, predicted: float, *rates: float, dirty: int = 0, config: RunConfig = ONE_THREAD):
    visits = tuple(local.Visit(rate, place < dirty) for place, rate in enumerate(rates))
    return local.Row(group, name, config, Interval(p10=0.9 * predicted, p50=predicted, p90=1.1 * predicted), visits)


def test_local_visits_in_rounds_until_two_visits_were_undisturbed(monkeypatch) -> None:
    known = {"steady": 10.0, "late": 20.0, "never": 30.0, "broken": 40.0}
    asked = [
        local.Asked("plain", SimpleNamespace(name=name), ONE_THREAD, LoadMode(), Interval(p10=1, p50=2, p90=3))
        for name in known
    ]
    order = []

    def take(file, config, mode):
        order.append(file.name)
        visit = order.count(file.name)
        if file.name == "broken" and visit == 2:
            raise Inconclusive("refused")
        dirty = file.name == "never" or (file.name == "late" and visit <= 2)
        rate = known[file.name] * (0.5 if dirty else 1.0)
        return SimpleNamespace(rate=rate, interference=Interference(dirty=dirty))

    monkeypatch.setattr(local, "_rate", lambda record: record.rate)
    rows, failed = local.visited(asked, take)
    assert [order.count(name) for name in known] == [2, 4, 5, 2]
    assert order[:4] == list(known)  # rounds, not one configuration after the other
    assert [row.measured for row in rows] == [10.0, 20.0, 15.0]
    assert [row.disturbed for row in rows] == [False, False, True]
    assert [row.taken_as_it_was().measured for row in rows] == [10.0, 15.0, 15.0]
    assert failed == ["broken, openvino f32, 1x1 threads, batch 1: refused"]


def test_local_tables_judge_throughput_and_name_the_worst() -> None:
    rows = [
        local_row("residual", "resnet-50", 10.0, 10.0, 10.0, 8.0),
        local_row("residual", "resnet-34", 20.0, 16.0, 16.0, 16.0, dirty=3),
        local_row("plain", "vgg-16", 6.0, 8.0, config=ONE_THREAD.model_copy(update={"batch": 8})),
        local_row("plain", "alexnet", 8.0, 8.0, config=ONE_THREAD.model_copy(update={"precision": "int8"})),
    ]
    text = local.tables(rows, ["x: refused"])
    assert cells(text, "one thread, f32, OpenVINO")[1:6] == ["2", "12.5 %", "12.5 %", "50 % within 10 %", "50 %"]
    assert cells(text, "one thread, both precisions and runtimes")[1:3] == ["3", "0.0 %"]
    assert cells(text, "all")[6] == "resnet-34, openvino f32, 1x1 threads, batch 1: +25 %"
    assert cells(text, "openvino f32, 1x1 threads, batch 1")[7] == "0.0 %"
    assert "- not judged: x: refused" in text
    assert "8 visits in all; 1 of 4 configurations were disturbed on all" in text
    assert cells(text, "all, disturbed visits counting alike")[2] == "12.5 %"
    assert local.tables([], ["x"]).startswith("No configuration")


def test_local_noise_floor_is_over_all_pairs_of_visits() -> None:
    rows = [local_row("plain", "vgg-16", 1.0, 10.0, 11.0, 10.0), local_row("plain", "alexnet", 1.0, 10.0, 12.0)]
    floor = local.noise_floor(rows)
    assert floor.endswith("by 10.0 % (median), 10.0 % (mean), 20.0 % (largest of 4 pairs).")


def test_every_judged_model_belongs_to_one_group_and_exists() -> None:
    from advisor import zoo

    members = [member for group in local.GROUPS.values() for member in group]
    assert len(members) == len(set(members))
    assert set(local.JUDGED) <= set(members) <= set(zoo.known_names())
    assert set(local.QUICK_JUDGED) <= set(local.JUDGED)


def test_sections_are_chosen_in_their_order_and_have_a_run() -> None:
    assert [section.name for section in chosen(["transfer", "harness"])] == ["harness", "transfer"]
    assert chosen([]) == SECTIONS
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)


def test_host_spec_counts_rows_inside_their_interval_and_says_which_were_disturbed() -> None:
    """Predicted 100 (80 to 125): one measured 90, one 110, one 200 while others worked."""
    found = [
        host_spec.Row("m", "f32", 1, 80.0, 100.0, 125.0, true, "spec", disturbed=true == 200.0)
        for true in (90.0, 110.0, 200.0)
    ]
    text = host_spec.tables(found, ["n, int8: the runtime cannot run it so"])
    assert cells(text, "f32") == ["f32", "1", "3", "11.1 %", "23.4 %", "67 %", "-9 %", "67 %"]
    assert "1 of 3 measurements were disturbed" in text
    assert text.count("(disturbed)") == 1
    assert "not judged: n, int8" in text
