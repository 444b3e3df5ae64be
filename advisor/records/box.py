"""A machine and what was measured on it, to be carried to the planner's laptop (schema sizer.box/2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import Count, Record
from .host import HostFacts
from .measurement import Measurement, MicroBenchmark
from .model import ModelWork


class BoxExport(Record):
    """``sizer bench --export FILE``, read by ``sizer catalog add FILE``."""

    schema_: Annotated[Literal["sizer.box/2"], Field(alias="schema")] = "sizer.box/2"
    sizer_version: str
    created: str
    host: HostFacts
    micro: tuple[MicroBenchmark, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    works: tuple[ModelWork, ...] = ()
    """Kernels of the models that were measured, as this machine's runtimes fuse them."""
    latencies_dropped: Count = 0
    """Raw request latencies that were left out of the measurements; their percentiles are all there."""

    @model_validator(mode="after")
    def _one_machine(self) -> BoxExport:
        own = self.host.fingerprint
        found = [item.host_fingerprint for item in self.measurements] + [item.host_fingerprint for item in self.micro]
        for fingerprint in found:
            if fingerprint != own:
                raise ValueError(f"holds a figure of machine {fingerprint[:12]!r}, but describes {own[:12]!r}")
        return self
