"""Parts of errors, on errors of a known law."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.calibration.error_parts import REST, alike, contrasts, level_from_others, standard_deviations

MACHINES, MODELS = 20, 15


def test_parts_of_a_known_sum_are_found() -> None:
    """Twenty machines tell a standard deviation to one in root of 2 x 20; a bias of 1 that all share is no part."""
    rng = np.random.default_rng(0)
    machine = np.repeat(np.arange(MACHINES), MODELS)
    model = np.tile(np.arange(MODELS), MACHINES)
    errors = 1.0 + rng.normal(0, 0.3, MACHINES)[machine] + rng.normal(0, 0.05, len(machine))
    found = standard_deviations(errors, {"machine": alike(machine.tolist()), "model": alike(model.tolist())})
    assert found["machine"] == pytest.approx(0.3, rel=0.3)
    assert found["model"] < 0.02
    assert found[REST] == pytest.approx(0.05, rel=0.1)


def test_kinds_of_kernels_on_a_machine_are_told_from_its_level() -> None:
    rng = np.random.default_rng(1)
    machine = np.repeat(np.arange(MACHINES), MODELS)
    shares = np.tile(rng.dirichlet(np.ones(3), MODELS), (MACHINES, 1))
    apart = shares - shares.mean(axis=0)
    slopes = rng.normal(0, 0.4, (MACHINES, 3))
    errors = (apart * slopes[machine]).sum(axis=1) + rng.normal(0, 0.02, len(machine))
    size = np.sqrt((apart**2).sum(axis=1).mean())
    level = alike(machine.tolist())
    found = standard_deviations(errors, {"machine": level, "kinds": level * contrasts(shares)})
    assert found["machine"] < 0.03
    assert found["kinds"] == pytest.approx(0.4 * size, rel=0.25)


def test_shares_that_are_all_the_same_are_no_contrast() -> None:
    with pytest.raises(ValueError, match="no contrast"):
        contrasts(np.full((4, 2), 0.5))


def test_a_level_comes_from_the_other_models_alone() -> None:
    errors = np.array([1.0, 2.0, 5.0, 7.0, 3.0])
    found = level_from_others(errors, ["a", "a", "a", "a", "b"], ["x", "x", "y", "z", "x"])
    assert found[:4] == pytest.approx([6.0, 6.0, 2.0, 2.0])
    assert np.isnan(found[4])
