"""Published operations, parameters and input shapes of Open Model Zoo models, and which of them cannot be right."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from advisor.errors import CatalogueError

FILE = "published/open-model-zoo-facts.csv"
COMMIT = "7ef5b91"


_DOUBTS = {
    "aclnet-int8": "published figures are those of aclnet with operations and parameters exchanged",
    "text-recognition-0015": "published parameters may be the file's megabytes: its successor 0016 has 88.1 million "
    "for three quarters of the operations",
    "mask_rcnn_resnet50_atrous_coco": "published operations are about the multiply-adds of the first stage and of one "
    "region; the second stage runs on a hundred regions, for their masks once more",
    "retinanet-tf": "published operations are low for the input: every weight would work on the coarsest map only",
    "rfcn-resnet101-coco-tf": "published operations are below those of its ResNet-101 backbone at this input",
    "faster_rcnn_resnet50_coco": "published operations are about the multiply-adds of the first stage; the second "
    "stage runs on a hundred regions",
}
"""Entries that can be built to the letter and yet are likely wrong; the reason travels with the model."""
_MULTIPLY_ADDS = "published operations are multiply-adds (Tan et al. 2020, table 2), doubled here"
_CORRECTED: dict[str, tuple[float, float, str]] = {
    "efficientdet-d0-tf": (5.08, 3.9, _MULTIPLY_ADDS),
    "efficientdet-d1-tf": (12.2, 6.6, _MULTIPLY_ADDS),
    "deeplabv3": (
        17.6, 2.1, "published figures are to the last digit those of googlenet-v3, another network; these are of the "
        "file that its model.yml names, DeepLab-v3 on MobileNet-v2 (DeepLab model zoo: frozen graphs have an output "
        "stride of 8; 152.59 G multiply-adds over six scales, mirrored, are 8.78 G at scale 1)",
    ),
}  # fmt: skip
"""Entries known to be wrong whose right figures are published elsewhere: operations [1e9], parameters [1e6], reason."""


@dataclass(frozen=True)
class Published:
    """One row of the table; None if the source says nothing."""

    name: str
    task: str | None
    gflops: float | None
    mparams: float | None
    input_shape: tuple[int, ...]
    """Channels first; empty where the source gives none."""
    note: str | None
    """How the shape departs from the source's words, and why the figures are uncertain."""
    source: str


def profiles_folder() -> Path:
    """Folder of profiles: next to the package in a checkout, inside it in an installation."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_data" / "profiles", package.parent / "profiles"):
        if (folder / FILE).is_file():
            return folder
    raise CatalogueError(f"{FILE}: not found next to or inside {package}; reinstall sizer")


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")) if text else ()


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Move a last axis of 1 to 4 channels to place 1, where place 1 holds no channels itself."""
    if len(shape) in (4, 5) and shape[-1] <= 4 < shape[1]:
        return (shape[0], shape[-1], *shape[1:-1])
    return shape


def _row(record: dict[str, str]) -> Published:
    written = _shape(record["input_shape"])
    shape = channels_first(written)
    remarks = [_DOUBTS[record["model"]]] if record["model"] in _DOUBTS else []
    if shape != written:
        remarks.append(f"published as {list(written)}, channels last; built channels first")
    gflops = float(record["gflops"]) if record["gflops"] else None
    mparams = float(record["mparams"]) if record["mparams"] else None
    if record["model"] in _CORRECTED:
        gflops, mparams, why = _CORRECTED[record["model"]]
        remarks.append(why)
    note = "; ".join(remarks) or None
    return Published(
        record["model"], record["task"] or None, gflops, mparams, shape, note,
        f"openvinotoolkit/open_model_zoo@{COMMIT}, {record['source']}",
    )  # fmt: skip


@lru_cache(maxsize=1)
def published() -> dict[str, Published]:
    """Read the table that ships with sizer.

    Raises
    ------
    CatalogueError
        The file is missing.
    """
    path = profiles_folder() / FILE
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {record["model"]: _row(record) for record in rows}


def refused(row: Published) -> str | None:
    """Say why no stand-in can be built for a row, or None.

    A weight of a convolution is used once per output position, so operations / (2 x parameters) is the mean number of
    positions per weight. Outside super-resolution and the like, whose few weights all sit at full size, a network with
    more than a million parameters that used each of them at over a quarter of all input pixels would hold full-size
    maps of thousands of channels; a published pair that says so has one of the two in the wrong unit.
    """
    missing = [word for word, value in (("GFLOPs", row.gflops), ("parameters", row.mparams)) if value is None]
    if not row.input_shape:
        missing.append("input shape")
    if missing:
        return f"its source publishes no {' and no '.join(missing)}"
    assert row.gflops is not None
    assert row.mparams is not None
    pixels = math.prod(row.input_shape[2:]) if len(row.input_shape) > 3 else 0
    uses = row.gflops * 1e3 / (2.0 * row.mparams)
    if pixels and row.mparams > 1.0 and uses > 0.25 * pixels:
        return (
            f"published {row.gflops:g} GFLOPs for {row.mparams:g} million parameters cannot be: each weight would be "
            f"used at {uses:.0f} of {pixels} pixels (operations given in another unit?)"
        )
    return None
