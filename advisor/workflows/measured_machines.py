"""Machines that were measured, this one and boxes of the catalogue: under which fingerprint the store has each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.records.machine import MachineSpec
    from advisor.store.catalogue import Catalogue
    from advisor.store.measurements import MeasurementStore


@dataclass(frozen=True)
class MeasuredMachines:
    """Machines of which the store may hold measurements."""

    store: MeasurementStore
    catalogue: Catalogue
    """Names the boxes that were measured elsewhere."""
    this: MachineSpec
    this_fingerprint: str

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """By the id of a machine, which is that of its box."""
        boxes = {item.id: item.measured_fingerprint for item in self.catalogue.platforms() if item.measured_fingerprint}
        return {**boxes, self.this.id: self.this_fingerprint}

    def machine(self, name: str) -> MachineSpec:
        """Data sheet of one of :attr:`fingerprints`."""
        return self.this if name == self.this.id else self.catalogue.machine(self.catalogue.platform(name))
