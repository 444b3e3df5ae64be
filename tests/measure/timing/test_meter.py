import pytest

from advisor.measure.timing import meter
from tests.measure.fakes import ScriptedMeter


def script(monkeypatch: pytest.MonkeyPatch, dirty: list[bool]) -> None:
    shared = ScriptedMeter(dirty)
    monkeypatch.setattr(meter, "make_meter", lambda: shared)


def test_a_disturbed_figure_is_taken_again_and_the_clean_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [True, False])
    values = iter([1, 2, 3])
    figure, seen = meter.DisturbedRetry().measure(lambda: next(values))
    assert (figure, seen.dirty, seen.blocks_repeated) == (2, False, 1)


def test_a_busy_machine_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [True] * 8 + [False, True, False])
    taken: list[int] = []
    retry = meter.DisturbedRetry()
    seen = [retry.measure(lambda: taken.append(1))[1] for _ in range(6)]
    # Three calls each for the first two, then one each until a clean one restores the patience.
    assert [s.blocks_repeated for s in seen] == [2, 2, 0, 0, 0, 1]
    assert [s.dirty for s in seen] == [True, True, True, True, False, False]
    assert len(taken) == 11


def test_the_real_meter_fits_the_protocol() -> None:
    real = meter.make_meter()
    real.start()
    assert real.stop().involuntary_switches_per_s is not None
