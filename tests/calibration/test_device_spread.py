"""Variances between and within devices: found again where they are known."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.device_errors import Errors, joined
from advisor.calibration.device_spread import Spread, spread_of


def simulated(between_sd: float, within_sd: float, devices: int, seed: int) -> Errors:
    """Errors of devices with 6 to 14 figures each."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(6, 15, devices)
    own = np.repeat(rng.normal(0.0, between_sd, devices), sizes)
    names = tuple(f"d{device}" for device in np.repeat(np.arange(devices), sizes))
    count = len(own)
    return Errors(own + rng.normal(0.0, within_sd, count), names, np.zeros(count, dtype=np.int64), names)


@pytest.mark.parametrize(("between_sd", "within_sd"), [(0.17, 0.10), (0.10, 0.15), (0.05, 0.15)])
def test_the_share_of_known_variances_is_found_again(between_sd: float, within_sd: float) -> None:
    truth = Spread(between_sd**2, within_sd**2)
    found = spread_of(simulated(between_sd, within_sd, 2000, seed=3))
    for figures in (1, 3, 12):
        assert found.share(figures) == pytest.approx(truth.share(figures), abs=0.03)


def test_of_seven_devices_the_variances_are_unbiased() -> None:
    found = [spread_of(simulated(0.10, 0.15, 7, seed)) for seed in range(400)]
    assert np.mean([spread.within for spread in found]) == pytest.approx(0.15**2, rel=0.03)
    assert np.mean([spread.between for spread in found]) == pytest.approx(0.10**2, rel=0.12)


def test_the_share_leaves_smaller_errors_than_more_or_less_of_an_anchor() -> None:
    known, new = simulated(0.10, 0.15, 300, seed=5), simulated(0.10, 0.15, 300, seed=6)
    names = np.array(new.devices)

    def squared(share: float) -> float:
        groups = [new.errors[names == name] for name in set(new.devices)]
        return float(np.mean([np.mean((group[1:] - share * group[0]) ** 2) for group in groups]))

    share = spread_of(known).share(1)
    assert squared(share) < min(squared(0.0), squared(0.76), squared(1.0))


def test_lists_of_one_device_have_deviations_of_their_own() -> None:
    errors = Errors(
        np.array([0.3, 0.3, -0.3, -0.3]), ("a",) * 4, np.zeros(4, dtype=np.int64), ("a",) * 4, ("a", "a", "a x", "a x")
    )
    found = spread_of(errors)
    assert (found.between, found.within) == (pytest.approx(0.09), 0.0)


def test_lists_of_some_rows_alone_are_refused() -> None:
    one = Errors(np.zeros(1), ("a",), np.zeros(1, dtype=np.int64), ("a",))
    with pytest.raises(ValueError, match="of every row or of none"):
        joined([one, replace(one, lists=("a newest",))])


def test_devices_that_do_not_differ_are_given_nothing() -> None:
    errors = Errors(np.array([0.1, -0.1, 0.2, -0.2]), ("a", "a", "b", "b"), np.zeros(4, dtype=np.int64), tuple("aabb"))
    found = spread_of(errors)
    assert (found.between, found.share(5)) == (0.0, 0.0)


def test_single_figures_tell_nothing_of_a_device_s_own_spread() -> None:
    with pytest.raises(ValueError, match="two figures"):
        spread_of(Errors(np.array([0.1, 0.2]), ("a", "b"), np.zeros(2, dtype=np.int64), ("a", "b")))
