"""Which work a plan rests on: one of the catalogue compiles nothing, whatever a runtime fuses here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.graph.counted import counted_work
from advisor.measure.items import model_kernels
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile, ModelWork
from advisor.records.prediction import ServiceEstimate
from advisor.store.measurements import MeasurementStore
from advisor.workflows.models import resolve_model
from advisor.workflows.plan import plan_scenario
from advisor.workflows.plan_inputs import PlanRequest, prepare
from advisor.workflows.works import Works
from tests.graph import files
from tests.measure.hosts import facts
from tests.measure.makers import file

SCENARIO = """
scenario: tiny
cameras:
  - {group: door, count: 4, resolution: 640x360, codec: h264, fps: 5, bitrate_kbps: 200}
activity:
  objects_per_frame: {face: {mean: 1, p95: 2, max: 3}}
stages:
  - {id: face, model: "squeezenet-1.1", every: 2 frames}
  - {id: age, model: "like:age-gender-recognition-retail-0013", on: face, batch: {max: 2}}
slo: {camera_fps: 5, latency_p95_ms: 2000, drops_max_pct: 5, window_s: 5}
accuracy: {precisions: [f32, int8]}
"""
BOXES = ("mini-pc-i7-11800h-16-gb", "intel-core-i5-12400")
Wanted = Sequence[tuple[ModelFile, tuple[str, str, int, str | None]]]
Listed = Callable[..., list[ModelWork | None]]


def host(*, fused: int, wider: float, called: list[str]) -> Listed:
    """What a runtime lists on a host that fuses the last ``fused`` kernels and keeps somewhat wider tensors."""

    def works_of(wanted: Wanted, *_: object) -> list[ModelWork | None]:
        found: list[ModelWork | None] = []
        for model, (runtime, precision, _batch, _cap) in wanted:
            called.append(model.name)
            counted = counted_work(model)
            assert counted is not None
            changed = {
                "runtime": runtime, "precision": precision, "kernels": counted.kernels[: len(counted.kernels) - fused],
                "activation_bytes": wider * counted.activation_bytes,
            }  # fmt: skip
            found.append(counted.model_copy(update=changed))
        return found

    return works_of


@pytest.fixture
def planned_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(SCENARIO)

    def plan_on(name: str, runtime: Listed, *platforms: str) -> dict[str, Any]:
        monkeypatch.setenv("SIZER_HOME", str(tmp_path / name))
        monkeypatch.setattr(model_kernels, "works_of", runtime)
        request = PlanRequest(str(scenario), on=platforms or BOXES, measure=False)
        found = plan_scenario(request, store_url=f"sqlite:///{tmp_path / name}.sqlite3")
        document: dict[str, Any] = found.model_dump(mode="json")
        return {key: value for key, value in document.items() if key not in ("id", "created")}

    return plan_on


def test_two_hosts_whose_runtimes_fuse_otherwise_make_the_same_plan(
    planned_on: Callable[..., dict[str, Any]],
) -> None:
    called: list[str] = []
    one = planned_on("one", host(fused=0, wider=1.0, called=called))
    two = planned_on("two", host(fused=3, wider=1.5, called=called))
    assert one["recommended"]["predicted"]["memory_bytes"]["p50"] > 0
    assert one == two
    assert called == []


def test_where_this_machine_is_a_candidate_its_kernels_are_listed_for_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    called: list[str] = []
    monkeypatch.setattr(model_kernels, "works_of", host(fused=3, wider=1.5, called=called))

    def estimates(*platforms: str) -> list[ServiceEstimate]:
        """Of both stages on the box."""
        with MeasurementStore(f"sqlite:///{tmp_path}/s.sqlite3") as store:
            request = PlanRequest(str(tmp_path / "tiny.yaml"), on=platforms, measure=False)
            inputs = prepare(request, store, facts, None, lambda _: None)
        found = [inputs.works(stage.id, "openvino", "f32", 1) for stage in inputs.scenario.stages]
        (machine,) = [item.machine for item in inputs.candidates if item.platform.id == BOXES[0]]
        return inputs.predictor.service_many([(machine, work, RunConfig(streams=1)) for work in found if work])

    alone = estimates(BOXES[0])
    assert len(alone) == 2
    assert called == []
    assert estimates("this", BOXES[0]) == alone
    assert set(called) == {"squeezenet-1.1", "like:age-gender-recognition-retail-0013"}


def works(tmp_path: Path, model: ModelFile, counted: dict[str, ModelWork]) -> Works:
    return Works({"a": model}, MeasurementStore(f"sqlite:///{tmp_path}/s.db"), counted=counted)


def test_kernels_are_listed_where_a_measured_machine_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.setattr(model_kernels, "works_of", host(fused=1, wider=1.0, called=called))
    model = resolve_model("squeezenet-1.1")
    counted = counted_work(model)
    assert counted is not None
    listed, told = works(tmp_path, model, {}), works(tmp_path, model, {model.sha256: counted})
    assert told.missing("openvino") == []
    assert listed.missing("openvino") == [model]
    own, fused = told.of_stage("a", "openvino", "f32", 1), listed.of_stage("a", "openvino", "f32", 1)
    assert own is not None
    assert fused is not None
    assert (len(own.kernels), len(fused.kernels)) == (len(counted.kernels), len(counted.kernels) - 1)
    assert set(called) == {model.name}
    for precision in ("f32", "int8", "bf16"):
        found = told.of_stage("a", "openvino", precision, 1)
        assert found is not None
        assert (found.runtime, found.precision) == ("openvino", precision)


def test_a_file_that_openvino_does_not_read_is_not_compiled_to_learn_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.setattr(model_kernels, "works_of", host(fused=0, wider=1.0, called=called))
    found = works(tmp_path, file("net").model_copy(update={"reader": "onnxruntime"}), {})
    found.prepare("openvino")
    assert found.compiled("a") == []
    assert called == []


def test_a_network_without_a_product_of_weights_has_no_int8(tmp_path: Path) -> None:
    model = resolve_model("squeezenet-1.1")
    counted = counted_work(model)
    assert counted is not None
    assert counted.live is not None
    plain = counted.model_copy(update={"live": counted.live.model_copy(update={"quantisable": False})})
    found = works(tmp_path, model, {model.sha256: plain})
    assert found.of_stage("a", "openvino", "int8", 1) is None
    assert found.of_stage("a", "openvino", "f32", 1) is not None


@pytest.mark.runtime
def test_a_plan_says_which_file_openvino_does_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    model = files.operator_net(tmp_path / "operators.onnx")
    scenario = tmp_path / "texts.yaml"
    scenario.write_text(
        "scenario: texts\nrequests: [{group: callers, rate_per_s: 3}]\n"
        f"stages: [{{id: first, model: {model}}}]\nslo: {{latency_p95_ms: 100}}\n"
    )
    assert resolve_model(str(model)).reader == "onnxruntime"
    said: list[str] = []
    request = PlanRequest(str(scenario), on=BOXES[1:], measure=False)
    plan_scenario(request, store_url=f"sqlite:///{tmp_path}/s.sqlite3", say=said.append)
    assert any("OpenVINO cannot run" in text and "permit it with candidates" in text for text in said)


def test_a_count_that_misses_operations_of_the_file_is_no_count(tmp_path: Path) -> None:
    """What a loop computes, say, which its reader finds; and one of the same file at another size is counted anew."""
    model = resolve_model("squeezenet-1.1")
    counted = counted_work(model)
    assert counted is not None
    with MeasurementStore(f"sqlite:///{tmp_path}/s.db") as store:
        for flop, known in ((None, True), (counted.flop, True), (1.1 * counted.flop, False)):
            found = model_kernels.counted_works([model.model_copy(update={"flop": flop})], store)
            assert (model.sha256 in found) is known
