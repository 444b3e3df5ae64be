from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.measure.campaign.matrix import Matrix, load_matrix, matrix_items
from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.throughput import TimingItem
from advisor.records.model import ModelFile
from tests.measure.hosts import facts

GOOD = """
spec: {min_duration_s: 0.2, block_s: 0.05}
measurements:
  - {model: a, config: {threads: 1, batch: 4}, mode: {kind: paced, rate_per_s: 15}}
products:
  - models: [a, b]
    axes: {precision: [f32, int8], threads: [1, all], streams: [1]}
    modes: [{kind: sync}, {kind: async}]
"""


def resolve(reference: str) -> ModelFile:
    return ModelFile(
        reference=reference, name=reference, family="test", kind="file", path=f"{reference}.onnx",
        sha256=reference * 8, input_shape=(1, 3, 8, 8),
    )  # fmt: skip


def write(folder: Path, text: str) -> Path:
    path = folder / "matrix.yaml"
    path.write_text(text)
    return path


def test_product_and_list(tmp_path: Path) -> None:
    matrix = load_matrix(write(tmp_path, GOOD))
    items = [entry.item for entry in matrix_items(matrix, facts(threads=4), resolve).entries]
    timed = [item for item in items if isinstance(item, TimingItem)]
    assert len(timed) == 1 + 2 * 2 * 2 * 2
    assert all(item.spec.block_s == 0.05 for item in timed)
    configs = [item.config for item in timed]
    # One footprint per model and configuration, whatever the modes.
    footprints = [(item.model.sha256, item.config) for item in items if isinstance(item, FootprintItem)]
    assert sorted(map(repr, footprints)) == sorted({repr((item.model.sha256, item.config)) for item in timed})
    assert {config.threads for config in configs[1:]} == {1, 4}
    first = items[0]
    assert isinstance(first, TimingItem)
    assert (first.mode.kind, first.mode.rate_per_s, first.config.batch) == ("paced", 15, 4)


def test_the_same_cell_twice_is_measured_once(tmp_path: Path) -> None:
    text = "products: [{models: [a, a], axes: {threads: [2, all]}}]\nfootprint: false"
    assert len(matrix_items(load_matrix(write(tmp_path, text)), facts(threads=2), resolve).entries) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prodcts: []", ["matrix.yaml:1", "prodcts", "products"]),
        ("products:\n  - models: [a]\n    axes: {thread: [1]}", ["products[0]", "thread", "'threads'"]),
        ("products:\n  - {models: [a], axes: {threads: []}}", ["axis 'threads' has no value"]),
        ("products:\n  - {models: []}", ["products[0].models"]),
        ("spec: {min_duration: 1}\nproducts: [{models: [a]}]", ["spec.min_duration", "'min_duration_s'"]),
        ("spec: {min_duration_s: -1}\nproducts: [{models: [a]}]", ["spec.min_duration_s", "must be greater than 0"]),
        ("{}", ["neither"]),
        ("[1]", ["holds no mapping"]),
        ("a: [", ["matrix.yaml:"]),
    ],
)
def test_faults_name_file_place_and_neighbour(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        load_matrix(write(tmp_path, text))
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"precision": ["f99"]}, "precision"),
        ({"threads": [1], "streams": [2]}, "streams 2 exceed threads 1"),
        ({"batch": [True]}, "batch"),
    ],
)
def test_impossible_configurations(axes: dict[str, list[object]], words: str) -> None:
    matrix = Matrix.model_validate({"products": [{"models": ["a"], "axes": axes}]})
    with pytest.raises(InputError, match=words):
        matrix_items(matrix, facts(), resolve)


def test_an_unknown_field_of_the_list_names_its_neighbour() -> None:
    matrix = Matrix.model_validate({"measurements": [{"model": "a", "config": {"bacth": 2}}]})
    with pytest.raises(InputError, match="did you mean 'batch'"):
        matrix_items(matrix, facts(), resolve)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_matrix(tmp_path / "none.yaml")


def test_a_paced_mode_says_how_fast(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("products:\n  - models: [resnet-50]\n    modes: [{kind: paced}]\n")
    with pytest.raises(InputError, match=r"m\.yaml:3: products\[0\]\.modes\[0\]: mode paced needs rate_per_s"):
        load_matrix(path)


def test_a_key_that_is_like_none_is_answered_with_all_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("boxes: [a]\n")
    with pytest.raises(InputError, match=r"m\.yaml:1: boxes: unknown key; known here: .*measurements.*products"):
        load_matrix(path)
