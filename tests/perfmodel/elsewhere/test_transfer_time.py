from math import log

import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.elsewhere.transfer_time import TransferTime, runtime_log_factor
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, work


@pytest.fixture(scope="module")
def transfer_time() -> TransferTime:
    return TransferTime(Predictor.load().transfer)


@pytest.mark.parametrize(("share", "weights"), [(0.0, (1.0, 0.0)), (1.0, (0.0, 1.0)), (0.25, (0.75, 0.25))])
def test_the_residual_goes_from_throughput_to_latency_with_the_threads_of_a_stream(
    transfer_time, share, weights
) -> None:
    table = table_of(work())
    modes = transfer_time.transfer.residuals(machine(), table, 0)
    found = transfer_time.residual(machine(), table, RunConfig(), ResolvedConfig(1, 1, False, share))
    assert found == pytest.approx(weights[0] * modes[0] + weights[1] * modes[1])


def test_the_time_is_the_product_of_its_effects(transfer_time) -> None:
    table, settings = table_of(work()), ResolvedConfig(1, 1, False, 0.0)
    config = RunConfig(runtime="onnxruntime", precision="int8")
    physical_s = transfer_time.batch([machine()], [table], [config], [settings]).parts.total[0]
    residual = transfer_time.residual(machine(), table, config, settings)
    assert transfer_time.log_time_s(machine(), table, config, settings) == pytest.approx(
        log(physical_s) + residual + runtime_log_factor(config, machine(), table)
    )


def test_published_figures_are_those_of_openvino() -> None:
    table = table_of(work())
    assert runtime_log_factor(RunConfig(), machine(), table) == 0.0
    assert runtime_log_factor(RunConfig(runtime="fake"), machine(), table) == 0.0
    assert runtime_log_factor(RunConfig(runtime="onnxruntime"), machine(), table) != 0.0


def test_machines_of_one_id_have_residuals_of_their_own(transfer_time) -> None:
    """A box of the same name with another chip is no stale entry of a cache."""
    table, settings = table_of(work()), ResolvedConfig(1, 1, False, 0.0)
    first, second = (
        transfer_time.residual(machine("same", **facts), table, RunConfig(), settings)
        for facts in ({}, {"performance_cores": 16, "threads": 16, "simd_level": "avx512_vnni"})
    )
    assert first != second


def test_graphs_of_an_unpublished_model_with_equal_sums_keep_residuals_of_their_own() -> None:
    """Quantised, a network has the operations of its f32 graph, in other kernels: neither may answer for the other."""
    convolutions = table_of(work([kernel(i) for i in range(20)], "mine"))
    products = table_of(work([kernel(i, type="matmul") for i in range(20)], "mine"))
    assert (convolutions.flop, convolutions.weight_bytes) == (products.flop, products.weight_bytes)
    alone = Predictor.load().transfer.residuals(machine(), products, 2)
    transfer = Predictor.load().transfer
    transfer.prepare([machine()], [convolutions, products])
    assert transfer.residuals(machine(), products, 2) == pytest.approx(alone, rel=1e-9)
    assert transfer.residuals(machine(), convolutions, 2) != pytest.approx(alone, rel=1e-3)
