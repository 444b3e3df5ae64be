"""Small model files for tests."""

import hashlib
from pathlib import Path

from advisor.measure.items.micro import networks
from advisor.records.model import ModelFile


def small_conv(folder: Path, size: int = 16) -> ModelFile:
    """Three convolutions with 16 channels."""
    path = folder / f"conv{size}.onnx"
    networks.conv_chain(path, "f32", channels=16, size=size, layers=3)
    return ModelFile(
        reference=str(path), name=path.stem, family="test", kind="file", path=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(), input_shape=(1, 16, size, size),
    )  # fmt: skip
