"""Counts forms of kernel over networks: ``python -m advisor.calibration.kernel_forms MODEL...``.

A form is finer than the type of a record and coarser than a shape: what a predictor has to have seen before it can say
something of a kernel. The random networks of the two-minute look must hold every form that real networks hold
(``docs/methods/this-machine.md`` has the counts).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path

from advisor.records.model import Kernel, ModelFile

_MOST_SQUARE = 7
"""Largest window of a convolution that is counted as usual."""
_FEW, _SOME = 8, 31
"""Most channels of a narrow and of a middling group."""
_FEWER_KEYS = 0.8
"""Keys over queries below which attention is to fewer keys."""


def form_of(kernel: Kernel) -> str:
    """Form of a kernel in words."""
    if kernel.type in ("conv", "dwconv", "groupconv", "deconv"):
        return _convolution(kernel)
    if kernel.type == "attention":
        return _attention(kernel)
    if kernel.type == "fc":
        alone = max(kernel.output_shape, default=0) == prod(kernel.output_shape)
        return "product of a vector" if alone else "product of tokens"
    if kernel.type == "reorder":
        axes = len(kernel.input_shape)
        return f"transpose, {axes} axes" if kernel.original_type == "Transpose" else "reorder of a layout"
    if kernel.type == "concat":
        return "split" if "Split" in kernel.original_type else "concat"
    if kernel.type in ("norm", "eltwise"):
        return f"{kernel.type} of {'maps' if len(kernel.output_shape) >= 4 else 'tokens'}"
    return str(kernel.type)


def _convolution(kernel: Kernel) -> str:
    window = kernel.kernel_size or (1,)
    largest, stride = max(window), max(kernel.strides, default=1)
    name = {"conv": "dense", "dwconv": "depthwise", "groupconv": "grouped", "deconv": "transposed"}[kernel.type]
    if kernel.type == "groupconv":
        each = kernel.input_shape[1] // kernel.groups
        name += " narrow" if each <= _FEW else " middling" if each <= _SOME else " wide"
    if kernel.type == "conv" and stride > 1 and set(window) == {stride}:
        return "dense, patches"
    if len(set(window)) > 1:
        size = "1xN"
    else:
        size = f"{largest}x{largest}" if largest <= 3 else "5x5 or 7x7" if largest <= _MOST_SQUARE else "larger"
    return f"{name}, {size}" + (", strided" if stride > 1 else "")


def _attention(kernel: Kernel) -> str:
    shape = kernel.input_shape
    moves = bool(kernel.fused) and kernel.fused[0] == "Transpose"
    queries = shape[-3] if moves and len(shape) > 2 else shape[-2]
    keys = kernel.flop / (4.0 * prod(shape)) if prod(shape) else 0.0
    kind = "to fewer keys" if keys < _FEWER_KEYS * queries else "in batches" if shape[0] > 1 else "plain"
    return f"attention {kind}" + (", transposing" if moves else "")


def count(networks: Iterable[Sequence[Kernel]]) -> dict[str, tuple[int, int]]:
    """By form: how many of the networks have it, and how many kernels of it they have together."""
    nets: Counter[str] = Counter()
    kernels: Counter[str] = Counter()
    for network in networks:
        forms = Counter(form_of(kernel) for kernel in network)
        nets.update(forms.keys())
        kernels.update(forms)
    return {form: (nets[form], kernels[form]) for form in sorted(nets)}


def table(counts: Mapping[str, tuple[int, int]]) -> str:
    """Rows for people."""
    return "".join(f"{form:36} {nets:4} networks {kernels:6} kernels\n" for form, (nets, kernels) in counts.items())


def _model(reference: str) -> ModelFile:
    """A file with static shapes, or an architecture's name."""
    from advisor import zoo
    from advisor.measure.items.model_kernels import file_facts
    from advisor.store.paths import cache_dir

    path = Path(reference)
    if not path.is_file():
        return zoo.build(reference, cache_dir() / "models")
    facts = file_facts(path)
    return ModelFile(
        reference=reference, name=path.stem, family=path.stem, kind="file", path=str(path), sha256=facts.sha256,
        input_shape=facts.input_shape,
    )  # fmt: skip


def main(references: Sequence[str]) -> None:
    """Compile each model for OpenVINO in f32, count, print."""
    from advisor.measure.items.model_kernels import model_works

    networks = []
    for reference in references:
        (work,) = model_works(_model(reference), [("openvino", "f32", 1, None)], None)
        if work is not None:
            networks.append(work.kernels)
    sys.stdout.write(f"{len(networks)} networks\n{table(count(networks))}")


if __name__ == "__main__":
    main(sys.argv[1:])
