"""Facts of a model file: inputs, outputs, operations and parameters, through OpenVINO's frontends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .flops import model_flop, model_parameters
from .frontend import make_static, read_file


@dataclass(frozen=True)
class GraphFacts:
    """What a file holds, at batch 1."""

    input_shape: tuple[int, ...]
    """Of the first input."""
    input_types: tuple[str, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    """Of the outputs whose shape is known."""
    operators: dict[str, int]
    """Operation types and how often each occurs."""
    flop: float
    """Two per multiply-add; convolutions, matrix products, attention and recurrences [FLOP]."""
    parameters: int


def read_facts(path: Path, input_shape: tuple[int, ...] | None = None) -> GraphFacts:
    """Read a model file.

    Raises
    ------
    ModelError
        Missing, truncated, unsupported (names the operator), or dynamic without ``input_shape``.
    """
    model = read_file(path)
    make_static(model, path, input_shape)
    known = [port for port in model.outputs if port.get_partial_shape().is_static]
    return GraphFacts(
        input_shape=tuple(int(size) for size in model.inputs[0].get_shape()),
        input_types=tuple(port.get_element_type().get_type_name() for port in model.inputs),
        output_shapes=tuple(tuple(int(size) for size in port.get_shape()) for port in known),
        operators=dict(Counter(op.get_type_name() for op in model.get_ordered_ops())),
        flop=model_flop(model),
        parameters=model_parameters(model),
    )
