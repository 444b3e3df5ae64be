"""How the machine code of the event loop is kept and loaded."""

from __future__ import annotations

import ast
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import StoreError
from advisor.simulate import SimCamera, SimSpec, SimStage, arrays, compiled, engine, machine_code
from advisor.simulate.spec import Seeds
from advisor.simulate.state import State

FOLDER = Path(machine_code.__file__).parent


def state() -> State:
    """Arrays of a short run."""
    stage = SimStage(id="one", service_s=(0.0, 0.03, 0.05), batch_max=2)
    spec = SimSpec(cameras=(SimCamera(fps=10.0), SimCamera(fps=7.0, arrivals="poisson")), stages=(stage,), cores=0.5)
    return arrays.build(spec, 5.0, 0.5, Seeds())


@pytest.fixture(scope="module")
def built() -> tuple[str, bytes]:
    """Loop compiled once: its name and object code."""
    return compiled.object_code(engine.run_loop, state())


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, built: tuple[str, bytes]) -> Path:
    """The one folder for files, empty; compiling costs nothing, and :func:`compiles` counts it."""
    monkeypatch.setattr(machine_code, "_folders", lambda: iter([(tmp_path / "own", False)]))
    monkeypatch.setattr(machine_code, "_loaded", {})
    compiles.count = 0  # type: ignore[attr-defined]

    def counted(*_: object) -> tuple[str, bytes]:
        compiles.count += 1  # type: ignore[attr-defined]
        return built

    monkeypatch.setattr(machine_code, "_compiled", counted)
    return tmp_path / "own"


def compiles() -> int:
    """How often the loop was compiled since the folder was empty."""
    return int(compiles.count)  # type: ignore[attr-defined]


def run(monkeypatch: pytest.MonkeyPatch) -> State:
    """A run as the first one of a process."""
    monkeypatch.setattr(machine_code, "_loaded", {})
    arrays_of_run = state()
    machine_code.run_loop(arrays_of_run)
    return arrays_of_run


def same(one: State, other: State) -> bool:
    rows = int(one.run["samples"][0])
    return one.run.tobytes() == other.run.tobytes() and one.sample[:rows].tobytes() == other.sample[:rows].tobytes()


def test_what_is_loaded_does_what_numba_calls(monkeypatch, place) -> None:
    """The same arrays to the last bit, compiled, loaded from a file, and called by numba itself."""
    from numba import njit

    whole = engine.run_loop.py_func
    by_numba = state()  # its parts are compiled already
    njit(_nrt=False, error_model="numpy")(whole)(by_numba)
    assert int(by_numba.run["done"][0]) > 20
    assert same(run(monkeypatch), by_numba)
    assert same(run(monkeypatch), by_numba)
    assert compiles() == 1


def test_a_file_is_written_once_and_read_by_later_processes(monkeypatch, place) -> None:
    run(monkeypatch)
    (file,) = place.iterdir()
    written = file.stat().st_mtime_ns
    run(monkeypatch)
    assert (compiles(), file.stat().st_mtime_ns) == (1, written)


@pytest.mark.parametrize("damage", [b"", b"sizer-loop/1\n", b"x" * 1000, "cut", "flipped", "stale", "another head"])
def test_a_damaged_file_is_compiled_anew(monkeypatch, place, damage) -> None:
    first = run(monkeypatch)
    (file,) = place.iterdir()
    data = file.read_bytes()
    flipped = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
    changed = {"cut": data[:-1], "flipped": flipped, "another head": b"sizer-loop/2\n" + data[13:]}
    if damage == "stale":  # whole, and of other code under this name
        content = b"0" * 64 + data[len(machine_code._HEAD) + 32 + 64 :]
        changed["stale"] = machine_code._HEAD + machine_code.hashlib.sha256(content).digest() + content
    file.write_bytes(damage if isinstance(damage, bytes) else changed[damage])
    assert same(run(monkeypatch), first)
    assert compiles() == 2
    assert file.read_bytes() == data


def test_a_file_that_others_may_write_is_not_loaded(monkeypatch, place) -> None:
    run(monkeypatch)
    (file,) = place.iterdir()
    file.chmod(0o666)
    run(monkeypatch)
    assert compiles() == 2


