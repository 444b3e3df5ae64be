from pathlib import Path

import pytest

from advisor.clock import FakeClock
from advisor.measure.timing.disturbance import SLOW, with_slowdown
from advisor.measure.timing.harness import MeasureSpec, measure
from advisor.measure.timing.harness import Session as HarnessSession
from advisor.measure.timing.reference import Reference, ReferencePool, load_best, save_best
from advisor.records.config import LoadMode
from advisor.records.measurement import Interference
from advisor.store.measurements import MeasurementStore
from tests.measure.fakes import Scripted

SPEC = MeasureSpec(
    min_duration_s=0.5, min_samples=5, min_blocks=5, max_duration_s=5.0, block_s=0.1, warmup_max_s=0.0,
    max_dirty_blocks=3,
)  # fmt: skip


class Speed:
    """Slow for the first ``slow`` looks."""

    def __init__(self, slow: int) -> None:
        self.slow, self.looks = slow, 0

    def slowdown(self) -> float:
        self.looks += 1
        return 1.5 if self.looks <= self.slow else 1.02


def finished(mode: LoadMode, speed: Speed) -> Interference:
    clock = FakeClock()
    session = HarnessSession(Scripted(clock, lambda n: 0.01), mode, SPEC, clock, check=speed)
    while not session.step():
        pass
    return session.interference()


def test_slow_blocks_are_repeated_and_forgotten() -> None:
    seen = finished(LoadMode(), Speed(slow=4))
    assert seen.blocks_repeated == 2  # two looks at each block
    assert not seen.dirty
    assert seen.reference_slowdown == pytest.approx(1.02)


def test_a_slow_machine_is_marked_once_repeats_are_used_up() -> None:
    seen = finished(LoadMode(), Speed(slow=10**6))
    assert seen.blocks_repeated == 3
    assert seen.dirty
    assert seen.reasons == ("fixed work took 1.50 times what this machine needs at its best",)
    assert seen.reference_slowdown == pytest.approx(1.5)


def test_a_schedule_is_not_interrupted() -> None:
    speed = Speed(slow=10**6)
    seen = finished(LoadMode(kind="paced", rate_per_s=20.0), speed)
    assert speed.looks == 0
    assert not seen.dirty
    assert seen.reference_slowdown is None


def test_without_a_check_nothing_is_reported() -> None:
    clock = FakeClock()
    _, seen = measure(Scripted(clock, lambda n: 0.01), LoadMode(), SPEC, clock)
    assert seen.reference_slowdown is None


def test_the_limit_itself_is_no_disturbance() -> None:
    other = Interference(dirty=True, reasons=("noise",))
    assert with_slowdown(Interference(), SLOW).dirty is False
    assert with_slowdown(other, SLOW).reasons == ("noise",)
    assert len(with_slowdown(other, SLOW * 1.01).reasons) == 2


def test_work_is_compared_with_the_least_time_known() -> None:
    fresh = Reference(2)
    assert fresh.best_s is None
    assert fresh.slowdown() == 1.0
    best = fresh.best_s
    assert best is not None
    assert all(fresh.slowdown() >= 1.0 for _ in range(5))
    assert fresh.best_s <= best
    assert Reference(1, best_s=1e-9).slowdown() > 1000


class _ScriptedReference(Reference):
    """One thread whose looks take the times that the test writes."""

    def __init__(self, times_s: list[float], best_s: float | None = None) -> None:
        self._script_s = [1.0, *times_s]
        super().__init__(1, best_s)

    def _once(self) -> float:
        return self._script_s.pop(0)


@pytest.mark.parametrize(
    ("times_s", "slowdown", "looks"),
    [
        ([1.02, 1.0, 1.03], 1.02, 3),  # at best: no further look
        ([2.7, 1.4, 1.1, 1.05, 1.04], 1.05, 5),  # threads that wake up
        ([1.5] * 9, 1.5, 9),  # a shared core slows every look
        ([1.3, 0.5, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3], 1.3, 9),  # one lucky look is no machine at its best
        ([1.0, 9.0, 1.0], 1.0, 3),  # an interrupt
    ],
)
def test_three_looks_in_a_row_count(times_s: list[float], slowdown: float, looks: int) -> None:
    reference = _ScriptedReference([*times_s, 0.0], best_s=1.0)
    assert reference.slowdown() == slowdown
    assert len(reference._script_s) == len(times_s) + 1 - looks
    assert reference.best_s == 1.0


def test_a_worker_keeps_one_reference_per_number_of_threads() -> None:
    pool = ReferencePool()
    one = pool.reference(None, {1: 0.25})
    assert one.threads == 1
    assert one.best_s == 0.25
    assert pool.reference(1, {1: 0.125}) is one
    assert ReferencePool().reference(1, {}) is not one


def test_least_times_outlive_the_process(tmp_path: Path) -> None:
    with MeasurementStore(tmp_path / "s.db") as store:
        known: dict[int, float] = {}
        save_best(store, "host", known, {1: 0.5, 2: 0.7})
        save_best(store, "host", known, {1: 0.6, 2: 0.65})
        assert known == {1: 0.5, 2: 0.65}
        assert load_best(store, "host") == known
        assert load_best(store, "other") == {}
