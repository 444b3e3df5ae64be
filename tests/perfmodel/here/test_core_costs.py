from math import log

import pytest

from advisor.perfmodel.analytic.parameters import MEAN, Parameters
from advisor.perfmodel.here.core_costs import CoreCosts
from advisor.perfmodel.here.measurements import HostMeasurements
from advisor.perfmodel.resources.software_decode import load_decode
from advisor.records.base import Evidence
from advisor.records.measurement import Interference, MicroBenchmark
from advisor.records.preparation import Preparation
from tests.perfmodel.makers import machine, timed

HOST, OTHER = machine("this"), machine("box", boost_hz=3e9)
PICTURE = {"width": "1920", "height": "1080", "bitrate_kbps": "4000"}


def micro(name: str, value: float, parameters: dict[str, str] | None = None, **changes: object) -> MicroBenchmark:
    facts: dict[str, object] = {
        "key": name, "name": name, "value": value, "unit": "s", "samples": 9, "host_fingerprint": "h",
        "started": "now", "parameters": parameters or {},
    }  # fmt: skip
    return MicroBenchmark.model_validate(facts | changes)


DECODED = micro("decode/h264/1920x1080/4000kbps/n1", 0.004, PICTURE)


def costs(*rows: MicroBenchmark, host=HOST, measurements=()) -> CoreCosts:
    return CoreCosts(Parameters(MEAN), HostMeasurements.join(host, measurements, rows, None), load_decode())


def decode(model: CoreCosts, spec=HOST, width=1920, height=1080):
    return model.decode(spec, "h264", width, height, 4000.0, 15.0)


def test_the_measured_picture_is_reported_and_others_of_this_machine_are_scaled_by_it() -> None:
    measured = costs(DECODED)
    assert decode(measured).core_s.p50 == pytest.approx(0.004)
    assert decode(measured).evidence is Evidence.MEASURED
    assert decode(measured, width=1280, height=720).evidence is Evidence.ANCHORED
    assert decode(costs()).evidence is decode(costs(DECODED, host=None)).evidence is Evidence.SPEC
    ratios = [
        decode(measured, width=width).core_s.p50 / decode(costs(), width=width).core_s.p50 for width in (1920, 1280)
    ]
    assert ratios[0] == pytest.approx(ratios[1])


def test_other_machines_take_nothing_from_what_this_one_measured() -> None:
    row = micro("preprocess/1920x1080/300x300", 0.002)
    measured, nothing = costs(DECODED, row), costs()
    assert decode(measured, OTHER) == decode(nothing, OTHER)
    whole = Preparation((1920, 1080), (300, 300))
    assert measured.preprocess(OTHER, whole) == nothing.preprocess(OTHER, whole)
    assert decode(measured, OTHER).evidence is measured.preprocess(OTHER, whole).evidence is Evidence.SPEC
    assert "not measured on box" in decode(measured, OTHER).notes[0]


def test_the_application_is_scaled_by_the_speed_of_scalar_code_alone() -> None:
    """As decoding between two machines, and on neither by what was measured there."""
    measured = costs(DECODED)
    here, there = (measured.application(spec, "frame", 2.0).core_s.p50 for spec in (HOST, OTHER))
    decoded = [decode(costs(), spec).core_s.p50 for spec in (HOST, OTHER)]
    assert here / there == pytest.approx(decoded[0] / decoded[1])
    assert measured.application(HOST, "frame", 2.0) == costs().application(HOST, "frame", 2.0)
    assert measured.application(HOST, "object", 4.0).core_s.p50 == pytest.approx(2.0 * here)
    stated, usual = (measured.application(HOST, "frame", value).core_s for value in (2.0, None))
    assert log(usual.p90 / usual.p50) > log(stated.p90 / stated.p50)


def test_here_a_frame_takes_at_least_what_verification_takes_for_it() -> None:
    """Its run stands for the application: on other machines, and for objects, it says nothing."""
    row = micro("harness/frame", 4e-4)
    measured, nothing = costs(row), costs()
    none, little = (measured.application(HOST, "frame", value).core_s for value in (0.0, 0.05))
    assert none.p50 == little.p50 == pytest.approx(4e-4)
    assert none.p10 < none.p50 < none.p90
    much = measured.application(HOST, "frame", 20.0)
    assert much.core_s == nothing.application(HOST, "frame", 20.0).core_s
    assert "0.4 ms per frame" in much.notes[-1]
    assert measured.application(HOST, "object", 0.0) == nothing.application(HOST, "object", 0.0)
    assert measured.application(OTHER, "frame", 0.0).core_s.p50 == 0.0


def test_raw_frames_need_no_decoder() -> None:
    assert costs().decode(HOST, "raw", 1280, 720, None, 15.0).core_s.p90 == 0.0


@pytest.mark.parametrize(("size", "half"), [((300, 300), 0.15), ((224, 224), 0.225)])
def test_the_nearer_the_measurement_the_narrower(size, half) -> None:
    found = costs(micro("preprocess/1920x1080/300x300", 0.002)).preprocess(HOST, Preparation((1920, 1080), size)).core_s
    assert log(found.p90 / found.p50) == pytest.approx(half)


