"""Compose file with a service that has the cores, the memory and the devices of the plan."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from advisor.records.config import RunConfig
from advisor.records.host_settings import OMP_VARIABLE, as_list

from .boxes import Boxes, ExportFormat, joined_with_comments
from .launch import numactl

GROUPS = ["video", "render"]
"""Groups that may open graphics and NPUs; their numbers differ from box to box."""
_NUMBERS = "# group_add: if the image lacks these groups, their numbers (getent group video render) on the box\n"
NODES = {
    ("openvino", "GPU"): ("/dev/dri:/dev/dri",),
    ("openvino", "NPU"): ("/dev/accel:/dev/accel",),
    ("rknn", "NPU"): (
        "/dev/dri:/dev/dri", "/dev/dma_heap:/dev/dma_heap", "/dev/rga:/dev/rga", "/dev/mpp_service:/dev/mpp_service",
    ),
    ("edgetpu", "coral-usb"): ("/dev/bus/usb:/dev/bus/usb",),
    ("edgetpu", "coral-m2"): ("/dev/apex_0:/dev/apex_0",),
}  # fmt: skip
"""What the kernel offers a device as, by the runtime that opens it. Source: Linux DRM and accel subsystems, and the
installation pages of the devices' drivers."""
HAILO_NODE = "/dev/hailo0:/dev/hailo0"
NVIDIA_PROVIDERS = frozenset({"CUDA", "TENSORRT"})
"""Devices of ONNX Runtime that NVIDIA's container runtime brings."""


def on_nvidia(config: RunConfig) -> bool:
    """Whether a stage runs on an NVIDIA GPU."""
    of_provider = config.runtime == "onnxruntime" and config.device.upper() in NVIDIA_PROVIDERS
    return config.runtime == "tensorrt" or of_provider


def _render(boxes: Boxes) -> str:
    """Service of a compose file for each box: the cores and the memory that the prediction assumes, and its devices.

    Limit of cores: all of the box, since the stages share them in the plan; busy cores (P90) are reserved.
    Cores of the box = busy cores / utilisation, both from the plan. Source of the fields: Compose Specification,
    deploy.resources (cpus: a number as text, memory: bytes with a unit in lower case; devices: driver, count,
    capabilities), devices, group_add, runtime, security_opt, cpuset, cap_add. Memory is bound to NUMA nodes by the
    program inside, for which Docker's profile of system calls wants SYS_NICE (mbind, set_mempolicy).
    """
    import yaml

    host = boxes.config.host

    load = boxes.predicted.stage_load.values()
    busy, most = sum(item.p50 for item in load), sum(item.p90 for item in load)
    share = boxes.predicted.utilisation.get("cpu")
    resources: dict[str, dict[str, Any]] = {}
    if share is not None and share.p50 > 0:
        if not _waits_for_nothing(boxes):
            resources["limits"] = {"cpus": f"{busy / share.p50:.1f}"}
        resources["reservations"] = {"cpus": f"{min(most, busy / share.p50):.1f}"}
    if boxes.predicted.memory_bytes is not None:
        resources.setdefault("limits", {})["memory"] = f"{boxes.predicted.memory_bytes.p90 / 1024**2:.0f}m"
    if host.cpu_limit is not None:
        resources.setdefault("limits", {})["cpus"] = f"{host.cpu_limit:g}"
    environment = {"SIZER_DECODE_THREADS": str(boxes.config.decode.threads)}
    if host.omp_threads is not None:
        environment[OMP_VARIABLE] = str(host.omp_threads)
    for stage, config in boxes.config.stages.items():
        name = "SIZER_" + stage.upper().replace("-", "_")
        settings = {"RUNTIME": config.runtime, "DEVICE": config.device, "PRECISION": config.precision,
                    "STREAMS": config.streams, "THREADS": config.threads, "BATCH": config.batch,
                    "CORE_TYPE": config.core_type}  # fmt: skip
        environment |= {f"{name}_{key}": str(value) for key, value in settings.items() if value is not None}
        if config.auto_batch_timeout_s is not None:
            environment[f"{name}_AUTO_BATCH_TIMEOUT_MS"] = f"{1e3 * config.auto_batch_timeout_s:.0f}"
    configs = list(boxes.config.stages.values())
    if boxes.config.decode.device == "hardware":
        configs.append(RunConfig(device="GPU"))  # the engines are opened as the graphics are
    service: dict[str, Any] = {"image": "your-image", "environment": environment}
    service |= _devices(configs)
    if host.cpuset:
        service["cpuset"] = as_list(host.cpuset)
    if host.numa_nodes:
        service["cap_add"] = ["SYS_NICE"]
    if any(on_nvidia(config) and config.device != "GPU" for config in configs):
        card = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
        resources.setdefault("reservations", {})["devices"] = [card]
    service["deploy"] = {"resources": resources}
    lead = "" if boxes.cameras else f"# {'one ' if boxes.count > 1 else ''}on {boxes.title}\n"
    lead += _NUMBERS if "group_add" in service else ""
    if host.numa_nodes:
        lead += f"# NUMA: let the image's command run under: {shlex.join(numactl(host))}\n"
    return lead + str(yaml.safe_dump({"services": {"inference": service}}, sort_keys=False)).rstrip()


def _waits_for_nothing(boxes: Boxes) -> bool:
    """Whether a stage is of service class latency: a quota of cores stops threads in the middle of a pass.

    Source: Linux, Documentation/scheduler/sched-bwc.rst: a group that has used its quota is throttled until the next
    period, 100 ms by default.
    """
    asked = boxes.asked
    return asked is not None and any(
        asked.class_of(stage) == "latency" for stage in asked.stages if stage.id in boxes.config.stages
    )


def _devices(configs: Iterable[RunConfig]) -> dict[str, Any]:
    """Fields of a service that opens the devices of its stages; a Jetson's GPU belongs to NVIDIA's runtime."""
    nodes: dict[str, None] = {}
    fields: dict[str, Any] = {}
    for config in configs:
        own = (HAILO_NODE,) if config.runtime == "hailort" else NODES.get((config.runtime, config.device), ())
        nodes |= dict.fromkeys(own)
        if config.runtime == "openvino" and own:
            fields["group_add"] = GROUPS
        if config.runtime == "rknn":
            fields["security_opt"] = ["apparmor=unconfined", "systempaths=unconfined"]
        if config.runtime == "tensorrt" and config.device == "GPU":
            fields["runtime"] = "nvidia"
    return {"devices": list(nodes), **fields} if nodes else fields


FORMAT = ExportFormat("compose", _render, joined_with_comments("\n---\n"))  # one YAML document per kind of box
