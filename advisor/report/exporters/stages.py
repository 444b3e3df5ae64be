"""Exports for a runtime that is called from a program: one entry per stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.errors import InputError
from advisor.records.config import RunConfig

from .boxes import Boxes, json_text

RUNTIMES = frozenset({"openvino", "onnxruntime"})
"""Runtimes with an export of their own."""


def of_runtime(boxes: Boxes, runtime: str, translate: Callable[[RunConfig], dict[str, Any]]) -> str:
    """One entry per stage; a stage of another runtime names the export that has it."""
    stages = boxes.config.stages
    if all(config.runtime != runtime for config in stages.values()):
        others = ", ".join(sorted({config.runtime for config in stages.values()}))
        raise InputError(f"--export {runtime}: no stage of the plan runs in it; they run in {others}")
    return json_text(
        {
            stage: translate(config) if config.runtime == runtime else _elsewhere(config)
            for stage, config in stages.items()
        }
    )


def _elsewhere(config: RunConfig) -> dict[str, str]:
    if config.runtime in RUNTIMES:
        return {"runtime": config.runtime, "see": f"--export {config.runtime}"}
    return {"runtime": config.runtime, "device": config.device}
