"""A box is added to the catalogue that ships by one row of its table; what is kept by hand stays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

ROW = "Made-up box,{chip},1,mini,16,DDR4-3200,2,12,6,25,40,\n"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """A copy of what the catalogue is compiled from and to, with a chip that is kept by hand."""
    shipped = profiles_dir()
    for folder in ("processors", "platforms", "accelerators"):
        shutil.copytree(shipped / folder, tmp_path / folder)
    for name in ("compile.py", "boxes.csv", "more_hardware.csv", "core_facts.csv"):
        shutil.copy(shipped / name, tmp_path)
    lines = (shipped / "processors" / "intel-processor-n97.yaml").read_text("utf-8").splitlines()[1:]
    own = "\n".join(lines).replace("intel-processor-n97", "made-up-chip").replace("Intel Processor N97", "Made-up chip")
    (tmp_path / "processors" / "made-up-chip.yaml").write_text(own, "utf-8")
    return tmp_path


def compiled(profiles: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(profiles / "compile.py")], check=False, capture_output=True, text=True)


def files(profiles: Path) -> dict[str, bytes]:
    return {str(path.relative_to(profiles)): path.read_bytes() for path in profiles.rglob("*.yaml")}


def test_a_row_adds_a_box_and_changes_nothing_else(profiles: Path) -> None:
    before = files(profiles)
    with (profiles / "boxes.csv").open("a", encoding="utf-8") as table:
        table.write(ROW.format(chip="Made-up chip"))
    assert compiled(profiles).returncode == 0
    after = files(profiles)
    added = after.pop("platforms/made-up-box.yaml")
    assert after == before
    assert b"processor: made-up-chip" in added
    assert Catalogue.load(profiles).resolve("made-up-box").memory_bytes == 16 * 2**30


def test_a_box_of_an_unknown_chip_is_said(profiles: Path) -> None:
    with (profiles / "boxes.csv").open("a", encoding="utf-8") as table:
        table.write(ROW.format(chip="No such chip"))
    run = compiled(profiles)
    assert run.returncode != 0
    assert "Made-up box: no file in processors/ has the name 'No such chip'" in run.stderr
