"""What goes into a kit: the files that the box will ask for, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from advisor.errors import InputError
from advisor.kit.contents import Contents, gather, model_parts
from advisor.records.plan import Plan
from advisor.store.files import read_document
from advisor.store.paths import cache_dir, data_dir
from advisor.store.scenario import parse_scenario
from tests.kit.makers import SCENARIO, SECRET, write_plan, write_scenario


def gathered(folder: Path, text: str = SCENARIO, measure: bool = True, **config: Any) -> Contents:
    scenario = write_scenario(folder, text)
    return gather(str(scenario), write_plan(folder, scenario, **config), 0, measure)


def data(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def test_a_scenario_of_known_models_goes_along_as_it_is(tmp_path: Path) -> None:
    found = gathered(tmp_path)
    assert data(found.files["scenario.yaml"]) == (tmp_path / "shop.yaml").read_bytes()
    assert data(found.files["plan.json"]) == (tmp_path / "plan.json").read_bytes()
    assert found.notes == []
    assert found.platform == "this"
    names = sorted(name for name in found.files if name.startswith("cache/"))
    clips = [name for name in names if "/verify/clips/h264-320x192-5fps" in name]
    models = [name for name in names if name.startswith("cache/models/squeezenet-1.1-v")]
    assert len(clips) == len(models) == 2
    assert all(data(found.files[name]) == (cache_dir() / name.removeprefix("cache/")).read_bytes() for name in names)


def test_what_is_measured_on_the_box_is_what_was_planned(tmp_path: Path) -> None:
    found = gathered(tmp_path, streams=2, threads=2)
    (cell,) = json.loads(data(found.files["measure.yaml"]))["measurements"]
    assert (cell["model"], cell["mode"]) == ("squeezenet-1.1", {"kind": "async"})
    assert (cell["config"]["streams"], cell["config"]["runtime"]) == (2, "openvino")
    assert "measure.yaml" not in gathered(tmp_path, measure=False).files


@pytest.mark.runtime
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_int8_copies_go_along_with_the_note_that_finds_their_original_in_the_kit(tmp_path: Path, runtime: str) -> None:
    found = gathered(tmp_path, precision="int8", runtime=runtime)
    copies = sorted(name for name in found.files if name.startswith("cache/int8/") and name.endswith(".onnx"))
    variants = {"openvino"} if runtime == "openvino" else {"openvino", "onnxruntime"}
    assert {json.loads(data(found.files[name[:-5] + ".json"]))["runtime"] for name in copies} == variants
    for name in copies:
        note = json.loads(data(found.files[name[:-5] + ".json"]))
        assert note["source"] in found.files
        assert "took_s" not in note
        assert str(tmp_path) not in json.dumps(note)


def external_model(folder: Path) -> Path:
    """A model whose weights lie in a file beside it."""
    weights = onnx.numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "w")
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="c")
    ends = [
        onnx.helper.make_tensor_value_info(name, 1, [1, *shape]) for name, shape in (("x", (3, 9, 9)), ("y", (8, 7, 7)))
    ]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "own.onnx"
    onnx.save_model(model, str(path), save_as_external_data=True, location="own.weights", size_threshold=0)
    return path


@pytest.mark.runtime
def test_a_file_of_the_user_goes_along_with_its_weights_and_is_named_in_the_kit(tmp_path: Path) -> None:
    path = external_model(tmp_path)
    assert [part.name for part in model_parts(path)] == ["own.onnx", "own.weights"]
    found = gathered(tmp_path, SCENARIO.replace("squeezenet-1.1", str(path)))
    (model,) = [name for name in found.files if name.endswith("/own.onnx")]
    assert model.startswith("models/")
    assert data(found.files[model.replace("own.onnx", "own.weights")]) == (tmp_path / "own.weights").read_bytes()
    site = parse_scenario(data(found.files["scenario.yaml"]).decode())
    assert site.stages[0].model == model
    assert str(tmp_path) not in data(found.files["scenario.yaml"]).decode()
    bound = tmp_path / "bound.json"
    bound.write_bytes(data(found.files["plan.json"]))
    plan = read_document(bound, Plan)
    from hashlib import sha256

    assert plan.scenario_sha256 == sha256(data(found.files["scenario.yaml"])).hexdigest()
    assert plan.inputs is not None
    assert plan.inputs.scenario_sha256 == plan.scenario_sha256
    assert found.planned_scenario_sha256 != plan.scenario_sha256


def with_source(*sources: str) -> str:
    return SCENARIO.replace("fps: 5}]", f"fps: 5, source: {json.dumps(sources)}}}]", 1)


def test_clips_of_the_user_go_along_once_each(tmp_path: Path) -> None:
    first = gathered(tmp_path)
    clip = next(data(content) for name, content in first.files.items() if name.endswith(".mp4"))
    for name in ("a clip:1.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(clip)
    sources = with_source(f"file:{tmp_path}/a clip:1.mp4", f"{tmp_path}/b.mp4")
    found = gathered(tmp_path, sources.replace("count: 1", "count: 3"))
    site = parse_scenario(data(found.files["scenario.yaml"]).decode())
    assert [name in found.files for name in site.cameras[0].source] == [True, True]
    assert not any(name.startswith("cache/verify") for name in found.files)


SECRETS = [
    with_source(f"rtsp://admin:{SECRET}@10.0.0.5/stream"),
    with_source(f"rtsp://10.0.0.5/stream?token={SECRET}"),
    with_source("rtsp://10.0.0.6/stream", f"http://u:{SECRET}@10.0.0.5/x"),
    SCENARIO + f"# source: rtsp://admin:{SECRET}@10.0.0.5/stream\n",
]


@pytest.mark.parametrize("text", SECRETS, ids=["password", "token", "one of two", "comment"])
def test_no_secret_of_an_address_gets_into_a_kit(tmp_path: Path, text: str) -> None:
    found = gathered(tmp_path, text)
    assert [name for name, content in found.files.items() if SECRET.encode() in data(content) or SECRET in name] == []
    assert SECRET not in "".join(found.notes)
    site = parse_scenario(data(found.files["scenario.yaml"]).decode())
    assert site.cameras[0].source == ()
    assert any("/verify/clips/" in name for name in found.files)
    if text is not SECRETS[-1]:
        (note,) = found.notes
        assert note.startswith("camera group door: its addresses hold what may be a password and were left out; a clip")


def test_an_address_without_a_secret_stays_and_is_said(tmp_path: Path) -> None:
    found = gathered(tmp_path, with_source("rtsp://10.0.0.5/stream"))
    assert parse_scenario(data(found.files["scenario.yaml"]).decode()).cameras[0].source == ("rtsp://10.0.0.5/stream",)
    assert found.notes == ["camera group door: the box plays the cameras' own streams"]


def test_a_plan_with_a_password_in_it_is_refused(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path)
    plan = write_plan(tmp_path, scenario, lambda document: document["assumptions"].append(f"rtsp://u:{SECRET}@h/x"))
    with pytest.raises(InputError, match="what looks like an address with a password") as caught:
        gather(str(scenario), plan, 0, True)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: document.update(recommended=None), "recommends no equal boxes"),
        (lambda document: document.update(scenario="other"), "is a plan of scenario 'other'"),
        (lambda document: document.update(scenario_sha256="0" * 64, inputs=None), "was changed since it was planned"),
        (lambda document: document["recommended"]["config"].update(stages={}), "configures no stage look"),
        (
            lambda document: document["recommended"]["config"]["stages"]["look"].update(runtime="ncnn"),
            "runs in ncnn, whose packages a kit cannot bring",
        ),
        (
            lambda document: document["recommended"]["config"]["stages"]["look"].update(device="hailo-8l"),
            "hailo-8l in openvino, which no runtime here drives",
        ),
    ],
)
def test_a_plan_that_no_box_could_run_is_refused_in_a_line(tmp_path: Path, change: Any, says: str) -> None:
    scenario = write_scenario(tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        gather(str(scenario), write_plan(tmp_path, scenario, change), 0, True)
    assert "\n" not in str(caught.value)


def test_a_box_that_only_this_desk_knows_goes_along(tmp_path: Path) -> None:
    folder = data_dir() / "catalogue"
    shipped = Path(__file__).parents[2] / "profiles"
    for kind, name in (("platforms", "office-desktop-i5-12400-16-gb"), ("processors", "intel-core-i5-12400")):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        text = (shipped / kind / f"{name}.yaml").read_text(encoding="utf-8")
        for old in ("office-desktop-i5-12400-16-gb", "intel-core-i5-12400"):
            text = text.replace(f"id: {old}", f"id: own-{old}").replace(f"processor: {old}", f"processor: own-{old}")
        (folder / kind / f"own-{name}.yaml").write_text(text, encoding="utf-8")
    scenario = write_scenario(tmp_path)
    box = "own-office-desktop-i5-12400-16-gb"
    plan = write_plan(tmp_path, scenario, lambda document: document["recommended"].update(platform=box))
    found = gather(str(scenario), plan, 0, False)
    assert sorted(name for name in found.files if name.startswith("data/")) == [
        f"data/catalogue/platforms/{box}.yaml", "data/catalogue/processors/own-intel-core-i5-12400.yaml",
    ]  # fmt: skip
