"""What a fit may see of the published figures, and what it is only judged on."""

import dataclasses

import numpy as np
import pytest

from advisor.calibration.dataset import SUSPECT, Dataset, learnable, load_dataset, residual_rows, thin
from advisor.calibration.physics import fit_parameters, log_time
from advisor.calibration.published import Row, machines_elsewhere
from advisor.perfmodel.analytic.parameters import BOUNDS, INDEX, MEAN, Parameters
from advisor.perfmodel.analytic.runtime_defaults import LATENCY


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset()


def test_dropped_figures_are_judged_but_not_learned_from(dataset: Dataset) -> None:
    judged = dataset.data.take(residual_rows(dataset.data))
    doubtful = [row for row in judged.rows if row.doubtful]
    flagship = ("intel-xeon-platinum-8490h-2s", "deeplabv3")
    assert flagship in {(row.machine, row.model) for row in doubtful}
    kept = learnable(judged)
    assert not any(kept[i] for i, row in enumerate(judged.rows) if row.doubtful or (row.era, row.machine) in SUSPECT)
    assert not any(dataset.data.rows[i].doubtful for i in thin(dataset.data))


def test_a_doubtful_figure_does_not_make_a_model_known() -> None:
    rows = [
        Row("openvino-2024", machine, "net", 0, 0, 1, None, None, 0.0, doubtful)
        for machine, doubtful in (("a", False), ("b", False), ("c", True))
    ]
    assert machines_elsewhere(rows).tolist() == [1, 1, 2]


def test_an_untuned_harness_adds_its_own_time_to_a_request(dataset: Dataset) -> None:
    one_request = dataset.data.take(np.flatnonzero(dataset.data.mode == LATENCY)[:50])
    p = Parameters(MEAN)
    tuned, untuned = (
        np.exp(log_time(p, dataclasses.replace(one_request, untuned=np.full(50, flag)))) for flag in (0.0, 1.0)
    )
    # At the clock of the machine: 60 us at 4 GHz.
    assert np.all(untuned - tuned > 0.7 * 60e-6)
    assert np.all(untuned - tuned < 4.0 * 60e-6)


def test_a_fit_cannot_leave_the_ranges_of_physics(dataset: Dataset) -> None:
    """Figures of old chips twice as slow ask for clocks that grow by more than any process did."""
    few = dataset.data.take(thin(dataset.data)[::12])
    slower = np.where(few.machines.year < 2020, np.log(4.0), 0.0)
    p = fit_parameters(dataclasses.replace(few, log_time=few.log_time + slower), iterations=6)
    for name, (low, high) in BOUNDS.items():
        assert low <= p.values[INDEX[name]] <= high
    assert p["clock_power_year"] > MEAN[INDEX["clock_power_year"]]
