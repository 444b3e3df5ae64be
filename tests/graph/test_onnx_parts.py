"""Weights beside a file: named when missing, part of its identity, found through links."""

from pathlib import Path

import numpy as np
import pytest

from advisor.errors import ModelError
from advisor.graph.frontend import hash_file
from advisor.graph.onnx_parts import check_weights, read_onnx, weight_files
from advisor.graph.reader import read_facts
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance_networks import small_network
from advisor.workflows.models import resolve_model

from . import files


@pytest.fixture
def split(tmp_path):
    return files.with_external_weights(small_network(tmp_path / "n.onnx"))


def test_a_missing_file_of_weights_is_named(split) -> None:
    assert [file.name for file in weight_files(split)] == ["weights.bin"]
    (split.parent / "weights.bin").unlink()
    for read in (read_facts, lambda path: read_onnx(path, weights=True), lambda p: check_weights(read_onnx(p), p)):
        with pytest.raises(ModelError, match=r"n\.onnx: its weights are in weights\.bin, but there is no such file"):
            read(split)


def test_other_weights_are_another_model(split) -> None:
    before = hash_file(split)
    assert read_facts(split).parameters == read_facts(small_network(split.parent / "whole.onnx")).parameters
    weights = split.parent / "weights.bin"
    data = bytearray(weights.read_bytes())
    data[0] ^= 1
    weights.write_bytes(bytes(data))
    assert hash_file(split) != before


def test_a_file_without_such_weights_names_none(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    assert weight_files(path) == ()
    (tmp_path / "noise.onnx").write_bytes(b"a location, and nothing that could be parsed")
    assert weight_files(tmp_path / "noise.onnx") == ()


@pytest.mark.runtime
def test_links_of_a_model_cache_are_read_by_both_runtimes(split, tmp_path, monkeypatch) -> None:
    """Hugging Face's layout: snapshots of links with the true names, to files without an ending elsewhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name in ("n.onnx", "weights.bin"):
        (split.parent / name).rename(blobs / f"blob-{name.split('.', maxsplit=1)[0]}")
        (snapshot / name).symlink_to(blobs / f"blob-{name.split('.', maxsplit=1)[0]}")
    loaded = read_onnx(snapshot / "n.onnx", weights=True)
    assert all(len(tensor.raw_data) == 4 * int(np.prod(tensor.dims)) for tensor in loaded.graph.initializer)
    resolved = resolve_model(str(snapshot / "n.onnx"))
    assert (resolved.name, resolved.sha256) == ("n", hash_file(snapshot / "n.onnx"))
    for runtime in ("openvino", "onnxruntime"):
        get_runtime(runtime).compile(Path(resolved.path), RunConfig(runtime=runtime, threads=1)).close()
    assert resolve_model(str(snapshot / "n.onnx")).path == resolved.path
