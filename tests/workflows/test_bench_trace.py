"""Passes of a measured model as a trace: really measured, in a worker, and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.cli.main import run
from advisor.records.trace import Trace
from advisor.workflows import bench_trace
from advisor.workflows.bench_trace import trace_of, trace_timings
from tests.measure.specs import time_shortly


def test_requests_in_flight_stand_beside_each_other() -> None:
    trace = trace_of("net", [(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)], "CPU", batch=4)
    assert [item.lane for item in trace.passes] == [0, 1, 0]
    assert {item.items for item in trace.passes} == {4}
    assert trace.end_s == 4.0
    assert trace.stages["passes"].device == "CPU"


def test_more_configurations_than_a_trace_takes_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Timing:
        label = "net openvino f32 sync"

        class config:
            batch = 1

    class Effective:
        device = "CPU"

    monkeypatch.setattr("advisor.measure.items.passes.measured_passes", lambda item, context: ([(0.0, 1.0)], Effective))
    monkeypatch.setattr(bench_trace, "TRACED_MAX", 2)
    traces: list[Trace] = []
    said: list[str] = []
    trace_timings([Timing] * 3, "f", traces.append, said.append)  # type: ignore[list-item]
    assert len(traces) == 2
    assert said[-1] == "traced 2 of 3 configurations, the first ones"


@pytest.mark.runtime
def test_the_command_writes_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZER_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    time_shortly(monkeypatch)  # the trace is of a measurement of its own
    file = tmp_path / "bench.pftrace"
    arguments = ["bench", "squeezenet-1.1", "--threads", "1", "--trace", str(file), "--json"]
    assert run(arguments) in {0, 3}
    captured = capsys.readouterr()
    assert f"wrote {file}" in captured.err
    content = file.read_bytes()
    assert b"measured: squeezenet-1.1 openvino f32" in content
    assert content.count(b"1 (single)") >= 12  # the fewest samples of a short measurement
