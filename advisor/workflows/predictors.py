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
    from advisor.perfmodel.here.measurements import HostMeasurements
    from advisor.perfmodel.resources.cold_pass import ColdStart

    from .measured_machines import MeasuredMachines
    from .present import Present


class MeasuredBoxes:
    """Asks, per machine, the predictor that holds the measurements of that machine; else the one for all others."""

    def __init__(
        self,
        others: Predictor,
        boxes: Mapping[str, Predictor],
        measurements: Iterable[str] = (),
        present: Present | None = None,
        as_measured: Mapping[str, HostMeasurements] | None = None,
    ) -> None:
        self._others = others
        self.present = present
        """How fast this machine is now, where that was asked."""
        self.as_measured = as_measured or {}
        """What this machine has measured, of the hour in which it was; by machine id, where it is another now."""
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
    present: Present | None = None,
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
    present : Present, optional
        How fast this machine is now; None: as its measurements say.

    Raises
    ------
    CatalogueError, StoreError
        The calibration or the store cannot be read.
    """
    from advisor.perfmodel import Predictor
    from advisor.perfmodel.here.measurements import HostMeasurements

    entered: list[str] = []
    as_measured: dict[str, HostMeasurements] = {}
    store = measured.store

    def load(name: str) -> Predictor:
        fingerprint = measured.fingerprints[name]
        rows, micro = store.find(host_fingerprint=fingerprint, status="done"), store.micro(fingerprint)
        entered.extend(row.key for row in (*rows, *micro))
        brought = store.box_works(fingerprint)
        own = _Brought(brought, works) if brought else works
        if present is not None and fingerprint == measured.this_fingerprint:
            as_measured[name] = HostMeasurements.join(measured.machine(name), rows, micro, own)
            rows, micro = present.speed.rows(rows), present.speed.micro(micro)
        return Predictor.load(
            host=measured.machine(name), measurements=rows, micro=micro, works=own, counted=unmeasured.counted
        )

    names = dict.fromkeys(machine.id for machine in machines)
    boxes = {name: load(name) for name in names if name in measured.fingerprints}
    others = unmeasured
    if carried:
        here = measured.this.id
        others = boxes[here] if here in boxes else load(here)
    return MeasuredBoxes(others, boxes, entered, present, as_measured)


def quiet_predictor(predictor: object, machine: MachineSpec | None, fingerprint: str) -> Predictor | None:
    """Predictor of a measured machine with its timings as expected on a quiet one; None where it was not measured.

    Of two hours in which it was timed, the faster is nearer to that.
    """
    if machine is None or not isinstance(predictor, MeasuredBoxes) or machine.id not in predictor.boxes:
        return None
    known, present = predictor.boxes[machine.id], predictor.present
    before = predictor.as_measured.get(machine.id)
    host = before if before is not None and present is not None and present.slower > 0 else known.host
    return _with_host(known, host.undisturbed(), fingerprint)


def another_hour(predictor: object, machine: MachineSpec, fingerprint: str) -> tuple[Present, Predictor] | None:
    """How fast this machine is now, and its predictor as of the hour in which it was measured; None where that is now.

    None, too, for any other machine.
    """
    if not isinstance(predictor, MeasuredBoxes) or predictor.present is None:
        return None
    before = predictor.as_measured.get(machine.id)
    if before is None:
        return None
    return predictor.present, _with_host(predictor.boxes[machine.id], before, fingerprint)


def _with_host(known: Predictor, host: HostMeasurements, fingerprint: str) -> Predictor:
    from advisor.perfmodel import Predictor
    from advisor.perfmodel.here.calibration import load_host_calibration

    return Predictor(known.transfer, known.published_tables, host, load_host_calibration(fingerprint))


def cold_starts(measured: MeasuredMachines) -> Callable[[MachineSpec], ColdStart]:
    """What a pause costs on a machine: measured here and on boxes that were measured, assumed elsewhere."""
    from advisor.perfmodel.resources.cold_pass import ASSUMED, cold_start

    known = {
        name: cold_start({row.name: row for row in measured.store.micro(fingerprint, "cold/")})
        for name, fingerprint in measured.fingerprints.items()
    }
    return lambda machine: known.get(machine.id, ASSUMED)
