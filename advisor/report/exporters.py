"""The recommended configuration in the words of those who run it: OpenVINO, ONNX Runtime, OVMS, Triton, compose.

What OpenVINO is told is the very mapping that measuring and verifying use (:mod:`advisor.runtimes.openvino_config`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from advisor.errors import InputError, nearest
from advisor.records.config import RunConfig
from advisor.records.plan import BoxShare, Plan, PlanConfig, PredictedLoad
from advisor.runtimes.openvino_config import properties

_ANY_CAPABILITY = ("FP32", "BF16", "INT8")
"""The export is for another machine, whose planner has already refused precisions that it lacks."""
_SERVER_STAGE = "runs in {runtime} according to the plan, which {server} cannot: use --export {other}"


Answer = Literal["equal", "mix", "split"]


@dataclass(frozen=True)
class _Boxes:
    """Boxes that are set up alike."""

    platform: str
    count: int
    config: PlanConfig
    predicted: PredictedLoad
    cameras: str = ""
    """Cameras on each of them, in words, where boxes differ."""

    @property
    def title(self) -> str:
        """What is bought, and which part of the scenario runs on it."""
        number = f"each of {self.count} boxes " if self.count > 1 else ""
        return f"{number}{self.platform}{self.cameras}"


def export_plan(plan: Plan, form: str, answer: Answer | None = None) -> str:
    """Export the recommendation, or a mix of boxes or stages split over boxes, which have one part per kind of box.

    ``answer`` None: the first of the three that the plan has.

    Raises
    ------
    InputError
        Unknown format (with the nearest), nothing is recommended, or a stage runs in a runtime that the target lacks.
    """
    known: dict[str, Callable[[_Boxes], str]] = {
        "openvino": _openvino,
        "onnxruntime": _onnxruntime,
        "ovms": _ovms,
        "triton": _triton,
        "compose": _compose,
    }
    if form not in known:
        raise InputError(f"--export {form!r} is unknown{nearest(form, known)} (known: {', '.join(known)})")
    found = _answers(plan)
    if not found:
        raise InputError(f"--export {form}: nothing is recommended, so there is no configuration to export")
    if answer is not None and answer not in found:
        raise InputError(f"--export-of {answer}: the plan has none; it has {', '.join(found)}")
    name = next(iter(found)) if answer is None else answer
    parts = [(boxes, known[form](boxes)) for boxes in found[name]]
    if name == "equal":
        return parts[0][1]
    if form in ("triton", "compose"):
        between = "\n---\n" if form == "compose" else "\n\n"  # one YAML document per kind of box
        return between.join(f"# on {boxes.title}\n{text}" for boxes, text in parts)
    document: dict[str, Any] = {}
    for boxes, text in parts:
        title = boxes.title
        while title in document:  # the same boxes with the same cameras, which carry more after the loss of another
            title += ", set up otherwise"
        document[title] = json.loads(text)
    return _document(document)


def _answers(plan: Plan) -> dict[str, list[_Boxes]]:
    """Boxes of every answer that the plan has."""
    found = {}
    best = plan.recommended
    if best is not None:
        found["equal"] = [_Boxes(best.platform, best.count, best.config, best.predicted)]
    for name, mix in (("mix", plan.mix), ("split", plan.split)):
        boxes = [] if mix is None else [_boxes(share) for share in mix.boxes]
        if boxes and None not in boxes:
            found[name] = [item for item in boxes if item is not None]
    return found


def _boxes(share: BoxShare) -> _Boxes | None:
    """Boxes of a share; None in a plan of a version that gave them no configuration."""
    if share.config is None or share.predicted is None:
        return None
    cameras = ", ".join(f"{count} {group}" for group, count in share.cameras.items() if count)
    stages = f", stages {', '.join(share.stages)}" if share.stages else ""
    return _Boxes(share.platform, share.count, share.config, share.predicted, f" (cameras {cameras}{stages})")


def openvino_properties(config: RunConfig) -> dict[str, Any]:
    """Properties for ``compile_model``, as the runtime of this package is given them."""
    return properties(config, _ANY_CAPABILITY, profiling=False)


def session_options(config: RunConfig) -> dict[str, Any]:
    """Fields of ONNX Runtime's ``SessionOptions``, as the runtime of this package sets them; what is None is left out.

    A thread pool belongs to a session, so that streams of several threads are sessions of their own; streams of one
    thread are callers of one session.
    """
    streams = config.streams or 1
    threads = None if config.threads is None else max(1, config.threads // streams)
    fields: dict[str, Any] = {
        "intra_op_num_threads": threads,
        "inter_op_num_threads": config.inter_op_threads,
        "execution_mode": None if config.execution_mode is None else f"ORT_{config.execution_mode.upper()}",
        "graph_optimization_level": "ORT_ENABLE_ALL",
    }
    spinning = None if config.spinning is None else str(int(config.spinning))
    entries = {
        "session.intra_op.allow_spinning": spinning,
        "session.intra_op_thread_affinities": config.intra_op_affinities,
    }
    return {
        "sessions": streams if threads is not None and threads > 1 else 1,
        "concurrent_callers": streams,
        **{name: value for name, value in fields.items() if value is not None},
        "session_config_entries": {name: value for name, value in entries.items() if value is not None},
    }


def _document(text: dict[str, Any]) -> str:
    return json.dumps(text, indent=2)


def _of_runtime(best: _Boxes, runtime: str, translate: Callable[[RunConfig], dict[str, Any]]) -> str:
    """One entry per stage; a stage of another runtime is named with the export that has it, never left out."""
    stages = best.config.stages
    if all(config.runtime != runtime for config in stages.values()):
        others = ", ".join(sorted({config.runtime for config in stages.values()}))
        raise InputError(f"--export {runtime}: no stage of the plan runs in it; they run in {others}")
    return _document(
        {
            stage: translate(config)
            if config.runtime == runtime
            else {"runtime": config.runtime, "see": f"--export {config.runtime}"}
            for stage, config in stages.items()
        }
    )


def _openvino(best: _Boxes) -> str:
    def translate(config: RunConfig) -> dict[str, Any]:
        return {
            "device": config.device,
            "precision_of_model_file": config.precision,
            "batch": config.batch,
            "infer_requests": config.requests or config.streams or 1,
            "compile_model": openvino_properties(config),
        }

    return _of_runtime(best, "openvino", translate)


def _onnxruntime(best: _Boxes) -> str:
    def translate(config: RunConfig) -> dict[str, Any]:
        return {"precision_of_model_file": config.precision, "batch": config.batch, **session_options(config)}

    return _of_runtime(best, "onnxruntime", translate)


def _ovms(best: _Boxes) -> str:
    """Model server configuration: one entry per stage; ``base_path`` is where the operator puts the model.

    Source of the fields: OpenVINO Model Server's schema of its configuration file (model_server, src/schema.cpp).
    """
    models = []
    for stage, config in best.config.stages.items():
        if config.runtime != "openvino":
            words = _SERVER_STAGE.format(runtime=config.runtime, server="OpenVINO Model Server", other="triton")
            raise InputError(f"--export ovms: stage {stage} {words}")
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
    return _document({"model_config_list": models})


def _server_text(value: object) -> str:
    """A property as text: OpenVINO reads YES and NO where Python has True and False."""
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)


def _triton(best: _Boxes) -> str:
    """One config.pbtxt per stage, each behind a comment with its path in the model repository.

    Inputs and outputs are left to Triton's auto-completion from the model file. Triton's OpenVINO backend compiles a
    model once and gives each instance a request of it, so that threads and streams are those of all instances together;
    its ONNX Runtime backend opens a session per instance, so that threads are per instance. Source: parameters in the
    README files of triton-inference-server/openvino_backend and onnxruntime_backend.
    """
    parts = []
    for stage, config in best.config.stages.items():
        lines = [f"# {stage}/config.pbtxt", f'name: "{stage}"']
        if config.runtime == "onnxruntime":
            options = session_options(config)
            instances = options["concurrent_callers"]
            given = {
                "intra_op_thread_count": options.get("intra_op_num_threads"),
                "inter_op_thread_count": options.get("inter_op_num_threads"),
                "execution_mode": {None: None, "sequential": 0, "parallel": 1}[config.execution_mode],
            }
            lines.append('backend: "onnxruntime"')
        else:
            instances = config.requests or config.streams or 1
            given = {
                "INFERENCE_NUM_THREADS": config.threads,
                "NUM_STREAMS": config.streams,
                "PERFORMANCE_HINT": openvino_properties(config).get("PERFORMANCE_HINT"),
                "HINT_BF16": "YES" if config.precision == "bf16" else None,
            }
            lines.append('backend: "openvino"')
            if config.core_type == "performance":
                lines.append(
                    "# this backend cannot be told to keep to performance cores: start the server under taskset"
                )
            if config.precision == "f32":
                lines.append(
                    "# on a processor with bf16 the backend computes in bf16 unless the server is told otherwise"
                )
        if config.batch > 1:
            lines.append(f"max_batch_size: {config.batch}")
            lines.append(f"dynamic_batching {{ preferred_batch_size: [ {config.batch} ] }}")
        else:
            lines.append("max_batch_size: 0")
        lines.append(f"instance_group [ {{ count: {instances} kind: KIND_CPU }} ]")
        lines += [
            f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'
            for key, value in given.items()
            if value is not None
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _compose(best: _Boxes) -> str:
    """Service of a compose file for each box: the cores and the memory that the prediction counts with.

    Limit of cores: all that the box has, as the plan lets the stages share them; what they keep busy (P90) is reserved.
    Cores of the box = cores kept busy / utilisation, both from the plan. Source of the fields: Compose Specification,
    deploy.resources (cpus: a number as text, memory: bytes with a unit in lower case).
    """
    import yaml

    load = best.predicted.stage_load.values()
    busy, most = sum(item.p50 for item in load), sum(item.p90 for item in load)
    share = best.predicted.utilisation.get("cpu")
    resources: dict[str, dict[str, str]] = {}
    if share is not None and share.p50 > 0:
        resources["limits"] = {"cpus": f"{busy / share.p50:.1f}"}
        resources["reservations"] = {"cpus": f"{min(most, busy / share.p50):.1f}"}
    if best.predicted.memory_bytes is not None:
        resources.setdefault("limits", {})["memory"] = f"{best.predicted.memory_bytes.p90 / 1024**2:.0f}m"
    environment = {"SIZER_DECODE_THREADS": str(best.config.decode.threads)}
    for stage, config in best.config.stages.items():
        name = "SIZER_" + stage.upper().replace("-", "_")
        settings = {"RUNTIME": config.runtime, "DEVICE": config.device, "PRECISION": config.precision,
                    "STREAMS": config.streams, "THREADS": config.threads, "BATCH": config.batch,
                    "CORE_TYPE": config.core_type}  # fmt: skip
        environment |= {f"{name}_{key}": str(value) for key, value in settings.items() if value is not None}
    service = {
        "image": "your-image",
        "environment": environment,
        "deploy": {"resources": resources},
    }
    lead = "" if best.cameras else f"# {'one ' if best.count > 1 else ''}on {best.title}\n"
    return lead + str(yaml.safe_dump({"services": {"inference": service}}, sort_keys=False)).rstrip()
