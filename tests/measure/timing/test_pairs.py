import numpy as np
import pytest

from advisor.measure.timing.pairs import pair_count, paired_ratio
from advisor.records.measurement import PairedTurn


def turn(name: str, time_s: float) -> PairedTurn:
    return PairedTurn(
        round=name, started="x", time_s=time_s, p50_s=time_s, p95_s=time_s, throughput_per_s=1 / time_s, samples=5
    )


def turns(times_s: list[float], first: int = 0) -> list[PairedTurn]:
    return [turn(str(first + number), time_s) for number, time_s in enumerate(times_s)]


def test_what_slows_down_a_round_is_in_both_and_cancels_out() -> None:
    slow = [1.0, 1.0, 5.0, 5.0, 2.0, 9.0, 1.0]
    ratio = paired_ratio(turns([0.5 * time_s for time_s in slow]), turns(slow))
    assert ratio is not None
    assert (ratio.value, ratio.lower, ratio.upper, ratio.pairs) == (0.5, 0.5, 0.5, 7)


def test_only_turns_of_one_round_are_pairs() -> None:
    ours, theirs = turns([2.0] * 4), turns([1.0] * 4, first=2)
    assert pair_count(ours, theirs) == 2
    ratio = paired_ratio(ours, theirs)
    assert ratio is not None
    assert (ratio.value, ratio.pairs) == (2.0, 2)
    assert paired_ratio(turns([1.0]), turns([1.0], first=1)) is None


@pytest.mark.parametrize(("pairs", "has_interval"), [(1, False), (5, False), (6, True), (9, True)])
def test_six_pairs_are_the_fewest_with_an_interval(pairs: int, has_interval: bool) -> None:
    ratio = paired_ratio(turns([1.0] * pairs), turns([2.0] * pairs))
    assert ratio is not None
    assert (ratio.lower is not None, ratio.upper is not None) == (has_interval, has_interval)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says_whatever_the_noise() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(1000):
        common = np.exp(rng.normal(0, 0.5, 9))
        noise = rng.exponential(0.3, 9)  # one-sided, as neighbours are: its median is no mean
        ours, theirs = turns(list(common * (1 + noise) * 0.7)), turns(list(common))
        ratio = paired_ratio(ours, theirs)
        assert ratio is not None
        assert ratio.lower is not None
        assert ratio.upper is not None
        inside += ratio.lower <= 0.7 * (1 + 0.3 * np.log(2)) <= ratio.upper
    # 9 pairs: the second and eighth enclose the median with 96.1 %; five standard errors of 1,000 draws are 3.1 %.
    assert 0.93 <= inside / 1000 <= 0.99
