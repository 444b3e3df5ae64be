import json
from dataclasses import replace

import numpy as np
import pytest

from advisor.errors import CatalogueError, Inconclusive
from advisor.perfmodel import Predictor
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import EvidenceSource
from advisor.perfmodel.here.calibration import HostCalibration
from advisor.records.base import Evidence
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import Interference, Measurement, MicroBenchmark
from advisor.records.model import ModelWork
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir
from tests.calibration.shipped import dataset as shipped_dataset
from tests.regression.compare import differences

from .makers import kernel, machine, measurement, work

MANY, ONE = RunConfig(hint="throughput"), RunConfig(hint="latency")


def resnet_50() -> ModelWork:
    """As many operations as the published model of that name."""
    return work([kernel(i, flop=4.1e8) for i in range(20)], model="resnet-50")


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def test_the_shipped_fit_belongs_to_the_shipped_tables(shipped) -> None:
    assert shipped.transfer.calibration.data_sha256 == shipped_dataset().sha256


def test_every_processor_of_the_catalogue_gets_an_ordered_positive_answer(shipped, catalogue) -> None:
    specs = [catalogue.resolve(name) for name in catalogue.processor_ids()]
    asked = [
        (s, work(), RunConfig(precision=p, hint=h))
        for s in specs
        for p in ("f32", "int8")
        for h in ("latency", "throughput")
    ]
    for found in shipped.service_many(asked):
        for quantity in (found.latency_s, found.throughput_per_s, found.core_s, found.memory_bytes):
            assert 0 < quantity.p10 < quantity.p50 < quantity.p90
        assert found.evidence in (Evidence.SPEC, Evidence.ANCHORED, Evidence.UNKNOWN)


def test_boxes_that_are_alike_get_equal_answers(shipped, catalogue) -> None:
    """Every box of the catalogue, and the same with another name and memory: one key, and equal figures."""
    for platform in catalogue.platforms():
        box = catalogue.machine(platform)
        facts = {"id": "twin", "name": f"{box.name} II", "memory_bytes": 1e9, "uncertain": (*box.uncertain, "l3_bytes")}
        twin = box.model_copy(update=facts)
        assert shipped.alike(box) == shipped.alike(twin), platform.id
        requests = [(item, resnet_50(), RunConfig(streams=n, threads=n)) for item in (box, twin) for n in (1, 2)]
        estimates = [item.model_dump(exclude={"platform"}) for item in shipped.service_many(requests)]
        assert not list(differences(estimates[:2], estimates[2:])), platform.id  # but for the last bit of sums in BLAS
        decoded = [shipped.decode(item, "h264", 1920, 1080, 4000.0, 15.0).core_s for item in (box, twin)]
        assert decoded[0] == decoded[1], platform.id
        assert shipped.bandwidth(box) == shipped.bandwidth(twin)
        assert shipped.slowing(box) == shipped.slowing(twin)
        assert shipped.power_w(box, 0.5) == shipped.power_w(twin, 0.5)


@pytest.mark.parametrize(
    "change",
    [{"boost_hz": 4.2e9}, {"sustained_power_w": 28.0}, {"performance_cores": 6}, {"uncertain": ("tdp_w",)},
     {"memory_bandwidth_bytes_per_s": 40e9}],
)  # fmt: skip
def test_boxes_that_differ_in_what_is_predicted_from_are_not_alike(change, shipped) -> None:
    box = machine(vendor="Intel")
    assert shipped.alike(box) == shipped.alike(box.model_copy(update={"id": "other", "memory_bytes": 1e9}))
    assert shipped.alike(box) != shipped.alike(box.model_copy(update=change))


def test_a_measured_machine_is_like_no_other_and_added_sources_may_look_at_anything(shipped) -> None:
    box, twin = machine("box"), machine("twin")
    measured = Predictor.load(host=box)
    assert measured.alike(box) != measured.alike(twin)
    added = Predictor.load(sources=[UnknownDevice()])
    assert added.alike(box) != added.alike(twin)


