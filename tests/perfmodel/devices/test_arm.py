"""Arm cores: by design and clock, for OpenVINO at f32 alone."""

import pytest

from advisor.perfmodel.devices.arm import ArmEstimate
from advisor.perfmodel.devices.calibration import load_device_calibration
from advisor.records.base import Evidence
from advisor.records.device import DeviceSpec

from .makers import question

SOURCE = ArmEstimate(load_device_calibration())


def cores(**changes: object) -> DeviceSpec:
    facts: dict[str, object] = {
        "id": "board-cpu", "machine": "board", "chip": "board", "name": "board", "kind": "cpu", "family": "arm-cpu",
        "cores": 4.0, "core_design": "cortex-a76", "clock_hz": 2.4e9,
    }  # fmt: skip
    return DeviceSpec.model_validate(facts | changes)


def test_a_known_design_is_spec_and_a_published_board_anchored() -> None:
    spec = SOURCE.answer(question(cores(), "f32", models=("resnet-50",)))
    anchored = SOURCE.answer(question(cores(id="raspberry-pi-5-8-gb-cpu"), "f32", models=("resnet-50",)))
    assert spec is not None
    assert anchored is not None
    assert (spec.evidence, anchored.evidence) == (Evidence.SPEC, Evidence.ANCHORED)
    assert anchored.throughput_band[1] < spec.throughput_band[1]


def test_time_is_inverse_to_the_clock() -> None:
    slow, fast = (SOURCE.answer(question(cores(clock_hz=f), "f32", models=("resnet-50",))) for f in (1.2e9, 2.4e9))
    assert slow is not None
    assert fast is not None
    assert slow.log_throughput is not None
    assert fast.log_throughput is not None
    assert fast.log_throughput - slow.log_throughput == pytest.approx(0.6931, abs=1e-3)


@pytest.mark.parametrize(
    ("precision", "change"),
    [("int8", {}), ("f16", {}), ("f32", {"models": ("no-such-net",)}), ("f32", {"threads": 3}), ("f32", {"batch": 8})],
)
def test_what_no_table_holds_is_unknown(precision: str, change: dict[str, object]) -> None:
    assert SOURCE.answer(question(cores(), precision, **({"models": ("resnet-50",)} | change))) is None


def test_a_design_that_was_never_published_is_unknown() -> None:
    assert SOURCE.answer(question(cores(core_design="cortex-x925"), "f32", models=("resnet-50",))) is None
