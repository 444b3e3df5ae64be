"""A pass of few threads on an otherwise idle machine against published figures."""

from collections import defaultdict

import numpy as np
import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.physics import pass_time
from tests.calibration import shipped

CHIP = "intel-core-i5-8600k"
"""The one machine of which single requests on 1, 2, 4 and 6 threads were published."""


@pytest.mark.parametrize(("threads", "most"), [(1.0, 0.11), (2.0, 0.07), (4.0, 0.05)])
def test_few_threads_are_as_much_slower_than_all_as_published(threads: float, most: float) -> None:
    """Clock, caches and barriers between one busy core and six; 21 models, the same release."""
    data = shipped.dataset().data
    parameters = Predictor.load().transfer.parameters
    rows = np.flatnonzero([row.machine == CHIP and row.mode == 1 and row.batch == 1 for row in data.rows])
    some = data.take(rows)
    physical = pass_time(parameters, some.machines, some.table, some.peak_activation, some.runs).total
    by_model: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
    for row, busy, residual in zip(some.rows, some.runs.threads, some.log_time - np.log(physical), strict=True):
        by_model[row.model, row.era][float(busy)] = float(residual)
    errors = [found[threads] - found[6.0] for found in by_model.values() if {threads, 6.0} <= found.keys()]
    assert len(errors) >= 20
    assert abs(np.median(errors)) < most
    assert np.std(errors) < 0.08
