"""What the workers share is made once, and again where making it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared import made_once


def test_what_was_made_is_not_made_again_and_what_failed_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    tries: list[int] = []

    def make(folder: Path) -> None:
        assert list(folder.iterdir()) == []  # nothing of a try that failed
        tries.append(len(tries))
        (folder / "made").write_text(str(len(tries)))
        if len(tries) == 1:
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        made_once(tmp_path_factory, "test-shared", make)
    folders = {made_once(tmp_path_factory, "test-shared", make) for _ in range(2)}
    assert [(folder / "made").read_text() for folder in folders] == ["2"]
    assert tries == [0, 1]
