import numpy as np

from advisor.calibration.crossval import most_telling


def test_the_most_telling_row_is_the_one_that_the_others_hang_on() -> None:
    """Rows 0 to 3 share an effect, row 4 stands alone: measuring it first would tell nothing of the rest."""
    shared = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    spread = np.outer(shared, shared) + np.diag([0.1, 0.5, 0.5, 0.5, 1.2])
    assert most_telling(spread, 2).tolist() == [0, 4]
