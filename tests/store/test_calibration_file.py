from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.errors import CatalogueError
from advisor.perfmodel.here.kernel_gp import load_scales
from advisor.perfmodel.resources.memory import load_memory
from advisor.records.base import Record
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir


class Fitted(Record):
    slope: float


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fitted.json"
    path.write_text('{"slope": 0.5}')
    assert read_calibration(Fitted, path, "fit it") == Fitted(slope=0.5)


@pytest.mark.parametrize("content", [None, "", '{"slope": "steep"}', '{"slope": 1, "of_a_later_version": 2}'])
def test_what_cannot_be_read_names_the_command_that_makes_it(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "fitted.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CatalogueError, match=r"fitted\.json: cannot be read .*; make it again with `fit it`") as raised:
        read_calibration(Fitted, path, "fit it")
    assert "\n" not in str(raised.value)


def test_memory_and_kernels_name_their_own_commands(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"python -m advisor\.calibration\.memory"):
        load_memory(tmp_path / "memory.json")
    with pytest.raises(CatalogueError, match=r"python -m advisor\.calibration\.kernels"):
        load_scales(tmp_path / "kernels.json")


def test_scales_that_lack_a_feature_are_refused(tmp_path: Path) -> None:
    document = json.loads((profiles_dir() / "calibration" / "kernels.json").read_text())
    name = next(iter(document["groups"][0]["lengths"]))
    del document["groups"][0]["lengths"][name]
    path = tmp_path / "kernels.json"
    path.write_text(json.dumps(document))
    with pytest.raises(CatalogueError, match=rf"kernels\.json: has no scale for '{name}'; make it again with"):
        load_scales(path)
