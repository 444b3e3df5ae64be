import numpy as np
import pytest

from advisor.perfmodel.analytic.machine import usual_boost_hz
from advisor.perfmodel.elsewhere.sheet_uncertainty import (
    FACTORS,
    UNKNOWN_BANDWIDTH,
    UNKNOWN_CLOCK,
    sheet_uncertainty,
    uncertainty_factor,
    with_field_moved,
)
from advisor.records.base import Z90
from tests.perfmodel.makers import machine


def test_a_field_is_uncertain_where_the_sheet_says_so_or_does_not_state_it() -> None:
    marked = machine(uncertain=("tdp_w", "memory_bandwidth_bytes_per_s"))
    assert uncertainty_factor(marked, "tdp_w") == FACTORS["tdp_w"]
    assert uncertainty_factor(machine(), "tdp_w") == 1.0
    assert uncertainty_factor(machine(memory_bandwidth_bytes_per_s=None), "memory_bandwidth_bytes_per_s") == (
        UNKNOWN_BANDWIDTH
    )
    assert uncertainty_factor(machine(base_hz=None, boost_hz=None), "boost_hz") == UNKNOWN_CLOCK
    assert uncertainty_factor(machine(boost_hz=None), "boost_hz") == 1.0


def test_a_certain_field_is_not_moved_and_an_uncertain_one_both_ways() -> None:
    assert with_field_moved(machine(), "tdp_w") == machine()
    marked = machine(uncertain=("tdp_w",), tdp_w=50.0)
    assert with_field_moved(marked, "tdp_w").tdp_w == pytest.approx(55.0)
    assert with_field_moved(marked, "tdp_w", -1.0).tdp_w == pytest.approx(50.0 / 1.1)


def test_errors_of_fields_are_propagated_to_first_order_and_add_in_quadrature() -> None:
    """A time that goes with clock^-1 x power^-2: the half width is known in closed form."""
    guest = machine(base_hz=None, boost_hz=None, uncertain=("tdp_w",))
    sure = machine()

    def log_times(specs):
        return np.array([-np.log(usual_boost_hz(spec)) - 2.0 * np.log(spec.tdp_w) for spec in specs])

    half_widths = sheet_uncertainty([guest, sure], log_times([guest, sure]), log_times)
    expected = Z90 * np.hypot(np.log(UNKNOWN_CLOCK), 2.0 * np.log(FACTORS["tdp_w"]))
    np.testing.assert_allclose(half_widths, [expected, 0.0], rtol=1e-12)


def test_several_predictions_may_rest_on_one_sheet() -> None:
    guest = machine(base_hz=None, boost_hz=None)

    def log_times(specs):
        return np.repeat([-np.log(usual_boost_hz(spec)) for spec in specs], 3)

    half_widths = sheet_uncertainty([guest], log_times([guest]), log_times)
    assert half_widths.shape == (3,)
    assert np.all(half_widths > 0.2)


ENDS = {"sustained_power_w": 45.0, "sustained_power_low_w": 28.0, "sustained_power_high_w": 65.0}


def half_width(**facts: object) -> float:
    """Half width of a time that falls as the power limit rises."""
    box = machine(**facts)

    def log_times(machines):
        return np.array([-np.log(item.sustained_power_w) for item in machines])

    return float(sheet_uncertainty([box], log_times([box]), log_times)[0])


def test_a_power_limit_with_ends_reaches_as_far_as_they_do() -> None:
    """The ends are 10 and 90 % quantiles: a standard deviation is 1/1.28 of the way, the half width again the whole."""
    expected = np.sqrt(0.5 * (np.log(45 / 28) ** 2 + np.log(65 / 45) ** 2))
    assert half_width(**ENDS) == pytest.approx(expected)
    assert half_width(**ENDS, uncertain=("sustained_power_w",)) == pytest.approx(expected)


def test_without_ends_an_assumed_limit_is_doubted_and_a_stated_one_is_not() -> None:
    stated = {"sustained_power_w": 45.0}
    assert half_width(**stated) == 0.0
    expected = Z90 * np.log(FACTORS["sustained_power_w"])
    assert half_width(**stated, uncertain=("sustained_power_w",)) == pytest.approx(expected)


def test_a_limit_moves_towards_the_end_that_is_asked_for() -> None:
    box = machine(**ENDS)
    moved = [with_field_moved(box, "sustained_power_w", power).sustained_power_w for power in (-1.0, 1.0)]
    assert moved == pytest.approx([45.0 * (28 / 45) ** (1 / Z90), 45.0 * (65 / 45) ** (1 / Z90)])
