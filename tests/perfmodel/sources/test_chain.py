"""Each shipped link by itself, on a belief that it is given."""

from dataclasses import replace
from math import exp, hypot, log

import numpy as np
import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.chain.belief import NOTHING, Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.elsewhere.runtime_ratio import Ratio
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.perfmodel.here.calibration import HostCalibration
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.perfmodel.sources.analytic import AnalyticTime
from advisor.perfmodel.sources.caveats import UnknownKernels
from advisor.perfmodel.sources.context import Context, ShippedSource
from advisor.perfmodel.sources.host_anchors import AnchorCorrection
from advisor.perfmodel.sources.host_kernels import KernelSum
from advisor.perfmodel.sources.host_measurement import DirectMeasurement
from advisor.perfmodel.sources.published import PublishedResidual
from advisor.perfmodel.sources.registry import CHAIN, predicts
from advisor.perfmodel.sources.runtime_ratio import RuntimeRatio
from advisor.perfmodel.sources.unpublished_model import UnpublishedModel
from advisor.records.base import Z90, Evidence
from advisor.records.config import RunConfig
from advisor.records.measurement import Measurement
from advisor.records.model import ModelWork
from tests.perfmodel.makers import kernel, machine, measurement, work

HOST = machine("this")
SHEET = Belief(log(0.01), -0.2, 0.3, Evidence.SPEC, "chip/net", extrapolated=True, notes=("sheet",))
PROFILED = tuple(kernel(i, time_s=1e-3) for i in range(20))


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


@pytest.fixture
def make(shipped):
    """Make a link that knows the given measurements."""

    def made(link: type[ShippedSource], rows=(), calibration=None) -> ShippedSource:
        host = HostMeasurements.join(HOST, rows, [], None)
        return link(Context.of(shipped.transfer, shipped.published_tables, host, calibration or HostCalibration()))

    return made


@pytest.fixture
def ask(shipped):
    def asked(spec=HOST, model=None, **config) -> Question:
        model = model or work()
        return Question.of(spec, model, RunConfig(**({"threads": 1, "streams": 1} | config)), shipped.table(model))

    return asked


def test_the_chain_goes_from_the_least_to_the_most_specific() -> None:
    assert (
        AnalyticTime, PublishedResidual, UnpublishedModel, RuntimeRatio, KernelSum, AnchorCorrection,
        DirectMeasurement, UnknownKernels,
    ) == CHAIN  # fmt: skip
    assert predicts("CPU")
    assert predicts("BATCH:CPU(8)")
    assert not predicts("GPU")


def test_the_data_sheet_gives_a_time_and_what_binds_it_and_no_error_of_its_own(make, ask) -> None:
    question = ask()
    belief = make(AnalyticTime).update(question, NOTHING)
    assert 20 * 2e8 / (4e9 * 32) < belief.time_s.p50 < 1.0
    assert (belief.low, belief.high, belief.evidence) == (0.0, 0.0, Evidence.UNKNOWN)
    assert belief.bottleneck == "compute"
    assert belief.traffic_bytes > 0.0


def test_what_is_wrong_in_a_data_sheet_is_wrong_for_all_models_and_a_band_adds_its_share(make, ask) -> None:
    question = ask(machine("b", tdp_w=10.0, uncertain=("tdp_w",)), threads=4)
    sheet = make(AnalyticTime).update(question, NOTHING)
    assert sheet.machine_share == 1.0
    banded = make(PublishedResidual).update(question, sheet)
    assert 0.0 < banded.machine_share < 1.0
    assert (
        make(PublishedResidual).update(ask(), replace(SHEET, low=0.0, high=0.0)).machine_share <= banded.machine_share
    )


def test_kernels_of_unknown_type_are_the_error_of_the_model_alone(make, ask) -> None:
    """By hand: extents 0.5 and 1.0, variances as 1 to 4, shares 0.5 and 0."""
    half = work([kernel(0), kernel(1, type="other")])
    assert make(UnknownKernels).update(ask(model=half), SHEET).machine_share == pytest.approx(0.1)


def test_the_physical_model_answers_many_as_one_by_one(make, ask) -> None:
    link = make(AnalyticTime)
    questions = [ask(), ask(machine("b", tdp_w=10.0, uncertain=("tdp_w",)), threads=4), ask(batch=8), ask(HOST)]
    together = link.update_many(questions, [NOTHING] * 4)
    for question, belief in zip(questions, together, strict=True):
        by_itself = link.update(question, NOTHING)
        assert belief.log_time_s == pytest.approx(by_itself.log_time_s, rel=1e-12)
        assert belief.high == pytest.approx(by_itself.high, rel=1e-12)
    assert together[1].high > together[0].high == 0.0


