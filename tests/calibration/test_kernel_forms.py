"""The two-minute look holds every form of kernel that real networks hold."""

from __future__ import annotations

import pytest

from advisor.calibration.kernel_forms import count, form_of
from advisor.measure.campaign.quick import QUICK_RANDOM
from advisor.measure.items.model_kernels import model_works
from advisor.workflows.models import build_model
from tests.perfmodel.makers import kernel

FIRST = 12
"""Random networks that a two-minute look reaches on a slow machine."""
RARE = {
    # In at most two of the public architectures that were counted, or only at the end of a detector.
    "attention in batches, transposing", "convert", "dense, 1xN", "dense, 1xN, strided", "dense, larger, strided",
    "depthwise, 1x1", "depthwise, 1x1, strided", "depthwise, larger", "detection",
}  # fmt: skip
FORMS = {
    "attention in batches", "attention plain", "attention plain, transposing", "attention to fewer keys",
    "attention to fewer keys, transposing", "concat", "dense, 1x1", "dense, 1x1, strided", "dense, 3x3",
    "dense, 3x3, strided", "dense, 5x5 or 7x7", "dense, 5x5 or 7x7, strided", "dense, patches", "depthwise, 1xN",
    "depthwise, 3x3", "depthwise, 3x3, strided", "depthwise, 5x5 or 7x7", "depthwise, 5x5 or 7x7, strided",
    "eltwise of maps", "eltwise of tokens", "gather", "grouped middling, 3x3", "grouped middling, 3x3, strided",
    "grouped narrow, 3x3", "grouped narrow, 3x3, strided", "grouped wide, 3x3", "grouped wide, 3x3, strided",
    "matmul", "norm of maps", "norm of tokens", "pool", "product of a vector", "product of tokens", "reduce",
    "reorder of a layout", "resize", "softmax", "split", "transpose, 3 axes", "transpose, 4 axes", "transpose, 5 axes",
    "transpose, 6 axes", "transposed, 2x2, strided",
}  # fmt: skip
"""Forms in the 69 public architectures and the 26 of the zoo that docs/methods/this-machine.md counts, but the rare."""


@pytest.mark.slow
@pytest.mark.runtime
def test_the_first_random_networks_of_the_look_hold_every_form_of_real_networks() -> None:
    networks = []
    for name in QUICK_RANDOM[:FIRST]:
        (work,) = model_works(build_model(name), [("openvino", "f32", 1, None)], None)
        assert work is not None
        networks.append(work.kernels)
    assert FORMS - set(count(networks)) == set()


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({"type": "conv", "kernel_size": (3, 3), "strides": (2, 2)}, "dense, 3x3, strided"),
        ({"type": "conv", "kernel_size": (4, 4), "strides": (4, 4)}, "dense, patches"),
        ({"type": "groupconv", "groups": 8}, "grouped narrow, 3x3"),
        ({"type": "groupconv", "groups": 2}, "grouped wide, 3x3"),
        ({"type": "dwconv", "groups": 64, "kernel_size": (1, 11)}, "depthwise, 1xN"),
        ({"type": "attention", "input_shape": (1, 2, 100, 32), "flop": 4.0 * 2 * 100 * 100 * 32}, "attention plain"),
        ({"type": "attention", "input_shape": (64, 2, 49, 32), "flop": 4.0 * 64 * 2 * 49 * 49 * 32},
         "attention in batches"),
        ({"type": "attention", "input_shape": (1, 784, 2, 32), "flop": 4.0 * 784 * 2 * 49 * 32,
          "fused": ("Transpose", "MatMul", "Softmax", "MatMul")}, "attention to fewer keys, transposing"),
        ({"type": "fc", "output_shape": (1, 1000)}, "product of a vector"),
        ({"type": "fc", "output_shape": (1, 197, 192)}, "product of tokens"),
        ({"type": "reorder", "original_type": "Transpose", "input_shape": (1, 197, 3, 3, 64)}, "transpose, 5 axes"),
        ({"type": "concat", "original_type": "Split"}, "split"),
    ],
)  # fmt: skip
def test_forms_in_words(changes, form) -> None:
    assert form_of(kernel(0, **changes)) == form


def test_networks_and_kernels_of_a_form_are_counted() -> None:
    one, other = [kernel(0), kernel(1)], [kernel(0), kernel(2, type="softmax")]
    assert count([one, other]) == {"dense, 3x3": (2, 3), "softmax": (1, 1)}
