import numpy as np

from advisor.calibration.published import Row
from advisor.calibration.source_disagreement import source_disagreements


def row(era: str, machine: int, model: int, log_time: float) -> Row:
    return Row(era, f"m{machine}", f"net{model}", 0, 0, 1, None, None, log_time)


def test_the_floor_is_the_error_of_a_predictor_that_knows_the_truth() -> None:
    """Two tables with noise of their own: the true time misses each by the floor, in the median."""
    rng = np.random.default_rng(0)
    truth = rng.normal(-4.0, 1.0, (40, 40))
    tables = {era: truth + rng.normal(0.0, 0.1, truth.shape) for era in ("one", "two")}
    rows = [row(era, i, j, float(t[i, j])) for era, t in tables.items() for i in range(40) for j in range(40)]
    (found,) = source_disagreements(rows)
    assert (found.eras, found.machines, found.pairs) == (("one", "two"), 40, 1600)
    assert np.isclose(found.raw, np.median(np.abs(tables["one"] - truth)), rtol=0.1)


def test_what_software_did_to_models_and_what_machines_shifted_is_told_apart() -> None:
    rows = []
    for i in range(5):
        for j in range(5):
            rows += [row("old", i, j, 0.0), row("young", i, j, -0.1 * j + 0.05 * (i - 2))]
    (found,) = source_disagreements(rows)
    assert found.raw > found.software_known > found.machine_known
    assert np.isclose(found.machine_known, 0.0)


def test_framework_defaults_and_few_figures_set_no_floor() -> None:
    few = [row(era, 0, j, 0.1 * j) for era in ("one", "two") for j in range(9)]
    dli = [row(era, 0, j, 0.1 * j) for era in ("dli-2022", "dli-2024") for j in range(20)]
    assert source_disagreements([*few, *dli]) == []
