import numpy as np

from advisor.perfmodel.interval import Bands, around, band, weighted_quantile
from advisor.records.calibration import ErrorBand

from .makers import within


def test_weighted_quantile_is_the_order_statistic_for_equal_weights():
    values = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert weighted_quantile(values, np.ones(5), 0.2) == 1.0
    assert weighted_quantile(values, np.ones(5), 0.6) == 3.0
    assert weighted_quantile(values, np.array([100.0, 1, 1, 1, 1]), 0.5) == 5.0


def test_band_covers_new_machines_at_its_level():
    """Machines with their own bias: the machine, not the row, is the exchangeable unit."""
    rng = np.random.default_rng(3)
    hits = total = 0
    for _ in range(300):
        bias = rng.normal(0.0, 0.2, size=21)
        errors = bias[:, None] + rng.normal(0.0, 0.05, size=(21, 12))
        names = [f"m{i}" for i in range(20) for _ in range(12)]
        found = band("*/*/*", errors[:20].ravel(), names)
        hits += int(((found.low <= errors[20]) & (errors[20] <= found.high)).sum())
        total += 12
    assert within(hits / total, 0.8, 300)


def test_band_is_never_narrower_than_the_noise_of_published_figures():
    found = band("k", np.zeros(30), ["a", "b", "c"] * 10)
    assert found.low == -0.03
    assert found.high == 0.03


def test_few_machines_take_the_hull_with_their_parent():
    def make(key: str, low: float, high: float, machines: int) -> ErrorBand:
        return ErrorBand(key=key, low=low, high=high, machines=machines, rows=50)

    bands = Bands(
        [
            make("amx/f32/latency", -0.5, 0.05, 1),
            make("*/f32/latency", -0.1, 0.2, 20),
            make("avx2/f32/latency", -0.1, 0.1, 4),
        ]
    )
    assert bands.find("amx", "f32", "latency") == (-0.5, 0.2)
    assert bands.find("avx2", "f32", "latency") == (-0.1, 0.1)
    assert bands.find("neon", "f32", "latency") == (-0.1, 0.2)


def test_around_orders_its_quantiles():
    found = around(10.0, -0.1, 0.2)
    assert np.isclose(found.p10, 10.0 * np.exp(-0.1))
    assert found.p10 < found.p50 < found.p90
