"""One predictor for all platforms: machines that were measured answer from their own measurements, no other does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.perfmodel.resources.application import ApplicationUnit
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork, known_as
from advisor.records.prediction import CostEstimate, ServiceEstimate
from advisor.records.preparation import Preparation

if TYPE_CHECKING:
    from advisor.perfmodel import Predictor, WorkSource
    from advisor.perfmodel.resources.cold_pass import ColdStart

    from .measured_machines import MeasuredMachines


class MeasuredBoxes:
    """Asks, per machine, the predictor that holds the measurements of that machine; else the one for all others."""

    def __init__(self, others: Predictor, boxes: Mapping[str, Predictor], measurements: Iterable[str] = ()) -> None:
        self._others = others
        self.boxes = boxes
        """By machine id."""
        self.measurements = tuple(sorted(set(measurements)))
        """Keys of all measurements that any of the predictors knows."""

    @property
    def probability_resolution(self) -> float:
        """Difference of two probabilities of holding that the reliability table can tell apart."""
        return self._others.transfer.calibration.probability_resolution

    def _of(self, machine: MachineSpec) -> Predictor:
        return self.boxes.get(machine.id, self._others)

    def alike(self, machine: MachineSpec) -> Hashable:
        """Key of what answers depend on; a measured box is like no other."""
        return machine.id if machine.id in self.boxes else self._others.alike(machine)

    def service_many(
        self, requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]], *, explain: bool = False
    ) -> list[ServiceEstimate]:
        """Answer in the order of ``requests``."""
        groups: dict[str, list[int]] = {}
        for index, (machine, _, _) in enumerate(requests):
            groups.setdefault(machine.id if machine.id in self.boxes else "", []).append(index)
        answers: dict[int, ServiceEstimate] = {}
        for name, indices in groups.items():
            predictor = self.boxes.get(name, self._others)
            found = predictor.service_many([requests[index] for index in indices], explain=explain)
            answers.update(zip(indices, found, strict=True))
        return [answers[index] for index in range(len(requests))]

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> CostEstimate:
        return self._of(machine).decode(machine, codec, width, height, bitrate_kbps, fps)

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> CostEstimate:
        return self._of(machine).preprocess(machine, preparation)

    def application(self, machine: MachineSpec, unit: ApplicationUnit, stated_ms: float | None) -> CostEstimate:
        return self._of(machine).application(machine, unit, stated_ms)

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return self._of(machine).slowing(machine)

    def stacking(self, machine: MachineSpec) -> float:
        return self._of(machine).stacking(machine)

    def bandwidth(self, machine: MachineSpec) -> Interval:
        return self._of(machine).bandwidth(machine)

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval:
        return self._of(machine).power_w(machine, utilisation)


class _Brought:
    """Kernels compiled here; of models measured on a box that are not in question here, those that the box brought."""

    def __init__(self, brought: Iterable[ModelWork], others: WorkSource) -> None:
        # Whatever a box says stands for this box alone: nothing of it may reach `others`.
        self._brought: dict[tuple[str, str, str], ModelWork] = {
            (known_as(work.model, work.kind, work.sha256), work.runtime, work.precision): work
            for work in brought
            if work.batch == 1
        }
        self._others = others

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        found = self._others.work(model, runtime, precision)
        return found if found is not None else self._brought.get((model, runtime, precision))


def load_predictors(
    measured: MeasuredMachines,
    works: WorkSource,
    machines: Iterable[MachineSpec],
    *,
    carried: bool,
    unmeasured: Predictor,
) -> MeasuredBoxes:
    """Load the calibration once more for each of ``machines`` that was measured.

    Parameters
    ----------
    measured : MeasuredMachines
        Where measurements are.
    works : WorkSource
        Kernels of measured models.
    machines : iterable of MachineSpec
        Those that will be asked about; nothing is read of any other.
    carried : bool
        Whether what this machine has measured of unpublished models enters the predictions of other machines.
        Otherwise these depend on nothing that this machine, or any other, has measured.
    unmeasured : Predictor
        The calibration without measurements, for all others; with the works of the models as counted in their files.

    Raises
    ------
    CatalogueError, StoreError
        The calibration or the store cannot be read.
    """
    from advisor.perfmodel import Predictor

    entered: list[str] = []
    store = measured.store

    def load(name: str) -> Predictor:
        fingerprint = measured.fingerprints[name]
        rows, micro = store.find(host_fingerprint=fingerprint, status="done"), store.micro(fingerprint)
        entered.extend(row.key for row in (*rows, *micro))
        brought = store.box_works(fingerprint)
        own = _Brought(brought, works) if brought else works
        return Predictor.load(
            host=measured.machine(name), measurements=rows, micro=micro, works=own, counted=unmeasured.counted
        )

    names = dict.fromkeys(machine.id for machine in machines)
    boxes = {name: load(name) for name in names if name in measured.fingerprints}
    others = unmeasured
    if carried:
        here = measured.this.id
        others = boxes[here] if here in boxes else load(here)
    return MeasuredBoxes(others, boxes, entered)


def quiet_predictor(predictor: object, machine: MachineSpec | None, fingerprint: str) -> Predictor | None:
    """Predictor of a measured machine with its timings as expected on a quiet one; None where it was not measured."""
    from advisor.perfmodel import Predictor
    from advisor.perfmodel.here.calibration import load_host_calibration

    known = predictor.boxes.get(machine.id) if machine is not None and isinstance(predictor, MeasuredBoxes) else None
    if known is None:
        return None
    calibration = load_host_calibration(fingerprint)
    return Predictor(known.transfer, known.published_tables, known.host.undisturbed(), calibration)


def cold_starts(measured: MeasuredMachines) -> Callable[[MachineSpec], ColdStart]:
    """What a pause costs on a machine: measured here and on boxes that were measured, assumed elsewhere."""
    from advisor.perfmodel.resources.cold_pass import ASSUMED, cold_start

    known = {
        name: cold_start({row.name: row for row in measured.store.micro(fingerprint, "cold/")})
        for name, fingerprint in measured.fingerprints.items()
    }
    return lambda machine: known.get(machine.id, ASSUMED)
