"""The formula of graphics: limits, power, and the order of its parts."""

import numpy as np
import pytest

from advisor.perfmodel.devices.graphics import NAMES, PRIORS, log_time, sustained_clock_hz, vector
from advisor.perfmodel.devices.graphics_estimate import graphics_rows

from .makers import graphics, table

PARAMETERS = vector({name: PRIORS[name][0] for name in NAMES})


def seconds(flop: float = 8e9, precision: str = "f16", **changes: float) -> float:
    rows = graphics_rows([graphics(**changes)], [table(flop=flop)], [precision], [False])
    return float(np.exp(log_time(PARAMETERS, rows)[0]))


def test_it_is_never_below_the_time_of_the_peak() -> None:
    peak = 96 * 1.35e9 * 32
    assert seconds() > 8e9 / peak


def test_more_units_memory_and_power_never_slow_it_down() -> None:
    base = seconds()
    assert seconds(execution_units=128.0) < base
    assert seconds(memory_bandwidth_bytes_per_s=90e9) < base
    assert seconds(power_w=45.0) < base
    assert seconds(precision="int8") < base


def test_half_of_the_power_costs_less_than_half_of_the_clock() -> None:
    rows = [graphics_rows([graphics(power_w=p)], [table()], ["f16"], [False]) for p in (28.0, 14.0)]
    full, half = (float(sustained_clock_hz(PARAMETERS, part)[0]) for part in rows)
    assert 0.5 < half / full < 1.0
    assert full <= 1.35e9


def test_a_power_limit_that_does_not_bind_leaves_the_clock() -> None:
    rows = graphics_rows([graphics(power_w=500.0, execution_units=24.0)], [table()], ["f16"], [False])
    assert float(sustained_clock_hz(PARAMETERS, rows)[0]) == pytest.approx(1.35e9, rel=0.01)


def test_tiny_networks_are_bound_by_launches() -> None:
    assert seconds(flop=1e6) > 60 * np.exp(PRIORS["launch_xe"][0]) * 0.9