class UnknownDevice(EvidenceSource):
    """Evidence on a device that no machine has."""

    devices = ("NOWHERE",)

    def update(self, question: Question, belief: Belief) -> Belief:
        return belief


def test_a_published_network_is_known_under_any_file_name_and_another_size_of_it_is_not(shipped) -> None:
    transfer, known = shipped.transfer, shipped.published_tables["resnet-50"]
    label = transfer.model_label(known)
    assert label >= 0
    assert transfer.model_label(replace(known, model="gate-camera")) == label
    assert transfer.model_label(replace(known, table=8.0 * known.table)) == -1


def test_evidence_says_what_an_answer_rests_on(shipped, catalogue) -> None:
    known = resnet_50()
    assert shipped.service(catalogue.resolve("intel-core-i5-8500"), known, ONE).evidence is Evidence.PUBLISHED
    assert shipped.service(catalogue.resolve("intel-core-i5-8500"), work(), ONE).evidence is Evidence.ANCHORED
    assert shipped.service(catalogue.resolve("intel-core-i7-8700"), known, ONE).evidence is Evidence.SPEC
    assert shipped.service(catalogue.resolve("raspberry-pi-5-8-gb"), known, ONE).evidence is Evidence.UNKNOWN


def test_a_box_with_a_published_chip_is_recognised(shipped, catalogue) -> None:
    box = catalogue.resolve("intel-core-i5-8500").model_copy(
        update={"id": "some-box", "name": "Some Box", "sustained_power_w": 65.0}
    )
    assert shipped.service(box, resnet_50(), ONE).evidence is Evidence.PUBLISHED


def test_intervals_widen_with_thinner_evidence(shipped, catalogue) -> None:
    def width(name: str, model: str) -> float:
        asked = resnet_50() if model == "resnet-50" else work(model=model)
        found = shipped.service(catalogue.resolve(name), asked, MANY).latency_s
        return float(np.log(found.p90 / found.p10))

    published = width("intel-core-i5-8500", "resnet-50")
    # Where a published figure narrows nothing, both are one band, but for the rounding of the logarithms.
    spec = width("intel-core-i7-8700", "resnet-50")
    assert published <= spec * (1.0 + 1e-9)
    assert spec < width("intel-core-i7-8700", "never-seen")


def test_a_device_without_calibration_is_refused_with_a_remedy(shipped, catalogue) -> None:
    with pytest.raises(Inconclusive, match=r"GPU.*sizer bench"):
        shipped.service(catalogue.resolve("intel-core-i5-8500"), work(), RunConfig(device="GPU"))


def test_five_dearest_kernels_come_in_order_and_their_bound_is_named(shipped, catalogue) -> None:
    rows = [kernel(i, flop=1e8 * (i + 1)) for i in range(8)]
    found = shipped.service(catalogue.resolve("intel-core-i7-8700"), work(rows), ONE)
    assert [k.name for k in found.kernels] == ["k7", "k6", "k5", "k4", "k3"]
    assert sum(k.time_s for k in found.kernels) < found.latency_s.p50


def test_unknown_kernels_widen_and_are_said(shipped) -> None:
    spec = machine()
    plain = shipped.service(spec, work(), ONE)
    odd = shipped.service(
        spec,
        work([*(kernel(i) for i in range(20)), *(kernel(i, type="other", flop=0.0, moved=2e6) for i in range(10))]),
        ONE,
    )
    # What alike networks leave over may move the median either way; what is not known of kernels only widens.
    assert odd.latency_s.p90 / odd.latency_s.p10 > 1.1 * plain.latency_s.p90 / plain.latency_s.p10
    assert any("unknown type" in note for note in odd.notes)


