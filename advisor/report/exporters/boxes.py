"""What is exported, boxes with their configuration, and what an export format is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from advisor.records.plan import BoxShare, Plan, PlanConfig, PredictedLoad

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
        available["equal"] = [Boxes(best.platform, best.count, best.config, best.predicted)]
    mixes: tuple[tuple[Answer, Any], ...] = (("mix", plan.mix), ("split", plan.split))
    for name, mix in mixes:
        boxes = [] if mix is None else [_boxes(share) for share in mix.boxes]
        if boxes and None not in boxes:
            available[name] = [item for item in boxes if item is not None]
    return available


def _boxes(share: BoxShare) -> Boxes | None:
    """Boxes of a share; None for plans of versions that stored no configuration with it."""
    if share.config is None or share.predicted is None:
        return None
    cameras = ", ".join(f"{count} {group}" for group, count in share.cameras.items() if count)
    stages = f", stages {', '.join(share.stages)}" if share.stages else ""
    return Boxes(share.platform, share.count, share.config, share.predicted, f" (cameras {cameras}{stages})")
