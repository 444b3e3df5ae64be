"""The page's two regressions against scikit-learn's, and the folds that judge them."""

from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from advisor.planner.answer.surface.fit import left_out, logistic, ridge, told

RNG = np.random.default_rng(7)
WIDE = RNG.normal(size=(40, 60))
"""Fewer rows than columns, as with many ways to use a box."""
LONG = RNG.normal(size=(300, 6)) * [1.0, 2.0, 0.1, 1.0, 5.0, 1.0]


@pytest.mark.parametrize("x", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_ridge_is_that_of_scikit_learn(x: np.ndarray, penalty: float) -> None:
    y = x[:, 0] - 2.0 * x[:, 1] + 3.0 + RNG.normal(size=len(x))
    theirs = Ridge(alpha=penalty).fit(x, y)
    ours = ridge(x, y, penalty)
    assert ours == pytest.approx([theirs.intercept_, *theirs.coef_], abs=1e-9)
    assert told(x, ours) == pytest.approx(theirs.predict(x))


@pytest.mark.parametrize("x", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_logistic_is_that_of_scikit_learn(x: np.ndarray, spread: float) -> None:
    """Without spread the rows are parted without a fault: the penalty alone keeps the coefficients finite."""
    happens = (x[:, 0] + spread * RNG.normal(size=len(x)) > 0.3).astype(float)
    theirs = LogisticRegression(C=3.0, max_iter=10_000, tol=1e-10).fit(x, happens)
    ours = logistic(x, happens, 3.0)
    assert ours == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], abs=2e-3)
    assert np.all((told(x, ours) > 0) == theirs.predict(x))


@pytest.mark.parametrize("always", [0.0, 1.0])
def test_what_always_or_never_happens_is_said_of_every_row(always: float) -> None:
    said = told(LONG, logistic(LONG, np.full(len(LONG), always), 3.0))
    assert np.all((said > 0) == bool(always))


def test_no_row_is_judged_by_a_fit_that_saw_it() -> None:
    x, y = np.zeros((20, 1)), np.zeros(20)
    y[4] = 100.0
    said = left_out(x, y, partial(ridge, penalty=1.0), 5)
    mean_of_others = 100.0 / 16
    assert said[4] == 0.0
    assert sorted(set(said.round(6))) == [0.0, mean_of_others]
    assert (said == 0.0).sum() == 4
    assert np.array_equal(said, left_out(x, y, partial(ridge, penalty=1.0), 5))
