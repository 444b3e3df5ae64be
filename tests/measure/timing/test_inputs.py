import numpy as np

from advisor.measure.timing.inputs import benchmark_inputs
from advisor.runtimes.protocol import TensorSpec


def test_inputs_are_seeded_and_fit_their_type() -> None:
    specs = [TensorSpec("a", (2, 3), "float32"), TensorSpec("b", (64,), "int64"), TensorSpec("c", (64,), "uint8")]
    first = benchmark_inputs(specs, np.random.default_rng(1))
    again = benchmark_inputs(specs, np.random.default_rng(1))
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert [str(x.dtype) for x in first] == ["float32", "int64", "uint8"]
    assert set(first[1]) == {0, 1}
    assert first[2].max() > 100
