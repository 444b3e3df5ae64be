"""The wheel as it is handed out: what is in it, and that it works where there is no checkout."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from advisor import __version__

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `python -m build` makes by way of the source distribution, as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


def files_below(folder: str) -> set[str]:
    """Files of the checkout, without what Python and numba leave next to them."""
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def test_the_package_and_its_data_are_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    data = {name for folder in ("profiles", "scenarios") for name in files_below(folder)}
    data |= {"requirements/runtime.txt", "requirements/installer.txt"}
    owed = files_below("advisor") | {f"advisor/_data/{name}" for name in data if not name.endswith(".py")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == owed
    assert any(name.startswith("advisor/_data/profiles/platforms/") for name in held)
    assert "advisor/_data/scenarios/store-analytics.yaml" in held


def test_the_wheel_knows_its_version_its_command_and_its_licence(wheel: Path) -> None:
    assert wheel.name == f"sizer-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        folder = f"sizer-{__version__}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
        commands = archive.read(f"{folder}/entry_points.txt").decode()
        assert f"{folder}/licenses/LICENSE" in archive.namelist()
    assert metadata["Version"] == __version__
    assert "sizer = advisor.cli.entry:main" in commands


def run(*command: str | Path, outside: Path, **variables: str) -> str:
    """Output of a command in an empty folder, with nothing in the environment that could lead back to the checkout."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(("PYTHON", "SIZER_"))}
    environment |= {"SIZER_HOME": str(outside / "home"), "PYTHONSAFEPATH": "1", **variables}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=outside, env=environment, capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def planned(sizer: Path, outside: Path, **variables: str) -> dict[str, Any]:
    """A plan of the shipped scenario from the shipped data alone, without the time of its making."""
    said = run(sizer, "plan", "store-analytics", "--no-measure", "--json", outside=outside, **variables)
    document = json.loads(said)
    assert isinstance(document, dict)
    document.pop("created")
    return document


@pytest.mark.slow
def test_the_wheel_plans_in_an_empty_environment_as_the_checkout_does(wheel: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    run(sys.executable, "-m", "venv", there / "venv", outside=there)
    python, sizer = there / "venv" / "bin" / "python", there / "venv" / "bin" / "sizer"
    lock = ROOT / "requirements" / "runtime.txt"
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock, outside=there)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, outside=there)
    assert Path(run(python, "-c", "print(__import__('advisor').__file__)", outside=there)).is_relative_to(
        there / "venv"
    )
    assert run(sizer, "--version", outside=there) == f"sizer, version {__version__}\n"
    run(python, "-m", "pip", "check", outside=there)

    plan = planned(sizer, there)
    assert plan["sizer_version"] == __version__
    assert plan["recommended"] is not None
    # This checkout, also where the environment has another one installed, as those of git's worktrees may.
    assert plan == planned(Path(sys.executable).with_name("sizer"), here, PYTHONPATH=str(ROOT))