def test_nothing_that_can_be_written(monkeypatch, place) -> None:
    """Every process compiles then, and runs all the same."""
    place.write_text("no folder", encoding="utf-8")
    first = run(monkeypatch)
    assert same(run(monkeypatch), first)
    assert compiles() == 2


def test_folders_are_the_package_and_the_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path))
    assert list(machine_code._folders()) == [(FOLDER / "__pycache__", True), (tmp_path / "simulator", False)]

    def homeless() -> Path:
        raise StoreError("no folder")

    monkeypatch.setattr(machine_code, "cache_dir", homeless)
    assert [folder for folder, _ in machine_code._folders()] == [FOLDER / "__pycache__"]


def test_the_second_folder_is_taken_where_the_first_cannot_be_written(monkeypatch, place, tmp_path) -> None:
    (tmp_path / "blocked").write_text("no folder", encoding="utf-8")
    monkeypatch.setattr(machine_code, "_folders", lambda: iter([(tmp_path / "blocked", True), (place, False)]))
    run(monkeypatch)
    run(monkeypatch)
    assert compiles() == 1
    assert len(list(place.iterdir())) == 1


def test_few_files_stay(monkeypatch, place) -> None:
    place.mkdir()
    for age in range(1, 7):
        old = place / f"loop-{age}.bin"
        old.write_bytes(b"")
        os.utime(old, (1e9 - age, 1e9 - age))
    run(monkeypatch)
    left = {path.name for path in place.iterdir()}
    assert len(left) == machine_code.KEPT
    assert {"loop-1.bin", "loop-2.bin", "loop-3.bin"} < left


def test_two_processes_at_once(tmp_path, built) -> None:
    """Both write the whole file, and a third one loads it; without numba."""
    symbol, code = built
    (tmp_path / "code").write_bytes(code)
    program = (
        "import sys; from pathlib import Path; from advisor.simulate import machine_code as m;"
        f"m._folders = lambda: iter([(Path({str(tmp_path / 'kept')!r}), False)]);"
        "m._compiled = lambda state: ({symbol!r}, Path({code!r}).read_bytes());".format(
            symbol=symbol, code=str(tmp_path / "code")
        )
        + "from advisor.simulate.warm import warm; warm(); print('numba' in sys.modules)"
    )

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    assert [process.communicate()[0].strip() for process in (started(), started())] == ["False", "False"]
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".bin"]
    (tmp_path / "code").unlink()
    assert started().communicate()[0].strip() == "False"


def test_arrays_of_another_layout_are_no_mistake(monkeypatch, place) -> None:
    """Arrays of other kinds get code of their own; those with gaps are refused."""
    whole = state()
    with pytest.raises(ValueError, match="without gaps"):
        machine_code.run_loop(whole._replace(busy=np.zeros(2 * len(whole.busy))[::2]))
    other = whole._replace(busy=whole.busy.astype(np.float32))
    assert machine_code._key(other) != machine_code._key(whole)


def test_the_key_tells_settings_apart(monkeypatch) -> None:
    known = machine_code._key(state())
    assert machine_code._key(state()) == known
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert machine_code._key(state()) != known
    monkeypatch.delenv("NUMBA_OPT")
    monkeypatch.setattr(machine_code.llvm, "get_host_cpu_name", lambda: "another")
    assert machine_code._key(state()) != known


def test_a_change_of_any_part_is_another_version(monkeypatch) -> None:
    version, read = machine_code.code_version(), pkgutil.get_data
    versions = set()
    for part in machine_code.PARTS:

        def changed(package: str, name: str, part: str = part) -> bytes:
            data = read(package, name) or b""
            return data + b"#" if name == f"{part}.py" else data

        monkeypatch.setattr(machine_code.pkgutil, "get_data", changed)
        versions.add(machine_code.code_version())
    assert len(versions) == len(machine_code.PARTS)
    assert version not in versions


def test_every_module_that_is_compiled_counts() -> None:
    """Whatever declares a part, or is imported by one, is among the parts."""
    for name in machine_code.PARTS:
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1}
        assert imported <= set(machine_code.PARTS), name
    declaring = {path.stem for path in FOLDER.glob("*.py") if "@part" in path.read_text(encoding="utf-8")}
    assert declaring <= set(machine_code.PARTS)
