from __future__ import annotations

from typing import get_args

import pytest

from advisor.measure.items.estimates import pass_s
from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile

FILE = ModelFile(
    reference="m.onnx", name="m", family="unknown", kind="file", path="m.onnx", sha256="0" * 64, input_shape=(1, 3, 8)
)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_every_precision_that_a_runtime_can_be_asked_for_has_an_estimate(precision: Precision) -> None:
    """Cores with f16 arithmetic are asked for it too: ``sizer bench --precision f16`` was an internal error there."""
    one = pass_s(FILE, RunConfig(precision=precision, streams=1, threads=1))
    assert 0 < one <= pass_s(FILE, RunConfig(precision="f32", streams=1, threads=1))
    assert pass_s(FILE, RunConfig(precision=precision, streams=1, threads=2, batch=4)) == pytest.approx(2 * one)
