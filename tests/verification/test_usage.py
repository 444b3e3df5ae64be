from __future__ import annotations

import pytest

from advisor.verification.usage import usage

from .support import observe, scenario


def test_cpu_time_is_shared_out_without_remainder() -> None:
    seen = observe(scenario(), 20.0, cpu_cores=1.0, warmup_s=2.0)
    found = usage(seen, 2.0)
    assert found.cpu_cores == pytest.approx(1.0)
    assert found.utilisation["cpu"] == pytest.approx(0.5)
    # own threads 0.2, of it decoding 0.1; the rest of the process is inference of two stages with equal passes
    assert found.decode_cores == pytest.approx(0.1)
    assert found.harness_cores == pytest.approx(0.1)
    assert found.stage_cores == pytest.approx({"person": 0.4, "reid": 0.4})
    total = found.decode_cores + found.harness_cores + sum(found.stage_cores.values())
    assert total == pytest.approx(found.cpu_cores)


def test_what_was_burnt_for_the_application_is_neither_harness_nor_a_stages() -> None:
    seen = observe(scenario(), 20.0, cpu_cores=1.0, warmup_s=2.0)
    for row in seen.samples:
        row["application_s"] = 0.06 * row["t"]
    found = usage(seen, 2.0)
    assert found.application_cores == pytest.approx(0.06)
    assert found.harness_cores == pytest.approx(0.04)
    assert found.stage_cores == pytest.approx({"person": 0.4, "reid": 0.4})


def test_busy_share_of_a_stage_is_time_in_passes() -> None:
    found = usage(observe(scenario(), 20.0), 2.0)
    assert found.busy["person"] == pytest.approx(0.2, abs=0.005)  # 20 ms out of every 100 ms


def test_who_binds() -> None:
    plan = scenario()
    assert usage(observe(plan, 10.0), 2.0).binding() is None
    full = usage(observe(plan, 10.0, cpu_cores=1.95), 2.0).binding()
    assert full is not None
    assert full.startswith("cpu (most of it: ")
    assert usage(observe(plan, 10.0, cpu_cores=0.4, other_cores=1.6), 2.0).binding() == "cpu (taken by other processes)"
    assert usage(observe(plan, 10.0, service_s=lambda _t: 0.098), 2.0).binding() in {"stage person", "stage reid"}


def test_what_cannot_be_read_is_unknown() -> None:
    seen = observe(scenario(), 10.0)
    for row in seen.samples:
        row["machine_s"] = row["cpu_s"] = None
    found = usage(seen, 2.0)
    assert found.cpu_cores is None
    assert found.other_cores is None
    assert found.power_w is None
    assert "cpu" not in found.utilisation


def test_power_is_energy_over_time_and_a_wrapped_counter_is_unknown() -> None:
    seen = observe(scenario(), 10.0)
    for row in seen.samples:
        row["energy_j"] = 100.0 + 12.0 * row["t"]
    assert usage(seen, 2.0).power_w == pytest.approx(12.0)
    seen.samples[-1]["energy_j"] = 1.0
    assert usage(seen, 2.0).power_w is None


def test_what_threads_of_one_stage_used_is_its_own_and_the_rest_goes_to_those_that_share() -> None:
    seen = observe(scenario(), 20.0, cpu_cores=1.0, warmup_s=2.0)
    for row in seen.samples:
        row["stage_s"] = {"person": 0.5 * row["t"], "reid": 0.1 * row["t"]}
    seen.measured = ("person",)
    # 0.8 cores of inference: 0.2 by threads that serve both, of which only reid has need
    assert usage(seen, 2.0).stage_cores == pytest.approx({"person": 0.5, "reid": 0.3})
    seen.measured = ("person", "reid")
    assert usage(seen, 2.0).stage_cores == pytest.approx({"person": 0.6, "reid": 0.2})  # callbacks, by time of passes
