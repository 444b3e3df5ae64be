"""What `make` says while pip installs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "requirements" / "pip_progress.py"
SPEC = importlib.util.spec_from_file_location("pip_progress", FILE)
assert SPEC is not None
assert SPEC.loader is not None
PIP_PROGRESS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PIP_PROGRESS)


def test_packages_are_counted_once_however_many_pythons_have_a_version_of_their_own(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "# by uv\nav==1 ; python_version < '3.12' \\\n    --hash=sha256:0a==\nav==2 ; python_version >= '3.12' \\\n"
        "    # via x\nclick==8.1\n",
        encoding="utf-8",
    )
    assert PIP_PROGRESS.packages_named(["install", "--requirement", str(lock)]) == 2
    assert PIP_PROGRESS.packages_named(["install", "--editable", "."]) == 0


def test_it_says_how_many_are_fetched_and_then_how_many_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "pip-26.dist-info").mkdir()
    steps = PIP_PROGRESS.Steps(3, tmp_path)
    steps.take("Collecting av==1 (from -r lock.txt (line 2))")
    steps.take("  Downloading av-1.whl (40 MB)")
    assert steps.text() == "1 of 3 packages fetched"
    steps.take("Installing collected packages: av, click")
    assert steps.text() == "0 of 2 packages unpacked"
    (tmp_path / "av-1.dist-info").mkdir()
    assert steps.text() == "1 of 2 packages unpacked"
    assert PIP_PROGRESS.Steps(0, tmp_path).text() == "0 packages fetched"


def test_errors_and_exit_code_are_those_of_pip() -> None:
    words = [sys.executable, str(FILE), "install", "--no-index", "--dry-run", "there-is-no-such-package-4711"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "there-is-no-such-package-4711" in done.stderr
    assert done.stdout == ""
