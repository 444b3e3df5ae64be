"""The shipped calibration, loaded: expected residual of any (machine, model, precision, mode)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.errors import CatalogueError
from advisor.perfmodel.analytic.interval import Bands
from advisor.perfmodel.analytic.machine import MachineArrays, machine_arrays, made_by_amd, signature, simd_class
from advisor.perfmodel.analytic.parameters import NAMES, Parameters
from advisor.perfmodel.analytic.work_table import WorkTable, same_network
from advisor.records.calibration import TransferCalibration
from advisor.records.machine import MachineSpec
from advisor.store.calibration_file import read_calibration

from .residual import (
    NOISE_SCALE,
    Residual,
    ResidualPoints,
    chip_features,
    era_scale,
    features_of_models,
    kinds_of_models,
    machine_features,
    model_features,
)
from .residual_mean import ResidualMean

Array = NDArray[np.float64]
EXTRAPOLATED_DISTANCE = 1.6
"""Distance (in units of the features' spread) to the nearest fitted machine or model beyond which a prediction is
marked: with it, the process has forgotten four fifths of what that neighbour says."""

_SAME_SIZE = 0.25
"""Distance (log of operations) within which a model under a published name is taken for the published one."""


class Transfer:
    """Residual process and bands of ``transfer.json`` with everything that was conditioned beforehand."""

    def __init__(self, calibration: TransferCalibration, works: dict[str, WorkTable]) -> None:
        self.calibration = calibration
        missing = set(NAMES) - set(calibration.parameters)
        if missing:
            raise CatalogueError(
                f"calibration lacks parameter {sorted(missing)[0]!r}; make it again with {calibration.command!r}"
            )
        self.parameters = Parameters(np.array([calibration.parameters[name] for name in NAMES]))
        self.bands = Bands(calibration.bands)
        rows = calibration.rows
        columns = {
            name: np.array([getattr(row, name) for row in rows])
            for name in ("machine", "model", "precision", "mode", "era")
        }
        self._machine_features = np.array([machine.features for machine in calibration.machines])
        chips = np.array([machine.chip_features for machine in calibration.machines])
        self._works = [works[name] for name in calibration.models]
        self._model_features = features_of_models(self._works)
        self._kinds = kinds_of_models(self._works)
        points = ResidualPoints(
            **columns,
            machine_features=self._machine_features[columns["machine"]],
            chip_features=chips[columns["machine"]],
            model_features=self._model_features[columns["model"]],
            kinds=self._kinds[columns["model"]],
            era_scale=np.array([era_scale(calibration.eras[row.era]) for row in rows]),
            noise_scale=np.array([NOISE_SCALE.get(calibration.eras[row.era], 1.0) for row in rows]),
        )
        weights = np.array([row.weight for row in rows])
        self.reference_era = calibration.eras.index(calibration.reference_era)
        """Label of the source that predictions are stated for."""
        self._points = points
        self._mean = ResidualMean(points, weights, calibration.scales, self.reference_era)
        self._machine_label = {machine.id: i for i, machine in enumerate(calibration.machines)}
        self._signature_label = {machine.signature: i for i, machine in enumerate(calibration.machines)}
        self._model_label = {name: i for i, name in enumerate(calibration.models)}
        self.published = {(row.machine, row.model, row.precision) for row in rows}
        self._simd_seen = {machine.simd for machine in calibration.machines}
        self._model_rows = np.bincount(columns["model"], minlength=len(calibration.models))
        having = {(row.model, row.machine) for row in rows}
        self._machines_of_model = np.bincount([model for model, _ in having], minlength=len(calibration.models))
        self._labels: dict[str, int] = {}
        self._nearest: dict[str, tuple[str, float]] = {}
        self._cache: dict[tuple[str, int | str, int], tuple[float, float]] = {}
        """By machine, network (:meth:`_network`) and precision."""

    @cached_property
    def process(self) -> Residual:
        """The process itself, conditioned on where the published rows lie: for covariances, of which it knows no value.

        Conditioning takes about a second, so it is done once, and where it is needed only.
        """
        return Residual(self._points, np.zeros(len(self._points.era)), self.calibration.scales)

    def machine_label(self, spec: MachineSpec) -> int:
        """Fitted machine with the same chip and sockets, -1 where none is."""
        label = self._machine_label.get(spec.id)
        return self._signature_label.get(signature(spec), -1) if label is None else label

    def known_by_id(self, spec: MachineSpec) -> bool:
        """Whether it is a fitted machine itself, and not a box with the chip of one."""
        return spec.id in self._machine_label

    def model_label(self, work: WorkTable) -> int:
        """Fitted model of that name and about that size, else the one of the same products; -1 where none is.

        A file is known by what it computes: a published network under another name is found, and another network (or
        another input size) under a published name is not taken for it.
        """
        key = work.key
        if key not in self._labels:
            named = self._model_label.get(work.model, -1)
            if named >= 0 and abs(np.log(max(work.flop, 1.0) / max(self._works[named].flop, 1.0))) < _SAME_SIZE:
                self._labels[key] = named
            else:
                same = [i for i, known in enumerate(self._works) if same_network(work, known)]
                self._labels[key] = max(same, key=lambda i: self._model_rows[i], default=-1)
        return self._labels[key]

    def _network(self, work: WorkTable) -> int | str:
        """Tell what all graphs of a published network share: its label. Of another one each graph is its own."""
        label = self.model_label(work)
        return label if label >= 0 else work.key

    def residuals(self, spec: MachineSpec, work: WorkTable, precision: int) -> tuple[float, float]:
        """Expected log residual in throughput and in latency mode."""
        key = (spec.key, self._network(work), precision)
        if key not in self._cache:
            self._fill([spec], [work])
        return self._cache[key]

    def prepare(self, specs: Sequence[MachineSpec], works: Sequence[WorkTable]) -> None:
        """Work out all residuals of a plan at once: much cheaper than one by one."""
        specs = list({spec.key: spec for spec in specs}.values())
        networks = {self._network(work): work for work in works}
        works = list(networks.values())
        missing = [s for s in specs if any((s.key, network, 0) not in self._cache for network in networks)]
        if missing:
            self._fill(missing, works)

    def residual_table(self, machines: MachineArrays, works: Sequence[WorkTable]) -> Array:
        """Expected log residuals, shape (machines, models, 3 precisions, throughput and latency mode)."""
        labels = np.array([self.model_label(work) for work in works])
        # A known model has its published features: those of its int8 graph would lie a little off.
        pairs = zip(works, labels, strict=True)
        models = np.array([self._model_features[i] if i >= 0 else model_features(work) for work, i in pairs])
        kinds = np.where(labels[:, None] >= 0, self._kinds[labels], kinds_of_models(works))
        return self._mean.at(machine_features(machines), chip_features(machines), models, labels, kinds)

    def _fill(self, specs: Sequence[MachineSpec], works: Sequence[WorkTable]) -> None:
        table = self.residual_table(machine_arrays(specs), works)
        for i, spec in enumerate(specs):
            for j, work in enumerate(works):
                for precision in range(3):
                    throughput, latency = table[i, j, precision]
                    self._cache[spec.key, self._network(work), precision] = float(throughput), float(latency)

    def machines_with(self, model: int) -> int:
        """How many machines have figures of a fitted model; none of one that is not fitted (-1)."""
        return int(self._machines_of_model[model]) if model >= 0 else 0

    def nearest_machine(self, spec: MachineSpec) -> tuple[str, float]:
        """Id of and distance to the fitted machine most alike."""
        if spec.key not in self._nearest:
            distance = np.sqrt(((self._machine_features - machine_features(machine_arrays([spec]))) ** 2).sum(1))
            best = int(np.argmin(distance))
            self._nearest[spec.key] = self.calibration.machines[best].id, float(distance[best])
        return self._nearest[spec.key]

    def nearest_model(self, work: WorkTable) -> tuple[str, float]:
        """Name of and distance to the fitted model most alike."""
        label = self.model_label(work)
        if label >= 0:
            return self.calibration.models[label], 0.0
        distance = np.sqrt(((self._model_features - model_features(work)) ** 2).sum(1))
        best = int(np.argmin(distance))
        return self.calibration.models[best], float(distance[best])

    def unfitted_vendor(self, spec: MachineSpec) -> bool:
        """Whether its vendor's chips are missing from what was fitted (the fitted x86 machines are all of one)."""
        return spec.architecture == "x86_64" and made_by_amd(spec)

    def covers(self, spec: MachineSpec) -> bool:
        """Whether any machine of its architecture and instruction-set class was fitted (all of them are x86)."""
        known = spec.architecture == "x86_64" and spec.simd_level != "scalar"
        return known and simd_class(spec) in self._simd_seen


def load_transfer(directory: Path, works: dict[str, WorkTable]) -> Transfer:
    """Read ``transfer.json``.

    Raises
    ------
    CatalogueError
        The file is missing, damaged or of another schema.
    """
    path = directory / "transfer.json"
    return Transfer(read_calibration(TransferCalibration, path, "python -m advisor.calibration.transfer"), works)
