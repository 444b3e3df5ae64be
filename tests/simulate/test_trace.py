"""The trace of a simulated run tells of every frame, and changes nothing."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

import advisor.simulate.trace as traces
from advisor.errors import ModelRangeError
from advisor.simulate import ObjectClass, ObjectsSpec, SimCamera, SimSpec, SimStage, simulate
from advisor.simulate.trace import lanes_of, simulate_traced


def _spec(fps: float = 15.0, cores: float = 4.0) -> SimSpec:
    return SimSpec(
        cameras=tuple(SimCamera(fps=fps, group="aisle", decode_core_s=0.01) for _ in range(8)),
        stages=(
            SimStage(id="person", service_s=(0.0, 0.02), finds=0, interval_frames=3.0),
            SimStage(
                id="reid", service_s=(0.0,) + (0.02,) * 4, parent=0, batch_max=4, batch_timeout_s=0.05,
                preprocess_core_s=0.001, streams=2,
            ),
        ),
        cores=cores,
        objects=ObjectsSpec((ObjectClass(2.0),)),
        decode_workers=2,
    )  # fmt: skip


def test_tracing_changes_no_figure() -> None:
    spec = _spec()
    plain, (traced, _) = simulate(spec, 20.0, 2.0), simulate_traced(spec, 20.0, 2.0)
    assert (plain.latencies_s == traced.latencies_s).all()
    assert (plain.done, plain.dropped, plain.stages) == (traced.done, traced.dropped, traced.stages)


@pytest.mark.parametrize(("fps", "cores"), [(15.0, 4.0), (30.0, 1.0)])
def test_every_frame_is_told_of_once(fps: float, cores: float) -> None:
    result, trace = simulate_traced(_spec(fps, cores), 20.0, 0.0)
    ends = Counter(frame.end for frame in trace.frames)
    assert ends["done"] == result.done
    assert ends["dropped"] == result.dropped
    assert (result.dropped > 0) == (cores == 1.0)
    assert len({(frame.camera, frame.number) for frame in trace.frames}) == len(trace.frames)
    done_s = sorted(frame.ended_s - frame.released_s for frame in trace.frames if frame.end == "done" and frame.ended_s)
    assert np.allclose(done_s, np.sort(result.latencies_s))


def test_passes_hold_their_requests_and_streams_do_not_overlap() -> None:
    result, trace = simulate_traced(_spec(), 20.0, 0.0)
    for stage, figures in zip(("person", "reid"), result.stages, strict=True):
        passes = [item for item in trace.passes if item.stage == stage]
        assert sum(item.items for item in passes) == pytest.approx(figures.items_per_s * 20.0)
        assert all(sum(request.items for request in item.requests) == item.items for item in passes)
        assert all(request.queued_s <= item.begun_s for item in passes for request in item.requests)
        assert all(item.begun_s <= item.inference_s < item.ended_s for item in passes)
        for lane in {item.lane for item in passes}:
            spans = sorted((item.begun_s, item.ended_s) for item in passes if item.lane == lane)
            assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert {item.lane for item in trace.passes if item.stage == "reid"} == {0, 1}
    patterns = Counter(trace.pattern(item) for item in trace.passes if item.stage == "reid")
    assert patterns["timed out"] > 0
    assert patterns["filled"] + patterns["full"] > 0


def test_lanes_are_the_lowest_free() -> None:
    assert lanes_of([(0.0, 2.0), (1.0, 3.0), (2.0, 4.0), (2.5, 5.0)]) == [0, 1, 0, 2]


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "EVENTS_MAX", 100)
    with pytest.raises(ModelRangeError, match="a trace holds 100"):
        simulate_traced(_spec(), 20.0, 0.0)
