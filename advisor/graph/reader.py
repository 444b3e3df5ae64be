"""Facts of a model file: inputs, outputs, operations and parameters, through OpenVINO's frontends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .flops import model_flop, model_parameters, uncounted
from .frontend import make_static, read_file

_NO_OPERATIONS = frozenset({"Constant", "Parameter", "Result"})


@dataclass(frozen=True)
class GraphFacts:
    """What a file holds, at batch 1."""

    declared_shapes: tuple[tuple[int | None, ...] | None, ...]
    """Of every input as the file says: None for an open dimension, or for a shape that is open altogether."""
    input_shape: tuple[int, ...]
    """Of the first input."""
    input_types: tuple[str, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    """Of the outputs whose shape is known."""
    operators: dict[str, int]
    """Operation types and how often each occurs, without constants, parameters and results."""
    flop: float
    """Two per multiply-add; convolutions, matrix products, attention and recurrences [FLOP]."""
    parameters: int
    uncounted: int = 0
    """Dense products behind a data-dependent shape, which ``flop`` cannot contain."""

    @property
    def dynamic(self) -> bool:
        """A dimension other than the batch is open in the file: it cannot run without ``input:``."""
        return any(shape is None or None in shape[1:] for shape in self.declared_shapes)


def read_facts(path: Path | str, input_shape: tuple[int, ...] | None = None) -> GraphFacts:
    """Read a model file.

    Raises
    ------
    ModelError
        Missing, truncated, unsupported (names the operator), or dynamic without ``input_shape``.
    """
    file = Path(path)
    model = read_file(file)
    declared = tuple(_declared(port) for port in model.inputs)
    make_static(model, file, input_shape)
    kinds = Counter(op.get_type_name() for op in model.get_ordered_ops())
    known = [port for port in model.outputs if port.get_partial_shape().is_static]
    return GraphFacts(
        declared_shapes=declared,
        input_shape=tuple(int(size) for size in model.inputs[0].get_shape()),
        input_types=tuple(port.get_element_type().get_type_name() for port in model.inputs),
        output_shapes=tuple(tuple(int(size) for size in port.get_shape()) for port in known),
        operators={kind: count for kind, count in sorted(kinds.items()) if kind not in _NO_OPERATIONS},
        flop=model_flop(model),
        parameters=model_parameters(model),
        uncounted=uncounted(model),
    )


def _declared(port: Any) -> tuple[int | None, ...] | None:
    partial = port.get_partial_shape()
    if partial.rank.is_dynamic:
        return None
    return tuple(int(dim.get_length()) if dim.is_static else None for dim in partial)
