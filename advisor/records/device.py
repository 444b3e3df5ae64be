"""Devices that infer: graphics, neural processors and Arm cores, with the facts that decide their speed."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import KeyedRecord, PositiveQuantity, Record, RuntimeName, Sourced, SourcedText
from .platform import CatalogueId

DeviceKind = Literal["cpu", "igpu", "dgpu", "npu", "accelerator"]
DeviceFamily = Literal[
    "gen9", "gen11", "xe-lp", "xe-lpg", "xe-lpg-plus", "xe2", "xe3", "arc-alchemist", "arc-battlemage",
    "npu-3720", "npu-4", "npu-5", "hailo-8", "hailo-8l", "hailo-10h", "hailo-15h", "edge-tpu", "rockchip-npu",
    "jetson-gpu", "nvidia-gpu", "arm-cpu",
]  # fmt: skip
"""Devices of one family run the same compiler and driver: evidence passes between them, never between families."""
MAKER_RUNTIMES: dict[DeviceFamily, RuntimeName] = {
    "hailo-8": "hailort", "hailo-8l": "hailort", "hailo-10h": "hailort", "hailo-15h": "hailort",
    "edge-tpu": "edgetpu", "rockchip-npu": "rknn", "jetson-gpu": "tensorrt", "nvidia-gpu": "tensorrt",
}  # fmt: skip
"""Families whose published figures are of their makers' own runtimes, which is also what a plan sets there; of all
others OpenVINO's."""


def runtime_of(family: DeviceFamily | None) -> RuntimeName:
    """Runtime that a plan sets on devices of a family."""
    return "openvino" if family is None else MAKER_RUNTIMES.get(family, "openvino")


RUNTIME_DEVICES: dict[DeviceKind, str] = {"cpu": "CPU", "igpu": "GPU", "npu": "NPU"}
"""How ``--device`` spells what a chip brings; everything else is asked for by its id."""


class Device(Record):
    """One file under profiles/devices: a device of a chip, or one that is added to a box."""

    schema_: Annotated[Literal["sizer.device/1"], Field(alias="schema")] = "sizer.device/1"
    id: CatalogueId
    name: str
    vendor: str
    kind: DeviceKind
    family: DeviceFamily
    processor: CatalogueId | None = None
    """The chip that it is part of; None: it is added to a box."""
    accelerator: CatalogueId | None = None
    """Entry of profiles/accelerators that has its price; only for what is added to a box."""
    execution_units: Sourced | None = None
    """Intel graphics: EUs; an Xe core counts 16 (Xe2 and later: 8 wider ones, also counted as 16)."""
    cores: Sourced | None = None
    """Arm: cores of the fastest kind, which tables call big cores. Neural processors: cores."""
    core_design: SourcedText | None = None
    """Arm: design of those cores, for example cortex-a76."""
    clock_hz: Sourced | None = None
    """Highest clock of the data sheet; what is sustained depends on the box."""
    matrix: SourcedText | None = None
    """Integer or matrix instructions: none, dp4a, xmx, tensor."""
    peak_op_per_s_int8: Sourced | None = None
    """Dense, a multiply-add counting two; never used to rank or predict."""
    peak_flop_per_s_f16: Sourced | None = None
    memory_bandwidth_bytes_per_s: Sourced | None = None
    """Of its own memory; None: it shares that of the box."""
    power_w: Sourced | None = None
    """Power limit of the device by itself; None: it shares that of the chip."""
    host_link: SourcedText | None = None
    """How it is attached where its figures were taken, for example pcie-gen3-x4; part of its identity."""
    driver_generation: SourcedText | None = None
    """Software from which on figures of the family are comparable."""
    notes: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Device:
        if self.processor is not None and self.accelerator is not None:
            raise ValueError("names both a processor and an accelerator: it is part of a chip or added, not both")
        if self.kind in RUNTIME_DEVICES and self.processor is None:
            raise ValueError(f"kind {self.kind} is part of a chip: name its processor")
        return self

    @property
    def runtime_name(self) -> str:
        """What ``--device`` calls it."""
        return RUNTIME_DEVICES.get(self.kind, self.id)


class DeviceSpec(KeyedRecord):
    """A device as the performance model sees it: one of a given box, with that box's memory and power.

    Unknown is None, never 0. ``uncertain`` names the fields that are recalled or assumed.
    """

    id: str
    """Id of the device's catalogue entry: published figures are found under it."""
    machine: str
    """Platform or processor that it is asked of."""
    chip: str | None
    """Processor that it is part of."""
    name: str
    kind: DeviceKind
    family: DeviceFamily | None
    """None: a device of this machine, which no entry of the catalogue stands for."""
    execution_units: PositiveQuantity | None = None
    cores: PositiveQuantity | None = None
    core_design: str | None = None
    clock_hz: PositiveQuantity | None = None
    matrix: str | None = None
    memory_bandwidth_bytes_per_s: PositiveQuantity | None = None
    """Of its own memory, or that of the box which it shares."""
    memory_shared: bool = True
    power_w: PositiveQuantity | None = None
    """Its own limit, or the one of the box which it shares."""
    host_link: str | None = None
    """How the box attaches it; None: not known, or part of the chip."""
    measured_link: str | None = None
    """How it was attached where its published figures were taken."""
    uncertain: tuple[str, ...] = ()

    @cached_property
    def facts(self) -> DeviceSpec:
        """All but the box it is in: equal for devices of which the same is known; this machine's is like no other."""
        return self if self.machine == "this" else self.model_copy(update={"machine": ""})
