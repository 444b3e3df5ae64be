"""A model as a small table of work: operations, bytes and kernels per class of kernel.

The classes are those that scale differently from machine to machine; everything that the performance model knows of a
network passes through this table, so a graph that was just read and the published models' shipped tables are alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import CatalogueError
from advisor.records.model import Kernel, ModelWork, known_as

CLASSES = ("conv", "dwconv", "gemm", "memory", "serial")
"""Dense convolution, depthwise and grouped convolution, matrix products, memory-bound kernels, kernels with little
parallelism (recurrence, detection post-processing)."""
COLUMNS = ("flop", "activation_bytes", "weight_bytes", "kernels", "squared_bytes")
"""Per batch-1 pass: operations [FLOP]; activations read and written, weights read [B at f32]; kernels [1]; sum over
kernels of the square of a kernel's activations [B^2 at f32]: this over the activations is the size of the kernel that a
byte belongs to, in the mean."""

_PRODUCTS = 3
"""The first classes: those whose kernels are products of weights, the same in every precision."""
_CLASS_OF = {
    "conv": 0, "deconv": 0, "dwconv": 1, "groupconv": 1, "fc": 2, "matmul": 2, "attention": 2, "rnn": 4,
    "detection": 4, "eltwise": 3, "pool": 3, "reduce": 3, "softmax": 3, "norm": 3, "reorder": 3, "concat": 3,
    "gather": 3, "resize": 3, "convert": 3, "other": 3,
}  # fmt: skip
_ELEMENT_BYTES = {"i8": 1.0, "u8": 1.0, "int8": 1.0, "bf16": 2.0, "f16": 2.0, "fp16": 2.0, "i64": 8.0}


@dataclass(frozen=True)
class WorkTable:
    """Work of one pass at batch 1, counted as if every element had four bytes (precision enters later)."""

    model: str
    family: str
    table: NDArray[np.float64]
    """Shape (len(CLASSES), len(COLUMNS))."""
    peak_activation_bytes: float
    unknown_share: float = 0.0
    """Share of the bytes that belongs to kernels of unknown type: modelled as memory-bound and marked."""
    alike: bool = True
    """False where the table is a guess that must not teach anything about models of alike tables."""
    file: str = ""
    """Of a user's file: the name that no other network has; empty: ``model`` is such a name."""

    @property
    def network(self) -> str:
        """Name by which measurements know the network; ``model`` is the one by which publications may."""
        return self.file or self.model

    @cached_property
    def key(self) -> str:
        """SHA-256 over the contents: equal tables have equal keys."""
        digest = hashlib.sha256(f"{self.model}/{self.family}/{self.alike}".encode())
        digest.update(self.table.tobytes())
        digest.update(np.array([self.peak_activation_bytes, self.unknown_share]).tobytes())
        return digest.hexdigest()

    @property
    def flop(self) -> float:
        """Operations of one pass [FLOP]."""
        return float(self.table[:, 0].sum())

    @property
    def weight_bytes(self) -> float:
        """Weights at four bytes per element [B]."""
        return float(self.table[:, 2].sum())


def _element_bytes(kernel: Kernel) -> float:
    return _ELEMENT_BYTES.get(kernel.precision.lower(), 4.0)


def kernel_class(kernel: Kernel) -> int:
    """Row of the table that a kernel is counted in; an unknown type counts as memory-bound, never as nothing."""
    return _CLASS_OF.get(kernel.type, 3)


def kernel_row(kernel: Kernel, batch: int) -> tuple[float, ...]:
    """Columns of one kernel, per input and in four-byte elements.

    A look-up reads the rows that it takes of its table, not the table.
    """
    scale = 4.0 / _element_bytes(kernel)
    activations = (kernel.input_bytes + kernel.output_bytes) * scale / batch
    weights = min(kernel.weight_bytes, kernel.output_bytes) if kernel.type == "gather" else kernel.weight_bytes
    return kernel.flop / batch, activations, weights * scale, 1.0, activations**2


def table_of(work: ModelWork) -> WorkTable:
    """Count the kernels of a model, as its runtime fused them, per class."""
    table = np.zeros((len(CLASSES), len(COLUMNS)))
    unknown = 0.0
    for kernel in work.kernels:
        row = kernel_row(kernel, work.batch)
        table[kernel_class(kernel)] += row
        unknown += row[1] if kernel.type == "other" else 0.0
    total_bytes = float(table[:, 1].sum())
    scale = {"int8": 4.0, "bf16": 2.0}.get(work.precision, 1.0)
    return WorkTable(
        model=canonical_name(work.model),
        family=work.family,
        table=table,
        peak_activation_bytes=work.activation_bytes * scale / work.batch,
        unknown_share=unknown / total_bytes if total_bytes > 0 else 0.0,
        file=network_of(work.model, work.kind, work.sha256) if work.kind == "file" else "",
    )


def network_of(model: str, kind: str, sha256: str) -> str:
    """Name by which measurements know a network."""
    return canonical_name(known_as(model, kind, sha256))


def same_network(a: WorkTable, b: WorkTable) -> bool:
    """Whether two tables count one network: alike operations, weights and numbers of products, class by class.

    Convolutions and matrix products are the same kernels in every precision and in every reader of a file; what stands
    between them is not. Tolerances of 2 % (operations), 5 % (weights) and one kernel in twenty; source: project
    assumption, not measured. Sums alone would take two architectures of one size for the same.
    """
    if not (a.alike and b.alike):
        return False
    for mine, other in zip(a.table[:_PRODUCTS], b.table[:_PRODUCTS], strict=True):
        flop, weights, kernels = (abs(mine[i] - other[i]) for i in (0, 2, 3))
        if flop > 0.02 * max(a.flop, b.flop) or kernels > 0.05 * max(mine[3], other[3]):
            return False
        if weights > 0.05 * max(a.weight_bytes, b.weight_bytes):
            return False
    return True


def canonical_name(reference: str) -> str:
    """Name by which published rows know a model: ``like:`` and the folder and suffix of a file are left off."""
    name = reference.removeprefix("like:")
    if "/" in name or name.endswith((".onnx", ".xml")):
        name = Path(name).stem
    return name.lower()


def load_works(path: Path) -> dict[str, WorkTable]:
    """Read the shipped tables (``profiles/calibration/works.json``)."""
    return {name: _table(name, entry) for name, entry in _document(path)["models"].items()}


def load_stand_in_works(path: Path) -> dict[str, WorkTable]:
    """Read the tables of stand-ins whose published model has another table, by the published model's name.

    ``model`` of each is the stand-in's name without ``like:``.
    """
    entries = _document(path).get("stand_ins", {})
    return {name: _table(canonical_name(entry["made_from"]), entry) for name, entry in entries.items()}


def _document(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(
            f"{path}: the shipped work tables cannot be read ({error}); install sizer again"
        ) from error
    if document.get("schema") != "sizer.works/2":
        raise CatalogueError(f"{path}: schema {document.get('schema')!r} is not sizer.works/2; install sizer again")
    return document


def _table(name: str, entry: Mapping[str, Any]) -> WorkTable:
    table = np.zeros((len(CLASSES), len(COLUMNS)))
    for index, kernel_type in enumerate(CLASSES):
        if kernel_type in entry["classes"]:
            table[index] = entry["classes"][kernel_type]
    return WorkTable(
        name, entry["family"], table, float(entry["peak_activation_bytes"]), alike=bool(entry.get("alike", True))
    )
