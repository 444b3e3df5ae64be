from dataclasses import replace

import numpy as np
import pytest

from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.elsewhere import residual
from advisor.perfmodel.elsewhere.residual import (
    SCALE_NAMES,
    GroupsOut,
    Residual,
    ResidualPoints,
    components,
    covariance,
    features_of_models,
    kinds_of_models,
    likeness,
)

APART = 10.0
"""Distance at which two chips share nothing."""
SCALES = dict.fromkeys(SCALE_NAMES, 0.06) | {"model": 0.3, "model_precision": 0.3, "model_mode": 0.3, "noise": 0.08}


def points(rng: np.random.Generator, machines: int = 6, models: int = 5) -> ResidualPoints:
    index = np.indices((machines, models)).reshape(2, -1)
    count = index.shape[1]
    machine_features, model_features = rng.normal(size=(machines, 4)), rng.normal(size=(models, 3))
    return ResidualPoints(
        machine=index[0],
        model=index[1],
        precision=np.zeros(count, dtype=int),
        mode=np.zeros(count, dtype=int),
        era=np.zeros(count, dtype=int),
        machine_features=machine_features[index[0]],
        chip_features=APART * np.eye(machines)[index[0]],
        model_features=model_features[index[1]],
        kinds=rng.dirichlet(np.ones(3), size=models)[index[1]],
        era_scale=np.ones(count),
        noise_scale=np.ones(count),
    )


def test_leaving_groups_out_in_closed_form_equals_conditioning_without_them() -> None:
    rng = np.random.default_rng(1)
    every = points(rng)
    values = rng.normal(0.0, 0.2, size=len(every.machine))
    folds = GroupsOut(every, SCALES)
    for number in range(6):
        mine = every.machine == number
        refit = Residual(every.take(~mine), values[~mine], SCALES)
        error, covariance = folds.errors(values, np.flatnonzero(mine))
        assert np.allclose(values[mine] - error, refit.mean(every.take(mine)), atol=1e-8)
        assert np.allclose(covariance, refit.posterior(every.take(mine)), atol=1e-8)


def test_leaving_a_group_out_of_a_process_that_lost_others_equals_conditioning_on_the_rest() -> None:
    rng = np.random.default_rng(3)
    every = points(rng)
    values = rng.normal(0.0, 0.2, size=len(every.machine))
    mine, out = np.flatnonzero(every.machine == 1), np.flatnonzero(every.machine > 3)
    inverse, weights = GroupsOut(every, SCALES).without(values, mine, out)
    group = np.array([0, 2])
    error = np.linalg.solve(inverse[np.ix_(group, group)], weights[group])
    rest = np.setdiff1d(np.arange(len(values)), [*mine[group], *out])
    refit = Residual(every.take(rest), values[rest], SCALES)
    assert np.allclose(values[mine[group]] - error, refit.mean(every.take(mine[group])), atol=1e-8)


def test_a_model_that_is_slow_everywhere_is_expected_slow_on_a_new_machine() -> None:
    rng = np.random.default_rng(2)
    every = points(rng)
    values = np.where(every.model == 0, 0.4, 0.0)
    known = every.machine < 5
    found = Residual(every.take(known), values[known], SCALES).mean(every.take(~known))
    assert found[0] > 0.25
    assert np.all(np.abs(found[1:]) < 0.1)


def test_measuring_models_of_a_machine_narrows_what_is_left() -> None:
    rng = np.random.default_rng(4)
    every = points(rng)
    known = every.machine < 5
    none = Residual(every.take(known), np.zeros(int(known.sum())), SCALES).posterior(every.take(~known))
    anchored = known | ((every.machine == 5) & (every.model < 3))
    some = Residual(every.take(anchored), np.zeros(int(anchored.sum())), SCALES).posterior(every.take(~anchored))
    assert np.all(np.diag(some) < np.diag(none)[3:])


def test_figures_of_a_noisy_source_teach_less() -> None:
    """The same rows, once from a steady source and once from one with five times the noise."""
    every = points(np.random.default_rng(6))
    known = every.machine < 5
    values = np.where(every.model == 0, 0.4, 0.0)[known]
    noisy = replace(every, noise_scale=np.full(len(every.machine), 5.0))
    found = [Residual(p.take(known), values, SCALES).mean(p.take(~known))[0] for p in (every, noisy)]
    assert 0.0 < found[1] < 0.95 * found[0]


def test_a_table_that_stands_for_no_architecture_is_like_no_other() -> None:
    table = np.ones((5, 5)) * 1e6
    works = [WorkTable(name, name, table, 1e6, alike=name == "a") for name in ("a", "b", "c")]
    apart = np.linalg.norm(features_of_models(works)[:, None] - features_of_models(works)[None, :], axis=2)
    assert np.all(apart[np.triu_indices(3, 1)] > 50.0)


def test_the_factored_covariance_is_the_sum_of_its_effects() -> None:
    rng = np.random.default_rng(5)
    every = points(rng)
    scales = {name: float(rng.uniform(0.05, 0.5)) for name in SCALE_NAMES}
    total = sum(scales[name] ** 2 * part for name, part in components(every, every).items())
    assert np.allclose(covariance(every, every, scales), total, atol=1e-12)


