"""Triton Inference Server: one ``config.pbtxt`` per stage."""

from __future__ import annotations

import shlex

from advisor.errors import InputError
from advisor.records.config import RunConfig
from advisor.records.host_settings import HostSettings, as_list

from .boxes import Boxes, ExportFormat, joined_with_comments
from .compose import on_nvidia
from .launch import launcher
from .onnxruntime import session_options
from .openvino import openvino_properties


def _render(boxes: Boxes) -> str:
    """One config.pbtxt per stage, each below a comment with its path in the model repository.

    Inputs and outputs are left to Triton's auto-completion from the model file. Triton's OpenVINO backend compiles a
    model once and gives each instance a request of it, so that threads and streams are those of all instances together;
    its ONNX Runtime backend opens a session per instance, so that threads are per instance. ``KIND_GPU`` is an NVIDIA
    GPU, of the TensorRT and ONNX Runtime backends. Source: parameters in the README files of
    triton-inference-server/openvino_backend ("supports Intel CPUs") and onnxruntime_backend.
    """
    policies, definitions = _host_policies(boxes.config.host)
    parts = _start(boxes.config.host, definitions)
    for stage, config in boxes.config.stages.items():
        _check(stage, config)
        lines = [f"# {stage}/config.pbtxt", f'name: "{stage}"']
        given: dict[str, object]
        if config.runtime == "tensorrt":
            instances, given = config.requests or config.streams or 1, {}
            lines.append('backend: "tensorrt"')
        elif config.runtime == "onnxruntime":
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
                lines.append("# this backend cannot be limited to performance cores: start the server under taskset")
            if config.precision == "f32":
                lines.append(
                    "# on a processor with bf16 the backend computes in bf16 unless the server sets another precision"
                )
        if config.batch > 1:
            lines.append(f"max_batch_size: {config.batch}")
            lines.append(f"dynamic_batching {{ preferred_batch_size: [ {config.batch} ] }}")
        else:
            lines.append("max_batch_size: 0")
        kind = "KIND_GPU" if on_nvidia(config) else "KIND_CPU"
        lines.append(f"instance_group [ {_groups(int(instances), kind, policies if kind == 'KIND_CPU' else ())} ]")
        lines += [
            f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'
            for key, value in given.items()
            if value is not None
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _host_policies(host: HostSettings) -> tuple[tuple[str, ...], list[str]]:
    """Names of Triton's host policies, and the server's options that define them: one per NUMA node, or one of cores.

    A policy has one node and one range of cores. Source: triton-inference-server/server, docs/user_guide/optimization
    ("NUMA Optimization"), and ``host_policy`` of ModelInstanceGroup in model_config.proto.
    """
    if host.numa_nodes:
        names = {f"node{node}": node for node in host.numa_nodes}
        return tuple(names), [f"--host-policy={name},numa-node={node}" for name, node in names.items()]
    cores = as_list(host.cpuset)
    if host.cpuset and "," not in cores:
        first, last = min(host.cpuset), max(host.cpuset)
        return ("planned",), [f"--host-policy=planned,cpu-cores={first}-{last}"]
    return (), []


def _start(host: HostSettings, options: list[str]) -> list[str]:
    """How the server is started, in a comment; nothing where the operating system is asked for nothing.

    Policies bind the threads of instances alone: what else the server starts is kept to the same by the launcher.
    """
    words = [*launcher(host), "tritonserver", "--model-repository=/models", *options]
    return [f"# start the server: {shlex.join(words)}"] if launcher(host) else []


def _groups(instances: int, kind: str, policies: tuple[str, ...]) -> str:
    """Instances dealt out over the policies, as evenly as can be."""
    if not policies:
        return f"{{ count: {instances} kind: {kind} }}"
    shares = [len(range(number, instances, len(policies))) for number in range(len(policies))]
    dealt = zip(shares, policies, strict=True)
    return ", ".join(f'{{ count: {count} kind: {kind} host_policy: "{name}" }}' for count, name in dealt if count)


def _check(stage: str, config: RunConfig) -> None:
    """Refuse what Triton has no backend for."""
    runs = config.runtime in {"openvino", "onnxruntime"} and config.device == "CPU"
    if runs or on_nvidia(config):
        return
    remedy = "use --export ovms" if config.runtime == "openvino" else "use --export compose"
    raise InputError(
        f"--export triton: stage {stage} runs in {config.runtime} on {config.device} according to the plan; Triton's"
        f" backends run on CPUs and NVIDIA GPUs: {remedy}"
    )


FORMAT = ExportFormat("triton", _render, joined_with_comments("\n\n"))
