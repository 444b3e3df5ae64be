"""Nominal times: parts that are fitted, and what they do where little was timed."""

import numpy as np
import pytest

from advisor.perfmodel.here.kernel_roofline import PRIOR, NominalTime, activation, exponentials, parts
from tests.perfmodel.makers import kernel


def shapes(count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [
        kernel(i, flop=float(10 ** rng.uniform(5, 9)), moved=float(10 ** rng.uniform(3, 7)), weights=0.0)
        for i in range(count)
    ]


def test_parts_of_a_known_machine_are_found_whatever_single_kernels_do() -> None:
    true = PRIOR * np.array([0.2, 0.5, 1.0, 2.0, 1.0, 1.0, 1.0, 2.0, 4.0, 1.0, 1.0])
    kernels, threads = shapes(400), [1, 2] * 200
    table = np.array([parts(k, n) for k, n in zip(kernels, threads, strict=True)])
    times = table @ true * np.exp(np.random.default_rng(1).normal(0, 0.1, 400))
    times[::20] *= 5.0  # one in twenty is another matter altogether
    found = NominalTime.fit(kernels, threads, times, np.zeros(400))
    fresh = shapes(200, seed=2)
    for count in (1, 2):
        expected = np.array([parts(k, count) for k in fresh]) @ true
        assert np.median(np.abs(found.times_s(fresh, [count] * 200) / expected - 1.0)) < 0.06


def test_little_that_was_timed_moves_the_prior_little_where_it_says_nothing() -> None:
    small = [kernel(0, flop=1e5, moved=1e3, weights=0.0)]  # nothing but the cost of a kernel
    found = NominalTime.fit(small, [1], np.array([6e-6]), np.zeros(1))
    assert 3e-6 < found.times_s(small, [1])[0] < 6.5e-6
    assert np.isclose(found.coefficients[0], PRIOR[0], rtol=0.1)


def test_a_serial_share_and_waiting_are_told_apart_from_work_that_spreads() -> None:
    one, two = parts(kernel(0), 1), parts(kernel(0), 2)
    assert two[0] == one[0] / 2
    assert one[8:] == [0.0, 0.0, 0.0]
    assert two[8] == 1.0
    assert two[9] == one[0] / 2


def test_what_leaves_a_cache_costs_more_than_what_stays() -> None:
    small, large = (kernel(0, flop=0.0, moved=moved, weights=0.0) for moved in (1e5, 1e8))
    near, far = parts(small, 1), parts(large, 1)
    assert far[1] == 1000 * near[1]
    assert near[2] < 0.1 * near[1] < near[1]
    assert far[2] > 0.9 * far[1]
    assert far[3] > 0.8 * far[1]


def test_an_activation_is_seen_behind_the_cast_to_int8() -> None:
    silu = kernel(0, fused=("Convolution", "Add", "Multiply", "Convert"))
    assert activation(silu) == "Multiply"
    assert parts(silu, 1)[5] == 64 * 28 * 28
    assert activation(kernel(0, fused=("Convolution", "Convert"))) == ""
    assert parts(kernel(0, fused=("Convolution", "Add", "Relu", "Convert")), 1)[5] == 0.0


def test_a_gather_reads_the_rows_that_it_puts_out() -> None:
    table = kernel(0, type="gather", flop=0.0, moved=2e5, weights=3e7)
    assert parts(table, 1)[4] == 1e5
    assert parts(kernel(0, weights=3e7), 1)[4] == 3e7


def test_softmax_and_attention_take_exponentials_and_detections_are_put_in_order() -> None:
    assert exponentials(kernel(0, type="softmax", output_shape=(1, 10, 91))) == 910
    assert (
        exponentials(kernel(0, type="attention", input_shape=(1, 4, 128, 64), flop=4.0 * 4 * 128 * 128 * 64))
        == 4 * 128 * 128
    )
    top = kernel(0, type="detection", flop=0.0, moved=7e5, weights=0.0, input_shape=(1, 1917, 90))
    assert 3e-4 < NominalTime().times_s([top], [1])[0] < 1e-3


def test_times_taken_beside_a_neighbour_weigh_less() -> None:
    kernels = shapes(200)
    table = np.array([parts(k, 1) for k in kernels])
    times = table @ PRIOR
    times[100:] *= 1.5
    deviations = np.repeat([0.0, 1.0], 100)
    found, naive = (
        NominalTime.fit(kernels, [1] * 200, times, d).times_s(kernels, [1] * 200) for d in (deviations, 0 * deviations)
    )
    assert np.median(found / (table @ PRIOR)) < 1.1 < np.median(naive / (table @ PRIOR))


@pytest.mark.parametrize(
    ("shape", "queries", "keys"),
    [
        ((1, 6, 197, 64), 6 * 197, 197),  # heads before tokens
        ((1, 784, 2, 32), 2 * 784, 49),  # tokens before heads, keys of a map seven times smaller
        ((4, 4, 256, 24), 4 * 4 * 256, 256),  # four pictures of patches
    ],
)
def test_attention_takes_an_exponential_per_query_and_key_whatever_the_order_of_its_axes(shape, queries, keys) -> None:
    attention = kernel(0, type="attention", flop=2.0 * 2.0 * queries * keys * shape[-1], input_shape=shape)
    assert exponentials(attention) == pytest.approx(queries * keys)
