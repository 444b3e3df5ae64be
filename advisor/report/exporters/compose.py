"""Compose file with a service that has the cores and the memory of the plan."""

from __future__ import annotations

from .boxes import Boxes, ExportFormat, joined_with_comments

DEVICE_NODES = {"GPU": "/dev/dri:/dev/dri", "NPU": "/dev/accel:/dev/accel"}
"""What the kernel offers a device as. Source: Linux DRM and accel subsystems."""


def _render(boxes: Boxes) -> str:
    """Service of a compose file for each box: the cores and the memory that the prediction assumes.

    Limit of cores: all of the box, since the stages share them in the plan; busy cores (P90) are reserved.
    Cores of the box = busy cores / utilisation, both from the plan. Source of the fields: Compose Specification,
    deploy.resources (cpus: a number as text, memory: bytes with a unit in lower case).
    """
    import yaml

    load = boxes.predicted.stage_load.values()
    busy, most = sum(item.p50 for item in load), sum(item.p90 for item in load)
    share = boxes.predicted.utilisation.get("cpu")
    resources: dict[str, dict[str, str]] = {}
    if share is not None and share.p50 > 0:
        resources["limits"] = {"cpus": f"{busy / share.p50:.1f}"}
        resources["reservations"] = {"cpus": f"{min(most, busy / share.p50):.1f}"}
    if boxes.predicted.memory_bytes is not None:
        resources.setdefault("limits", {})["memory"] = f"{boxes.predicted.memory_bytes.p90 / 1024**2:.0f}m"
    environment = {"SIZER_DECODE_THREADS": str(boxes.config.decode.threads)}
    for stage, config in boxes.config.stages.items():
        name = "SIZER_" + stage.upper().replace("-", "_")
        settings = {"RUNTIME": config.runtime, "DEVICE": config.device, "PRECISION": config.precision,
                    "STREAMS": config.streams, "THREADS": config.threads, "BATCH": config.batch,
                    "CORE_TYPE": config.core_type}  # fmt: skip
        environment |= {f"{name}_{key}": str(value) for key, value in settings.items() if value is not None}
    service: dict[str, object] = {
        "image": "your-image",
        "environment": environment,
        "deploy": {"resources": resources},
    }
    used = {config.device for config in boxes.config.stages.values()}
    if boxes.config.decode.device == "hardware":
        used.add("GPU")
    nodes = [node for name, node in DEVICE_NODES.items() if name in used]
    if nodes:
        service["devices"] = nodes
    lead = "" if boxes.cameras else f"# {'one ' if boxes.count > 1 else ''}on {boxes.title}\n"
    return lead + str(yaml.safe_dump({"services": {"inference": service}}, sort_keys=False)).rstrip()


FORMAT = ExportFormat("compose", _render, joined_with_comments("\n---\n"))  # one YAML document per kind of box
