import numpy as np

from advisor.perfmodel.residual import SCALES, Points, Residual, leave_groups_out


def points(rng: np.random.Generator, machines: int = 6, models: int = 5) -> Points:
    index = np.indices((machines, models)).reshape(2, -1)
    count = index.shape[1]
    machine_features, model_features = rng.normal(size=(machines, 4)), rng.normal(size=(models, 3))
    return Points(
        machine=index[0],
        model=index[1],
        precision=np.zeros(count, dtype=int),
        mode=np.zeros(count, dtype=int),
        era=np.zeros(count, dtype=int),
        machine_features=machine_features[index[0]],
        model_features=model_features[index[1]],
        era_scale=np.ones(count),
    )


def test_leaving_groups_out_in_closed_form_equals_conditioning_without_them():
    rng = np.random.default_rng(1)
    every = points(rng)
    values = rng.normal(0.0, 0.2, size=len(every.machine))
    closed = leave_groups_out(every, values, SCALES, every.machine)
    for number in range(6):
        mine = every.machine == number
        refit = Residual(every.take(~mine), values[~mine], SCALES)
        assert np.allclose(closed[mine], refit.mean(every.take(mine)), atol=1e-8)


def test_a_model_that_is_slow_everywhere_is_expected_slow_on_a_new_machine():
    rng = np.random.default_rng(2)
    every = points(rng)
    values = np.where(every.model == 0, 0.4, 0.0)
    known = every.machine < 5
    found = Residual(every.take(known), values[known], SCALES).mean(every.take(~known))
    assert found[0] > 0.25
    assert np.all(np.abs(found[1:]) < 0.1)


def test_measuring_models_of_a_machine_narrows_what_is_left():
    rng = np.random.default_rng(4)
    every = points(rng)
    known = every.machine < 5
    none = Residual(every.take(known), np.zeros(int(known.sum())), SCALES).posterior(every.take(~known))
    anchored = known | ((every.machine == 5) & (every.model < 3))
    some = Residual(every.take(anchored), np.zeros(int(anchored.sum())), SCALES).posterior(every.take(~anchored))
    assert np.all(np.diag(some) < np.diag(none)[3:])
