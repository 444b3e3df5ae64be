"""What a prediction for another machine rests on: evidence class, nearest measured neighbour, band."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.perfmodel.analytic.interval import FEW
from advisor.perfmodel.analytic.machine import simd_class
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.base import Evidence
from advisor.records.machine import MachineSpec

from .transfer import EXTRAPOLATED_DISTANCE, Transfer

_NO_EVIDENCE = 1.0
"""Half width (log) where no machine of the instruction set was ever fitted: a factor of e either way."""


@dataclass(frozen=True)
class Basis:
    """Evidence of one (machine, model, precision, mode), with the log error at which true times lie, 10 to 90 %."""

    machine: MachineSpec
    table: WorkTable
    evidence: Evidence
    nearest: str | None
    low: float
    high: float
    extrapolated: bool
    notes: tuple[str, ...]


def basis_of(transfer: Transfer, machine: MachineSpec, table: WorkTable, precision: int, latency: bool) -> Basis:
    """Judge what a prediction rests on; bands come from errors on what was left out in just that way (bands.py)."""
    if not transfer.covers(machine):
        note = f"no published figure of any {machine.simd_level} machine: physics and data sheet alone"
        return Basis(machine, table, Evidence.UNKNOWN, None, -_NO_EVIDENCE, _NO_EVIDENCE, True, (note,))
    word, mode = PRECISIONS[precision], MODES[int(latency)]
    label, model = transfer.machine_label(machine), transfer.model_label(table)
    neighbour, distance = transfer.nearest_machine(machine)
    like, model_distance = transfer.nearest_model(table)
    extrapolated = max(distance, model_distance) > EXTRAPOLATED_DISTANCE
    evidence, notes = Evidence.SPEC, []
    low, high = transfer.bands.find(simd_class(machine), word, mode)
    if label >= 0:
        neighbour = transfer.calibration.machines[label].id
        here = (label, model, precision) in transfer.published
        evidence = Evidence.PUBLISHED if here else Evidence.ANCHORED
        known_low, known_high = transfer.bands.known("published" if here else "anchored", word, mode)
        # A chip with figures is known no worse than one of its class without.
        low, high = max(low, known_low), min(high, known_high)
        if here:
            notes.append("blended with the published figure of this model and precision on this chip")
    elif distance > EXTRAPOLATED_DISTANCE or transfer.strange(machine):
        notes.append(f"unlike every machine with published figures (nearest: {neighbour})")
        extrapolated = True
        new_low, new_high = transfer.bands.new(word, mode)
        low, high = min(low, new_low), max(high, new_high)
    known = transfer.machines_with(model)
    if label < 0:
        low, high = transfer.bands.with_model(low, high, word, known)
    elif model < 0:
        # These errors were made on known machines: they are the whole of it.
        low, high = transfer.bands.unseen(word)
    if label < 0 and 0 < known < FEW:
        notes.append(f"figures of this model on {known} other machine{'s'[: known - 1]} only")
    if model < 0:
        notes.append(f"no published figure of this model on any machine (nearest: {like})")
    return Basis(machine, table, evidence, f"{neighbour}/{like}", low, high, extrapolated, tuple(notes))
