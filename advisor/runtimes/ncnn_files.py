"""ONNX files as ncnn's ``.param`` and ``.bin``, through ``pnnx``, the converter of ncnn's authors."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from advisor.errors import RuntimeRefusal
from advisor.graph.frontend import hash_file

_TIMEOUT_S = 600.0
_UNKNOWN = re.compile(r"No Op registered for ([\w.:]+)|unsupported onnx op ([\w.:]+)", re.IGNORECASE)
_TYPES = {"float32": "f32", "int64": "i64", "int32": "i32"}
INPUT_TYPES = frozenset(_TYPES)
"""Types of inputs that can be fed."""


def find_converter() -> Path | None:
    """Program ``pnnx``: of its Python package, which needs no PyTorch for ONNX files, or on the PATH."""
    spec = importlib.util.find_spec("pnnx")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).with_name("pnnx")
        if program.is_file():
            return program
    found = shutil.which("pnnx")
    return None if found is None else Path(found)


def converted(
    model: Path, shapes: Sequence[tuple[int, ...]], types: Sequence[str], cache_dir: Path | None
) -> tuple[Path, Path]:
    """Convert an ONNX file at batch 1 in f32, once per folder.

    Parameters
    ----------
    model
        The file.
    shapes, types
        Static shape at batch 1 and numpy type of each input.
    cache_dir
        Where the result is kept; None: for the life of this process.

    Returns
    -------
    tuple
        Paths of the ``.param`` and the ``.bin`` file.

    Raises
    ------
    RuntimeRefusal
        There is no converter, or it cannot convert the file; one line naming the operator where it tells.
    """
    folder = cache_dir if cache_dir is not None else Path(_process_folder().name)
    sizes = "_".join("x".join(map(str, shape)) for shape in shapes)
    stem = f"{model.stem}-{hash_file(model)[:16]}-{sizes}"
    param, weights = folder / f"{stem}.ncnn.param", folder / f"{stem}.ncnn.bin"
    if param.is_file() and weights.is_file():
        return param, weights
    program = find_converter()
    if program is None:
        raise RuntimeRefusal(
            f"model {model}: ncnn reads ONNX files through pnnx, which is not here; install it without its "
            "dependencies, it needs none: pip install --no-deps pnnx"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pnnx-", dir=folder) as work:
        copy = Path(work) / "model.onnx"
        copy.symlink_to(model.resolve())
        asked = ",".join(
            f"[{','.join(map(str, shape))}]{_TYPES[kind]}" for shape, kind in zip(shapes, types, strict=True)
        )
        command = [str(program), "model.onnx", f"inputshape={asked}", "fp16=0", "device=cpu"]
        try:
            run = subprocess.run(
                command, cwd=work, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeRefusal(f"model {model}: {program} cannot convert it: {error}") from error
        made = Path(work) / "model.ncnn.param", Path(work) / "model.ncnn.bin"
        if run.returncode != 0 or not all(path.is_file() for path in made):
            raise RuntimeRefusal(f"model {model}: {_reason(run.stdout + run.stderr, run.returncode)}")
        made[1].replace(weights)
        made[0].replace(param)
    return param, weights


def _reason(output: str, code: int) -> str:
    """What the converter says of its failure; it ends most of them with a crash."""
    if found := _UNKNOWN.search(output):
        return f"operator {found.group(1) or found.group(2)} is unknown to pnnx, ncnn's converter"
    told = [line.strip() for line in output.splitlines() if "fail" in line.lower() or "unsupported" in line.lower()]
    how = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return f"pnnx cannot convert it for ncnn ({how}{': ' + told[-1][:200] if told else ''}); use runtime openvino"


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process alone, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="sizer-ncnn-")
