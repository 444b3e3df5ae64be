import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from advisor import zoo
from advisor.errors import ModelError


def test_list_has_architectures_and_stand_ins_without_building(monkeypatch) -> None:
    monkeypatch.setattr("advisor.zoo.onnx_file.serialise", None)
    models = {item.name: item for item in zoo.list_models()}
    assert tuple(models) == zoo.known_names()
    resnet = models["resnet-50"]
    assert (resnet.kind, resnet.input_shape, resnet.output_layout) == ("architecture", (1, 3, 224, 224), "classes")
    person = models["like:person-detection-retail-0013"]
    assert (person.kind, person.gflops, person.mparams) == ("stand-in", 2.3, 0.723)
    assert (person.input_shape, person.output_layout, person.family) == ((1, 3, 320, 544), "ssd", "rmnet-ssd")
    assert "like:person-detection-0301" not in models
    assert models["like:yolo-v3-tf"].notes.startswith("published as [1, 416, 416, 3]")
    assert models["bert-mini"].token_limit == 30522


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ResNet50", "resnet-50"), ("resnet_50", "resnet-50"), (" mobilenet-v2 ", "mobilenet-v2"),
        ("LIKE:Person-Detection-Retail-0013", "like:person-detection-retail-0013"),
    ],
)  # fmt: skip
def test_spellings(written, name) -> None:
    assert zoo.canonical(written) == name


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("resnet-51", "did you mean 'resnet-50'"), ("resnet-50-tf", "did you mean"),
        ("like:face-detection-retail-0006", "like:face-detection-retail-000"), ("like:person-detection-0301", "unit"),
        ("qqqq", "sizer models list"),
    ],
)  # fmt: skip
def test_unknown_names_get_the_nearest(written, word) -> None:
    with pytest.raises(ModelError, match=word):
        zoo.info(written)


def test_build_writes_once_with_its_hash_beside_it(tmp_path) -> None:
    name = "like:age-gender-recognition-retail-0013"
    first = zoo.build(name.upper(), tmp_path / "models")
    path = Path(first.path)
    stamp = path.stat().st_mtime_ns
    assert (first.name, first.reference, first.stand_in) == (name, name.upper(), True)
    assert first.input_shape == (1, 3, 62, 62)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first.sha256
    assert json.loads(path.with_suffix(".json").read_text())["sha256"] == first.sha256
    assert zoo.build(name, tmp_path / "models").sha256 == first.sha256
    assert path.stat().st_mtime_ns == stamp
    assert sorted(item.suffix for item in path.parent.iterdir()) == [".json", ".onnx"]


def test_damaged_file_and_sidecar_are_built_again(tmp_path) -> None:
    name = "like:landmarks-regression-retail-0009"
    first = zoo.build(name, tmp_path)
    path = Path(first.path)
    path.write_bytes(path.read_bytes()[:100])
    assert zoo.build(name, tmp_path).sha256 == first.sha256
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first.sha256
    for text in ("{", "[]", '{"schema": "other"}'):
        path.with_suffix(".json").write_text(text)
        assert zoo.build(name, tmp_path).sha256 == first.sha256


def test_directory_that_cannot_be_written_is_named(tmp_path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ModelError, match=f"{blocked}.* cannot be written"):
        zoo.build("like:landmarks-regression-retail-0009", blocked / "models")


def test_import_is_light() -> None:
    code = (
        "import sys, advisor.zoo; advisor.zoo.list_models();"
        "print(sorted({'onnx', 'numpy', 'openvino', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
