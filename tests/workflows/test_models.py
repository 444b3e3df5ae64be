from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import ModelError
from advisor.graph.inputs import GivenShapes
from advisor.records.model import ModelFile, ModelInfo
from advisor.workflows.models import (
    given_shapes,
    list_models,
    looks_like_file,
    resolve_model,
    resolve_models,
    smaller_model,
)
from tests.graph import files


def listed(name: str, kind: str = "stand-in") -> ModelFile:
    return ModelFile(
        reference=name, name=name, family="x", kind=kind, path="m.onnx", sha256="0" * 64, input_shape=(1, 3, 224, 224)
    )


@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("like:person-detection-retail-0013", "like:person-detection-0201"),
        ("like:face-detection-retail-0004", "like:face-detection-0200"),
        ("resnet-50", "resnet-18"),
        ("like:person-reidentification-retail-0287", "like:person-reidentification-retail-0288"),
        ("like:person-reidentification-retail-0288", None),
        ("like:age-gender-recognition-retail-0013", None),
    ],
)
def test_the_next_smaller_model_does_the_same_task(name: str, smaller: str | None) -> None:
    found = smaller_model(listed(name))
    assert (None if found is None else found.name) == smaller


def test_models_of_unknown_operations_are_neither_replaced_nor_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor import zoo

    known = [
        ModelInfo(name=f"net-{letter}", family="x", input_shape=(1, 3, 224, 224), gflops=gflops, mparams=1.0,
                  kind="architecture")
        for letter, gflops in (("9a", 10.0), ("9b", 4.0), ("9c", None))
    ]  # fmt: skip
    listing = {item.name: item for item in known}
    monkeypatch.setattr(zoo, "known_names", lambda: list(listing))
    monkeypatch.setattr(zoo, "info", listing.__getitem__)
    found = smaller_model(listed("net-9a", "architecture"))
    assert found is not None
    assert found.name == "net-9b"
    assert smaller_model(listed("net-9c", "architecture")) is None


def test_a_users_file_has_no_family() -> None:
    assert smaller_model(listed("models/own.onnx", "file")) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, GivenShapes()),
        ((1, 3, 8, 8), GivenShapes((1, 3, 8, 8))),
        ("1312x736", GivenShapes(picture=(1312, 736))),
        ("1,3,736,1312", GivenShapes((1, 3, 736, 1312))),
        ("[1, 128]", GivenShapes((1, 128))),
        ("images[1,3,8,8],sizes[1,2]", GivenShapes(named={"images": (1, 3, 8, 8), "sizes": (1, 2)})),
    ],
)
def test_every_form_of_input_is_read(text: str | tuple[int, ...] | None, found: GivenShapes) -> None:
    assert given_shapes(text) == found


@pytest.mark.parametrize("text", ["big", "1,3,a,b", "images[1,3", "0x4"])
def test_other_forms_are_refused_with_one_that_is_right(text: str) -> None:
    with pytest.raises(ModelError, match=r"for example|such as|shapes by name"):
        given_shapes(text)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("yolov8n.pt", "no such model file.*known by name, too: yolov8n"),
        ("best.pt", r"no such model file in /.*; give a path, an architecture's name, or like:NAME$"),
        ("models/yolo11s.engine", r"TensorRT.*export the model to ONNX first.*known by name, too: yolo11s"),
        ("yolov5m.hef", "Hailo.*ONNX first"),
        ("model.bin", "give the .xml of the OpenVINO IR, model.xml"),
    ],
)
def test_files_of_frameworks_and_devices_are_told_the_way(reference: str, words: str) -> None:
    assert looks_like_file(reference)
    with pytest.raises(ModelError, match=words):
        resolve_model(reference)


@pytest.mark.runtime
def test_a_link_keeps_its_own_name(tmp_path: Path) -> None:
    """Model caches link to files without an ending."""
    (tmp_path / "blobs").mkdir()
    blob = tmp_path / "blobs" / "5f2c9a"
    files.picture_net(tmp_path / "made.onnx", batch=8).rename(blob)
    link = tmp_path / "model.onnx"
    link.symlink_to(blob)
    found = resolve_model(str(link))
    assert (found.path, found.name) == (str(link), "model")
    assert (found.input_shape, found.file_batch) == ((1, 3, 16, 16), 8)


def test_ours_take_a_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.workflows.models.build_model", lambda _: listed("resnet-50", "architecture"))
    smaller, same = resolve_model("resnet-50", "320x256"), resolve_model("resnet-50", "224x224")
    assert (smaller.input_shape, smaller.name) == ((1, 3, 256, 320), "resnet-50 at 3x256x320")
    assert smaller.sha256 != same.sha256  # another network for all that is kept by this hash
    assert same == listed("resnet-50", "architecture")
    with pytest.raises(ModelError, match="does not fit"):
        resolve_model("resnet-50", "1,128")


def test_models_are_listed_by_words_of_name_family_or_task() -> None:
    names = [model.name for model in list_models("all", ("YOLO", "detection")).models]
    assert "yolov8n" in names
    assert list_models("all", ("no-such-model",)).models == ()
    assert len(list_models().models) > len(list_models("architecture").models) > 0


@pytest.mark.runtime
def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """Training writes every network as ``best.onnx``."""
    paths = [
        tmp_path / name for name in ("a/x/best.onnx", "b/x/best.onnx", "b/y/best.onnx", "b/other.onnx", "c/best.onnx")
    ]
    for batch, path in enumerate(paths[:4], start=1):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.picture_net(path, batch=batch)
    paths[4].parent.mkdir()
    paths[4].hardlink_to(paths[2])
    references = [*map(str, paths[:4]), "squeezenet-1.1", str(paths[0])]
    names = [model.name for model in resolve_models(references)]
    assert names == ["a/x/best.onnx", "b/x/best.onnx", "y/best.onnx", "other", "squeezenet-1.1", "a/x/best.onnx"]
    assert [model.name for model in resolve_models([str(paths[2]), str(paths[4])])] == ["best", "best"], "one content"
