from math import hypot, log

import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.perfmodel.here.kernel_prediction import KernelPrediction, KernelPredictor
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, measurement, work

HOST = machine("this")
KERNELS = tuple(kernel(i, flop=1e8 * (i + 1), time_s=1e-3 * (i + 1)) for i in range(10))


@pytest.fixture(scope="module")
def predictor() -> KernelPredictor:
    rows = [measurement(1.0, kernels=KERNELS), measurement(1.0, model="other", kernels=KERNELS)]
    return KernelPredictor(HostMeasurements.join(HOST, rows, [], None), TransferTime(Predictor.load().transfer))


def predict(predictor: KernelPredictor, model=None, without=None, **config) -> KernelPrediction | None:
    model = model or work(list(KERNELS))
    run = RunConfig(**({"threads": 1, "streams": 1} | config))
    return predictor.predict(HOST, model, table_of(model), run, resolve(HOST, run), without)


def test_kernels_that_were_timed_add_up(predictor) -> None:
    found = predict(predictor)
    assert found.log_time_s == pytest.approx(log(0.055), rel=1e-6)
    assert found.passed.known_share == pytest.approx(1.0)
    assert found.mix == (found.log_time_s, 0.0, 0.0)


def test_a_thread_count_that_was_not_profiled_goes_by_the_physical_ratio_and_is_less_sure(predictor) -> None:
    one, two = predict(predictor), predict(predictor, threads=2)
    assert two.passed == one.passed
    assert one.log_time_s - log(2.0) < two.log_time_s < one.log_time_s
    assert two.deviation == pytest.approx(hypot(one.deviation, 0.05 + 0.1 * log(2.0)))


def test_streams_of_a_profiled_thread_count_are_as_sure_as_one(predictor) -> None:
    one, two = predict(predictor), predict(predictor, threads=2, streams=2)
    assert two.log_time_s > one.log_time_s
    assert two.deviation == one.deviation


def test_what_one_network_timed_can_be_left_out(predictor) -> None:
    with_it, without_both = predict(predictor, without="toy"), predict(predictor, without="unheard-of")
    # The other network has the same kernels.
    assert with_it.log_time_s == pytest.approx(without_both.log_time_s)


def test_without_kernels_of_the_kind_nothing_is_predicted(predictor) -> None:
    assert predict(predictor, work([])) is None
    assert predict(predictor, work([kernel(0, type="matmul")])) is None
    assert predict(predictor, runtime="onnxruntime") is None


def test_a_sum_is_worked_out_once(predictor) -> None:
    assert predict(predictor) is predict(predictor)
    assert predict(predictor, batch=2) is not predict(predictor)
