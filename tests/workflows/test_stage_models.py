"""What is wrong with a model names the scenario's file and key, whatever kind of fault it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor.errors import ModelError, RuntimeRefusal
from advisor.measure.items import model_kernels
from advisor.records.model import ModelFile
from advisor.store.measurements import MeasurementStore
from advisor.store.scenario import parse_scenario
from advisor.workflows import PlanRequest, VerifyRequest, plan_scenario, verify_scenario
from advisor.workflows.stage_models import model_key, resolve_stages
from advisor.workflows.works import Works

TEXT = """\
scenario: bad
requests: [{group: callers, rate_per_s: 3}]
stages:
  - {id: first, model: MODEL}
  - {id: second, model: OTHER}
slo: {latency_p95_ms: 100}
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gone.onnx", "no such model file"),
        ("resnet-5O", "no architecture of this name; did you mean 'resnet-50'"),
        ("like:nothing-here", "no published figures under this name"),
        ("{folder}", "no such model file"),
        ("{folder}/empty.onnx", "the file is empty"),
        ("{folder}/junk.onnx", "damaged, cut short or of no format that can be read"),
    ],
)
def test_a_fault_of_a_model_names_file_and_key(tmp_path: Path, model: str, words: str) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "junk.onnx").write_bytes(b"\0junk" * 50)
    scenario = parse_scenario(TEXT.replace("MODEL", model.format(folder=tmp_path)))
    with pytest.raises(ModelError, match=rf"^shop/bad\.yaml: stages\[0\]\.model: .*{re.escape(words)}") as caught:
        resolve_stages(scenario, "shop/bad.yaml")
    assert "\n" not in str(caught.value)


def test_plan_and_verify_say_it_too(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(TEXT.replace("MODEL", "gone.onnx"))
    place = re.escape(f"{file}: stages[0].model: gone.onnx: no such model file")
    with pytest.raises(ModelError, match=place):
        plan_scenario(PlanRequest(scenario=str(file)))
    with pytest.raises(ModelError, match=place):
        verify_scenario(VerifyRequest(scenario=str(file)))


def test_a_runtime_that_refuses_a_model_names_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeRefusal("model m.onnx: operator Frobnicate is not known")

    monkeypatch.setattr(model_kernels, "works_of", refuses)
    scenario = parse_scenario(TEXT.replace("MODEL", "m.onnx"))
    file = ModelFile(
        reference="m.onnx",
        name="m",
        family="unknown",
        kind="file",
        path="m.onnx",
        sha256="0" * 64,
        input_shape=(1, 3, 8, 8),
    )
    places = {file.sha256: model_key(scenario, "second", "bad.yaml")}
    store = MeasurementStore(f"sqlite:///{tmp_path}/store.db")
    try:
        works = Works({"second": file}, store, places=places)
        with pytest.raises(RuntimeRefusal, match=r"^bad\.yaml: stages\[1\]\.model: model m\.onnx: operator Frobnicate"):
            works.prepare("openvino")
        with pytest.raises(RuntimeRefusal, match=r"^model m\.onnx: operator Frobnicate"):
            Works({"second": file}, store).prepare("openvino")
    finally:
        store.close()
