from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from advisor.simulate import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimSpec, SimStage, StartupFallback, kept
from advisor.simulate.kept import SIMULATED, KeptRuns, Run
from advisor.simulate.machine_code import PARTS

FALLBACK = StartupFallback(2.0, (0.0, 0.02, 0.03))
STAGES = (
    SimStage("find", (0.0, 0.012), finds=0, streams=2, service_sigma=0.2, interval_frames=2.0),
    SimStage("name", (0.0, 0.004, 0.006), parent=0, batch_max=2, device="GPU", fallback=FALLBACK),
)
CAMERA = SimCamera(15.0, decode_core_s=0.003, decode_sigma=0.2, key_frames=30, key_factor=3.0)
SPEC = SimSpec(
    (CAMERA, CAMERA, SimCamera(7.3, decode_core_s=0.001)), STAGES, 2.0, ObjectsSpec((ObjectClass(2.0, 5.0, 9.0),))
)
TIMES = 12.0, 2.0, Seeds(4, 3, 2, 1)


@pytest.fixture(autouse=True, name="simulated_specs")
def _simulated_specs(monkeypatch: pytest.MonkeyPatch) -> list[SimSpec]:
    """Every spec that is simulated."""
    simulated: list[SimSpec] = []
    simulate = kept.simulate

    def counting(spec: SimSpec, *more):
        simulated.append(spec)
        return simulate(spec, *more)

    monkeypatch.setattr(kept, "simulate", counting)
    return simulated


def same(one: Run, other: Run) -> None:
    assert one.slowest_s == other.slowest_s
    for field in dataclasses.fields(one.result):
        a, b = getattr(one.result, field.name), getattr(other.result, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        else:
            assert a == b, field.name


def filled(path: Path, spec: SimSpec = SPEC) -> Run:
    runs = KeptRuns(path)
    run = runs.run(spec, *TIMES)
    runs.keep()
    return run


def test_a_run_from_the_file_is_the_simulated_one_to_the_last_digit(
    tmp_path: Path, simulated_specs: list[SimSpec]
) -> None:
    path = tmp_path / "folder" / "runs.sqlite3"
    first = filled(path)
    same(first, SIMULATED.run(SPEC, *TIMES))
    assert len(simulated_specs) == 2
    again = KeptRuns(path)
    same(first, again.run(SPEC, *TIMES))
    again.keep()
    same(first, again.run(SPEC, *TIMES))
    assert len(simulated_specs) == 2


def test_a_run_that_is_asked_for_twice_is_simulated_once_before_it_is_kept(
    tmp_path: Path, simulated_specs: list[SimSpec]
) -> None:
    runs = KeptRuns(tmp_path / "runs.sqlite3")
    same(runs.run(SPEC, *TIMES), runs.run(SPEC, *TIMES))
    assert len(simulated_specs) == 1
    assert not (tmp_path / "runs.sqlite3").exists()


def test_whoever_has_to_simulate_is_told_once_before(tmp_path: Path, simulated_specs: list[SimSpec]) -> None:
    path = tmp_path / "runs.sqlite3"
    told: list[int] = []
    runs = KeptRuns(path, lambda: told.append(len(simulated_specs)))
    runs.run(SPEC, *TIMES)
    runs.run(dataclasses.replace(SPEC, cores=3.0), *TIMES)
    runs.keep()
    assert told == [0]
    KeptRuns(path, lambda: told.append(-1)).run(SPEC, *TIMES)
    assert told == [0]


def test_frames_that_are_never_done_are_kept_as_such(tmp_path: Path) -> None:
    never = dataclasses.replace(SPEC, stages=(SimStage("slow", (0.0, 500.0)),))
    assert filled(tmp_path / "runs.sqlite3", never).slowest_s is None
    assert KeptRuns(tmp_path / "runs.sqlite3").run(never, *TIMES).slowest_s is None


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value + 1e-12
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if value is None:
        return 0.25
    if isinstance(value, tuple):
        return (*value, 1.0)
    return next(variants(value))


def variants(item):
    for field in dataclasses.fields(item):
        yield dataclasses.replace(item, **{field.name: changed(getattr(item, field.name))})


def test_every_field_and_time_and_seed_tells_runs_apart() -> None:
    specs = [SPEC, *variants(SPEC)]
    specs += [dataclasses.replace(SPEC, cameras=(camera, *SPEC.cameras[1:])) for camera in variants(CAMERA)]
    for place, stage in enumerate(STAGES):
        stages = [[*STAGES[:place], other, *STAGES[place + 1 :]] for other in variants(stage)]
        specs += [dataclasses.replace(SPEC, stages=tuple(item)) for item in stages]
    specs += [
        dataclasses.replace(SPEC, stages=(STAGES[0], dataclasses.replace(STAGES[1], fallback=other)))
        for other in variants(FALLBACK)
    ]
    specs += [dataclasses.replace(SPEC, objects=other) for other in variants(SPEC.objects)]
    keys = [kept._key(spec, *TIMES) for spec in dict.fromkeys(specs)]
    keys += [kept._key(SPEC, 12.1, *TIMES[1:]), kept._key(SPEC, 12.0, 2.1, TIMES[2])]
    keys += [kept._key(SPEC, 12.0, 2.0, seeds) for seeds in variants(TIMES[2])]
    assert len(set(keys)) == len(keys)


def test_every_module_that_a_run_depends_on_is_part_of_its_key() -> None:
    modules = {path.stem for path in Path(kept.__file__).parent.glob("*.py")}
    # What compiles, what follows single frames, what runs a trivial cascade, and names.
    assert modules - {"machine_code", "trace", "warm", "__init__"} == {*PARTS, *kept.READ_BY}


def test_what_was_simulated_by_other_code_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated_specs: list[SimSpec]
) -> None:
    path = tmp_path / "runs.sqlite3"
    filled(path)
    monkeypatch.setattr(kept, "_surroundings", lambda: "another simulator")
    filled(path)
    assert len(simulated_specs) == 2


