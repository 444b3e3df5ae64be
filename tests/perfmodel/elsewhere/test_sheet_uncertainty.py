"""Uncertain fields of a data sheet widen a prediction by what they do to it."""

import numpy as np
import pytest

from advisor.perfmodel.elsewhere.sheet_uncertainty import FACTORS, sheet_uncertainty, with_field_moved
from advisor.records.base import Z90
from tests.perfmodel.makers import machine

ENDS = {"sustained_power_w": 45.0, "sustained_power_low_w": 28.0, "sustained_power_high_w": 65.0}


def half_width(**facts: object) -> float:
    """Half width of a time that falls as the power limit rises."""
    box = machine(**facts)

    def log_times(machines):
        return np.array([-np.log(item.sustained_power_w) for item in machines])

    return float(sheet_uncertainty([box], log_times([box]), log_times)[0])


def test_a_power_limit_with_ends_reaches_as_far_as_they_do():
    """The ends are 10 and 90 % quantiles: a standard deviation is 1/1.28 of the way, the half width again the whole."""
    expected = np.sqrt(0.5 * (np.log(45 / 28) ** 2 + np.log(65 / 45) ** 2))
    assert half_width(**ENDS) == pytest.approx(expected)
    assert half_width(**ENDS, uncertain=("sustained_power_w",)) == pytest.approx(expected)


def test_without_ends_an_assumed_limit_is_doubted_and_a_stated_one_is_not():
    stated = {"sustained_power_w": 45.0}
    assert half_width(**stated) == 0.0
    expected = Z90 * np.log(FACTORS["sustained_power_w"])
    assert half_width(**stated, uncertain=("sustained_power_w",)) == pytest.approx(expected)


def test_a_limit_moves_towards_the_end_that_is_asked_for():
    box = machine(**ENDS)
    moved = [with_field_moved(box, "sustained_power_w", power).sustained_power_w for power in (-1.0, 1.0)]
    assert moved == pytest.approx([45.0 * (28 / 45) ** (1 / Z90), 45.0 * (65 / 45) ** (1 / Z90)])
