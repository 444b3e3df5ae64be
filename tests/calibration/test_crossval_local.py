"""Models and families of this machine left out, and what `sizer calibrate` makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.crossval_local import held_out_predictions, next_measurement, unseen_on_host
from advisor.errors import Inconclusive
from advisor.perfmodel.here.calibration import SHARINGS, load_host_calibration
from advisor.workflows import calibrate_here
from advisor.workflows.calibrate_here import calibrate_rows
from tests.perfmodel.makers import kernel, machine, measurement


def campaign(factor: float = 1.0, models: int = 5, dirty: bool = False) -> list:
    """Models of alike kernels at 50 GFLOP/s, timings ``factor`` times the sum of their kernels."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(models):
        kernels = []
        for i in range(12):
            flop = float(rng.uniform(5e7, 5e8))
            time_s = flop / 50e9 * float(np.exp(rng.normal(0.0, 0.05)))
            kernels.append(kernel(i, flop=flop, moved=flop / 200.0, time_s=time_s))
        total = factor * sum(k.time_s or 0.0 for k in kernels)
        name = f"net{number}"
        rows.append(measurement(1.0, model=name, kernels=tuple(kernels), dirty=dirty))
        rows.append(measurement(total, model=name, dirty=dirty))
        rows.append(measurement(0.55 * total, model=name, dirty=dirty, threads=2))
    return rows


HOST = machine("this")


def test_unseen_models_of_alike_kernels_are_predicted_within_a_tenth() -> None:
    judged = held_out_predictions(HOST, campaign(), [], lambda name: name)
    assert {item.model for item in judged} == {f"net{i}" for i in range(5)}
    one = [item for item in judged if item.kind.endswith("1 thread")]
    assert np.median([abs(item.error) for item in one]) < 0.1
    table = unseen_on_host("model", judged)
    assert table[0].rows == len(judged) == 10
    assert table[0].group == "all, model left out"
    assert "measure next: " in next_measurement(judged, campaign())


def test_nothing_of_the_left_out_group_is_used() -> None:
    """One model is a hundred times slower than its kernels say: left out, nothing can know."""
    rows = campaign()
    odd = [measurement(5.0, model="net0") if row.kind == "timing" and row.model == "net0" else row for row in rows]
    judged = held_out_predictions(HOST, odd, [], lambda name: name)
    assert all(abs(item.error) > 2.0 for item in judged if item.model == "net0" and item.kind.endswith("1 thread"))


def test_a_fit_is_written_as_plain_numbers_and_used(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    report = calibrate_rows(HOST, "h", campaign(1.1), [])
    assert (tmp_path / "calibration" / "h.json").exists()
    fit = load_host_calibration("h")
    assert fit.host_fingerprint == "h"
    assert fit.sharing in SHARINGS
    assert 0.5 <= fit.width <= 5.0
    assert report.accuracy == fit.accuracy
    assert any(line.startswith("measure next") for line in report.lines)


def test_too_little_is_said_with_the_remedy() -> None:
    with pytest.raises(Inconclusive, match=r"sizer bench --quick"):
        calibrate_rows(HOST, "h", campaign(models=2), [])
    with pytest.raises(Inconclusive, match=r"sizer bench --quick"):
        calibrate_rows(HOST, "h", [], [])


def test_disturbed_measurements_widen_and_break_nothing() -> None:
    def width(dirty: bool) -> float:
        return float(
            np.mean([i.width for i in held_out_predictions(HOST, campaign(dirty=dirty), [], lambda name: name)])
        )

    assert width(True) > 1.02 * width(False)


def test_a_worse_fit_is_refused_unless_forced(tmp_path, monkeypatch) -> None:
    """Sharing 2 looks better on left-out models and is worse on left-out families, which decide."""
    from advisor.calibration import crossval_local

    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.setattr(calibrate_here, "family_of", lambda: lambda name: f"family of {name}")
    judge = crossval_local.held_out_predictions

    def imagined(host, rows, micro, group_of, fit):
        alone = group_of("net0") == "net0"
        error = (0.1 if fit.sharing == 2.0 else 0.2) if alone else (0.3 if fit.sharing == 2.0 else 0.1)
        return [replace(item, error=error) for item in judge(host, rows, micro, group_of, fit)]

    monkeypatch.setattr(crossval_local, "held_out_predictions", imagined)
    with pytest.raises(Inconclusive, match=r"errs by 30.0 %.*shipped one by 10.0 %.*--force"):
        calibrate_rows(HOST, "h", campaign(models=4), [])
    assert not (tmp_path / "calibration").exists()
    calibrate_rows(HOST, "h", campaign(models=4), [], force=True)
    assert load_host_calibration("h").sharing == 2.0
