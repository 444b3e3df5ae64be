"""Facts of a model file: inputs, outputs, operations and parameters, through OpenVINO's frontends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from advisor.errors import RuntimeRefusal

from .flops import model_flop, model_parameters, uncounted
from .frontend import declared_ports, make_static, port_name, read_file
from .inputs import GivenShapes, main_input

_NO_OPERATIONS = frozenset({"Constant", "Parameter", "Result"})


@dataclass(frozen=True)
class GraphFacts:
    """What a file holds, at batch 1."""

    declared_shapes: tuple[tuple[int | None, ...] | None, ...]
    """Of every input as the file says: None for an open dimension, or for a shape that is open altogether."""
    input_shape: tuple[int, ...]
    """Of the main input: the picture, or else the first."""
    further_shapes: dict[str, tuple[int, ...]]
    """Of the other inputs that the file leaves open, by name."""
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
    file_batch: int = 1
    """Batch that the file fixes; 1 where it is open, too."""
    reader: Literal["openvino", "onnxruntime", "torch"] = "openvino"
    """Runtime that read it."""

    @property
    def dynamic(self) -> bool:
        """A dimension other than the batch is open in the file: it cannot run without ``input:``."""
        return any(shape is None or None in shape[1:] for shape in self.declared_shapes)


def read_facts(
    path: Path | str, input_shape: tuple[int, ...] | None = None, *, given: GivenShapes | None = None
) -> GraphFacts:
    """Read a model file.

    A file with a fixed batch is counted per input: at batch 1 where its graph can take that, else by division.

    Raises
    ------
    ModelError
        Missing, truncated, unsupported (names the operator), or dynamic without ``input_shape`` or ``given``.
    """
    file = Path(path)
    given = GivenShapes(input_shape) if given is None else given
    model = read_file(file)
    declared = tuple(_declared(port) for port in model.inputs)
    batch = 1
    try:
        found = make_static(model, file, given=given)
    except RuntimeRefusal:
        model = read_file(file)
        batch = _fixed_batch(model)
        if batch == 1:
            raise
        found = make_static(model, file, batch, given=given)
    kinds = Counter(op.get_type_name() for op in model.get_ordered_ops())
    known = [port for port in model.outputs if port.get_partial_shape().is_static]
    names = [port_name(port) for port in model.inputs]
    return GraphFacts(
        declared_shapes=declared,
        input_shape=found.shapes[found.main],
        further_shapes={
            names[index]: shape
            for index, shape in enumerate(found.shapes)
            if index != found.main and (declared[index] is None or None in (declared[index] or ())[1:])
        },
        input_types=tuple(port.get_element_type().get_type_name() for port in model.inputs),
        output_shapes=tuple(tuple(int(size) for size in port.get_shape()) for port in known),
        operators={kind: count for kind, count in sorted(kinds.items()) if kind not in _NO_OPERATIONS},
        flop=model_flop(model) / batch,
        parameters=model_parameters(model),
        uncounted=uncounted(model),
        file_batch=found.file_batch,
    )


def _fixed_batch(model: Any) -> int:
    """First dimension of the main input as the file has it; 1 where it is open."""
    inputs = declared_ports(model)
    first = (inputs[main_input(inputs)].dimensions or (None,))[0]
    return first if isinstance(first, int) else 1


def _declared(port: Any) -> tuple[int | None, ...] | None:
    partial = port.get_partial_shape()
    if partial.rank.is_dynamic:
        return None
    return tuple(int(dim.get_length()) if dim.is_static else None for dim in partial)
