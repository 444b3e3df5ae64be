"""A real run, frame by frame: the fake runtime in the real child, real decoding, real queues."""

from __future__ import annotations

import pytest

from advisor.records.trace import Trace
from advisor.report.trace_file import trace_bytes
from advisor.verification import Order, verify
from advisor.verification import observation as rows
from advisor.verification.running import Span
from advisor.verification.trace import AROUND_S, traced_s, window_s

from .support import configs, facts, model, scenario


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, object]:
    plan, folder = scenario(), tmp_path_factory.mktemp("trace")
    models = {stage.id: model(folder / f"{stage.id}.onnx") for stage in plan.stages}
    traces: list[Trace] = []
    order = Order(plan, models, configs(plan), 1, 3.0, facts(), folder / "work", traced=traces.append)
    verdict = verify(order)
    (trace,) = traces
    return trace, verdict


def test_a_run_tells_of_every_frame(ran) -> None:
    trace, _ = ran
    assert trace.cameras == ("cam-1", "cam-2")
    numbers = {camera: [f.number for f in trace.frames if f.camera == camera] for camera in trace.cameras}
    assert all(found == list(range(len(found))) for found in numbers.values())
    done = {(frame.camera, frame.number) for frame in trace.frames if frame.end == "done"}
    decoded = {(item.camera, item.number) for item in trace.decodes}
    assert done
    assert done <= decoded
    requested = {(r.camera, r.number) for item in trace.passes if item.stage == "person" for r in item.requests}
    assert requested <= decoded
    assert len(requested) == pytest.approx(len(decoded) / 3, abs=3)


def test_what_is_inside_a_pass_comes_in_order(ran) -> None:
    trace, _ = ran
    for item in trace.passes:
        assert max(request.queued_s for request in item.requests) <= item.begun_s <= item.inference_s < item.ended_s
        assert sum(request.items for request in item.requests) == item.items
    released = {(frame.camera, frame.number): frame.released_s for frame in trace.frames}
    assert all(released[item.camera, item.number] <= item.begun_s for item in trace.decodes)
    assert trace_bytes(trace)


def test_the_page_shows_two_seconds_of_the_middle(ran) -> None:
    _, verdict = ran
    shown = verdict.requests
    assert shown.source == "measured"
    assert shown.length_s == pytest.approx(2.0)
    assert {lane.name.split()[0] for lane in shown.lanes} >= {"decode", "person"}
    assert all(bar.end_s > 0 and bar.begin_s < shown.length_s for lane in shown.lanes for bar in lane.passes)


def test_only_the_window_is_traced_unless_all_is_asked_for() -> None:
    assert window_s(3.0, 117.0) == (60.5, 62.5)
    assert traced_s(3.0, 117.0, whole=False) == (60.5 - AROUND_S, 62.5 + AROUND_S)
    assert traced_s(3.0, 117.0, whole=True) == (0.0, 120.0)
    assert window_s(0.1, 1.0) == (0.1, 1.1)  # shorter than the window: all of it


def test_a_trace_that_grows_too_long_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "TRACED_MAX", 10)
    seen = rows.Observation((), Span(0.0, 100.0, 10.0, 0.3), 1)
    seen.rows([["d", 0, 0, float(at), at + 0.5, at] for at in range(20)])
    assert len(seen.traced_decodes) == 10
    assert seen.decoded.total == 20


def test_nothing_is_named_outside_the_window() -> None:
    seen = rows.Observation((), Span(0.0, 10.0, 10.0, 0.3), 1)
    seen.rows([["d", 0, 0, 1.0, 1.5], ["b", "person", 0, 0.0, 1.0, 1.1, 1.2, 1.3, 1]])
    assert seen.traced_decodes == []
    assert seen.traced_passes == []
    assert seen.passes["person"].total == 1
