"""Files of PyTorch told apart by the names in their archives; no PyTorch is needed for it."""

import pickle
import sys
import zipfile
from pathlib import Path

import pytest

from advisor.errors import ModelError
from advisor.graph.frontend import check_format
from advisor.graph.inputs import GivenShapes
from advisor.graph.torch_archive import archive_kind
from advisor.runtimes.file_facts import file_facts


def _archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return path


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "old.pt").write_bytes(pickle.dumps({}, protocol=2))
    (tmp_path / "text.pt").write_text("no archive", encoding="utf-8")
    script = _archive(tmp_path / "a.pt", "a/data.pkl", "a/code/__torch__.py", "a/constants.pkl")
    assert archive_kind(script) == "torchscript"
    assert archive_kind(_archive(tmp_path / "b.pt2", "b/archive_version", "b/models/model.json")) == "exported"
    assert archive_kind(_archive(tmp_path / "c.pt", "c/data.pkl", "c/data/0")) == "pickle"
    assert archive_kind(_archive(tmp_path / "d.pt", "d/readme")) == "unknown"
    assert archive_kind(tmp_path / "old.pt") == "pickle"
    assert archive_kind(tmp_path / "text.pt") == "unknown"
    assert archive_kind(tmp_path / "missing.pt") == "unknown"


def test_pickles_are_refused_and_models_pass(tmp_path: Path) -> None:
    check_format(_archive(tmp_path / "a.pt", "a/data.pkl", "a/code/__torch__.py", "a/constants.pkl"))
    with pytest.raises(ModelError, match="export it to ONNX first") as caught:
        check_format(_archive(tmp_path / "c.pt", "c/data.pkl", "c/data/0"))
    assert "\n" not in str(caught.value)


def test_without_pytorch_its_files_say_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "advisor.runtimes.torch_runtime", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    script = _archive(tmp_path / "a.pt", "a/data.pkl", "a/code/__torch__.py", "a/constants.pkl")
    with pytest.raises(ModelError, match=r"a\.pt: only PyTorch reads its files: .*pip install 'sizer\[torch\]'"):
        file_facts(script, GivenShapes((1, 3, 8, 8)))
