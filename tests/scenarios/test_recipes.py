"""Every recipe of the documentation is a scenario file that loads and names models that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor import zoo
from advisor.store.scenario import load_scenario
from advisor.workflows.models import resolve_model

PAGE = Path(__file__).parents[2] / "docs" / "scenarios" / "recipes.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split("\n", 1)[0] for block in BLOCKS])
def test_a_recipe_is_a_whole_scenario(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text(block, encoding="utf-8")
    scenario = load_scenario(str(tmp_path / "recipe.yaml"))
    monkeypatch.setattr("advisor.workflows.models.build_model", _described)
    for stage in scenario.stages:
        model = resolve_model(stage.model, stage.input)
        if stage.input is not None:
            assert isinstance(stage.input, str)
            assert f"{model.input_shape[3]}x{model.input_shape[2]}" == stage.input


def _described(name: str) -> object:
    from advisor.records.model import ModelFile

    info = zoo.info(name)
    return ModelFile(
        reference=name, name=info.name, family=info.family, kind=info.kind, path="none", sha256="0" * 64,
        input_shape=info.input_shape,
    )  # fmt: skip


def test_the_table_of_models_names_what_exists() -> None:
    names = re.findall(r"`((?:yolo|rt-detr)[a-z0-9-]+)`", PAGE.read_text(encoding="utf-8"))
    assert len(names) >= 17
    for name in names:
        assert zoo.info(name).task == "detection"