def test_a_covariance_of_many_points_is_the_same_block_by_block() -> None:
    many = points(np.random.default_rng(9), machines=20, models=15)
    scales = SCALES | {"model_era": 0.1}
    total = sum(scales[name] ** 2 * part for name, part in components(many, many.take(np.arange(7))).items())
    found = covariance(many, many.take(np.arange(7)), scales)
    assert len(found) == 300 > 2 * residual._BLOCK
    np.testing.assert_allclose(found, total, atol=1e-12)


def test_likeness_between_distinct_rows_is_that_of_all_rows() -> None:
    rng = np.random.default_rng(3)
    few, more = rng.normal(size=(4, 6)), rng.normal(size=(7, 6))
    a, b = few[rng.integers(0, 4, 30)], more[rng.integers(0, 7, 50)]
    expected = np.exp(-0.5 * ((a[:, None, :] - b[None, :, :]) ** 2).sum(2))
    np.testing.assert_allclose(likeness(a, b), expected, rtol=1e-12, atol=1e-15)


def test_shares_of_kinds_add_up_and_a_guessed_table_has_none() -> None:
    table = np.array([[1e9, 2e6, 1e6, 20.0], [1e7, 2e6, 1e5, 10.0], [0.0] * 4, [0.0, 5e6, 0.0, 15.0], [0.0] * 4])
    works = [WorkTable("a", "a", table, 1e6), WorkTable("b", "b", table, 1e6, alike=False)]
    known, guessed = kinds_of_models(works)
    assert known.sum() == pytest.approx(1.0)
    assert known[0] == known.max()
    assert known[2] == 0.0
    assert not guessed.any()


def test_a_machine_slow_at_one_kind_of_kernel_is_expected_slow_where_that_kind_prevails() -> None:
    """Models of two kinds on one machine: only those of the slow kind that were measured say so of the third one."""
    rng = np.random.default_rng(8)
    every = replace(points(rng, 1, 6), kinds=np.repeat(np.eye(2), 3, axis=0))
    scales = dict.fromkeys(SCALE_NAMES, 0.01) | {"kind_on_machine": 0.3, "noise": 0.05}
    known = np.array([0, 1, 3, 4])
    found = Residual(every.take(known), np.array([0.4, 0.4, 0.0, 0.0]), scales).mean(every.take(np.array([2, 5])))
    assert found[0] > 0.3
    assert abs(found[1]) < 0.1


def test_what_a_source_does_to_a_model_is_learned_from_its_other_machines() -> None:
    """One model is slow in one of two sources, on every machine: expected there on a new machine, not in the other."""
    rng = np.random.default_rng(9)
    one = points(rng)
    era = np.repeat([0, 1], len(one.machine))
    both = replace(one.take(np.tile(np.arange(len(one.machine)), 2)), era=era)
    scales = SCALES | {"model_era": 0.2}
    values = np.where((both.model == 0) & (era == 1), 0.3, 0.0)
    known = both.machine < 5
    new = both.take(~known & (both.model == 0))
    found = Residual(both.take(known), values[known], scales).mean(new)
    assert found[new.era == 1][0] > 0.15
    assert abs(found[new.era == 0][0]) < 0.1


def test_what_the_figures_of_a_chip_show_is_expected_of_its_near_twin() -> None:
    """Machine 5 has no figures; its chip lies far from that of machine 0, close to it, or is the same."""
    every = points(np.random.default_rng(10))
    known = every.machine < 5
    values = np.where(every.machine == 0, 0.4, 0.0)[known]
    scales = dict.fromkeys(SCALE_NAMES, 0.01) | {"machine": 0.3, "model": 0.1, "noise": 0.05}
    expected = []
    for distance in (APART, 0.3, 0.0):
        chips = every.chip_features.copy()
        chips[every.machine == 5] = chips[0] + distance * np.eye(6)[5]
        found = Residual(every.take(known), values, scales).mean(replace(every, chip_features=chips).take(~known))
        expected.append(float(found.mean()))
    assert abs(expected[0]) < 0.02
    assert 0.3 < expected[1] < expected[2] < 0.4


def test_what_a_box_does_is_expected_of_its_chip_alone_and_of_no_near_twin() -> None:
    """Machine 5 has no figures; its chip is that of machine 0, or one of 20 MHz more at 4 GHz."""
    every = points(np.random.default_rng(11))
    known = every.machine < 5
    values = np.where(every.machine == 0, 0.4, 0.0)[known]
    scales = dict.fromkeys(SCALE_NAMES, 0.01) | {"box": 0.3, "model": 0.1, "noise": 0.05}
    expected = []
    for distance in (0.0, 0.02):
        chips = every.chip_features.copy()
        chips[every.machine == 5] = chips[0] + distance * np.eye(6)[5]
        found = Residual(every.take(known), values, scales).mean(replace(every, chip_features=chips).take(~known))
        expected.append(float(found.mean()))
    assert expected[0] > 0.3
    assert abs(expected[1]) < 0.02
