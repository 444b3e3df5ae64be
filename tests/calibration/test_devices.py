"""How devices are fitted and judged: on made-up graphics whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.device_errors import Errors, accuracy, covered, half_width
from advisor.calibration.device_spread import Spread
from advisor.calibration.devices import GraphicsData, Judge, anchored, fit_graphics, network_folds
from advisor.perfmodel.devices.graphics import NAMES, PRIORS, log_time, vector
from advisor.perfmodel.devices.graphics_estimate import graphics_rows
from tests.perfmodel.devices.makers import graphics, table

TRUE = vector({name: PRIORS[name][0] for name in NAMES})


def made_up(extra: dict[str, float], precisions: tuple[str, ...] = ("f16",)) -> GraphicsData:
    """Five devices and six models that follow the formula, but for ``extra`` on a device's log time."""
    specs = [graphics(id=f"d{i}", execution_units=24.0 * (i + 1), power_w=15.0 + 6 * i) for i in range(5)]
    tables = [table(f"m{j}", flop=4e8 * 3.0**j) for j in range(6)]
    cells = [(spec, work, word) for word in precisions for spec in specs for work in tables]
    pairs = [(spec, work) for spec, work, _ in cells]
    rows = graphics_rows([s for s, _ in pairs], [w for _, w in pairs], [c[2] for c in cells], [False] * len(pairs))
    times = log_time(TRUE, rows) + np.array([extra.get(spec.id, 0.0) for spec, _ in pairs])
    return GraphicsData(
        rows, times, tuple(s.id for s, _ in pairs), ("xe-lp",) * len(pairs), tuple(w.model for _, w in pairs),
        tuple(w.model for _, w in pairs), np.zeros(len(pairs), dtype=bool),
    )  # fmt: skip


def test_a_device_that_was_left_out_is_found_again() -> None:
    data = made_up({})
    every = np.arange(len(data.log_time))
    fit = fit_graphics(data, every[6:])
    errors = data.log_time[:6] - fit.predict(data, every[:6])
    assert np.abs(errors).max() < 0.05


def test_what_a_device_deviates_by_is_learned_and_shrunk() -> None:
    data = made_up({"d2": 0.4})
    fit = fit_graphics(data, np.arange(len(data.log_time)))
    follow, ignore = Spread(between=0.04, within=0.01), Spread(between=0.0, within=0.01)
    assert 0.15 < fit.deviations({0: follow})[0, "d2"] < 0.4
    assert fit.deviations({0: ignore})[0, "d2"] == 0.0


def test_the_spread_of_devices_is_learned_without_the_one_that_is_judged() -> None:
    data = made_up({"d2": 0.4}, precisions=("f16", "int8"))
    judge = Judge(data)
    every, without = judge.spread(), judge.spread(("d2",))
    for precision in (0, 1):
        assert every[precision].between > 10.0 * without[precision].between
    changed = made_up({"d2": -0.9}, precisions=("f16", "int8"))
    assert Judge(changed).spread(("d2",)) == without


def errors_of(values: list[float], units: list[str]) -> Errors:
    return Errors(np.array(values), tuple(units), np.zeros(len(values), dtype=np.int64), tuple(units))


def test_few_units_are_given_a_wider_band_than_many() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.0, 0.1, 600)
    few, many = ([f"u{i % n}" for i in range(600)] for n in (3, 60))
    assert half_width(values, few) > half_width(values, many) > 0.1


def test_coverage_counts_units_by_the_band_of_the_others() -> None:
    alike = errors_of([0.1, -0.1, 0.05] * 4, [f"u{i // 3}" for i in range(12)])
    assert covered(alike) == 1.0
    odd = errors_of([0.1] * 9 + [0.9] * 3, [f"u{i // 3}" for i in range(12)])
    assert covered(odd) == pytest.approx(0.75)
    assert covered(errors_of([0.1, 0.2], ["a", "b"])) is None


def test_an_anchor_takes_its_share_of_a_device_s_deviation() -> None:
    parts = anchored(errors_of([0.3, 0.3, 0.3], ["a"] * 3), 1, Spread(between=0.03, within=0.01))
    assert len(parts) == 3
    assert all(part.errors == pytest.approx([0.075, 0.075]) for part in parts)


def test_an_anchor_says_nothing_of_another_list_s_figures() -> None:
    found = replace(errors_of([0.4, 0.4, -0.4], ["a"] * 3), lists=("a", "a", "a newest"))
    first, second, newest = anchored(found, 1, Spread(between=0.03, within=0.01))
    assert first.errors == pytest.approx([0.1, -0.4])
    assert second.errors == pytest.approx([0.1, -0.4])
    assert newest.errors == pytest.approx([0.4, 0.4])
    assert first.lists == ("a", "a newest")


def test_what_a_device_deviates_by_is_learned_for_each_list() -> None:
    data = made_up({})
    newest = np.zeros(len(data.log_time), dtype=bool)
    newest[[6, 7, 8, 12, 13, 14]] = True  # three models of d1 and of d2
    off = np.zeros(len(newest))
    off[[6, 7, 8]], off[[12, 13, 14]] = -0.4, 0.4
    data = replace(data, arrays=replace(data.arrays, is_newest=newest), log_time=data.log_time + off)
    assert set(data.lists) == {f"d{i}" for i in range(5)} | {"d1 esq", "d2 esq"}
    fit = fit_graphics(data, np.arange(len(data.log_time)))
    assert len(fit.devices[0, "d2"]) == len(fit.devices[0, "d2 esq"]) == 3
    own = fit.deviations({0: Spread(between=0.04, within=0.01)})
    assert own[0, "d2 esq"] - own[0, "d2"] > 0.1


def test_a_row_of_the_table() -> None:
    row = accuracy("x", errors_of([0.0, 0.1, -0.3, 0.5], ["a", "b", "c", "c"]))
    assert (row.devices, row.rows) == (3, 4)
    assert row.within_20 == 0.5
    assert row.within_half == 0.75


def test_families_of_models_are_left_out_whole() -> None:
    data = made_up({})
    folds = network_folds(data)
    for name in set(data.network):
        assert len({fold for fold, family in zip(folds, data.network, strict=True) if family == name}) == 1
