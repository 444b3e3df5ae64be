"""Fit the shipped calibration from ``profiles/`` alone: ``python -m advisor.perfmodel.fit``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..records.calibration import ErrorBand, FittedMachine, FittedRow, TransferCalibration
from ..records.machine import MachineSpec
from ..store.catalogue import Catalogue
from ..store.paths import profiles_dir
from .fit_physics import fit_parameters, log_time
from .interval import band
from .machine import SIMD_CLASSES, signature
from .observations import MODES, Observations, data_hash, observations, read_rows
from .parameters import NAMES, Parameters
from .physics import PRECISIONS
from .residual import SCALES, Points, Residual, leave_groups_out, machine_features, model_features
from .works import WorkTable, load_works

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
COMMAND = "python -m advisor.perfmodel.fit"
REFERENCE_ERA = "openvino-2024"
"""Predictions are stated for this source and software: the vendor's tuned benchmark on a recent release."""
_LARGE = 300
"""A machine with more rows than this is thinned to about so many for the physical fit."""


@dataclass(frozen=True)
class Material:
    """Everything a fit reads."""

    data: Observations
    works: Mapping[str, WorkTable]
    specs: Mapping[str, MachineSpec]
    sha256: str


def load_material(directory: Path | None = None) -> Material:
    """Read published rows, work tables and data sheets."""
    root = profiles_dir() if directory is None else directory
    published = root / "published" / "openvino.csv.gz"
    works_path = root / "calibration" / "works.json"
    rows = read_rows(published)
    works = load_works(works_path)
    catalogue = Catalogue.load(directory)
    specs = {name: catalogue.resolve(name) for name in sorted({row.machine for row in rows})}
    return Material(observations(rows, specs, works), works, specs, data_hash(published, works_path))


def thin(data: Observations) -> Integers:
    """Rows for the physical fit: all of small machines, an even stride through large ones."""
    machines = np.array([row.machine for row in data.rows])
    keep: list[int] = []
    for name in sorted(set(machines)):
        rows = np.flatnonzero(machines == name)
        stride = max(1, round(len(rows) / _LARGE))
        keep.extend(rows[::stride].tolist())
    return np.array(sorted(keep))


def residual_rows(data: Observations) -> Integers:
    """Rows for the residual process: batch 1, framework defaults, releases from 2021 on where a machine has them."""
    recent = {row.machine for row in data.rows if row.era != "dli-2018"}
    return np.array(
        [
            i
            for i, row in enumerate(data.rows)
            if row.batch == 1
            and row.threads is None
            and row.streams is None
            and (row.era != "dli-2018" or row.machine not in recent)
        ]
    )


def labels(values: Sequence[str], known: Sequence[str]) -> Integers:
    """Positions of ``values`` in ``known``; -1 where it is not."""
    position = {name: i for i, name in enumerate(known)}
    return np.array([position.get(value, -1) for value in values])


def points_of(data: Observations, works: Mapping[str, WorkTable]) -> tuple[Points, list[str], list[str], list[str]]:
    """Rows as points of the residual process, with the lists of machines, models and eras."""
    machines = sorted({row.machine for row in data.rows})
    models = sorted({row.model for row in data.rows})
    eras = sorted({row.era for row in data.rows})
    features = {name: model_features(works[name]) for name in models}
    return (
        Points(
            machine=labels([row.machine for row in data.rows], machines),
            model=labels([row.model for row in data.rows], models),
            precision=np.array([row.precision for row in data.rows]),
            mode=data.mode,
            era=labels([row.era for row in data.rows], eras),
            machine_features=machine_features(data.machines),
            model_features=np.array([features[row.model] for row in data.rows]),
        ),
        machines,
        models,
        eras,
    )


