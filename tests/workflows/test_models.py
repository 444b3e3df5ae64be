from __future__ import annotations

import pytest

from advisor.records.model import ModelFile, ModelInfo
from advisor.workflows.models import smaller_model


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
    monkeypatch.setattr(zoo, "list_models", lambda: known)
    found = smaller_model(listed("net-9a", "architecture"))
    assert found is not None
    assert found.name == "net-9b"
    assert smaller_model(listed("net-9c", "architecture")) is None


def test_a_users_file_has_no_family() -> None:
    assert smaller_model(listed("models/own.onnx", "file")) is None