def test_other_machines_are_predicted_from_the_file_whatever_the_runtime_fuses_here() -> None:
    """A runtime fuses for the processor that it runs on: another list of kernels must not move other machines."""
    host, other = machine("this"), machine("other")
    as_fused = work([kernel(i, flop=4.1e8) for i in range(20)])
    fused_otherwise = work([kernel(i, flop=4.1e8, moved=9e6) for i in range(45)], flop=as_fused.flop)
    predictor = Predictor.load(host=host, counted={as_fused.sha256: as_fused})
    first, second = (predictor.service(other, item, ONE) for item in (as_fused, fused_otherwise))
    assert first.latency_s == second.latency_s
    first, second = (predictor.service(host, item, ONE) for item in (as_fused, fused_otherwise))
    assert first.latency_s.p50 < 0.9 * second.latency_s.p50


def test_a_count_that_misses_operations_of_the_file_is_not_used() -> None:
    other, whole = machine("other"), work()
    part = work([kernel(i) for i in range(10)])
    predictor = Predictor.load(counted={whole.sha256: part})
    assert predictor.service(other, whole, ONE).latency_s == Predictor.load().service(other, whole, ONE).latency_s


def test_a_measured_configuration_is_reported_as_measured() -> None:
    host = machine("this")
    found = Predictor.load(host=host, measurements=[measurement(0.0123)]).service(
        host, work(), RunConfig(threads=1, streams=1)
    )
    assert found.evidence is Evidence.MEASURED
    assert found.latency_s.p50 == pytest.approx(0.0123)
    assert found.nearest_measured == "this/toy/openvino/f32/t1/s1/b1"


def test_a_disturbed_measurement_is_wider() -> None:
    host = machine("this")
    widths = []
    for dirty in (False, True):
        found = Predictor.load(host=host, measurements=[measurement(0.01, dirty=dirty)]).service(
            host, work(), RunConfig(threads=1, streams=1)
        )
        widths.append(found.latency_s.p90 / found.latency_s.p10)
    assert widths[1] > 1.1 * widths[0]


def test_another_configuration_meets_the_load_that_the_timed_ones_met() -> None:
    """Compared with a timed configuration, a predicted one must not seem faster for having been taken as quiet."""
    host = machine("this")
    row = measurement(0.010)
    assert row.timing is not None
    busy = row.model_copy(
        update={
            "interference": Interference(reference_slowdown=3.0, dirty=True),
            "timing": row.timing.model_copy(update={"block_p50_s": (0.007, 0.010, 0.010, 0.010, 0.013)}),
        }
    )
    other = RunConfig(threads=2, streams=1)
    predictor = Predictor.load(host=host, measurements=[busy])
    asked = predictor.service(host, work(), other).latency_s.p50
    quiet = Predictor(predictor.transfer, predictor.published_tables, predictor.host.undisturbed(), HostCalibration())
    assert asked / quiet.service(host, work(), other).latency_s.p50 == pytest.approx(1.0 / 0.7, rel=1e-6)
    # A model of which nothing was timed is predicted as on a quiet machine: nothing says what it meets.
    unknown = predictor.service(host, work(model="another"), other).latency_s.p50
    assert unknown == pytest.approx(quiet.service(host, work(model="another"), other).latency_s.p50)


def test_requests_in_flight_do_not_count_as_time_of_the_stream() -> None:
    """Four requests on two streams: the latency of each holds the wait for a stream, the rate does not."""
    host = machine("this")
    row = measurement(0.02, threads=2, streams=2, requests=4)
    assert row.timing is not None
    timing = row.timing.model_copy(update={"throughput_per_s": 200.0})
    row = row.model_copy(update={"mode": LoadMode(kind="async"), "timing": timing})
    found = Predictor.load(host=host, measurements=[row]).service(host, work(), row.config)
    assert found.evidence is Evidence.MEASURED
    assert found.latency_s.p50 == pytest.approx(0.01)
    assert found.throughput_per_s.p50 == pytest.approx(200.0)


def several(latency_s: float, streams: int, **config: object) -> Measurement:
    """So many streams of one thread, each pass of which takes ``latency_s`` beside the others."""
    row = measurement(latency_s, threads=streams, streams=streams, requests=streams, **config)
    assert row.timing is not None
    timing = row.timing.model_copy(update={"throughput_per_s": streams / latency_s})
    return row.model_copy(update={"mode": LoadMode(kind="async"), "timing": timing})


