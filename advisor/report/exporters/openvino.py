"""OpenVINO: the properties of ``compile_model``, made by the function that measuring and verifying use."""

from __future__ import annotations

from typing import Any

from advisor.records.config import RunConfig
from advisor.runtimes.openvino_config import properties

from .boxes import Boxes, ExportFormat
from .stages import of_runtime

_ANY_CAPABILITY = ("FP32", "BF16", "FP16", "INT8")
"""The export is for another machine, whose planner has already refused precisions that it lacks."""


def openvino_properties(config: RunConfig) -> dict[str, Any]:
    """Properties for ``compile_model``, as the runtime of this package gets them.

    Streams of other devices than the CPU are text: the GPU's plugin takes no plain number.
    """
    given = properties(config, _ANY_CAPABILITY, profiling=False)
    if config.device != "CPU" and "NUM_STREAMS" in given:
        given["NUM_STREAMS"] = str(given["NUM_STREAMS"])
    return given


def _translate(config: RunConfig) -> dict[str, Any]:
    return {
        "device": config.device,
        "precision_of_model_file": config.precision,
        "batch": config.batch,
        "infer_requests": config.requests or config.streams or 1,
        "compile_model": openvino_properties(config),
    }


def _render(boxes: Boxes) -> str:
    return of_runtime(boxes, "openvino", _translate)


FORMAT = ExportFormat("openvino", _render)
