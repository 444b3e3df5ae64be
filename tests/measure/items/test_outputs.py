from pathlib import Path

import cv2
import numpy as np
import pytest

from advisor.errors import InputError
from advisor.measure.items.outputs import input_files, tensors_of, write_calibration
from advisor.runtimes.protocol import TensorSpec

PICTURE = TensorSpec("x", (1, 3, 4, 6), "float32")


def red(path: Path) -> Path:
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, :, 2] = 255  # OpenCV keeps blue, green, red
    cv2.imwrite(str(path), pixels)
    return path


def test_a_picture_is_scaled_and_comes_as_red_green_blue_fractions(tmp_path: Path) -> None:
    (tensor,) = tensors_of(red(tmp_path / "a.png"), [PICTURE])
    assert tensor.shape == (1, 3, 4, 6)
    assert tensor.dtype == np.float32
    assert [float(tensor[0, channel].mean()) for channel in range(3)] == [1.0, 0.0, 0.0]
    (last,) = tensors_of(tmp_path / "a.png", [TensorSpec("x", (2, 5, 6, 3), "uint8")])
    assert last.shape == (2, 5, 6, 3)
    assert last[1, 0, 0].tolist() == [255, 0, 0]


def test_tensors_are_taken_as_they_are_and_repeated_over_a_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(4, dtype=np.int64))
    (tensor,) = tensors_of(tmp_path / "a.npy", [TensorSpec("ids", (2, 4), "int64")])
    assert tensor.tolist() == [[0, 1, 2, 3]] * 2
    specs = [TensorSpec("ids", (1, 4), "int64"), TensorSpec("mask", (1, 4), "int64")]
    np.savez(tmp_path / "b.npz", ids=np.ones((1, 4), np.int64), mask=np.zeros((1, 4), np.int64))
    assert [tensor.sum() for tensor in tensors_of(tmp_path / "b.npz", specs)] == [4, 0]
    write_calibration([tmp_path / "b.npz"], specs, tmp_path / "ranges")
    with np.load(tmp_path / "ranges" / "0.npz") as written:
        assert sorted(written.files) == ["ids", "mask"]


@pytest.mark.parametrize(
    ("name", "array", "specs", "message"),
    [
        ("a.npy", np.zeros((3, 3), np.float32), [PICTURE], r"which takes \[1, 3, 4, 6\]; save tensors of that shape"),
        ("a.npy", np.zeros((1, 3, 4, 6)) + 1j, [PICTURE], "takes float32; convert it"),
        ("a.npy", np.zeros(3, np.float32), [PICTURE, PICTURE], r"several inputs .* \.npz files"),
        ("a.npy", None, [PICTURE], "cannot be read as numpy tensors"),
        ("a.png", None, [PICTURE], "cannot be read as a picture"),
        ("a.png", None, [TensorSpec("ids", (1, 4), "int64")], "is no picture"),
    ],
)
def test_what_does_not_fit_names_file_and_remedy(
    tmp_path: Path, name: str, array: np.ndarray | None, specs: list[TensorSpec], message: str
) -> None:
    if array is None:
        (tmp_path / name).write_bytes(b"nothing of the kind")
    else:
        np.save(tmp_path / name, array)
    with pytest.raises(InputError, match=message):
        tensors_of(tmp_path / name, specs)


def test_a_missing_tensor_of_an_archive_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", ids=np.zeros(4, np.int64))
    with pytest.raises(InputError, match="no tensor x; the model's inputs are x, the file has ids"):
        tensors_of(tmp_path / "a.npz", [PICTURE])


def test_a_folder_needs_two_inputs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        input_files(tmp_path / "none")
    red(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="holds 1 pictures or tensors"):
        input_files(tmp_path)
    red(tmp_path / "b.JPG".lower())
    assert [file.name for file in input_files(tmp_path)] == ["a.png", "b.jpg"]
