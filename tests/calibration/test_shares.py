"""The split of a variance into the machine's and the models' own, on errors whose split is known."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.calibration.shares import SharedVariance, together


def _errors(
    rng: np.random.Generator, machines: int, models: int, share: float, scale: float = 0.2
) -> tuple[np.ndarray, list[str], list[str]]:
    of_machine = rng.normal(0.0, np.sqrt(share), (machines, 1))
    errors = scale * (of_machine + rng.normal(0.0, np.sqrt(1.0 - share), (machines, models)))
    names = [f"m{i}" for i in range(machines) for _ in range(models)]
    return errors.ravel(), names, [f"k{j}" for _ in range(machines) for j in range(models)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8])
def test_the_share_of_many_machines_is_found(share: float) -> None:
    rng = np.random.default_rng(7)
    found = [SharedVariance.of(*_errors(rng, 60, 15, share)).share() for _ in range(40)]
    # The belief of two machines in a half pulls by 2 in 62; clipping far errors costs less than that.
    assert np.mean(found) == pytest.approx(share + (0.5 - share) * 2 / 62, abs=0.03)


def test_the_unit_of_errors_does_not_matter() -> None:
    errors, names, models = _errors(np.random.default_rng(1), 20, 10, 0.4)
    small = SharedVariance.of(errors, names, models).share()
    assert SharedVariance.of(50.0 * errors, names, models).share() == pytest.approx(small)


def test_few_machines_stay_near_their_parent_and_none_is_the_parent() -> None:
    rng = np.random.default_rng(2)
    one = [SharedVariance.of(*_errors(rng, 1, 30, 0.0)).share(0.9) for _ in range(60)]
    many = [SharedVariance.of(*_errors(rng, 40, 30, 0.0)).share(0.9) for _ in range(20)]
    assert 0.5 < np.mean(one) < 0.75
    assert np.mean(many) < 0.1
    assert SharedVariance.of(np.zeros(0), [], []).share(0.7) == pytest.approx(0.7)


def test_two_rows_of_one_model_are_no_evidence_of_a_shared_machine() -> None:
    """Each model twice (another source), its error the same in both: the machine shares nothing."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(40):
        own = rng.normal(0.0, 0.2, (40, 6))
        errors = np.repeat(own, 2, axis=1).ravel()
        names = [f"m{i}" for i in range(40) for _ in range(12)]
        models = [f"k{j // 2}" for _ in range(40) for j in range(12)]
        found.append(SharedVariance.of(errors, names, models).share(0.0))
    assert np.mean(found) < 0.03
    with_one_model_each = SharedVariance.of(np.ones(4), ["a", "a", "b", "b"], ["k", "k", "k", "k"])
    assert with_one_model_each.machines == ()


def test_one_absurd_figure_is_not_all_of_the_variance() -> None:
    errors, names, models = _errors(np.random.default_rng(4), 30, 10, 0.6)
    before = SharedVariance.of(errors, names, models).share()
    errors[17] = 40.0
    assert SharedVariance.of(errors, names, models).share() == pytest.approx(before, abs=0.05)


def test_an_offset_of_all_machines_is_in_common() -> None:
    """A bias that every machine has moves all models of a machine together."""
    rng = np.random.default_rng(5)
    errors, names, models = _errors(rng, 40, 10, 0.0)
    assert SharedVariance.of(errors + 0.4, names, models).share() > 0.5


def test_groups_are_put_together_in_units_of_their_own() -> None:
    rng = np.random.default_rng(6)
    small, large = _errors(rng, 30, 10, 0.0, 0.01), _errors(rng, 30, 10, 1.0, 10.0)
    both = together([SharedVariance.of(*small), SharedVariance.of(*large)])
    assert len(both.machines) == 60
    assert both.share() == pytest.approx(0.5, abs=0.1)
