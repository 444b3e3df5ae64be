"""The recommended configuration in the words of those who run it: OpenVINO, ONNX Runtime, OVMS, Triton, compose."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from advisor.errors import InputError, nearest
from advisor.records.config import RunConfig
from advisor.records.plan import Plan, PlanOption

OPENVINO_PRECISION = {"f32": "f32", "bf16": "bf16", "int8": "f32"}
"""INFERENCE_PRECISION_HINT; an int8 model carries its precision in the file, what is left runs in f32."""


def export_plan(plan: Plan, form: str) -> str:
    """Export the recommendation.

    Raises
    ------
    InputError
        Unknown format (with the nearest), or nothing is recommended.
    """
    known: dict[str, Callable[[PlanOption], str]] = {
        "openvino": _openvino,
        "onnxruntime": _onnxruntime,
        "ovms": _ovms,
        "triton": _triton,
        "compose": _compose,
    }
    if form not in known:
        raise InputError(f"--export {form!r} is unknown{nearest(form, known)} (known: {', '.join(known)})")
    if plan.recommended is None:
        raise InputError(f"--export {form}: nothing is recommended, so there is no configuration to export")
    return known[form](plan.recommended)


def openvino_properties(config: RunConfig) -> dict[str, Any]:
    """Properties for ``compile_model``, spelled as OpenVINO's property keys."""
    properties: dict[str, Any] = {"INFERENCE_PRECISION_HINT": OPENVINO_PRECISION[config.precision]}
    if config.hint != "none":
        properties["PERFORMANCE_HINT"] = config.hint.upper()
    if config.hint_requests is not None:
        properties["PERFORMANCE_HINT_NUM_REQUESTS"] = config.hint_requests
    if config.streams is not None:
        properties["NUM_STREAMS"] = config.streams
    if config.threads is not None:
        properties["INFERENCE_NUM_THREADS"] = config.threads
    if config.pinning is not None:
        properties["ENABLE_CPU_PINNING"] = config.pinning
    if config.auto_batch_timeout_s is not None:
        properties["AUTO_BATCH_TIMEOUT"] = round(config.auto_batch_timeout_s * 1000)
    return properties


def session_options(config: RunConfig) -> dict[str, Any]:
    """Fields of ONNX Runtime's ``SessionOptions``, and how many sessions run beside each other."""
    streams = config.streams or 1
    entries = {}
    if config.spinning is not None:
        entries["session.intra_op.allow_spinning"] = "1" if config.spinning else "0"
    return {
        "concurrent_sessions": streams,
        "intra_op_num_threads": max(1, (config.threads or 1) // streams),
        "inter_op_num_threads": config.inter_op_threads or 1,
        "execution_mode": "ORT_PARALLEL" if config.execution_mode == "parallel" else "ORT_SEQUENTIAL",
        "graph_optimization_level": "ORT_ENABLE_ALL",
        "session_config_entries": entries,
    }


def _document(text: dict[str, Any]) -> str:
    return json.dumps(text, indent=2)


def _openvino(best: PlanOption) -> str:
    return _document(
        {
            stage: {
                "device": config.device,
                "precision_of_model_file": config.precision,
                "batch": config.batch,
                "infer_requests": config.requests or config.streams or 1,
                "compile_model": openvino_properties(config),
            }
            for stage, config in best.config.stages.items()
            if config.runtime == "openvino"
        }
    )


def _onnxruntime(best: PlanOption) -> str:
    return _document({stage: session_options(config) for stage, config in best.config.stages.items()})


def _ovms(best: PlanOption) -> str:
    """Model server configuration: one entry per stage; base_path is where the operator puts the model."""
    models = [
        {
            "config": {
                "name": stage,
                "base_path": f"/models/{stage}",
                "batch_size": str(config.batch),
                "nireq": config.requests or config.streams or 1,
                "target_device": config.device,
                "plugin_config": {key: str(value) for key, value in openvino_properties(config).items()},
            }
        }
        for stage, config in best.config.stages.items()
    ]
    return _document({"model_config_list": models})


def _triton(best: PlanOption) -> str:
    """One config.pbtxt per stage, each behind a comment with its path in the model repository."""
    parts = []
    for stage, config in best.config.stages.items():
        streams = config.streams or 1
        backend = "onnxruntime" if config.runtime == "onnxruntime" else "openvino"
        threads = max(1, (config.threads or 1) // streams)
        parameters = (
            {"intra_op_thread_count": threads, "inter_op_thread_count": 1}
            if backend == "onnxruntime"
            else {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                  "INFERENCE_PRECISION_HINT": OPENVINO_PRECISION[config.precision]}
        )  # fmt: skip
        lines = [f"# {stage}/config.pbtxt", f'name: "{stage}"', f'backend: "{backend}"']
        if config.batch > 1:
            lines.append(f"max_batch_size: {config.batch}")
        lines.append(f"instance_group [ {{ count: {streams} kind: KIND_CPU }} ]")
        lines += [
            f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}' for key, value in parameters.items()
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _compose(best: PlanOption) -> str:
    """Limits for a compose file: cores and memory that the plan gives the service on each box."""
    load = sum(item.p90 for item in best.predicted.stage_load.values())
    memory = best.predicted.memory_bytes
    lines = ["services:", "  inference:", "    image: your-image", "    deploy:", "      resources:", "        limits:"]
    lines.append(f'          cpus: "{max(1.0, load * 1.3):.1f}"')
    if memory is not None:
        lines.append(f"          memory: {memory.p90 / 1024**2:.0f}M")
    lines.append("    environment:")
    for stage, config in best.config.stages.items():
        name = stage.upper().replace("-", "_")
        lines.append(f'      SIZER_{name}_STREAMS: "{config.streams or 1}"')
        lines.append(f'      SIZER_{name}_THREADS: "{config.threads or 1}"')
        lines.append(f'      SIZER_{name}_PRECISION: "{config.precision}"')
    return "\n".join(lines)
