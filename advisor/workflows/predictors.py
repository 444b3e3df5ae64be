"""One predictor for all platforms: boxes that were measured elsewhere answer from their own measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import CostEstimate, ServiceEstimate

if TYPE_CHECKING:
    from advisor.perfmodel import Predictor, WorkSource
    from advisor.perfmodel.resources.cold_pass import ColdStart
    from advisor.records.host import HostFacts
    from advisor.store.catalogue import Catalogue
    from advisor.store.measurements import MeasurementStore


class MeasuredBoxes:
    """Asks, per machine, the predictor that holds the measurements of that machine."""

    def __init__(self, local: Predictor, boxes: Mapping[str, Predictor]) -> None:
        self._local = local
        self._boxes = boxes

    def _of(self, machine: MachineSpec) -> Predictor:
        return self._boxes.get(machine.id, self._local)

    def service_many(
        self, requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]], *, explain: bool = False
    ) -> list[ServiceEstimate]:
        """Answer in the order of ``requests``."""
        groups: dict[str, list[int]] = {}
        for index, (machine, _, _) in enumerate(requests):
            groups.setdefault(machine.id if machine.id in self._boxes else "", []).append(index)
        answers: dict[int, ServiceEstimate] = {}
        for name, indices in groups.items():
            predictor = self._boxes.get(name, self._local)
            found = predictor.service_many([requests[index] for index in indices], explain=explain)
            answers.update(zip(indices, found, strict=True))
        return [answers[index] for index in range(len(requests))]

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float, fps: float
    ) -> CostEstimate:
        return self._of(machine).decode(machine, codec, width, height, bitrate_kbps, fps)

    def preprocess(self, machine: MachineSpec, source: tuple[int, int], target: tuple[int, int]) -> CostEstimate:
        return self._of(machine).preprocess(machine, source, target)

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval:
        return self._of(machine).power_w(machine, utilisation)


def load_predictors(
    store: MeasurementStore, facts: HostFacts, host: MachineSpec, catalogue: Catalogue, works: WorkSource
) -> MeasuredBoxes:
    """Load the calibration for this machine, and once more for each box of the catalogue that was measured."""
    from advisor.perfmodel import Predictor

    def load(machine: MachineSpec, fingerprint: str) -> Predictor:
        return Predictor.load(
            host=machine,
            measurements=store.find(host_fingerprint=fingerprint, status="done"),
            micro=store.micro(fingerprint),
            works=works,
        )

    measured = [item for item in catalogue.platforms() if item.measured_fingerprint is not None]
    boxes = {item.id: load(catalogue.machine(item), item.measured_fingerprint or "") for item in measured}
    return MeasuredBoxes(load(host, facts.fingerprint), boxes)


def cold_starts(
    store: MeasurementStore, facts: HostFacts, host: MachineSpec, catalogue: Catalogue
) -> Callable[[MachineSpec], ColdStart]:
    """What a pause costs on a machine: measured here and on boxes that were measured, assumed elsewhere."""
    from advisor.perfmodel.resources.cold_pass import ASSUMED, cold_start

    prints = {item.id: item.measured_fingerprint for item in catalogue.platforms() if item.measured_fingerprint}
    known = {
        name: cold_start({row.name: row for row in store.micro(fingerprint, "cold/")})
        for name, fingerprint in {**prints, host.id: facts.fingerprint}.items()
    }
    return lambda machine: known.get(machine.id, ASSUMED)
