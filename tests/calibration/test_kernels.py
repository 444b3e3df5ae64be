"""Fitting the scales of the kernel processes."""

import numpy as np
import pytest

from advisor.calibration.kernels import fit_group, misfit, pack, unpack
from advisor.perfmodel.here.kernel_gp import FEATURES, KINDS, KindCodes, Scales, TimedKernels
from tests.perfmodel.makers import kernel

SCALES = Scales(
    np.linspace(0.8, 3.0, len(FEATURES)), np.linspace(0.2, 0.6, len(KINDS)), 0.3, 0.25, 0.12, 0.35, 0.07
)  # fmt: skip


def timed(count: int, seed: int, spread: float = 0.0) -> TimedKernels:
    """Kernels of drawn shapes on one and two threads, in networks of ten, whose times stray by ``spread`` (log)."""
    rng = np.random.default_rng(seed)
    kernels = [
        kernel(
            i, flop=float(10 ** rng.uniform(6, 9)), moved=float(10 ** rng.uniform(4, 7)),
            implementation=str(rng.choice(["a", "b"])), output_shape=(1, int(rng.integers(8, 400)), 14, 14),
        )
        for i in range(count)
    ]  # fmt: skip
    times = np.array([k.flop / 60e9 + 2e-6 for k in kernels]) * np.exp(rng.normal(0.0, spread, count))
    settings = tuple((1 + i % 2, 1) for i in range(count))
    owners = tuple("" if i % 7 == 0 else f"net{i // 10}" for i in range(count))
    return TimedKernels(tuple(kernels), settings, times, np.full(count, 0.05), owners, owners)


def test_the_gradient_is_that_of_the_misfit() -> None:
    part = timed(30, seed=0, spread=0.2)
    sets = [(KindCodes().points(part.kernels, part.settings), part, part.target(part.nominal()))]
    start = pack(SCALES)
    gradient = misfit(start, sets)[1]
    for place, found in enumerate(gradient):
        step = np.zeros(len(start))
        step[place] = 1e-5
        expected = (misfit(start + step, sets)[0] - misfit(start - step, sets)[0]) / 2e-5
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_more_scatter_gives_more_noise() -> None:
    calm, wild = (fit_group("conv", [timed(80, seed=1, spread=spread)]) for spread in (0.02, 0.4))
    assert wild.noise > 3.0 * calm.noise
    assert np.allclose(pack(unpack(pack(SCALES))), pack(SCALES))