def test_streams_that_were_measured_alone_and_together_say_both() -> None:
    host = machine("this")
    together, alone = several(0.015, 4), measurement(0.010)
    found = Predictor.load(host=host, measurements=[together, alone]).service(host, work(), together.config)
    assert found.latency_s.p50 == pytest.approx(0.015)
    assert found.alone_s is not None
    assert found.alone_s.p50 == pytest.approx(0.010)
    # Where it was not measured it follows from what was.
    assert Predictor.load(host=host, measurements=[together]).service(host, work(), together.config).alone_s is not None
    other = Predictor.load(host=host, measurements=[together]).service(machine("box"), work(), together.config)
    # Of other machines the physical model says it, whatever this one does.
    assert other.alone_s == Predictor.load().service(machine("box"), work(), together.config).alone_s
    assert other.alone_s.p50 < other.latency_s.p50
    only = Predictor.load(host=host, measurements=[together, alone]).service(host, work(), alone.config)
    assert only.alone_s is None


def test_only_measurements_of_many_moments_say_how_the_machine_drifts() -> None:
    host, row = machine("this"), measurement(0.01)
    assert row.timing is not None
    blocks = tuple(0.01 * (0.8 + 0.02 * block) for block in range(21))
    many = row.model_copy(update={"timing": row.timing.model_copy(update={"block_p50_s": blocks})})
    found = Predictor.load(host=host, measurements=[many]).service(host, work(), row.config)
    # From 0.84 to 1.16 between the 10 and 90 % points: a standard deviation of 0.126.
    assert found.moment_sigma == pytest.approx(0.126, abs=0.002)
    assert found.machine_share == pytest.approx(1.0)  # undisturbed: all of it is the machine's states
    assert Predictor.load(host=host, measurements=[row]).service(host, work(), row.config).machine_share == 0.5
    assert Predictor.load(host=host, measurements=[row]).service(host, work(), row.config).moment_sigma is None


def test_doubtful_power_and_memory_of_a_box_widen_what_rests_on_them(shipped, catalogue) -> None:
    sure = catalogue.resolve("intel-processor-n100").model_copy(update={"sustained_power_w": 6.0, "uncertain": ()})
    doubtful = sure.model_copy(update={"uncertain": ("sustained_power_w", "memory_bandwidth_bytes_per_s")})
    widths = []
    for spec in (sure, doubtful):
        latency = shipped.service(spec, resnet_50(), MANY).latency_s
        widths.append(latency.p90 / latency.p10)
    assert widths[1] > 1.05 * widths[0]


def test_amd_is_as_wide_as_a_class_without_figures(shipped, catalogue) -> None:
    def width(name: str) -> float:
        latency = shipped.service(catalogue.resolve(name), resnet_50(), ONE).latency_s
        return float(latency.p90 / latency.p10)

    assert width("amd-ryzen-5-5600") > 1.2 * width("intel-core-i7-8700")


def test_another_configuration_of_a_measured_model_follows_the_measurement() -> None:
    host = machine("this")
    base = Predictor.load(host=host).service(host, work(), RunConfig(threads=2, streams=1)).latency_s.p50
    at_one = Predictor.load(host=host).service(host, work(), RunConfig(threads=1, streams=1)).latency_s.p50
    twice = Predictor.load(
        host=host, measurements=[measurement(2.0 * at_one, kernels=()), measurement(1.0, kernels=tuple(work().kernels))]
    )
    found = twice.service(host, work(), RunConfig(threads=2, streams=1))
    assert found.evidence is Evidence.ANCHORED
    assert 1.5 * base < found.latency_s.p50 < 2.2 * base


