"""OpenVINO's automatic batching in the simulator: closed forms, and an independent event-by-event account."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

import numpy as np
import pytest

from advisor.errors import ModelRangeError
from advisor.simulate import Seeds, SimCamera, SimSpec, SimStage, simulate
from advisor.simulate.trace import simulate_traced

ONE_S, FOUR_S = 0.005, 0.012
"""Time of a pass of one item, and of four."""


def _spec(period_s: float, timeout_s: float, cameras: int = 1, streams: int = 1, poisson: bool = False) -> SimSpec:
    stage = SimStage(
        id="model", service_s=(0.0, ONE_S, FOUR_S, FOUR_S, FOUR_S), batch_max=4, batch_timeout_s=timeout_s,
        collected="by_runtime", streams=streams, queue_limit=1000,
    )  # fmt: skip
    camera = SimCamera(
        fps=1.0 / period_s, phase_s=None if poisson else 0.0, arrivals="poisson" if poisson else "periodic"
    )
    return SimSpec((camera,) * cameras, (stage,), cores=8.0)


def test_dense_requests_fill_their_batches() -> None:
    """One comes every 10 ms: the first of four waits 30 ms for the last, and all run together."""
    result = simulate(_spec(0.010, 1.0), 20.0, 2.0)
    assert set(np.round(result.latencies_s, 6)) == {round(FOUR_S + wait, 6) for wait in (0.0, 0.01, 0.02, 0.03)}
    assert result.stages[0].mean_batch == 4.0


def test_sparse_requests_wait_out_the_time_out_on_average_by_half() -> None:
    """Seldom ones find the clock anywhere, so that they wait for half of the time-out on average, at most for all."""
    result = simulate(_spec(0.7, 0.2, poisson=True), 4000.0, 10.0)
    waits = result.latencies_s - ONE_S
    assert waits.max() < 0.2 + 3 * ONE_S  # neighbours of one strike go before it
    assert waits.min() >= -1e-9
    # Of what comes alone; a few share a strike and run one after the other.
    assert np.median(waits) == pytest.approx(0.1, rel=0.08)


def test_a_burst_that_does_not_fill_a_batch_runs_one_by_one() -> None:
    """Three cameras at once and a batch of four: all wait for the clock, then for each other."""
    result, trace = simulate_traced(_spec(0.5, 0.1, cameras=3), 10.0, 0.0)
    assert {item.items for item in trace.passes} == {1}
    after = sorted(result.latencies_s)
    assert after[0] <= 0.1 + ONE_S + 1e-9
    assert after[-1] <= 0.1 + 3 * ONE_S + 1e-9


def test_a_clock_that_runs_from_the_end_of_a_pass_alternates_as_openvino_does() -> None:
    """30 requests/s and 100 ms, as BATCH:CPU(4) answered on 2026-11-29: four together, then three that were struck.

    Its latencies then were 131, 98, 65, 31 ms and 106, 80, 53 ms.
    """
    one_s, four_s = 0.00708, 0.03027
    stage = replace(_spec(1.0 / 30.0, 0.1).stages[0], service_s=(0.0, one_s, four_s, four_s, four_s))
    result, trace = simulate_traced(replace(_spec(1.0 / 30.0, 0.1), stages=(stage,)), 12.0, 2.0)
    passes = "".join(str(item.items) for item in trace.passes)[20:]
    assert passes.count("4111") == passes.count("4")
    assert passes.count("4") >= 30
    found = sorted({round(1000.0 * latency_s) for latency_s in result.latencies_s})
    assert np.abs(np.array(found) - [31, 53, 65, 80, 98, 106, 131]).max() <= 2


class _Account:
    """The same rules from OpenVINO's description, event by event and in other words; one stream."""

    def __init__(self, arrivals_s: list[float], timeout_s: float) -> None:
        self.timeout_s, self.arrivals_s = timeout_s, arrivals_s
        self.latencies_s: list[float] = []

    def run(self) -> list[float]:
        events = [(at_s, 1, number) for number, at_s in enumerate(self.arrivals_s)]
        heapq.heapify(events)
        collected: list[float] = []
        heapq.heappush(events, (0.0, 2, 0))  # the clock strikes
        token, free_s = 0, 0.0
        while events:
            now_s, kind, number = heapq.heappop(events)
            if kind == 1:
                collected.append(now_s)
            elif kind == 2 and number != token:
                continue
            busy = now_s < free_s - 1e-12
            if busy:
                if kind == 2:
                    heapq.heappush(events, (free_s, 2, token))
                continue
            if len(collected) >= 4:
                taken, collected = collected[:4], collected[4:]
                free_s = now_s + FOUR_S
                self.latencies_s += [free_s - at_s for at_s in taken]
                token += 1
                heapq.heappush(events, (free_s + self.timeout_s, 2, token))
                heapq.heappush(events, (free_s, 3, 0))
            elif kind == 2:
                for at_s in collected:
                    free_s = max(now_s, free_s) + ONE_S
                    self.latencies_s.append(free_s - at_s)
                ended_s = max(now_s, free_s) if collected else now_s
                collected = []
                token += 1
                if len(self.latencies_s) < len(self.arrivals_s):
                    heapq.heappush(events, (ended_s + self.timeout_s, 2, token))
                    heapq.heappush(events, (free_s, 3, 0))
        return self.latencies_s


@pytest.mark.parametrize("timeout_s", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("rate_per_s", [5.0, 30.0])
def test_an_account_in_other_words_says_the_same(timeout_s: float, rate_per_s: float) -> None:
    rng = random.Random(1)
    arrivals_s, now_s = [], 0.0
    while now_s < 2_400.0:
        now_s += rng.expovariate(rate_per_s)
        arrivals_s.append(now_s)
    expected = np.array(_Account(arrivals_s, timeout_s).run())
    simulated = simulate(_spec(1.0 / rate_per_s, timeout_s, poisson=True), 2_400.0, 5.0, Seeds(7, 7, 7, 7)).latencies_s
    for quantile in (0.25, 0.5, 0.75, 0.95):
        assert np.quantile(simulated, quantile) == pytest.approx(np.quantile(expected, quantile), rel=0.06, abs=0.001)


def test_collecting_needs_a_time_out() -> None:
    with pytest.raises(ModelRangeError, match="batch_timeout_s above 0"):
        simulate(_spec(0.1, 0.0), 2.0)
