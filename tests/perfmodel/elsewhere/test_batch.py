import numpy as np
import pytest

from advisor.perfmodel.analytic.parameters import MEAN, Parameters
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.elsewhere.batch import PassBatch
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, work

PRIOR = Parameters(MEAN)


def batch(*rows) -> PassBatch:
    """Each row: machine, model, settings."""
    machines = [row[0] for row in rows]
    configs = [RunConfig(**row[2]) for row in rows]
    settings = [resolve(spec, config) for spec, config in zip(machines, configs, strict=True)]
    return PassBatch(PRIOR, machines, [table_of(row[1]) for row in rows], configs, settings)


ROWS = [
    (machine("a"), work(), {"threads": 1, "streams": 1}),
    (machine("a", tdp_w=10.0), work(), {"hint": "throughput"}),
    (machine("a"), work([kernel(0)]), {"threads": 2, "streams": 1, "batch": 4}),
    (machine("a"), work(), {"threads": 1, "streams": 1, "precision": "int8"}),
]


def test_passes_in_one_batch_take_as_long_as_by_themselves() -> None:
    together = batch(*ROWS).parts.total
    by_itself = [float(batch(row).parts.total[0]) for row in ROWS]
    np.testing.assert_allclose(together, by_itself, rtol=1e-12)
    assert len(set(by_itself)) == 4


def test_sheets_are_laid_out_once_by_contents_and_can_be_replaced_in_that_order() -> None:
    rows = batch(*ROWS)
    assert [spec.tdp_w for spec in rows.machines] == [65.0, 10.0]
    slower = rows.times([spec.model_copy(update={"boost_hz": 2e9}) for spec in rows.machines])
    assert np.all(slower.total > rows.parts.total)


def test_only_uncertain_sheets_widen() -> None:
    sure, doubtful = machine(), machine(uncertain=("memory_bandwidth_bytes_per_s",))
    moved = work([kernel(i, flop=1e6, moved=1e8) for i in range(5)])
    half_widths = batch((sure, moved, {}), (doubtful, moved, {})).sheet_uncertainty()
    assert half_widths[0] == 0.0
    assert half_widths[1] > 0.05


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        (work([kernel(i, flop=1e9, moved=1e3, weights=1e3) for i in range(3)]), "compute"),
        (work([kernel(i, type="fc", flop=1e6, moved=1e3, weights=1e9) for i in range(3)]), "memory_bandwidth"),
    ],
)
def test_what_takes_most_of_a_pass_binds_it(model, bound) -> None:
    assert batch((machine(), model, {"threads": 4, "streams": 1})).bottlenecks() == [bound]
