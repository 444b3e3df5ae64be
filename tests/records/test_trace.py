"""How a batch came about, and the window of a trace that pages show."""

from __future__ import annotations

import pytest

from advisor.records.trace import (
    Trace,
    TracedDecode,
    TracedFrame,
    TracedPass,
    TracedRequest,
    TracedStage,
    batch_pattern,
    timeline,
)  # fmt: skip


def _pass(begun_s: float, *queued_s: float, items: int = 1) -> TracedPass:
    requests = tuple(TracedRequest("a-1", number, items, at_s) for number, at_s in enumerate(queued_s))
    return TracedPass("reid", 0, begun_s, begun_s + 0.001, begun_s + 0.01, items * len(requests), requests)


@pytest.mark.parametrize(
    ("item", "pattern"),
    [
        (_pass(1.0, 1.0), "single"),
        (_pass(1.0, 0.1, 0.2, 0.3, 0.4), "full"),
        (_pass(1.0, 1.0, items=4), "full"),
        (_pass(1.0, 0.97, 0.98, 0.99, 1.0), "filled"),
        (_pass(1.0, 0.95, 0.98), "timed out"),
        (_pass(1.0, 0.95), "timed out"),
        (_pass(1.0, 0.99, 0.995), "partial"),
    ],
)
def test_how_a_batch_came_about(item: TracedPass, pattern: str) -> None:
    assert batch_pattern(item, TracedStage(batch_max=4, timeout_s=0.05, device="CPU")) == pattern


def test_without_batches_every_pass_is_single() -> None:
    assert batch_pattern(_pass(1.0, 0.1), TracedStage(batch_max=1, timeout_s=0.0, device="CPU")) == "single"


def test_a_window_keeps_what_reaches_into_it() -> None:
    trace = Trace(
        "shop", "measured", 0.0, 20.0, {"reid": TracedStage(4, 0.0, "GPU")}, ("a-1",),
        frames=[
            TracedFrame("a-1", 0, 1.0, 1.5, "done"),
            TracedFrame("a-1", 1, 8.5, 9.5, "dropped", "reid"),
            TracedFrame("a-1", 2, 10.5, None, "open"),
            TracedFrame("a-1", 3, 12.5, 12.6, "done"),
        ],
        decodes=[TracedDecode("a-1", 1, 0, 8.99, 9.004), TracedDecode("a-1", 0, 0, 1.0, 1.1)],
        passes=[_pass(10.0, 9.9), _pass(3.0, 2.9)],
    )  # fmt: skip
    window = trace.between(9.0, 11.0)
    assert [frame.number for frame in window.frames] == [1, 2]
    shown = timeline(trace, 9.0, 2.0)
    assert [(lane.name, lane.device, len(lane.passes)) for lane in shown.lanes] == [
        ("decode 0", "", 1),
        ("reid 0", "GPU", 1),
    ]
    assert shown.lanes[0].passes[0].begin_s == -0.01
    assert shown.lanes[1].passes[0].inference_s == 1.001
    assert shown.drops == {"reid": (0.5,)}
