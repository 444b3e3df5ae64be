"""Devices that are tried in processes of their own: what comes back of good, wrong, crashing and missing ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.measure.items import devices
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts, RuntimeFacts
from advisor.runtimes.protocol import CompileOptions

GPU = DeviceFacts(id="GPU", kind="GPU")


def judged(monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any] | str, device: DeviceFacts = GPU) -> DeviceFacts:
    """What becomes of a device whose trial ends so."""
    listed = RuntimeFacts(name="openvino", version="1", devices=("CPU", device.id), device_facts=(device,))
    answers = {"list_job": listed.model_dump(mode="json"), "try_job": outcome}
    monkeypatch.setattr(devices, "_one", lambda function, name, payload: answers[function])
    (facts,) = devices.try_devices(["openvino"])
    (found,) = facts.device_facts
    return found


def test_the_right_answer_makes_a_device_usable(monkeypatch) -> None:
    found = judged(monkeypatch, {"device_names": ["Intel(R) UHD Graphics (iGPU)"], "software_rasteriser": False})
    assert (found.usable, found.reason, found.name) == (True, None, "Intel(R) UHD Graphics (iGPU)")


def test_a_software_rasteriser_runs_and_is_refused_for_figures(monkeypatch) -> None:
    found = judged(monkeypatch, {"device_names": ["llvmpipe"], "software_rasteriser": True})
    assert found.usable
    assert found.software_rasteriser
    assert "never planned with" in (found.reason or "")


def test_a_crash_is_the_reason(monkeypatch) -> None:
    found = judged(monkeypatch, "crashed with SIGSEGV")
    assert (found.usable, found.reason) == (False, "crashed with SIGSEGV")


def test_what_is_not_there_is_not_tried(monkeypatch) -> None:
    missing = DeviceFacts(id="NPU", kind="NPU", usable=False, reason="no driver")
    assert judged(monkeypatch, "must not be asked", missing) == missing


class _Model:
    def __init__(self, factor: float) -> None:
        self._factor = factor
        self.effective = EffectiveConfig(device="GPU", execution_devices=("GPU",), runtime_version="1")

    def infer(self, inputs: list[Any]) -> list[Any]:
        return [self._factor * np.ones((1, 8), np.float32)]

    def close(self) -> None: ...


class _Runtime:
    """Its GPU is off by a factor."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def compile(self, model: object, config: RunConfig, options: CompileOptions) -> _Model:
        return _Model(1.0 if config.device == "CPU" else self._factor)


@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (1.01, True), (1.1, False), (float("nan"), False)])
def test_a_wrong_answer_is_refused(monkeypatch, factor: float, right: bool) -> None:
    monkeypatch.setattr(devices, "get_runtime", lambda name: _Runtime(factor))
    payload = {"runtime": "openvino", "device": "GPU"}
    if right:
        assert devices._try(payload) == {"device_names": [], "software_rasteriser": False}
    else:
        with pytest.raises(RuntimeRefusal, match="computes wrong results"):
            devices._try(payload)


def test_in_a_process_of_its_own() -> None:
    facts, unknown = devices.try_devices(["fake", "nosuch"])
    assert facts.available
    assert [item.id for item in facts.device_facts] == ["CPU"]
    assert not unknown.available
    assert "unknown" in (unknown.reason or "")
