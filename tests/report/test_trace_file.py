"""A trace file is read by Perfetto's own trace processor, and says what the trace says."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.records.trace import Trace
from advisor.report.trace_file import check_writer, trace_bytes
from advisor.simulate import ObjectClass, ObjectsSpec, SimCamera, SimSpec, SimStage, StartupFallback
from advisor.simulate.trace import simulate_traced

from .browser import browser_only
from .perfetto import opened


def _trace(cores: float = 4.0) -> Trace:
    spec = SimSpec(
        cameras=tuple(SimCamera(fps=15.0, group="aisle", decode_core_s=0.01) for _ in range(8)),
        stages=(
            SimStage(id="person", service_s=(0.0, 0.02), finds=0, interval_frames=3.0, queue_limit=1),
            SimStage(
                id="reid", service_s=(0.0,) + (0.02,) * 4, parent=0, batch_max=4, batch_timeout_s=0.05,
                preprocess_core_s=0.001, streams=2,
            ),
        ),
        cores=cores,
        objects=ObjectsSpec((ObjectClass(2.0),)),
        decode_workers=2,
    )  # fmt: skip
    return simulate_traced(spec, 4.0, 0.0, name="shop")[1]


@browser_only
def test_perfetto_reads_what_was_written(tmp_path: Path) -> None:
    trace = _trace(cores=1.3)
    dropped = Counter(frame.where for frame in trace.frames if frame.end == "dropped")
    assert dropped["person"] > 0
    with opened(trace_bytes(trace), tmp_path) as perfetto:
        problems = perfetto.query(
            "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
        )
        assert problems == []
        names = Counter({row["name"]: int(row["n"]) for row in perfetto.query(
            "select s.name as name, count(*) as n from slice s group by s.name")})  # fmt: skip
        assert names["inference"] == len(trace.passes)
        assert names["prepare and wait"] == sum(item.inference_s > item.begun_s for item in trace.passes)
        patterns = Counter(f"{item.items} ({trace.pattern(item)})" for item in trace.passes)
        assert {name: names[name] for name in patterns} == dict(patterns)
        assert names["dropped: person"] == dropped["person"]
        rows = perfetto.query("select count(*) as n from slice where name like '#%' or name like 'aisle-%'")
        assert int(rows[0]["n"]) == len(trace.decodes) + sum(frame.end == "done" for frame in trace.frames)
        # Time survives to the nanosecond: what is busy in the trace is busy in the file.
        busy = perfetto.query("select sum(dur) as ns from slice where name = 'inference'")
        assert float(busy[0]["ns"]) == pytest.approx(
            1e9 * sum(item.ended_s - item.inference_s for item in trace.passes), rel=1e-6
        )
        deepest = perfetto.query("select max(depth) as depth from slice")
        assert deepest[0]["depth"] == "1"
        flows = perfetto.query("select count(*) as n from flow")
        touched = Counter((frame.camera, frame.number) for frame in trace.frames if frame.end == "done")
        touched.update((item.camera, item.number) for item in trace.decodes)
        for item in trace.passes:
            touched.update({(request.camera, request.number) for request in item.requests})
        assert int(flows[0]["n"]) == sum(times - 1 for times in touched.values())
        waiting = perfetto.query("select max(value) as most, min(value) as least from counter")
        assert float(waiting[0]["least"]) == 0.0
        assert float(waiting[0]["most"]) >= 2.0


@browser_only
def test_the_switch_to_a_device_is_a_moment_of_its_stage(tmp_path: Path) -> None:
    stage = SimStage("person", (0.0, 0.01), device="GPU", fallback=StartupFallback(1.25, (0.0, 0.05)))
    trace = simulate_traced(SimSpec((SimCamera(10.0),), (stage,), 4.0), 3.0, 0.0, name="shop")[1]
    with opened(trace_bytes(trace), tmp_path) as perfetto:
        (row,) = perfetto.query(
            "select s.ts as ts, s.dur as dur, t.name as track from slice s join track t on s.track_id = t.id"
            " where s.name = 'CPU -> GPU'"
        )
    assert (float(row["ts"]), float(row["dur"]), row["track"]) == (1.25e9, 0.0, "person on GPU")


def test_two_traces_stand_side_by_side() -> None:
    trace = _trace()
    assert len(trace_bytes(trace, trace)) > 1.9 * len(trace_bytes(trace))


def test_without_perfetto_it_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'sizer\[trace\]'"):
        check_writer()
    monkeypatch.setitem(sys.modules, "perfetto.trace_builder.proto_builder", None)
    with pytest.raises(InputError, match="perfetto"):
        trace_bytes(_trace())
