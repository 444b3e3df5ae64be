"""What fixed work beside a measurement says about it."""

import numpy as np
import pytest

from advisor.perfmodel.here.interference_correction import USUAL_SLOWDOWN, interference_slowdown
from advisor.records.measurement import Interference


def slowdown(slow: float | None, dirty: bool = False) -> tuple[float, float]:
    return interference_slowdown(Interference(reference_slowdown=slow, dirty=dirty))


@pytest.mark.parametrize("slow", [None, 1.0, USUAL_SLOWDOWN])
def test_an_undisturbed_measurement_is_taken_as_it_is(slow) -> None:
    assert slowdown(slow) == (0.0, 0.0)


def test_slow_fixed_work_says_that_passes_took_between_once_and_so_many_times_as_long() -> None:
    log_slowdown, deviation = slowdown(2.0 * USUAL_SLOWDOWN)
    drawn = np.log(2.0) * np.random.default_rng(0).random(100_000)
    assert log_slowdown == pytest.approx(drawn.mean(), rel=0.01)
    assert deviation == pytest.approx(drawn.std(), rel=0.01)


def test_other_processes_widen_but_do_not_shift() -> None:
    assert slowdown(1.0, dirty=True)[0] == 0.0
    assert slowdown(1.5, dirty=True)[1] > max(slowdown(1.5)[1], slowdown(1.0, dirty=True)[1])


@pytest.mark.parametrize(("threads", "processors", "expected"), [(2, 2, np.log(2.0)), (1, 2, 0.0), (2, None, 0.0)])
def test_all_threads_of_a_pass_wait_for_the_one_that_shares_its_processor(threads, processors, expected) -> None:
    busy = Interference(other_cpu_cores=1.0, dirty=True)
    log_slowdown, deviation = interference_slowdown(busy, threads, processors)
    assert log_slowdown == pytest.approx(expected / 2)
    assert deviation == pytest.approx(np.hypot(0.1, expected / np.sqrt(12)))
