"""Inputs that any model accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.runtimes.protocol import TensorSpec


def benchmark_inputs(specs: Sequence[TensorSpec], rng: np.random.Generator) -> list[Any]:
    """Draw one tensor per input: bytes of all values, floats in [0, 1), and 0 or 1 for whole numbers.

    The last are valid as tokens and as masks of any model, which is all that timing needs.
    """
    tensors = []
    for spec in specs:
        dtype = np.dtype(spec.dtype)
        if dtype == np.uint8:
            tensors.append(rng.integers(0, 256, spec.shape, dtype=np.uint8))
        elif dtype.kind in "iub":
            tensors.append(rng.integers(0, 2, spec.shape).astype(dtype))
        else:
            tensors.append(rng.random(spec.shape, dtype=np.float32).astype(dtype))
    return tensors