def held_out_errors(material: Material, parameters: Parameters, refit: bool = True) -> tuple[Observations, Array]:
    """Log errors of every residual row when its machine, under all its names and sources, is left out of everything."""
    data = material.data
    rows = residual_rows(data)
    chosen = data.take(rows)
    points, machines, _, _ = points_of(chosen, material.works)
    thinned = data.take(thin(data))
    errors = np.empty(len(rows))
    thinned_machines = np.array([row.machine for row in thinned.rows])
    for number, name in enumerate(machines):
        mine = points.machine == number
        fold = parameters
        if refit:
            fold = fit_parameters(
                thinned.take(np.flatnonzero(thinned_machines != name)), parameters.values, iterations=4
            )
        rest = chosen.log_time - log_time(fold, chosen)
        process = Residual(points.take(~mine), rest[~mine], SCALES)
        errors[mine] = rest[mine] - process.mean(points.take(mine))
    return chosen, errors


def quick_held_out_errors(material: Material, parameters: Parameters) -> tuple[Observations, Array]:
    """The same with the physical parameters kept: for searching, never for reporting."""
    chosen = material.data.take(residual_rows(material.data))
    points, _, _, _ = points_of(chosen, material.works)
    rest = chosen.log_time - log_time(parameters, chosen)
    return chosen, rest - leave_groups_out(points, rest, SCALES, points.machine)


def error_bands(data: Observations, errors: Array) -> tuple[ErrorBand, ...]:
    """Bands per SIMD class, precision and mode, and their parents."""
    groups: dict[str, list[int]] = {"*/*/*": list(range(len(errors)))}
    for i, row in enumerate(data.rows):
        tail = f"{PRECISIONS[row.precision]}/{MODES[row.mode]}"
        groups.setdefault(f"*/{tail}", []).append(i)
        groups.setdefault(f"{SIMD_CLASSES[data.machines.simd[i]]}/{tail}", []).append(i)
    return tuple(band(key, errors[rows], [data.rows[i].machine for i in rows]) for key, rows in sorted(groups.items()))


def calibrate(material: Material, refit_folds: bool = True) -> TransferCalibration:
    """Fit everything and state it as plain numbers."""
    data = material.data
    parameters = fit_parameters(data.take(thin(data)))
    chosen = data.take(residual_rows(data))
    points, machines, models, eras = points_of(chosen, material.works)
    rest = chosen.log_time - log_time(parameters, chosen)
    process = Residual(points, rest, SCALES)
    held, errors = held_out_errors(material, parameters, refit_folds)
    first = {row.machine: i for i, row in reversed(list(enumerate(chosen.rows)))}
    return TransferCalibration(
        sizer_version=__version__,
        created=datetime.now(UTC).replace(microsecond=0).isoformat(),
        command=COMMAND,
        data_sha256=material.sha256,
        parameters={name: round(parameters[name], 6) for name in NAMES},
        scales=SCALES,
        machines=tuple(
            FittedMachine(
                id=name,
                simd=SIMD_CLASSES[chosen.machines.simd[first[name]]],
                features=tuple(round(float(x), 5) for x in points.machine_features[first[name]]),
                signature=signature(material.specs[name]),
            )
            for name in machines
        ),
        models=tuple(models),
        eras=tuple(eras),
        reference_era=REFERENCE_ERA,
        rows=tuple(
            FittedRow(
                machine=int(points.machine[i]),
                model=int(points.model[i]),
                precision=int(points.precision[i]),
                mode=int(points.mode[i]),
                era=int(points.era[i]),
                log_time=round(float(chosen.log_time[i]), 5),
                weight=round(float(process.weights[i]), 5),
            )
            for i in range(len(chosen.rows))
        ),
        bands=error_bands(held, errors),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write ``transfer.json`` beside the work tables."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--profiles", type=Path, default=None, help="folder of profiles (default: the shipped one)")
    parser.add_argument("--quick", action="store_true", help="keep physical parameters in the folds: for trying out")
    arguments = parser.parse_args(argv)
    root = profiles_dir() if arguments.profiles is None else arguments.profiles
    calibration = calibrate(load_material(arguments.profiles), refit_folds=not arguments.quick)
    target = root / "calibration" / "transfer.json"
    partial = target.with_suffix(".json.partial")
    partial.write_text(calibration.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    sys.stdout.write(f"{target}: {len(calibration.rows)} rows, {len(calibration.machines)} machines\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
