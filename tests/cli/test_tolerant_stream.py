from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.cli.tolerant_stream import Tolerant, flush_or_discard

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@needs_full
def test_what_cannot_be_written_is_dropped_and_later_text_is_written(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as stream:
        disk = os.dup(stream.fileno())
        with FULL.open("w") as full:
            os.dup2(full.fileno(), stream.fileno())
            tolerant = Tolerant(stream)
            tolerant.write("lost\n")
            tolerant.flush()
        os.dup2(disk, stream.fileno())
        os.close(disk)
        tolerant.write("kept\n")
        tolerant.flush()
    assert (tmp_path / "log").read_text() == "kept\n"


def test_streams_without_a_descriptor_are_left_alone() -> None:
    flush_or_discard(None)
    closed = io.StringIO()
    closed.close()
    flush_or_discard(closed)


@needs_full
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_read_keeps_its_exit_code(tmp_path: Path, redirection: str) -> None:
    program = "import sys; from advisor.cli.main import main; sys.argv[1:] = ['plan', 'none.yaml']; main()"
    command = ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
