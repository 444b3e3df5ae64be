import math

import numpy as np
import pytest
from scipy import stats

from advisor.errors import ModelRangeError
from advisor.measure.timing import statistics as st


def brute_force_ranks(n: int, q: float, confidence: float) -> tuple[int | None, int | None]:
    tail = (1 - confidence) / 2
    lower = [k for k in range(1, n + 1) if stats.binom.sf(k - 1, n, q) >= 1 - tail - 1e-12]
    upper = [k for k in range(1, n + 1) if stats.binom.cdf(k - 1, n, q) >= 1 - tail - 1e-12]
    return (max(lower) if lower else None), (min(upper) if upper else None)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 20, 72, 73, 100, 367, 368, 500])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_ranks_agree_with_scipys_binomial(n: int, q: float) -> None:
    assert st.order_statistic_ranks(n, q) == brute_force_ranks(n, q, 0.95)


def test_upper_bound_appears_exactly_where_the_largest_sample_suffices() -> None:
    # The largest of n exceeds the q-quantile with probability 1 - q^n.
    for q in (0.9, 0.95, 0.99):
        least = math.ceil(math.log(0.025) / math.log(q))
        assert st.order_statistic_ranks(least - 1, q)[1] is None
        assert st.order_statistic_ranks(least, q)[1] == least


def test_bounds_are_none_for_one_sample_and_hold_for_ties() -> None:
    one = st.percentile([0.004], 0.5)
    assert (one.value_s, one.lower_s, one.upper_s) == (0.004, None, None)
    ties = st.percentile([0.01] * 100, 0.9)
    assert ties.lower_s == ties.upper_s == ties.value_s == 0.01


@pytest.mark.parametrize(("q", "n"), [(0.5, 10), (0.5, 101), (0.9, 60), (0.95, 200), (0.99, 500)])
def test_coverage_over_many_draws(q: float, n: int) -> None:
    draws = 3000
    rng = np.random.default_rng(7)
    truth = float(stats.lognorm.ppf(q, 0.8))
    inside = 0
    for _ in range(draws):
        found = st.percentile(rng.lognormal(0.0, 0.8, n), q)
        low = -math.inf if found.lower_s is None else found.lower_s
        high = math.inf if found.upper_s is None else found.upper_s
        inside += low <= truth <= high
    noise = 3 * math.sqrt(0.95 * 0.05 / draws)
    assert inside / draws >= 0.95 - noise


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ModelRangeError):
        st.order_statistic_ranks(0, 0.5)
    with pytest.raises(ModelRangeError):
        st.order_statistic_ranks(10, 1.0)
    with pytest.raises(ModelRangeError):
        st.build_timing([], 1.0, 1, [])


def test_steady_needs_enough_blocks_and_a_flat_end() -> None:
    assert not st.is_steady([1.0, 1.0, 1.0])
    assert st.is_steady([2.0, 1.01, 1.0, 1.01, 1.0])
    assert not st.is_steady([2.0, 1.2, 1.0, 1.01, 1.0])
    # Falls by 1.5 % at each block: inside the range, but still warming up.
    assert not st.is_steady([1.045, 1.03, 1.015, 1.0])


def test_trend_rarely_cries_wolf_and_sees_a_drift() -> None:
    rng = np.random.default_rng(3)
    runs = 1000
    false = sum(not st.block_trend(1 + 0.05 * rng.standard_normal(20)).steady for _ in range(runs))
    assert false / runs <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)
    slope = np.linspace(0.1, -0.1, 20)
    seen = sum(not st.block_trend(1 + slope + 0.02 * rng.standard_normal(20)).steady for _ in range(200))
    assert seen >= 190
    assert st.block_trend(1 + slope).drift == pytest.approx(-0.2, rel=0.02)


def test_a_strictly_monotone_run_is_as_unlikely_as_its_permutations() -> None:
    for n in (5, 6, 10):
        assert st.block_trend(np.arange(1.0, n + 1)).p_value == pytest.approx(2 / math.factorial(n))
    assert st.block_trend([1.0, 2.0, 3.0, 4.0, 5.0]).steady  # too few to tell
    assert not st.block_trend([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).steady


def test_no_trend_without_blocks_or_differences() -> None:
    for blocks in ([], [0.01], [0.01] * 20):
        assert st.block_trend(blocks) == st.Trend(0.0, 1.0)


def test_timing_counts_inputs_and_keeps_raw_times() -> None:
    timing = st.build_timing([0.01, 0.02, 0.03], 0.06, 8, [0.01, 0.02, 0.03], cpu_s_per_pass=0.02)
    assert timing.throughput_per_s == pytest.approx(3 * 8 / 0.06)
    assert timing.latencies_s == (0.01, 0.02, 0.03)
    assert timing.avg_time_s == pytest.approx(0.02)
    assert timing.p99.upper_s is None
    assert timing.steady  # three blocks are too few to call a trend
    assert not st.build_timing([0.01] * 9, 1, 1, [0.01 * k for k in range(1, 10)]).steady
    assert not st.build_timing([0.01], 1, 1, [0.01], steady=False).steady
