import numpy as np
import pytest

from advisor.calibration.reliability import clustered_error


def test_a_share_of_machines_is_as_doubtful_as_machines_are_many() -> None:
    """Ten machines wholly right or wrong, forty rows each: the error is that of ten draws and not of four hundred."""
    machines = [f"m{i}" for i in range(10) for _ in range(40)]
    inside = np.repeat(np.arange(10) < 8, 40)
    assert clustered_error(inside, machines) == pytest.approx(np.sqrt(0.8 * 0.2 / 9))
    assert np.isnan(clustered_error(inside[:40], machines[:40]))


def test_rows_that_fall_evenly_leave_no_doubt_from_machines() -> None:
    machines = [f"m{i}" for i in range(10) for _ in range(40)]
    assert clustered_error(np.tile(np.arange(40) < 32, 10), machines) == pytest.approx(0.0)
