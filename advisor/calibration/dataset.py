"""What a fit reads: published rows joined to data sheets and work tables, and the subsets that each step uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.work_table import WorkTable, load_works
from advisor.perfmodel.elsewhere.residual import (
    NOISE_SCALE,
    ResidualPoints,
    chip_features,
    era_scale,
    features_of_models,
    kinds_of_models,
    machine_features,
)
from advisor.records.machine import MachineSpec
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

from .published import Observations, data_hash, observations, read_rows

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_LARGE = 300
"""A machine with more rows than this is thinned to about so many for the physical fit."""


SUSPECT = frozenset({("esq", "intel-core-ultra-7-165h"), ("openvino-2024", "intel-processor-n200")})
"""Boxes that are judged, and known to intervals, but not learned from.

ESQ's 165H: its source states an average clock below the chip's base clock (1.15 to 1.47 GHz, 1.32 in the mean, against
1.4); a rule on the clock alone, speeds were not looked at. The N200 of OpenVINO 2023.2: chosen by its speeds, after it
had been judged. They are a sixth of those of a chip of the same cores (x7425E) and less than half of those of an older
one without AVX, and would take the four cores to run at 0.5 GHz.
"""


@dataclass(frozen=True)
class Dataset:
    """Everything a fit reads."""

    data: Observations
    works: Mapping[str, WorkTable]
    specs: Mapping[str, MachineSpec]
    ordered: tuple[MachineSpec, ...]
    """Bare x86 chips of the catalogue, by id, whose predictions are kept in the order of their data sheets."""
    sha256: str


def load_dataset(directory: Path | None = None) -> Dataset:
    """Read published rows, work tables and data sheets."""
    root = profiles_dir() if directory is None else directory
    published, dropped = root / "published" / "openvino.csv.gz", root / "published" / "dropped.csv"
    works_path = root / "calibration" / "works.json"
    rows = [*read_rows(published), *read_rows(dropped, doubtful=True)]
    works = load_works(works_path)
    catalogue = Catalogue.load(root)  # without boxes that whoever fits has added: they do not ship
    specs = {name: catalogue.resolve(name) for name in sorted({row.machine for row in rows})}
    chips = [catalogue.resolve(name) for name in catalogue.processor_ids()]
    # Which of their fields are recalled does not matter to an order.
    ordered = tuple(chip.model_copy(update={"uncertain": ()}) for chip in chips if chip.architecture == "x86_64")
    return Dataset(observations(rows, specs, works), works, specs, ordered, data_hash(published, dropped, works_path))


def learnable(data: Observations) -> NDArray[np.bool_]:
    """Rows that a fit may see: all but doubtful figures and those of suspect boxes."""
    return np.array([not row.doubtful and (row.era, row.machine) not in SUSPECT for row in data.rows])


def thin(data: Observations) -> Integers:
    """Rows for the physical fit: all of small machines, an even stride through large ones."""
    machines = np.array([row.machine for row in data.rows])
    usable = learnable(data)
    keep: list[int] = []
    for name in sorted(set(machines)):
        rows = np.flatnonzero((machines == name) & usable)
        stride = max(1, round(len(rows) / _LARGE))
        keep.extend(rows[::stride].tolist())
    return np.array(sorted(keep))


def residual_rows(data: Observations) -> Integers:
    """Rows for the residual process: batch 1 and framework defaults.

    Of the benchmark with many releases only the newest per machine, model, precision and mode is kept; its oldest era
    stays where two machines have it, so that the effect of that era can be told from theirs. Doubtful figures stay, to
    be judged.
    """
    plain = [i for i, row in enumerate(data.rows) if row.batch == 1 and row.threads is None and row.streams is None]
    newest: dict[tuple[str, str, int, int], int] = {}
    old: dict[tuple[str, int, int], set[str]] = {}
    for i in plain:
        row = data.rows[i]
        if row.era.startswith("dli") and not row.doubtful:
            key = (row.machine, row.model, row.precision, row.mode)
            if key not in newest or row.era > data.rows[newest[key]].era:
                newest[key] = i
        if row.era == "dli-2018" and not row.doubtful:
            old.setdefault(key[1:], set()).add(row.machine)
    keep = set(newest.values())
    result = []
    for i in plain:
        row = data.rows[i]
        shared = row.era == "dli-2018" and len(old[row.model, row.precision, row.mode]) > 1
        if row.doubtful or not row.era.startswith("dli") or i in keep or shared:
            result.append(i)
    return np.array(result)


def labels(values: Sequence[str], known: Sequence[str]) -> Integers:
    """Positions of ``values`` in ``known``; -1 where it is not."""
    position = {name: i for i, name in enumerate(known)}
    return np.array([position.get(value, -1) for value in values])


def residual_points(
    data: Observations, works: Mapping[str, WorkTable]
) -> tuple[ResidualPoints, list[str], list[str], list[str]]:
    """Rows as points of the residual process, with the lists of machines, models and eras."""
    machines = sorted({row.machine for row in data.rows})
    models = sorted({row.model for row in data.rows})
    eras = sorted({row.era for row in data.rows})
    features = features_of_models([works[name] for name in models])
    model = labels([row.model for row in data.rows], models)
    return (
        ResidualPoints(
            machine=labels([row.machine for row in data.rows], machines),
            model=model,
            precision=np.array([row.precision for row in data.rows]),
            mode=data.mode,
            era=labels([row.era for row in data.rows], eras),
            machine_features=machine_features(data.machines),
            chip_features=chip_features(data.machines),
            model_features=features[model],
            kinds=kinds_of_models([works[name] for name in models])[model],
            era_scale=np.array([era_scale(row.era) for row in data.rows]),
            noise_scale=np.array([NOISE_SCALE.get(row.era, 1.0) for row in data.rows]),
        ),
        machines,
        models,
        eras,
    )
