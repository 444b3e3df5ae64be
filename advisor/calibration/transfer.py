"""Fit the shipped calibration from ``profiles/`` alone: ``python -m advisor.calibration.transfer``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor import __version__
from advisor.perfmodel.analytic.machine import SIMD_CLASSES, signature
from advisor.perfmodel.analytic.parameters import NAMES, Parameters
from advisor.perfmodel.elsewhere.residual import Residual
from advisor.records.calibration import AccuracyRow, ErrorBand, FittedMachine, FittedRow, TransferCalibration
from advisor.store.paths import profiles_dir

from .bands import BandsWithout, NestedWidths, nested_widths
from .crossval import HeldOutErrors, accuracy_table, held_out, nested_choices
from .dataset import Dataset, learnable, load_dataset, residual_points, residual_rows, thin
from .left_out import LeftOutErrors, class_out_errors, known_chip_errors
from .lone import lone_errors
from .physics import fit_parameters, log_time
from .published import REFERENCE_ERA, is_tuned
from .reliability import judged_mixes, probability_resolution
from .scales import FitChoice, chip_families, choose
from .unpublished import ElsewhereError, unpublished_errors, unseen_model_errors

COMMAND = "python -m advisor.calibration.transfer"


@dataclass(frozen=True)
class JudgedCalibration:
    """Errors on what was left out, the bands that follow from them, and whether each row lay in its band."""

    held: HeldOutErrors
    choice: FitChoice
    choices: Mapping[str, FitChoice]
    """What was chosen without the outer fold of each machine."""
    errors: LeftOutErrors
    elsewhere: tuple[ElsewhereError, ...]
    """Errors of models that were measured on one other machine, their own left out."""
    widths: dict[str, NestedWidths]
    """Per kind of prediction, the interval of each row from the other machines' errors."""
    bands: tuple[ErrorBand, ...]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether each row of a machine that was left out lay in its P10-P90."""
        return self.widths["spec"].inside(self.held.shown)


def judge(dataset: Dataset, choice: FitChoice, *, quick: bool = False) -> JudgedCalibration:
    """Leave out families of chips, classes, cells, models, and families of chips with models.

    Scales and strictness are chosen without the family's fold.

    ``quick`` keeps ``choice`` (made on all machines) in every fold and does not refit physics: flattering.
    """
    names = {row.machine for row in dataset.data.rows}
    choices = dict.fromkeys(names, choice) if quick else nested_choices(dataset)
    families = chip_families(dataset.specs)
    held = held_out(dataset, choices, families, refit=not quick)
    anchored, published = known_chip_errors(dataset, choice)
    unpublished = unpublished_errors(dataset, choices, held.parameters, families)
    errors = LeftOutErrors(
        data=held.data,
        machine=held.errors,
        shown=held.shown,
        classes=class_out_errors(dataset, choice),
        anchored=anchored,
        lone=lone_errors(dataset, choice),
        published=published,
        unseen=unseen_model_errors(dataset, choice),
        unpublished=unpublished.errors,
        once=unpublished.once,
        families=families,
    )
    bands = tuple(BandsWithout(errors).bands())
    return JudgedCalibration(held, choice, choices, errors, unpublished.elsewhere, nested_widths(errors), bands)


def calibrate(dataset: Dataset, quick: bool = False) -> TransferCalibration:
    """Fit everything and state it as plain numbers."""
    choice = choose(dataset)
    parameters = fit_parameters(
        dataset.data.take(thin(dataset.data)), choice.parameters.values, strictness=choice.strictness
    )
    judged = judge(dataset, FitChoice(choice.strictness, parameters, choice.scales), quick=quick)
    accuracy = accuracy_table(judged.held, judged.inside, is_tuned)
    mixes = judged_mixes(judged.errors, judged.errors.machine, judged.widths["spec"], "even")
    resolution = round(probability_resolution(mixes), 4)
    return _conditioned(dataset, parameters, choice.scales, Judged(judged.bands, resolution, accuracy))


def recondition(dataset: Dataset, fitted: TransferCalibration) -> TransferCalibration:
    """Keep what was fitted and judged, and condition the residual on the data sheets and figures as they are now.

    For facts of the catalogue that have changed: without it the published figures of a chip would still be taken
    against what the physical model said of its old data sheet. Parameters, scales and bands stay those of the last fit.
    """
    parameters = Parameters(np.array([fitted.parameters[name] for name in NAMES]))
    judged = Judged(fitted.bands, fitted.probability_resolution, fitted.accuracy)
    return _conditioned(dataset, parameters, fitted.scales, judged)


@dataclass(frozen=True)
class Judged:
    """What a calibration says of its own errors."""

    bands: tuple[ErrorBand, ...]
    probability_resolution: float
    accuracy: tuple[AccuracyRow, ...]


def _conditioned(
    dataset: Dataset, parameters: Parameters, scales: dict[str, float], judged: Judged
) -> TransferCalibration:
    chosen = dataset.data.take(residual_rows(dataset.data))
    chosen = chosen.take(np.flatnonzero(learnable(chosen)))
    points, machines, models, eras = residual_points(chosen, dataset.works)
    process = Residual(points, chosen.log_time - log_time(parameters, chosen), scales)
    first = {row.machine: i for i, row in reversed(list(enumerate(chosen.rows)))}
    return TransferCalibration(
        sizer_version=__version__,
        created=datetime.now(UTC).replace(microsecond=0).isoformat(),
        command=COMMAND,
        data_sha256=dataset.sha256,
        parameters={name: round(parameters[name], 6) for name in NAMES},
        scales=scales,
        ordered=dataset.ordered,
        machines=tuple(
            FittedMachine(
                id=name,
                simd=SIMD_CLASSES[chosen.machines.simd[first[name]]],
                features=tuple(round(float(x), 5) for x in points.machine_features[first[name]]),
                chip_features=tuple(round(float(x), 5) for x in points.chip_features[first[name]]),
                signature=signature(dataset.specs[name]),
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
        bands=judged.bands,
        probability_resolution=judged.probability_resolution,
        accuracy=judged.accuracy,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write ``transfer.json`` beside the work tables."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--profiles", type=Path, default=None, help="folder of profiles (default: the shipped one)")
    parser.add_argument("--quick", action="store_true", help="keep physical parameters in the folds: for trying out")
    parser.add_argument(
        "--recondition", action="store_true", help="keep parameters, scales and bands; for data sheets that changed"
    )
    arguments = parser.parse_args(argv)
    root = profiles_dir() if arguments.profiles is None else arguments.profiles
    target = root / "calibration" / "transfer.json"
    dataset = load_dataset(arguments.profiles)
    if arguments.recondition:
        calibration = recondition(dataset, TransferCalibration.model_validate_json(target.read_bytes()))
    else:
        calibration = calibrate(dataset, quick=arguments.quick)
    partial = target.with_suffix(".json.partial")
    text = calibration.model_dump_json(by_alias=True, indent=1, exclude_none=True)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(target)
    sys.stdout.write(f"{target}: {len(calibration.rows)} rows, {len(calibration.machines)} machines\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