def test_machines_of_one_id_and_other_sheets_are_told_apart(make, ask) -> None:
    slow, fast = make(AnalyticTime).update_many(
        [ask(machine("box", boost_hz=2e9)), ask(machine("box", boost_hz=4e9))], [NOTHING] * 2
    )
    assert slow.log_time_s > fast.log_time_s + 0.5


def test_published_figures_shift_widen_and_say_what_they_rest_on(make, ask, shipped) -> None:
    question = ask()
    belief = make(PublishedResidual).update_many([question], [replace(SHEET, low=-0.1, high=0.1)])[0]
    # One stream is as one request at a time, on one thread too.
    throughput, latency = shipped.transfer.residuals(HOST, question.table, 0)
    assert belief.log_time_s - SHEET.log_time_s == pytest.approx(latency)
    assert throughput != latency
    assert belief.high > 0.1
    assert belief.evidence is Evidence.SPEC
    assert belief.nearest != SHEET.nearest
    assert belief.notes[0] == "sheet"
    onnx = make(PublishedResidual).update(ask(runtime="onnxruntime"), SHEET)
    assert onnx.log_time_s == make(PublishedResidual).update(question, SHEET).log_time_s


def published(name: str = "resnet-50") -> ModelWork:
    """As many operations as the published model of that name."""
    return work([kernel(i, flop=4.1e8) for i in range(20)], model=name)


def beside_published(factor: float, machine_factor: float = 1.0, **changes: object) -> list[Measurement]:
    """Three published networks as predicted, ``toy`` in ``factor`` times that, all of them in ``machine_factor``."""
    shipped = Predictor.load()
    rows = []
    for name in ("resnet-50", "mobilenet-v2", "squeezenet1.1"):
        table = shipped.published_tables[name]
        config = RunConfig(threads=1, streams=1)
        expected = TransferTime(shipped.transfer).log_time_s(HOST, table, config, resolve(HOST, config))
        rows.append(measurement(machine_factor * exp(expected), model=name))
    toy = Question.of(HOST, work(), RunConfig(threads=1, streams=1), shipped.table(work()))
    expected = TransferTime(shipped.transfer).log_time_s(HOST, toy.table, toy.config, toy.settings)
    slow = machine_factor * factor * exp(expected)
    return [*rows, measurement(slow, **changes), measurement(1.0, kernels=PROFILED, **changes)]


def test_a_model_slow_here_beside_published_ones_is_expected_slow_elsewhere(make, ask) -> None:
    elsewhere = machine("box")
    link = make(UnpublishedModel, beside_published(2.0))
    assert link.update(ask(), SHEET) == SHEET  # this machine has links of its own
    moved = link.update(ask(elsewhere), SHEET)
    assert 0.3 * log(2.0) < moved.log_time_s - SHEET.log_time_s < log(2.0)
    assert moved.high < SHEET.high
    assert moved.machine_share > SHEET.machine_share
    assert "beside 3 published networks" in moved.notes[-1]


def test_a_machine_that_is_slow_with_all_networks_moves_no_other(make, ask) -> None:
    """What all timings share is the machine's, or its neighbours'."""
    link = make(UnpublishedModel, beside_published(1.0, machine_factor=2.0))
    moved = link.update(ask(machine("box")), SHEET)
    assert abs(moved.log_time_s - SHEET.log_time_s) < 0.1 * log(2.0)


@pytest.mark.parametrize(
    ("rows", "config", "spec", "words"),
    [
        (beside_published(2.0, dirty=True), {}, {}, "disturbed"),
        (beside_published(2.0)[-2:], {}, {}, "no published network"),
        (beside_published(2.0), {"precision": "int8"}, {"simd_level": "avx2_vnni"}, "in int8 all of them"),
    ],
)
def test_timings_that_say_nothing_of_a_machine_are_refused_with_the_reason(
    make, ask, rows, config, spec, words
) -> None:
    belief = make(UnpublishedModel, rows).update(ask(machine("box", **spec), **config), SHEET)
    assert (belief.log_time_s, belief.low, belief.high) == (SHEET.log_time_s, SHEET.low, SHEET.high)
    assert words in belief.notes[-1]


def test_a_published_model_is_not_moved_by_timings_here(make, ask, shipped) -> None:
    assert shipped.has_published_figures(published())
    link = make(UnpublishedModel, beside_published(2.0))
    assert link.update(ask(machine("box"), published()), SHEET) == SHEET


