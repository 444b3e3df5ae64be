"""Answers of a model to the user's own inputs, for judging what a precision does to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import InputError
from advisor.measure.worker.job import Job, JobItem, JobOutcome, each
from advisor.measure.worker.run import run_job
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile, image_layout
from advisor.runtimes import get_runtime
from advisor.runtimes.openvino_config import worker_environment
from advisor.runtimes.protocol import Array, TensorSpec, options_for

from .tasks import model_path
from .throughput import runtime_imports

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
TENSORS = frozenset({".npy", ".npz"})
_TIMEOUT_S = 1800.0


def input_files(folder: Path) -> list[Path]:
    """Pictures and tensors of a folder, by name.

    Raises
    ------
    InputError
        No such folder, or none of its files is a picture or tensor.
    """
    if not folder.is_dir():
        raise InputError(f"--inputs {folder}: no such folder; give one that holds pictures, .npy or .npz files")
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES | TENSORS and file.is_file())
    if len(found) < 2:
        raise InputError(
            f"--inputs {folder}: it holds {len(found)} pictures or tensors (.jpg, .png, .npy, .npz, ...); at least two "
            "are needed, one half to take ranges from and one to judge"
        )
    return found


def answers(
    model: ModelFile, config: RunConfig, files: Sequence[Path], out: Path, calibration: Path | None
) -> JobOutcome:
    """Let a worker run the model on each file; ``out/N.npz`` holds the outputs of file N in order of ports.

    A model in int8 is a copy whose ranges come from the folder ``calibration``, which this writes where it is empty.
    """
    payload = {
        "model": model.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "files": [str(file) for file in files],
        "out": str(out),
        "calibration": None if calibration is None else str(calibration),
    }
    job = Job(
        f"{__name__}:answers_job",
        (JobItem("answers", payload),),
        worker_environment(config.simd_cap),
        on_import=runtime_imports(config.runtime),
    )
    return run_job(job, _TIMEOUT_S).outcome("answers")


def _answer(payload: dict[str, Any]) -> dict[str, Any]:
    config = RunConfig.model_validate(payload["config"])
    model = ModelFile.model_validate(payload["model"])
    calibration = None if payload["calibration"] is None else Path(payload["calibration"])
    path = model_path(model, config, calibration)
    compiled = get_runtime(config.runtime).compile(path, config, options_for(model))
    out = Path(payload["out"])
    out.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(payload["files"]):
        results = compiled.infer(tensors_of(Path(file), compiled.inputs))
        np.savez(out / f"{number}.npz", *results)
    specs = [[spec.name, list(spec.shape), spec.dtype] for spec in compiled.inputs]
    compiled.close()
    return {"inputs": specs, "files": len(payload["files"])}


answers_job = each(_answer)


def write_calibration(files: Sequence[Path], specs: Sequence[TensorSpec], folder: Path) -> None:
    """Write the tensors of some files by name of input, as quantising reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        named: dict[str, Any] = {spec.name: array for spec, array in zip(specs, tensors_of(file, specs), strict=True)}
        np.savez(folder / f"{number}.npz", **named)


def tensors_of(file: Path, specs: Sequence[TensorSpec]) -> list[Array]:
    """Tensors of one file for a compiled model.

    A picture is scaled to the model's size without keeping its aspect ratio, in the order red, green, blue, as
    fractions of 255 where the model takes real numbers. Who prepares inputs otherwise gives tensors.

    Raises
    ------
    InputError
        The file cannot be read or does not fit the model.
    """
    if file.suffix.lower() in PICTURES:
        return [_picture(file, _only(file, specs))]
    try:
        loaded = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as numpy tensors ({error})") from error
    if isinstance(loaded, np.ndarray):
        return [_fitted(file, loaded, _only(file, specs))]
    with loaded:
        missing = [spec.name for spec in specs if spec.name not in loaded]
        if missing:
            raise InputError(
                f"{file}: no tensor {', '.join(missing)}; the model's inputs are {', '.join(s.name for s in specs)}, "
                f"the file has {', '.join(loaded.files)}"
            )
        return [_fitted(file, loaded[spec.name], spec) for spec in specs]


def _only(file: Path, specs: Sequence[TensorSpec]) -> TensorSpec:
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"{file}: the model has several inputs ({names}); give .npz files with one tensor per input")
    return specs[0]


def _picture(file: Path, spec: TensorSpec) -> Array:
    import cv2

    layout = image_layout(spec.shape)
    if layout is None:
        raise InputError(f"{file}: the model's input {spec.name} {list(spec.shape)} is no picture; give .npy files")
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(f"{file}: cannot be read as a picture; take it out of the folder or save it as PNG")
    height, width = spec.shape[2:] if layout == "NCHW" else spec.shape[1:3]
    channels = spec.shape[1] if layout == "NCHW" else spec.shape[3]
    scaled: NDArray[Any] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    if channels == 1:
        scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY)[:, :, None]
    elif channels == 4:
        scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2RGBA)
    else:
        scaled = scaled[:, :, ::-1]
    if layout == "NCHW":
        scaled = scaled.transpose(2, 0, 1)
    kind = np.dtype(spec.dtype)
    values = scaled.astype(kind) if kind == np.uint8 else (scaled.astype(np.float32) / 255.0).astype(kind)
    return np.ascontiguousarray(np.broadcast_to(values, spec.shape))


def _fitted(file: Path, array: Array, spec: TensorSpec) -> Array:
    """Return the tensor in the model's type; a missing first dimension is added, and repeated over a batch."""
    shown = f"{file}: a tensor of shape {list(array.shape)} and type {array.dtype} for input {spec.name}"
    if not np.can_cast(array.dtype, spec.dtype, casting="same_kind"):
        raise InputError(f"{shown}, which takes {spec.dtype}; convert it")
    if array.shape not in (spec.shape, spec.shape[1:], (1, *spec.shape[1:])):
        raise InputError(f"{shown}, which takes {list(spec.shape)}; save tensors of that shape")
    return np.ascontiguousarray(np.broadcast_to(array.astype(spec.dtype), spec.shape))
