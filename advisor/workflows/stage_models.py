"""Models of a scenario's stages; what is wrong with one names the file and the key that it stands under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from advisor.errors import ModelError, RuntimeRefusal

from .models import resolve_model, smaller_model

if TYPE_CHECKING:
    from advisor.records.model import ModelFile
    from advisor.records.scenario import Scenario


def resolve_stages(scenario: Scenario, where: str) -> dict[str, ModelFile]:
    """Resolve the model of every stage.

    Parameters
    ----------
    scenario : Scenario
        Checked scenario.
    where : str
        Its file, for errors.

    Raises
    ------
    ModelError, RuntimeRefusal
        ``FILE: stages[0].model: ...``, in one line.
    """
    models = {}
    for stage in scenario.stages:
        with naming(model_key(scenario, stage.id, where)):
            models[stage.id] = resolve_model(stage.model, stage.input)
    return models


def smaller_models(models: Mapping[str, ModelFile]) -> dict[str, ModelFile]:
    """Per stage the next smaller model of the same family, built; stages without one are left out."""
    infos = {stage: smaller_model(model) for stage, model in models.items()}
    return {stage: resolve_model(info.name) for stage, info in infos.items() if info is not None}


def model_key(scenario: Scenario, stage_id: str, where: str) -> str:
    """Place of a stage's model: ``FILE: stages[0].model``."""
    return f"{where}: stages[{[stage.id for stage in scenario.stages].index(stage_id)}].model"


@contextmanager
def naming(place: str | None) -> Iterator[None]:
    """Put ``place`` before what is said of a model inside; None leaves it as it is."""
    try:
        yield
    except (ModelError, RuntimeRefusal) as error:
        if place is None:
            raise
        raise type(error)(f"{place}: {error}") from error
