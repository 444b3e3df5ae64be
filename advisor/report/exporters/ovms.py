"""OpenVINO Model Server: its configuration file."""

from __future__ import annotations

from advisor.errors import InputError

from .boxes import Boxes, ExportFormat, json_text
from .openvino import openvino_properties

TRITONS = frozenset({"onnxruntime", "tensorrt"})
"""Runtimes that Triton has a backend for."""


def _render(boxes: Boxes) -> str:
    """Model server configuration: one entry per stage; ``base_path`` is the folder of the model.

    Source of the fields: OpenVINO Model Server's schema of its configuration file (model_server, src/schema.cpp).
    """
    models = []
    for stage, config in boxes.config.stages.items():
        if config.runtime != "openvino":
            raise InputError(
                f"--export ovms: stage {stage} runs in {config.runtime} according to the plan, which OpenVINO Model "
                f"Server cannot: use --export {'triton' if config.runtime in TRITONS else 'compose'}"
            )
        models.append(
            {
                "config": {
                    "name": stage,
                    "base_path": f"/models/{stage}",
                    "batch_size": str(config.batch),
                    "nireq": config.requests or config.streams or 1,
                    "target_device": config.device,
                    "plugin_config": {key: _server_text(value) for key, value in openvino_properties(config).items()},
                }
            }
        )
    return json_text({"model_config_list": models})


def _server_text(value: object) -> str:
    """A property as text: OpenVINO reads YES and NO where Python has True and False."""
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)


FORMAT = ExportFormat("ovms", _render)