def test_kernels_timed_here_take_the_place_of_the_sheet(make, ask) -> None:
    rows = [measurement(1.0, kernels=PROFILED), measurement(0.020)]
    belief = make(KernelSum, rows).update(ask(), SHEET)
    assert belief.time_s.p50 == pytest.approx(0.020, rel=0.01)
    assert belief.evidence is Evidence.ANCHORED
    assert belief.high < SHEET.high
    assert make(KernelSum, rows).update(ask(machine("box")), SHEET) == SHEET
    assert make(KernelSum).update(ask(), SHEET) == SHEET
    # No matrix product was ever timed.
    assert make(KernelSum, rows).update(ask(model=work([kernel(0, type="matmul")])), SHEET) == SHEET


def test_streams_of_timed_kernels_go_by_the_physical_ratio(make, ask) -> None:
    rows = [measurement(1.0, kernels=PROFILED), measurement(0.020)]
    one, four = (make(KernelSum, rows).update(ask(threads=n, streams=n), SHEET) for n in (1, 4))
    physical = make(AnalyticTime).update_many([ask(), ask(threads=4, streams=4)], [NOTHING] * 2)
    expected = physical[1].log_time_s - physical[0].log_time_s
    assert four.log_time_s - one.log_time_s == pytest.approx(expected, rel=1e-9)


def test_anchors_correct_what_they_find_and_set_the_width(make, ask) -> None:
    slower = [measurement(1.0, kernels=PROFILED), measurement(0.020), measurement(0.030, batch=2)]
    link, width = make(AnchorCorrection, slower), make(AnchorCorrection, slower, HostCalibration(width=2.0))
    belief = link.update(ask(batch=3), SHEET)
    assert belief.evidence is Evidence.ANCHORED
    assert belief.nearest == "this/toy/openvino/f32/t1/s1/b2"
    assert belief.low == -belief.high
    assert width.update(ask(batch=3), SHEET).high == pytest.approx(2.0 * belief.high)
    assert make(AnchorCorrection).update(ask(), SHEET) == SHEET
    assert link.update(ask(machine("box")), SHEET) == SHEET


def test_without_a_profile_a_known_model_is_set_against_the_sheet(make, ask) -> None:
    rows = [measurement(1.0, model="resnet-50")]
    assert make(AnchorCorrection, rows).update(ask(threads=2), SHEET).log_time_s > SHEET.log_time_s + 0.5
    # Of a model without any known kernels nothing says how far off the prediction was.
    unknown = [measurement(1.0, model="unheard-of")]
    assert make(AnchorCorrection, unknown).update(ask(threads=2), SHEET).log_time_s == SHEET.log_time_s


def test_the_measured_configuration_is_taken_as_it_was(make, ask) -> None:
    row = measurement(0.0123)
    belief = make(DirectMeasurement, [row]).update(ask(), SHEET)
    assert belief.time_s.p50 == pytest.approx(0.0123)
    assert (belief.evidence, belief.nearest) == (Evidence.MEASURED, "this/toy/openvino/f32/t1/s1/b1")
    assert belief.notes == ("sheet", "measured on it in this configuration")
    assert belief.repetition is not None
    assert belief.repetition.throughput_per_s is None
    for other in (ask(threads=2), ask(batch=2), ask(machine("box")), ask(precision="int8")):
        assert make(DirectMeasurement, [row]).update(other, SHEET) == SHEET


@pytest.mark.parametrize("evidence", Evidence)
def test_another_runtime_is_openvino_times_a_ratio_from_other_machines(make, ask, evidence, monkeypatch) -> None:
    known = Ratio(log_ratio=0.5, deviation=0.2, machine_share=0.5, said="published ratio")
    monkeypatch.setattr(
        "advisor.perfmodel.elsewhere.transfer_time.runtime_ratio", lambda name, *_: {"onnxruntime": known}.get(name)
    )
    belief = replace(SHEET, evidence=evidence)
    ratio = make(RuntimeRatio).update(ask(runtime="onnxruntime"), belief)
    assert ratio.log_time_s == belief.log_time_s + 0.5
    assert ratio.high == pytest.approx(hypot(0.3, Z90 * 0.2))
    assert ratio.evidence == max(evidence, Evidence.ANCHORED, key=lambda item: item.rank)
    assert ratio.notes[-1] == "published ratio"
    unknown = make(RuntimeRatio).update(ask(runtime="ncnn"), belief)
    assert unknown.evidence is Evidence.UNKNOWN
    assert "no figure of ncnn at f32" in unknown.notes[-1]
    assert make(RuntimeRatio).update(ask(), belief) == belief


def test_kernels_of_unknown_type_widen_by_their_share(make, ask) -> None:
    half = work([kernel(0), kernel(1, type="other")])
    wider = make(UnknownKernels).update(ask(model=half), SHEET)
    assert np.allclose([wider.low, wider.high], [-hypot(0.2, 0.5), hypot(0.3, 0.5)])
    assert wider.notes[-1].startswith("50% of the traffic")
    assert make(UnknownKernels).update(ask(), SHEET) == SHEET
