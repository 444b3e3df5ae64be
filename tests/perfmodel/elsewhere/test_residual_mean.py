import numpy as np
import pytest

from advisor.perfmodel.elsewhere.residual import SCALE_NAMES, ResidualPoints, covariance
from advisor.perfmodel.elsewhere.residual_mean import ResidualMean

MACHINES, MODELS, ROWS, REFERENCE = 7, 9, 300, 1


def rows(rng: np.random.Generator, features: dict[str, np.ndarray], count: int, era: np.ndarray) -> ResidualPoints:
    machine, model = rng.integers(0, MACHINES, count), rng.integers(0, MODELS, count)
    return ResidualPoints(
        machine=machine,
        model=model,
        precision=rng.integers(0, 3, count),
        mode=rng.integers(0, 2, count),
        era=era,
        machine_features=features["machine"][machine],
        chip_features=features["chip"][machine],
        model_features=features["model"][model],
        kinds=features["kinds"][model],
        era_scale=np.where(era == 2, 4.0, 1.0),
        noise_scale=np.ones(count),
    )


@pytest.mark.parametrize("seed", range(3))
def test_sums_over_cells_give_the_mean_that_covariances_give(seed: int) -> None:
    """At every precision and mode of fitted and of new machines and models, in the reference source."""
    rng = np.random.default_rng(seed)
    features = {
        "machine": rng.normal(size=(MACHINES, 4)),
        "chip": rng.normal(size=(MACHINES, 5)),
        "model": rng.normal(size=(MODELS, 3)),
        "kinds": rng.dirichlet(np.ones(3), MODELS),
    }
    fitted, weights = rows(rng, features, ROWS, rng.integers(0, 3, ROWS)), rng.normal(size=ROWS)
    scales = {name: float(rng.uniform(0.05, 0.5)) for name in SCALE_NAMES}
    new_machine, new_model = rng.normal(size=(2, 4)), rng.normal(size=(1, 3))
    machines = np.vstack([features["machine"][:2], new_machine])
    chips = np.vstack([features["chip"][:2], rng.normal(size=(2, 5))])
    models, labels = np.vstack([features["model"][3:5], new_model]), np.array([3, 4, -1])
    kinds = np.vstack([features["kinds"][3:5], rng.dirichlet(np.ones(3), 1)])
    found = ResidualMean(fitted, weights, scales, REFERENCE).at(machines, chips, models, labels, kinds)
    m, k, p, q = (index.ravel() for index in np.indices((4, 3, 3, 2)))
    asked = ResidualPoints(
        machine=np.full(len(m), -1),
        model=labels[k],
        precision=p,
        mode=q,
        era=np.full(len(m), REFERENCE),
        machine_features=machines[m],
        chip_features=chips[m],
        model_features=models[k],
        kinds=kinds[k],
        era_scale=np.ones(len(m)),
        noise_scale=np.ones(len(m)),
    )
    expected = covariance(asked, fitted, scales) @ weights
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-9, atol=1e-11)
