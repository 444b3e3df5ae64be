"""What the run itself takes for a frame, by a real run of the child."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.errors import RuntimeRefusal
from advisor.host import host_facts
from advisor.measure.items.item import MeasureContext
from advisor.verification import harness
from advisor.verification.harness import HarnessItem

from .support import observe, scenario


def test_a_run_with_next_to_nothing_to_do_tells_what_it_takes_itself(tmp_path) -> None:
    kept: list[Any] = []
    item = HarnessItem(host_facts(), duration_s=1.5)
    HarnessItem.measure([item], MeasureContext("h", kept.append, tmp_path))
    (row,) = kept
    assert (row.name, row.unit, row.key) == ("harness/frame", "s", item.keys("h")[0])
    # Wide limits of any machine: a few calls of the interpreter, and less than decoding a large picture.
    assert 2e-5 < row.value < 2e-2
    assert item.keys("h") != item.keys("g")


def test_a_run_that_broke_is_a_reason_and_no_figure(monkeypatch, tmp_path) -> None:
    seen = observe(scenario(), 2.0)
    seen.failure = "crashed"
    monkeypatch.setattr(harness, "observe", lambda *_: seen)
    with pytest.raises(RuntimeRefusal, match="harness/frame: crashed"):
        HarnessItem.measure([HarnessItem(host_facts())], MeasureContext("h", lambda _: None, tmp_path))
