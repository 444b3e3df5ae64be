"""Several models in one process, on figures made up here."""

from advisor.records.base import Interval
from benchmarks.memory_together import CASCADES, Together, added, tables

MIB = 1024.0**2


def test_intervals_are_added_at_the_same_quantile_as_a_plan_does() -> None:
    parts = [Interval(p10=1.0, p50=2.0, p90=4.0), Interval(p10=10.0, p50=20.0, p90=40.0)]
    assert added(parts) == Interval(p10=11.0, p50=22.0, p90=44.0)


def test_a_row_names_its_models_and_the_error_of_the_sum() -> None:
    row = Together("a and b", 200 * MIB, Interval(p10=180 * MIB, p50=220 * MIB, p90=260 * MIB))
    assert "| a and b | 220 (180-260) | 200 | +10 % |" in tables([row])


def test_every_cascade_has_several_models_and_both_runtimes_meet_once() -> None:
    assert all(len(parts) > 1 for parts in CASCADES)
    assert any(len({config.runtime for _, config in parts}) == 2 for parts in CASCADES)
