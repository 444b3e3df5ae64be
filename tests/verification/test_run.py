"""The whole road with the fake runtime: child process, decode, stages, verdict; and its faults."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import psutil
import pytest

from advisor.errors import InputError, ModelError
from advisor.records.config import RunConfig, SimdCap
from advisor.records.host_settings import HostSettings
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict
from advisor.runtimes.openvino_config import worker_environment
from advisor.verification import Order, default_configs, find_capacity, verify
from advisor.verification.frames import Ledger, Log
from advisor.verification.objects import Scene
from advisor.verification.observation import Observation
from advisor.verification.pipeline import Pipeline
from advisor.verification.run import Child, process_environment
from advisor.verification.running import Span
from advisor.verification.setup import feeds_of
from tests.needs import TWO_CORES
from tests.waiting import wait_until

from .support import configs, facts, model, scenario


class Listener:
    """Progress that calls back when live figures arrive."""

    def __init__(self, on_figures: Any = None) -> None:
        self.texts: list[str] = []
        self._on_figures = on_figures

    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None: ...

    def activity(self, what: str) -> None: ...
    def begin(self, what: str) -> None: ...

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        self.texts.append(what)
        if self._on_figures is not None:
            self._on_figures()

    def message(self, text: str) -> None:
        self.texts.append(text)

    def finish(self, summary: str) -> None: ...


@pytest.fixture(scope="session")
def work_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("verify")


def run(plan: Scenario, seconds: float, work_dir: Path, **changes: Any) -> Verdict:
    models = {stage.id: model(work_dir / "m.onnx") for stage in plan.stages}
    given = {"configs": configs(plan), "models": models, **changes}
    told = {name: given.pop(name) for name in ("progress", "stop") if name in given}
    return verify(Order(plan, decode_threads=1, duration_s=seconds, facts=facts(), work_dir=work_dir, **given), **told)


def conserved(verdict: Verdict) -> None:
    for camera in verdict.cameras:
        assert camera.released == camera.done + camera.dropped + camera.lost + camera.in_flight


# A requirement that a loaded test machine meets as well; the edges are proved on made observations.
EASY = {"latency_p95_ms": 2000.0, "drops_max_pct": 5.0, "window_s": 2.0}


def fast_cameras(count: int = 2, fps: float = 30.0, **changes: Any) -> list[dict[str, Any]]:
    return [{"group": "cam", "count": count, "resolution": "320x180", "fps": fps, "bitrate_kbps": 300.0, **changes}]


@TWO_CORES
def test_a_run_is_pinned_as_planned_and_says_what_was_granted(work_dir) -> None:
    first, *others = sorted(os.sched_getaffinity(0))
    plan = scenario(cameras=fast_cameras(1), slo=EASY)
    verdict = run(plan, 2.0, work_dir, host=HostSettings(cpuset=(first,), omp_threads=2))
    assert verdict.config.requested_host == HostSettings(cpuset=(first,), omp_threads=2)
    granted = verdict.config.effective_host
    assert granted is not None
    assert (granted.cpuset, granted.omp_threads) == ((first,), 2)
    check = next(item for item in verdict.checks if item.name == "host_settings")
    assert check.ok is True
    assert sorted(os.sched_getaffinity(0)) == [first, *others]  # the process alone, not we
    with pytest.raises(InputError, match="planned for CPUs 4095, of which this process is granted none"):
        run(plan, 2.0, work_dir, host=HostSettings(cpuset=(4095,)))


def test_a_small_scenario_runs_and_passes(work_dir) -> None:
    listener = Listener()
    found = run(scenario(cameras=fast_cameras(fps=60.0), slo=EASY), 5.0, work_dir, progress=listener)
    conserved(found)
    assert found.verdict in {"PASS", "INCONCLUSIVE"}  # INCONCLUSIVE where the test machine was taken away
    if not found.interference["lost_fraction"]:
        assert found.verdict == "PASS"
    assert [camera.released for camera in found.cameras] == [300, 300]
    stages = {stage.id: stage for stage in found.stages}
    assert stages["decode"].rate_per_s == pytest.approx(120, rel=0.05)
    assert stages["person"].rate_per_s == pytest.approx(40, rel=0.05)  # every third of 120 frames
    assert stages["reid"].rate_per_s == pytest.approx(80, rel=0.35)  # the busy hour: two objects on each of these
    assert stages["person"].objects == "drawn"
    assert found.config.effective["reid"].batch == 4
    assert found.harness["pacing_p50_ms"] < 50
    assert any("drawn from the scenario's distribution" in note for note in found.notes)
    assert any("frames done" in text for text in listener.texts)


class Silent:
    """A child process that says nothing for so many turns, then its end."""

    def __init__(self, turns: int) -> None:
        self._turns = turns

    def wait(self, timeout_s: float) -> bool:
        self._turns -= 1
        return self._turns < 0

    def receive(self) -> list[dict[str, Any]]:
        return [{"k": "end", "failure": None, "ended_s": 1.0, "in_flight": 0}]


@pytest.mark.parametrize(
    ("turns_s", "failure"),
    [
        ([0.1, 60.0, 0.1], None),  # this process was suspended, too: by a debugger, Ctrl-Z, a paused machine
        ([1.0] * 30, "hung: nothing heard for 21 s"),
    ],
)
def test_silence_counts_only_while_one_listens(turns_s, failure, monkeypatch) -> None:
    moments = iter(itertools.accumulate([0.0, *turns_s, 0.1, 0.1]))
    monkeypatch.setattr("advisor.verification.run.time", types.SimpleNamespace(monotonic=lambda: next(moments)))
    child = object.__new__(Child)
    child._process = Silent(len(turns_s))  # type: ignore[assignment]
    seen = Observation((), Span(0.0, 60.0, 10.0, 0.3), 1, started=True)
    child.listen(seen, Listener(), threading.Event())
    assert seen.failure == failure


def test_the_run_has_the_cap_that_its_configurations_name_and_no_other(work_dir, monkeypatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "SSE41")
    plan = scenario()
    models = {stage.id: model(work_dir / "m.onnx") for stage in plan.stages}

    def environment(*caps: SimdCap | None) -> dict[str, str | None]:
        chosen = {stage.id: RunConfig(simd_cap=cap) for stage, cap in zip(plan.stages, caps, strict=True)}
        return process_environment(Order(plan, models, chosen, 1, 1.0, facts(), work_dir))

    assert environment(None, None) == worker_environment(None)
    assert environment("avx2", "avx2") == worker_environment("avx2")
    with pytest.raises(InputError, match="stages name different simd_cap"):
        environment("avx2", None)


def test_the_application_is_burnt_between_decoding_and_the_stages_and_reported(work_dir) -> None:
    shop = scenario(cameras=fast_cameras(), slo=EASY)
    found = run(shop, 1.5, work_dir, application_s=(0.004, 0.002))
    conserved(found)
    assert found.application_ms == pytest.approx({"frame": 4.0, "object": 2.0})
    assert any("4 ms of a core per frame and 2 ms per object were burnt" in note for note in found.notes)
    stages = {stage.id: stage for stage in found.stages}
    assert stages["application"].rate_per_s == pytest.approx(60, rel=0.05)
    # Counters are read every half second, so that the span of the rate is a little uncertain.
    assert stages["application"].cpu_cores == pytest.approx(60 * 0.004, rel=0.3)
    assert all((camera.latency_ms.p50 or 0.0) >= 4.0 for camera in found.cameras)
    alone = run(shop, 1.0, work_dir)
    assert alone.application_ms == {"frame": 0.0, "object": 0.0}
    assert "application" not in {stage.id for stage in alone.stages}


def test_an_infeasible_scenario_fails_and_names_what_binds(work_dir) -> None:
    crowd = {"objects_per_frame": {"person": {"mean": 150.0, "p95": 200.0, "max": 200.0}}}
    stages = [{"id": "person", "model": "m", "queue_frames": 1}, {"id": "reid", "model": "m", "on": "person"}]
    slo = {"latency_p95_ms": 100.0, "window_s": 60.0}
    found = run(scenario(cameras=fast_cameras(), activity=crowd, stages=stages, slo=slo), 2.5, work_dir)
    conserved(found)
    # 60 frames/s with 200 objects of 1 ms each ask for twelve times what one stream can do
    assert found.binding == "stage reid" or (found.binding or "").startswith("cpu")
    assert found.utilisation["reid"] > 0.9
    assert found.verdict in {"FAIL", "INCONCLUSIVE"}
    if found.interference["lost_fraction"] < 0.05:
        assert found.verdict == "FAIL"


def test_too_short_a_run_is_inconclusive(work_dir) -> None:
    found = run(scenario(slo={"latency_p95_ms": 2000.0, "drops_max_pct": 5.0}), 1.0, work_dir)
    assert found.verdict == "INCONCLUSIVE"
    assert "not decided" in found.reason


def test_a_killed_worker_is_a_failure_with_what_was_seen(work_dir) -> None:
    def kill() -> None:
        for child in psutil.Process().children():
            child.send_signal(signal.SIGKILL)

    calls = iter(range(10**6))
    found = run(scenario(), 30.0, work_dir, progress=Listener(lambda: kill() if next(calls) == 5 else None))
    assert found.verdict == "FAIL"
    assert "SIGKILL" in found.reason
    assert found.duration_s < 29
    conserved(found)


def test_a_process_that_a_library_left_behind_holds_nothing_up_and_is_ended(work_dir, tmp_path, monkeypatch) -> None:
    module, number = tmp_path / "leaves_one.py", tmp_path / "pid"
    module.write_text(
        "import os, time\npid = os.fork()\n"
        f"if pid:\n    open({str(number)!r}, 'w').write(str(pid))\nelse:\n    time.sleep(600)\n    os._exit(0)\n"
    )
    monkeypatch.setenv("SIZER_BOX_DECODERS", "leaves_one")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    found = run(scenario(cameras=fast_cameras(1), slo=EASY), 1.2, work_dir)
    assert "hung" not in found.reason
    left_behind = int(number.read_text())
    wait_until(lambda: _ended(left_behind), "the end of the process that was left behind")


def _ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_stop_ends_with_what_was_seen(work_dir, monkeypatch) -> None:
    monkeypatch.setattr("advisor.verification.run.WARMUP_MAX_S", 0.1)
    stop = threading.Event()
    calls = iter(range(10**6))

    def press() -> None:
        if next(calls) == 6:  # four a second
            stop.set()

    found = run(scenario(), 60.0, work_dir, progress=Listener(press), stop=stop)
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason.startswith("stopped by the user")
    assert 0 < found.duration_s < 50
    assert sum(camera.done for camera in found.cameras) > 0
    conserved(found)


def test_a_stop_before_anything_was_seen(work_dir) -> None:
    stop = threading.Event()
    stop.set()
    found = run(scenario(), 60.0, work_dir, stop=stop)
    assert found.verdict == "INCONCLUSIVE"


def test_a_camera_without_a_picture_in_it_is_reported_and_the_others_go_on(work_dir, tmp_path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all" * 50)
    broken = {"group": "bad", "count": 1, "resolution": "320x180", "fps": 15.0, "source": [str(path)]}
    groups = [*fast_cameras(1), broken]
    found = run(scenario(cameras=groups, slo=EASY), 1.5, work_dir)
    cameras = {camera.name: camera for camera in found.cameras}
    assert found.verdict == "INCONCLUSIVE"
    assert cameras["bad-1"].status.startswith("failed: ")
    assert cameras["cam-1"].done > 30
    checks = {check.name: check for check in found.checks}
    assert checks["sources"].ok is None


def test_a_missing_clip_is_refused_at_once_and_says_where_paths_begin(work_dir, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    camera = {"group": "bad", "count": 1, "resolution": "320x180", "fps": 15.0}
    for source in ("clips/none.mp4", "file:clips/none.mp4"):
        with pytest.raises(InputError, match=f"group bad: no file clips/none.mp4 in {tmp_path}"):
            run(scenario(cameras=[{**camera, "source": [source]}]), 100.0, work_dir)
    with pytest.raises(InputError, match=r"no file /none\.mp4$"):
        run(scenario(cameras=[{**camera, "source": ["/none.mp4"]}]), 100.0, work_dir)


def test_a_camera_of_one_frame_a_minute_is_run_to_the_end_and_told_how_long_proof_takes(work_dir) -> None:
    # at random its first frame comes after 38 s; 459 frames without a drop are proof of 1 %
    found = run(scenario(cameras=fast_cameras(1, fps=1 / 60)), 2.0, work_dir)
    assert found.verdict == "INCONCLUSIVE"
    assert found.duration_s == pytest.approx(2.0)
    assert "measure 27538 s longer" in found.reason


def test_raw_cameras_and_callers_need_no_decoder(work_dir) -> None:
    groups = fast_cameras(1, fps=60.0, codec="raw")
    found = run(scenario(cameras=groups, stages=[{"id": "person", "model": "m"}], slo=EASY), 1.2, work_dir)
    conserved(found)
    assert [stage.id for stage in found.stages] == ["person"]
    assert found.stages[0].rate_per_s == pytest.approx(60, rel=0.1)

    text = scenario(
        cameras=[], requests=[{"group": "callers", "rate_per_s": 50.0}], stages=[{"id": "text", "model": "m"}], slo=EASY
    )
    tokens = model(work_dir / "text.onnx", input_shape=(1, 128))
    found = run(text, 1.2, work_dir, models={"text": tokens})
    conserved(found)
    assert found.cameras[0].name == "callers"
    assert found.cameras[0].released == pytest.approx(60, abs=40)  # Poisson
    assert "camera_fps" not in {check.name for check in found.checks}


def test_real_boxes_of_a_real_model_are_cut_out(work_dir, monkeypatch, tmp_path) -> None:
    module = tmp_path / "my_boxes.py"
    module.write_text(
        "from advisor.verification.boxes import register\n"
        "register('mine', lambda outputs, size, batch: [[(0.1, 0.1, 0.4, 0.6), (0.5, 0.5, 0.9, 0.9)]] * batch)\n"
    )
    monkeypatch.setenv("SIZER_BOX_DECODERS", "my_boxes")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    detector = model(work_dir / "d.onnx", kind="file", output_layout="mine")
    # the parent judges nothing about layouts: the child has the decoder
    found = run(
        scenario(cameras=fast_cameras(1), slo=EASY), 1.5, work_dir,
        models={"person": detector, "reid": model(work_dir / "m.onnx")},
    )  # fmt: skip
    stages = {stage.id: stage for stage in found.stages}
    assert stages["person"].objects == "real"
    assert stages["reid"].rate_per_s == pytest.approx(2 * stages["person"].rate_per_s, rel=0.1)


def recognised(stage: dict[str, Any], kind: str, objects: str, tmp_path: Path, **changes: Any) -> str:
    """Whose objects a detector of eighty classes gives, per stage and option."""
    stages = [{"id": "person", "model": "m", **stage}, {"id": "reid", "model": "m", "on": "person"}]
    plan = scenario(stages=stages, **changes)
    models = {name: model(tmp_path / "m.onnx", kind=kind) for name in ("person", "reid")}
    log = Log()
    scene = Scene(plan.activity, plan.slo.load, 2, 1.0, 0)
    pipeline = Pipeline(plan, feeds_of(plan), models, scene, Ledger(log, lambda: 0.0), log, lambda: 0.0)
    pipeline.recognise(plan.stages[0], [(1, 8400, 85)], 1, objects)  # type: ignore[arg-type]
    return pipeline.objects["person"]


def test_the_scenarios_counts_load_the_cascade_unless_a_detector_finds_its_class(tmp_path) -> None:
    assert recognised({}, "file", "auto", tmp_path) == "drawn"  # any of its classes, ten times the scenario's objects
    assert recognised({"labels": [0]}, "file", "auto", tmp_path) == "real"
    assert recognised({}, "file", "auto", tmp_path, activity={}) == "real"  # the scenario counts none
    assert recognised({}, "file", "real", tmp_path) == "real"
    assert recognised({"labels": [0]}, "file", "scenario", tmp_path) == "drawn"
    assert recognised({"labels": [0]}, "architecture", "auto", tmp_path) == "drawn"
    with pytest.raises(InputError, match="--objects real: the outputs of stage person"):
        recognised({"labels": [0]}, "architecture", "real", tmp_path)


def test_bad_input_is_refused_before_anything_runs(work_dir) -> None:
    with pytest.raises(InputError, match="no model or configuration for stage person, reid"):
        run(scenario(), 2.0, work_dir, models={})
    with pytest.raises(ModelError, match="no such file"):
        run(scenario(), 2.0, work_dir, models={
            stage: model(work_dir / "m.onnx").model_copy(update={"path": "/none.onnx"}) for stage in ("person", "reid")
        })  # fmt: skip
    warned = facts().model_copy(update={"warnings": ("the governor is powersave",)})
    plan = scenario()
    models = {stage.id: model(work_dir / "m.onnx") for stage in plan.stages}
    with pytest.raises(InputError, match=r"--strict refuses: the governor is powersave"):
        verify(Order(plan, models, configs(plan), 1, 2.0, warned, work_dir, strict=True))


def test_defaults_use_the_usable_cores_and_pin_nothing() -> None:
    plan = scenario()
    found = default_configs(plan, facts(3.0), "int8")
    assert {config.threads for config in found.values()} == {3}
    assert {config.pinning for config in found.values()} == {False}
    assert found["reid"].batch == 4
    assert found["reid"].precision == "int8"


@pytest.mark.slow
def test_capacity_is_found_by_running(work_dir) -> None:
    # one stream serves 1000 passes a second less overhead; ten objects per frame at 30 FPS: about three cameras
    plan = scenario(
        cameras=fast_cameras(1), stages=[{"id": "person", "model": "m"}, {"id": "reid", "model": "m", "on": "person"}],
        activity={"objects_per_frame": {"person": {"mean": 10.0, "p95": 10.0, "max": 10.0}}}, slo=EASY,
    )  # fmt: skip
    models = {stage.id: model(work_dir / "m.onnx") for stage in plan.stages}
    found = find_capacity(Order(plan, models, configs(plan), 1, 4.0, facts(), work_dir))
    assert found.cameras is None or 1 <= found.cameras <= 4
    assert len(found.probes) <= 12


def test_the_package_is_light_and_owes_prediction_nothing() -> None:
    code = (
        "import sys, advisor.verification, advisor.verification.setup\n"
        "heavy = {'av', 'cv2', 'openvino', 'onnxruntime', 'scipy', 'numpy', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from advisor.verification import capacity, child, run, signature\n"
        "shared = [name for name in sys.modules if name.startswith(('advisor.perfmodel', 'advisor.simulate', "
        "'advisor.planner'))]\n"
        "assert not shared, shared\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


@pytest.mark.runtime
def test_the_real_road_with_openvino(work_dir) -> None:
    from advisor.zoo import build

    detector = build("ssd-mobilenet", work_dir / "models")
    classifier = build("squeezenet-1.1", work_dir / "models")
    plan = scenario(
        cameras=fast_cameras(2, fps=10.0), slo={**EASY, "window_s": 2.0},
        stages=[{"id": "person", "model": "m", "every": "5 frames"}, {"id": "reid", "model": "m", "on": "person",
                                                                     "batch": {"max": 2}}],
    )  # fmt: skip
    settings = {
        name: config.model_copy(update={"hint": "latency"})
        for name, config in default_configs(plan, facts(), "f32").items()
    }
    found = run(plan, 3.0, work_dir, models={"person": detector, "reid": classifier}, configs=settings)
    conserved(found)
    stages = {stage.id: stage for stage in found.stages}
    assert stages["person"].rate_per_s == pytest.approx(4, abs=1.5)
    assert stages["reid"].rate_per_s > 0
    assert found.config.effective["person"].precision == "f32"
    assert {check.name: check.ok for check in found.checks}["outputs"] is True
    assert found.utilisation["cpu"] > 0
    assert stages["person"].cpu_cores is not None
    assert stages["person"].cpu_cores > 0


def test_hardware_decode_is_refused_where_no_device_decodes(work_dir) -> None:
    import av.codec.hwaccel

    from advisor.verification.hardware import find_device
    from advisor.verification.sources import clip_for

    plan = scenario(slo=EASY)
    try:
        find_device([str(clip_for(feeds_of(plan)[0], work_dir / "clips", 0))], av.codec.hwaccel.hwdevices_available())
    except InputError:
        with pytest.raises(InputError, match=r"--decode hardware: no device here decodes these cameras"):
            run(plan, 1.0, work_dir, decode_device="hardware")
    else:
        found = run(plan, 1.0, work_dir, decode_device="hardware")
        assert any(note.startswith("decoded by ") for note in found.notes)


def test_raw_cameras_ask_no_device(work_dir) -> None:
    groups = fast_cameras(1, codec="raw")
    found = run(scenario(cameras=groups, slo=EASY), 1.2, work_dir, decode_device="hardware")
    assert found.cameras[0].done > 0


def test_warnings_of_the_caller_stand_in_the_report_and_strict_refuses_them(work_dir) -> None:
    with pytest.raises(InputError, match="--strict refuses: the plan is old"):
        run(scenario(slo=EASY), 1.0, work_dir, warnings=("the plan is old",), strict=True)
    found = run(scenario(slo=EASY), 1.0, work_dir, warnings=("the plan is old",))
    assert "the plan is old" in found.warnings


def test_the_report_names_what_ran(work_dir) -> None:
    found = run(scenario(slo=EASY), 1.0, work_dir, seed=7)
    assert {stage: len(file.sha256) for stage, file in found.models.items()} == {"person": 64, "reid": 64}
    assert found.seed == 7
    assert found.phases == "random"
    first, second = (camera.phase_ms for camera in found.cameras)
    assert first == pytest.approx(feeds_of(scenario(), seed=7)[0].phase_s * 1e3)
    assert first != second


def test_phases_are_as_requested(work_dir) -> None:
    found = run(scenario(slo=EASY), 1.0, work_dir, phases="worst")
    assert found.phases == "worst"
    assert [camera.phase_ms for camera in found.cameras] == [0.0, 0.0]


def detector_file(folder: Path) -> Path:
    """A network of the SSD layout that always finds two persons (label 1) and a car (label 2)."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    rows = np.array(
        [[0, 1, 0.9, 0.1, 0.1, 0.3, 0.6], [0, 1, 0.8, 0.6, 0.2, 0.8, 0.9], [0, 2, 0.9, 0.4, 0.4, 0.6, 0.5]], np.float32
    ).reshape(1, 1, 3, 7)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes, "detector", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 1, 3, 7])],
        [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "zero")],
    )  # fmt: skip
    path = folder / "detector.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.runtime
def test_a_detector_in_a_file_is_read_by_its_shapes_and_only_its_class_is_cut_out(tmp_path, work_dir) -> None:
    from advisor.workflows.models import resolve_model

    detector = resolve_model(str(detector_file(tmp_path)))
    stages = [
        {"id": "person", "model": "m", "every": "5 frames", "labels": [1]},
        {"id": "reid", "model": "m", "on": "person", "batch": {"max": 4}},
    ]
    plan = scenario(cameras=fast_cameras(1), stages=stages, slo=EASY)
    found = run(
        plan, 2.0, work_dir, models={"person": detector, "reid": model(work_dir / "m.onnx")},
        configs={**configs(plan), "person": RunConfig(streams=1, threads=1)},
    )  # fmt: skip
    results = {stage.id: stage for stage in found.stages}
    assert results["person"].objects == "real"
    assert results["person"].rate_per_s > 0
    assert results["reid"].rate_per_s == pytest.approx(2 * results["person"].rate_per_s, rel=0.1)