def test_a_row_with_a_digit_changed_is_simulated_anew(tmp_path: Path, simulated_specs: list[SimSpec]) -> None:
    path = tmp_path / "runs.sqlite3"
    first = filled(path)
    with sqlite3.connect(path) as file:
        file.execute("UPDATE runs SET document = replace(document, '\"released\": ', '\"released\": 1')")
    same(first, KeptRuns(path).run(SPEC, *TIMES))
    assert len(simulated_specs) == 2


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0 and then nothing of it", b""])
def test_a_damaged_file_is_made_anew(content: bytes, tmp_path: Path, simulated_specs: list[SimSpec]) -> None:
    path = tmp_path / "runs.sqlite3"
    path.write_bytes(content)
    same(filled(path), filled(path))
    assert len(simulated_specs) == 1


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path, simulated_specs: list[SimSpec]) -> None:
    (tmp_path / "file").write_text("no folder")
    same(filled(tmp_path / "file" / "runs.sqlite3"), filled(tmp_path / "file" / "runs.sqlite3"))
    assert len(simulated_specs) == 2


def test_the_newest_runs_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated_specs: list[SimSpec]) -> None:
    monkeypatch.setattr(kept, "MOST_RUNS", 2)
    path = tmp_path / "runs.sqlite3"
    specs = [dataclasses.replace(SPEC, cores=cores) for cores in (2.0, 3.0, 4.0)]
    for spec in specs:
        filled(path, spec)
    simulated_specs.clear()
    runs = KeptRuns(path)
    for spec in specs:
        runs.run(spec, *TIMES)
    assert simulated_specs == specs[:1]


def test_a_run_of_very_many_cameras_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST_BYTES", 100)
    filled(tmp_path / "runs.sqlite3")
    assert not (tmp_path / "runs.sqlite3").exists()
