import numpy as np

from advisor.calibration.scales import FOLDS, chip_families, folds_of, likely_scales
from advisor.perfmodel.elsewhere.residual import SCALE_NAMES, ResidualPoints, covariance
from tests.perfmodel.makers import machine


def points(rng: np.random.Generator, machines: int, models: int) -> ResidualPoints:
    machine, model = (x.ravel() for x in np.meshgrid(np.arange(machines), np.arange(models), indexing="ij"))
    count = len(machine)
    return ResidualPoints(
        machine=machine,
        model=model,
        precision=rng.integers(0, 2, count),
        mode=rng.integers(0, 2, count),
        era=np.zeros(count, dtype=np.int64),
        machine_features=rng.normal(0.0, 3.0, (machines, 4))[machine],
        chip_features=10.0 * np.eye(machines)[machine],
        model_features=rng.normal(0.0, 3.0, (models, 4))[model],
        kinds=rng.dirichlet(np.ones(3), models)[model],
        era_scale=np.ones(count),
        noise_scale=np.ones(count),
    )


def test_scales_of_a_drawn_process_are_found_again() -> None:
    """Two effects dominate what was drawn; they, and the noise, come out within a third."""
    rng = np.random.default_rng(0)
    spread = points(rng, 20, 10)
    true = dict.fromkeys(SCALE_NAMES, 0.01) | {"machine": 0.3, "model": 0.5, "noise": 0.08}
    matrix = covariance(spread, spread, true) + 0.08**2 * np.eye(len(spread.machine))
    found = likely_scales(spread, rng.multivariate_normal(np.zeros(len(matrix)), matrix), steps=25)

    def together(*starts: str) -> float:
        return float(np.sqrt(sum(found[name] ** 2 for name in SCALE_NAMES if name.startswith(starts))))

    # Machines and models are unlike each other here, so effects of alike ones cannot be told from their own.
    assert 0.2 < together("machine", "box") < 0.45
    assert 0.3 < together("model", "level") < 0.8
    assert 0.05 < together("noise", "both", "like_on", "kind", "era") < 0.25


def test_folds_hold_every_machine_once_and_evenly_and_cut_no_family() -> None:
    folds = folds_of({f"m{i:02d}": i // 2 for i in range(24)})
    assert len(folds) == 24
    assert sorted(np.bincount(list(folds.values()))) == [4] * FOLDS
    assert all(folds[f"m{i:02d}"] == folds[f"m{i + 1:02d}"] for i in range(0, 24, 2))


def test_near_twins_are_one_family_and_so_are_twins_of_twins() -> None:
    clocks = {"a": 3.0e9, "b": 3.6e9, "c": 4.3e9, "far": 8.0e9}
    specs = {name: machine(name, boost_hz=hz) for name, hz in clocks.items()} | {
        "wide": machine("wide", simd_level="amx")
    }
    families = chip_families(specs)
    assert families["a"] == families["b"] == families["c"]
    assert len({families[name] for name in ("a", "far", "wide")}) == 3