def test_the_nearest_picture_in_size_counts() -> None:
    small = micro("decode/h264/640x360/4000kbps/n1", 0.4, PICTURE | {"width": "640", "height": "360"})
    assert decode(costs(DECODED, small), width=1900, height=1080).core_s.p50 < 0.01
    assert decode(costs(DECODED, small), width=640, height=360).core_s.p50 == pytest.approx(0.4)


def test_what_disturbed_the_measurement_and_how_the_machine_varies_widen() -> None:
    plain = decode(costs(DECODED)).core_s
    disturbed = DECODED.model_copy(update={"interference": Interference(reference_slowdown=1.8, dirty=True)})
    unsteady = [timed([0.010 * 1.03**n for n in range(-20, 21)])]
    for wider in (decode(costs(disturbed)).core_s, decode(costs(DECODED, measurements=unsteady)).core_s):
        assert log(wider.p90 / wider.p50) > 1.2 * log(plain.p90 / plain.p50)


def test_preparation_is_scaled_by_the_nearest_sizes() -> None:
    row = micro("preprocess/1920x1080/300x300", 0.002)
    known, asked = Preparation((1920, 1080), (300, 300)), Preparation((1280, 720), (224, 224))
    exact = costs(row).preprocess(HOST, known)
    assert exact.core_s.p50 == pytest.approx(0.002)
    assert exact.evidence is Evidence.MEASURED
    near = costs(row).preprocess(HOST, asked)
    prior = [costs().preprocess(HOST, item).core_s.p50 for item in (known, asked)]
    assert near.core_s.p50 / 0.002 == pytest.approx(prior[1] / prior[0])
    assert near.evidence is Evidence.ANCHORED


def test_decoders_beside_each_other_lengthen_as_measured_in_turns() -> None:
    both = micro("decode/h264/1920x1080/4000kbps/n2", 0.0055, PICTURE | {"alone_s": "0.005"})
    found = decode(costs(DECODED, both))
    assert found.core_s.p50 == pytest.approx(0.004)  # what one alone took when one alone was timed
    assert found.contention == pytest.approx(0.1)
    faster = both.model_copy(update={"value": 0.0049})
    assert decode(costs(DECODED, faster)).contention == 0.0
    assert decode(costs(DECODED, both), OTHER).contention == decode(costs(DECODED)).contention == 0.0


def test_boxes_and_raw_pictures_take_what_was_measured_of_their_kind_alone() -> None:
    rows = {
        name: micro(f"{name}/1920x1080/300x300", value)
        for name, value in {"preprocess": 0.002, "crop": 3e-4, "preprocess_raw": 1e-3, "crop_raw": 2e-4}.items()
    }
    model, target = costs(*rows.values()), (300, 300)
    frame = 1920, 1080
    of = {
        "preprocess": Preparation(frame, target),
        "crop": Preparation(target, target, frame),
        "preprocess_raw": Preparation(frame, target, raw=True),
        "crop_raw": Preparation(target, target, frame, raw=True),
    }
    for name, kind in of.items():
        found = model.preprocess(HOST, kind)
        assert (found.core_s.p50, found.evidence) == (pytest.approx(rows[name].value), Evidence.MEASURED)
    # Of a smaller picture the box is smaller; of a kind that was not measured the formula speaks, and says so.
    smaller = model.preprocess(HOST, Preparation(target, target, (640, 480)))
    assert smaller.core_s.p50 < 3e-4
    assert smaller.evidence is Evidence.ANCHORED
    assert costs(rows["preprocess"]).preprocess(HOST, Preparation(target, target, frame)).evidence is Evidence.SPEC


def test_the_cost_of_a_call_is_measured_here_alone() -> None:
    row = micro("overhead/openvino", 50e-6)
    here, other = costs(row).overhead(HOST, "openvino"), costs(row).overhead(OTHER, "openvino")
    assert (here.core_s.p50, here.evidence) == (50e-6, Evidence.MEASURED)
    assert other.evidence is costs(row).overhead(HOST, "onnxruntime").evidence is Evidence.SPEC
    slow = costs().overhead(machine("slow", boost_hz=1e9), "openvino")
    assert slow.core_s.p50 > 2.0 * other.core_s.p50


def test_key_frames_are_those_of_the_nearest_picture_that_was_measured() -> None:
    small = {"width": "640", "height": "360", "key_factor": "5.5"}
    large = DECODED.model_copy(update={"parameters": {**PICTURE, "key_factor": "3.1"}})
    rows = large, micro("decode/h264/640x360/1000kbps/n1", 1e-3, small)
    assert (decode(costs(*rows)).key_factor, decode(costs(*rows), width=640, height=480).key_factor) == (3.1, 5.5)
    assert decode(costs(DECODED)).key_factor is decode(costs(*rows), OTHER).key_factor is None


def test_stacking_is_that_of_the_machine_that_was_measured() -> None:
    known = costs(micro("stacking", 0.12))
    assert (known.stacking(HOST), known.stacking(OTHER), costs().stacking(HOST)) == (0.12, 0.0, 0.0)


def test_machines_of_one_id_have_clocks_of_their_own() -> None:
    model = costs()
    fast, slow = (decode(model, machine("same", boost_hz=hz)).core_s.p50 for hz in (4e9, 2e9))
    assert slow > 1.3 * fast
