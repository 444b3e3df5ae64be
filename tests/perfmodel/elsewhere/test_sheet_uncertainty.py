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
