"""Fit the shipped calibration from ``profiles/`` alone: ``python -m advisor.perfmodel.fit``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from .. import __version__
from ..records.calibration import FittedMachine, FittedRow, TransferCalibration
from ..store.paths import profiles_dir
from .evaluate import accuracy_table, held_out, unseen_model_errors
from .fit_physics import fit_parameters, log_time
from .machine import SIMD_CLASSES, signature
from .material import Material, error_bands, learnable, load_material, points_of, residual_rows, thin, unseen_bands
from .parameters import NAMES
from .residual import SCALES, Residual

COMMAND = "python -m advisor.perfmodel.fit"
REFERENCE_ERA = "openvino-2024"
"""Predictions are stated for this source and software: the vendor's tuned benchmark on a recent release."""


def calibrate(material: Material, refit_folds: bool = True) -> TransferCalibration:
    """Fit everything and state it as plain numbers."""
    data = material.data
    parameters = fit_parameters(data.take(thin(data)))
    chosen = data.take(residual_rows(data))
    chosen = chosen.take(np.flatnonzero(learnable(chosen)))
    points, machines, models, eras = points_of(chosen, material.works)
    rest = chosen.log_time - log_time(parameters, chosen)
    process = Residual(points, rest, SCALES)
    held = held_out(material, parameters, refit=refit_folds)
    unseen = unseen_model_errors(material, parameters)
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
        bands=(*error_bands(held.data, held.errors, learnable(held.data)), *unseen_bands(held.data, unseen)),
        accuracy=accuracy_table(held, lambda era: not era.startswith("dli")),
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
