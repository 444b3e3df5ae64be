"""What published figures say of a prediction: evidence class, nearest published neighbour, error band."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.perfmodel.analytic.interval import FEW, ErrorWidth
from advisor.perfmodel.analytic.machine import core_class, error_class
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.base import Evidence
from advisor.records.machine import MachineSpec

from .transfer import EXTRAPOLATED_DISTANCE, Transfer

_NO_EVIDENCE = ErrorWidth(-1.0, 1.0, 0.5)
"""Where no machine of the instruction set was ever fitted: a factor of e either way, half of the variance the
machine's; source: project assumption, not measured."""


@dataclass(frozen=True)
class PublishedEvidence:
    """Evidence of one (machine, model, precision, mode), with the log error at which true times lie, 10 to 90 %."""

    evidence: Evidence
    nearest: str | None
    width: ErrorWidth
    extrapolated: bool
    notes: tuple[str, ...]


def published_evidence(
    transfer: Transfer, machine: MachineSpec, table: WorkTable, precision: int, latency: bool
) -> PublishedEvidence:
    """Judge what a prediction rests on; bands come from errors on what was left out in just that way (bands.py)."""
    if not transfer.covers(machine):
        note = f"no published figure of any {machine.simd_level} machine: physics and data sheet alone"
        return PublishedEvidence(Evidence.UNKNOWN, None, _NO_EVIDENCE, True, (note,))
    precision_name, mode = PRECISIONS[precision], MODES[int(latency)]
    label, model = transfer.machine_label(machine), transfer.model_label(table)
    neighbour, distance = transfer.nearest_machine(machine)
    like, model_distance = transfer.nearest_model(table)
    extrapolated = max(distance, model_distance) > EXTRAPOLATED_DISTANCE
    evidence, notes = Evidence.SPEC, []
    machines = transfer.machines_with(model)
    if label >= 0:
        neighbour = transfer.calibration.machines[label].id
        has_figure = (label, model, precision) in transfer.published
        evidence = Evidence.PUBLISHED if has_figure else Evidence.ANCHORED
        if model < 0:
            # These errors were made on known machines: they are the whole of it.
            width = transfer.bands.unseen(precision_name)
        else:
            # A chip with figures is known no worse than one of its class without.
            cell = error_class(machine), precision_name, mode
            anchored = transfer.bands.anchored(core_class(machine), precision_name, mode)
            chip = transfer.bands.published(precision_name, mode) if has_figure else anchored
            width = transfer.bands.find(*cell).within(chip)
        if has_figure:
            notes.append("blended with the published figure of this model and precision on this chip")
    else:
        unlike = distance > EXTRAPOLATED_DISTANCE or transfer.unfitted_vendor(machine)
        if unlike:
            notes.append(f"unlike every machine with published figures (nearest: {neighbour})")
            extrapolated = True
        width = transfer.bands.spec(error_class(machine), precision_name, mode, machines, unlike=unlike)
    if label < 0 and 0 < machines < FEW:
        notes.append(f"figures of this model on {machines} other machine{'s'[: machines - 1]} only")
    if model < 0:
        notes.append(f"no published figure of this model on any machine (nearest: {like})")
    return PublishedEvidence(evidence, f"{neighbour}/{like}", width, extrapolated, tuple(notes))
