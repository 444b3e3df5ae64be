from __future__ import annotations

from pathlib import Path

import pytest

from advisor.verification.threads import exclusive, spent_s, thread_times_s, working_threads


def write(proc: Path, times_s: dict[int, float]) -> None:
    for thread, value in times_s.items():
        (proc / str(thread)).mkdir(exist_ok=True)
        (proc / str(thread) / "schedstat").write_text(f"{round(value * 1e9)} 100 3\n")


def test_threads_that_worked_are_found_without_ours_and_without_callbacks(tmp_path) -> None:
    write(tmp_path, {1: 5.0, 2: 1.0, 3: 1.0, 4: 0.0})
    # 1 is ours, 2 and a new one did the work, 4 only called back
    found = working_threads(lambda: write(tmp_path, {1: 6.0, 2: 1.4, 4: 0.01, 5: 0.38}), own={1}, proc=tmp_path)
    assert found == {2, 5}


def test_nothing_is_found_where_the_kernel_keeps_no_times(tmp_path) -> None:
    (tmp_path / "7").mkdir()
    assert thread_times_s(tmp_path) == {}
    assert working_threads(lambda: None, (), tmp_path) == frozenset()


def test_a_thread_of_two_stages_is_nobodys_own(tmp_path) -> None:
    own = exclusive({"a": {1, 2}, "b": {2, 3}, "c": set()})
    assert own == {"a": {1}, "b": {3}, "c": frozenset()}
    write(tmp_path, {1: 0.5, 3: 0.25, 9: 4.0})
    assert spent_s(own["a"] | own["b"] | {77}, tmp_path) == pytest.approx(0.75)
