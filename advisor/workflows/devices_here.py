"""Devices of this machine in its plans: what was measured on them, and none that is a processor in disguise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log
from statistics import median
from typing import TYPE_CHECKING

from advisor.records.base import Evidence, Precision
from advisor.records.device import DeviceKind, DeviceSpec
from advisor.records.measurement import Measurement, TimingMeasurement

if TYPE_CHECKING:
    from advisor.perfmodel.devices.question import DeviceAnswer

KINDS: dict[str, DeviceKind] = {"GPU": "igpu", "NPU": "npu"}
"""Devices of a chip, as OpenVINO spells them; a discrete card is taken for one, which shares power and memory."""
REPEAT = 0.05
"""Half width (log) of a measured figure under another load. Source: project assumption, as of published ones."""


@dataclass(frozen=True)
class DevicesHere:
    """What the store holds of this machine's own devices."""

    specs: tuple[DeviceSpec, ...] = ()
    """Devices that something was measured on."""
    rows: tuple[TimingMeasurement, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    """Device -> why it is not planned with."""

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> DevicesHere:
        """Take timings on one device each; of a software rasteriser none counts."""
        specs: dict[str, DeviceSpec] = {}
        rows: list[TimingMeasurement] = []
        refused: dict[str, str] = {}
        for row in measurements:
            if not isinstance(row, TimingMeasurement) or row.timing is None or row.effective is None:
                continue
            device, effective = row.config.device, row.effective
            if device not in KINDS or row.config.runtime != "openvino":
                continue
            name = ", ".join(effective.device_names) or device
            if effective.software_rasteriser:
                refused[device] = (
                    f"{device} of this machine ({name}) is a software rasteriser: the processor computes for it, and no"
                    " plan uses it"
                )
                continue
            specs[device] = DeviceSpec(
                id=f"this-{device.lower()}", machine="this", chip="this", name=name, kind=KINDS[device], family=None
            )
            rows.append(row)
        return cls(tuple(specs.values()), tuple(rows), refused)

    def why_not(self, device: str) -> str | None:
        """Why a permitted device of this machine is not planned with; None where it is."""
        if device in self.refused:
            return self.refused[device]
        if device not in KINDS or any(spec.id == f"this-{device.lower()}" for spec in self.specs):
            return None
        return (
            f"{device} of this machine is not planned with: nothing was measured on it; `sizer host` tells whether it"
            f" can be used, then `sizer bench MODEL --device {device} --precision f16`"
        )

    def answer(self, device: DeviceSpec, sha256: str, precision: Precision) -> DeviceAnswer | None:
        """What was measured of a model at batch 1: throughput with most requests, and latency of one at a time."""
        from advisor.perfmodel.devices.question import DeviceAnswer

        same = [
            row
            for row in self.rows
            if (f"this-{row.config.device.lower()}", row.model_sha256, row.config.precision, row.config.batch)
            == (device.id, sha256, precision, 1)
        ]
        timings = [row.timing for row in same if row.timing is not None]
        if not timings:
            return None
        compiled = [row.compile_s for row in timings if row.compile_s is not None]
        alone = [row.timing.p50.value_s for row in same if row.timing is not None and row.mode.kind == "sync"]
        return DeviceAnswer(
            log_throughput=log(max(timing.throughput_per_s for timing in timings)),
            throughput_band=(-REPEAT, REPEAT),
            log_latency_s=log(min(alone)) if alone else None,
            latency_band=(-REPEAT, REPEAT),
            evidence=Evidence.MEASURED,
            source=f"measured on {device.name} of this machine",
            compile_s=median(compiled) if compiled else None,
        )
