from math import log

import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.perfmodel.here.calibration import HostCalibration
from advisor.perfmodel.here.host_anchors import HostAnchors, anchor
from advisor.perfmodel.here.kernel_prediction import KernelPredictor
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, measurement, work

HOST = machine("this")
ONE = RunConfig(threads=1, streams=1)
KERNELS = tuple(kernel(i, time_s=1e-3) for i in range(20))


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


@pytest.fixture
def make(shipped):
    def made(rows, host=HOST) -> tuple[HostAnchors, KernelPredictor]:
        measurements = HostMeasurements.join(host, rows, [], None)
        transfer_time = TransferTime(shipped.transfer)
        kernels = KernelPredictor(measurements, transfer_time)
        tables = shipped.published_tables
        return HostAnchors(measurements, HostCalibration(), transfer_time, kernels, tables), kernels

    return made


def test_a_timing_is_set_against_the_sum_of_its_kernels_where_there_is_one(make) -> None:
    anchors, kernels = make([measurement(1.0, kernels=KERNELS), measurement(0.030, threads=2)])
    model, config = work(list(KERNELS)), RunConfig(threads=2, streams=1)
    (only,) = anchors.every.anchors
    predicted = kernels.predict(HOST, model, table_of(model), config, resolve(HOST, config))
    assert only.log_ratio == pytest.approx(log(0.030) - predicted.log_time_s)
    assert only.mix == predicted.mix


def test_and_against_the_published_figures_where_there_is_none(make, shipped) -> None:
    anchors, _ = make([measurement(0.5, model="resnet-50")])
    (only,) = anchors.every.anchors
    table = shipped.published_tables["resnet-50"]
    expected = TransferTime(shipped.transfer).log_time_s(HOST, table, ONE, resolve(HOST, ONE))
    assert only.log_ratio == pytest.approx(log(0.5) - expected)
    assert only.mix is None


def test_a_model_that_nothing_is_known_of_is_no_anchor_and_no_host_has_none(make) -> None:
    assert make([measurement(0.5, model="unheard-of")])[0].every.anchors == []
    assert make([measurement(0.5, model="resnet-50")], host=None)[0].every.anchors == []


def test_new_kernels_are_compared_with_others_as_new_networks(make) -> None:
    """A network that is slower than its kernels say: were it new, all of the difference would count."""
    other = tuple(kernel(i, flop=4e8, time_s=2e-3, output_shape=(1, 64, 27, 27)) for i in range(20))
    rows = [
        measurement(1.0, model="a", kernels=KERNELS),
        measurement(0.020, model="a"),
        measurement(1.0, model="b", kernels=other),
        measurement(0.040, model="b"),
    ]
    anchors, kernels = make(rows)
    unseen = work([kernel(i, flop=3e8, output_shape=(1, 64, 26, 26)) for i in range(20)], model="c")
    new, known = (
        kernels.predict(HOST, model, table_of(model), ONE, resolve(HOST, ONE))
        for model in (unseen, work(list(KERNELS), model="a"))
    )
    assert anchors.like(ONE, None) is anchors.like(ONE, known) is anchors.every
    as_new = anchors.like(ONE, new)
    assert as_new is not anchors.every
    assert len(as_new.anchors) == 2
    assert all(item.noise > 0.02 for item in as_new.anchors)
    assert max(abs(item.log_ratio) for item in as_new.anchors) > max(
        abs(item.log_ratio) for item in anchors.every.anchors
    )
    int8 = ONE.model_copy(update={"precision": "int8"})
    assert anchors.like(int8, new).anchors == []


def test_a_query_is_an_anchor_without_a_ratio() -> None:
    model, config = work(), RunConfig(threads=4, streams=2, batch=8)
    query = anchor(table_of(model), config, resolve(HOST, config))
    assert (query.log_threads, query.log_streams, query.log_batch) == (log(4), log(2), log(8))
    assert query.log_ratio == 0.0
