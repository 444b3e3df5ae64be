"""A decoder that keeps an idle inference service busy: named, relieved as proposed, simulated and measured.

One decode worker cannot decode what the cameras send, while the model in front of which it stands is idle. The run
names the worker and proposes more; the same cameras run again as proposed. The simulator is given the times of the
first run's decoding and passes, and must tell of the same gain.
"""

from __future__ import annotations

import sys
from typing import Any

from advisor.records.config import RunConfig
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict
from advisor.simulate import SimCamera, SimResult, SimSpec, SimStage, simulate
from advisor.verification import Order, verify

from .common import facts, header, model, percent, scratch, table, threads_here

CAMERAS, SMALL = 6, "squeezenet-1.1"
LOADS = (2.0, 3.0, 4.5, 6.5)
"""What the cameras send over what one worker seems to decode, the first that is too much: alone a frame takes longer
to decode than one of many."""
EXCESS = 1.3
"""Frames offered over what one worker then did."""
PROBE_S, RUN_S = 4.0, 12.0


def _scenario(fps: float) -> Scenario:
    return Scenario.model_validate(
        {
            "scenario": "decode-bound",
            "cameras": [
                {
                    "group": "cam",
                    "count": CAMERAS,
                    "resolution": "1280x720",
                    "fps": round(fps, 2),
                    "bitrate_kbps": 3000.0,
                }
            ],
            "stages": [{"id": "model", "model": SMALL, "every": "40 frames"}],
            "slo": {"latency_p95_ms": 500.0, "drops_max_pct": 1.0, "window_s": 2.0, "load": "mean"},
        }
    )


def _played(fps: float, workers: int, duration_s: float) -> Verdict:
    order = Order(
        _scenario(fps), {"model": model(SMALL)}, {"model": RunConfig(streams=1, threads=1, requests=1)}, workers,
        duration_s, facts(), scratch() / "verify",
    )  # fmt: skip
    return verify(order)


def _simulated(fps: float, workers: int, decode_s: float, pass_s: float, cores: float) -> SimResult:
    camera = SimCamera(fps=fps, group="cam", decode_core_s=decode_s, decode_sigma=0.25)
    stage = SimStage(id="model", service_s=(0.0, pass_s), interval_frames=40.0)
    return simulate(SimSpec((camera,) * CAMERAS, (stage,), cores, decode_workers=workers), 60.0, 5.0)


def _row(name: str, workers: int, found: Verdict, simulated: SimResult) -> list[Any]:
    measured = sum(camera.fps for camera in found.cameras)
    return [name, workers, f"{measured:.0f}", f"{simulated.camera_fps.sum():.0f}",
            percent(found.utilisation.get("cpu")), percent(simulated.utilisation), found.verdict,
            found.binding or "-"]  # fmt: skip


def run(quick: bool = False) -> str:
    """Measure and return the section: about a minute.

    Where the run turns out to be limited by something else, it says so instead of a table.
    """
    start = header(f"{SMALL} in front of {CAMERAS} cameras of 720p, f32, one stream; decoded by one worker.")
    run_s = PROBE_S if quick else RUN_S
    cores = threads_here()
    probe = _played(5.0, 1, PROBE_S)
    decode = next(stage for stage in probe.stages if stage.id == "decode")
    assert decode.service_ms.p50 is not None
    for load in LOADS:
        fps = load * 1e3 / decode.service_ms.p50 / CAMERAS
        before = _played(fps, 1, run_s)
        if before.change is not None:
            fps = EXCESS * sum(camera.fps for camera in before.cameras) / CAMERAS
            before = _played(fps, 1, run_s)
            break
    if before.change is None or before.change.resource != "decode threads":
        told = "nothing" if before.change is None else before.change.text
        return f"{start}\n\nNot shown: the run was limited by {before.binding} and proposed {told}."
    workers = int(before.change.text.split()[0])
    after = _played(fps, workers, run_s)
    stages = {stage.id: stage for stage in before.stages}
    decode_s, pass_s = ((stages[name].service_ms.p50 or 0.0) / 1e3 for name in ("decode", "model"))
    rows = [
        _row("as it was", 1, before, _simulated(fps, 1, decode_s, pass_s, cores)),
        _row("as proposed", workers, after, _simulated(fps, workers, decode_s, pass_s, cores)),
    ]
    head = [
        "run",
        "decode workers",
        "frames/s measured",
        "simulated",
        "CPU measured",
        "simulated",
        "verdict",
        "limited by",
    ]
    offered = f"{CAMERAS} cameras of 720p at {fps:.1f} FPS, {CAMERAS * fps:.0f} frames/s offered."
    return f"{start}\n\n{offered} Proposed after the first run: {before.change.text}.\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
