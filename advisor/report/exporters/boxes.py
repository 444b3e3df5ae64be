"""What is exported, boxes with their configuration, and what an export format is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from advisor.errors import InputError
from advisor.records.plan import BoxShare, Plan, PlanConfig, PredictedLoad
from advisor.records.scenario import Scenario

Answer = Literal["equal", "mix", "split"]
"""Equal boxes, a mix of boxes, or stages split over boxes."""
Part = tuple[str, str]
"""Title of a kind of box, and its configuration as text."""


@dataclass(frozen=True)
class Boxes:
    """Boxes with one configuration."""

    platform: str
    count: int
    config: PlanConfig
    predicted: PredictedLoad
    cameras: str = ""
    """Cameras on each of them in words, if boxes differ."""
    asked: Scenario | None = None
    """What was planned; None: the plan is of a version that did not store it."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Cameras of each group on the fullest of these boxes."""

    def scenario(self, form: str) -> Scenario:
        """What was planned, for a format that writes cameras.

        Raises
        ------
        InputError
            The plan does not hold it.
        """
        if self.asked is None:
            raise InputError(f"--export {form}: this plan does not hold the scenario that was asked; plan it again")
        return self.asked

    @property
    def title(self) -> str:
        """What is bought, and which part of the scenario runs on it."""
        number = f"each of {self.count} boxes " if self.count > 1 else ""
        return f"{number}{self.platform}{self.cameras}"


def json_text(document: dict[str, Any]) -> str:
    """JSON as the formats print it."""
    return json.dumps(document, indent=2)


def join_json(parts: Sequence[Part]) -> str:
    """One JSON document with the configuration of each kind of box under its title."""
    document: dict[str, Any] = {}
    for title, text in parts:
        key = title
        while key in document:  # equal boxes with equal cameras and another configuration, for the loss of one of them
            key += ", set up otherwise"
        document[key] = json.loads(text)
    return json_text(document)


@dataclass(frozen=True)
class ExportFormat:
    """A format of ``sizer plan --export``."""

    name: str
    render: Callable[[Boxes], str]
    """Configuration of one kind of box; InputError if the target cannot run a stage."""
    join: Callable[[Sequence[Part]], str] = join_json
    """Several kinds of boxes in one text."""


def joined_with_comments(between: str) -> Callable[[Sequence[Part]], str]:
    """Return a function that joins texts, each below a ``#`` comment with its title."""
    return lambda parts: between.join(f"# on {title}\n{text}" for title, text in parts)


def answers(plan: Plan) -> dict[Answer, list[Boxes]]:
    """Boxes of every answer that the plan has, the recommendation first."""
    available: dict[Answer, list[Boxes]] = {}
    best = plan.recommended
    if best is not None:
        cameras = () if plan.asked is None else plan.asked.cameras
        groups = {group.group: math.ceil(group.count / best.count) for group in cameras}
        boxes = Boxes(best.platform, best.count, best.config, best.predicted, asked=plan.asked, groups=groups)
        available["equal"] = [boxes]
    mixes: tuple[tuple[Answer, Any], ...] = (("mix", plan.mix), ("split", plan.split))
    for name, mix in mixes:
        kinds = [] if mix is None else [_boxes(share, plan.asked) for share in mix.boxes]
        if kinds and None not in kinds:
            available[name] = [item for item in kinds if item is not None]
    return available


def _boxes(share: BoxShare, asked: Scenario | None) -> Boxes | None:
    """Boxes of a share; None for plans of versions that stored no configuration with it."""
    if share.config is None or share.predicted is None:
        return None
    cameras = ", ".join(f"{count} {group}" for group, count in share.cameras.items() if count)
    stages = f", stages {', '.join(share.stages)}" if share.stages else ""
    words = f" (cameras {cameras}{stages})"
    return Boxes(share.platform, share.count, share.config, share.predicted, words, asked, share.cameras)