def test_decoding_measured_here_says_nothing_of_other_machines(catalogue) -> None:
    host = machine("this")
    row = MicroBenchmark(
        key="k",
        name="decode/h264/1920x1080/4000kbps/n1",
        value=0.004,
        unit="s",
        samples=9,
        host_fingerprint="h",
        started="now",
        parameters={"width": "1920", "height": "1080", "bitrate_kbps": "4000"},
    )
    with_it, without = Predictor.load(host=host, micro=[row]), Predictor.load(host=host)
    other = catalogue.resolve("intel-core-i7-8700")
    shipped, same = (p.decode(other, "h264", 1920, 1080, 4000.0, 15.0) for p in (with_it, without))
    assert shipped == same
    assert shipped.evidence is Evidence.SPEC
    assert with_it.decode(host, "h264", 1920, 1080, 4000.0, 15.0).core_s.p50 == pytest.approx(0.004)
    assert with_it.decode(host, "h264", 1920, 1080, 4000.0, 15.0).evidence is Evidence.MEASURED
    assert with_it.decode(host, "h264", 1280, 720, 4000.0, 15.0).evidence is Evidence.ANCHORED
    assert with_it.decode(host, "h265", 1920, 1080, 4000.0, 15.0).evidence is Evidence.SPEC
    assert without.decode(host, "raw", 1920, 1080, None, 15.0).core_s.p90 == 0.0


def test_bandwidth_is_attained_below_the_peak_of_the_channels(shipped, catalogue) -> None:
    box = catalogue.resolve("mini-pc-core-ultra-7-255h-32-gb")
    assert 0.6 * 102.4e9 < shipped.attainable_bandwidth(box) < 0.95 * 102.4e9
    assert shipped.attainable_bandwidth(machine(memory_bandwidth_bytes_per_s=None)) > 0
    sure, unsure = (shipped.bandwidth(box.model_copy(update={"uncertain": names}))
                    for names in ((), ("memory_bandwidth_bytes_per_s",)))  # fmt: skip
    assert sure.p50 == unsure.p50 == pytest.approx(shipped.attainable_bandwidth(box))
    assert 1.15 < sure.p50 / sure.p10 < 1.3
    assert unsure.p50 / unsure.p10 > 1.5


def test_power_rises_from_idle_to_the_limit(shipped) -> None:
    spec = machine(sustained_power_w=28.0)
    watts = [shipped.power_w(spec, u).p50 for u in (0.0, 0.5, 1.0)]
    assert watts[0] < watts[1] < watts[2]
    assert 28.0 < watts[2] < 2.0 * 28.0


def test_a_board_with_soldered_memory_draws_less_beside_its_chip_than_a_pc(shipped) -> None:
    board, pc = machine(tdp_w=10.0, architecture="aarch64"), machine(tdp_w=10.0)
    server = machine(tdp_w=250.0, architecture="aarch64")
    idle = [shipped.power_w(spec, 0.0).p50 for spec in (board, pc, server)]
    assert idle[0] < 3.0 < idle[1] < idle[2]
    # An Arm server has modules like any other.
    assert idle[2] == shipped.power_w(machine(tdp_w=250.0), 0.0).p50


def test_weights_and_streams_show_in_memory(shipped) -> None:
    small, large = work(weight_bytes=4e6), work([kernel(0, weights=4e8)])
    assert shipped.memory_bytes(large, ONE).p10 > 4e8
    many = shipped.memory_bytes(small, RunConfig(streams=8, batch=8)).p50
    assert many > shipped.memory_bytes(small, RunConfig(streams=1)).p50 + 50 * 2e6


def test_a_damaged_calibration_is_refused_with_the_command_that_makes_it(tmp_path) -> None:
    (tmp_path / "transfer.json").write_text("{")
    with pytest.raises(CatalogueError, match=r"advisor\.calibration\.transfer"):
        Predictor.load(tmp_path)


def test_a_calibration_of_another_model_version_is_refused(tmp_path) -> None:
    document = json.loads((profiles_dir() / "calibration" / "transfer.json").read_text())
    del document["parameters"]["smt"]
    (tmp_path / "transfer.json").write_text(json.dumps(document))
    with pytest.raises(CatalogueError, match="smt"):
        Predictor.load(tmp_path)
