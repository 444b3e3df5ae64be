"""Whether stand-ins take the time of the networks that they stand for: ``python -m advisor.calibration.stand_ins``.

Each stand-in with published figures of at least two machines is predicted from its own graph as a model that nobody
published, by physics and residual process without any row of that network, and compared with what was published.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.parameters import NAMES, Parameters
from advisor.perfmodel.analytic.physics import F32, INT8
from advisor.perfmodel.analytic.runtime_defaults import THROUGHPUT
from advisor.perfmodel.analytic.work_table import WorkTable, load_stand_in_works
from advisor.perfmodel.elsewhere.residual import GroupsOut
from advisor.records.calibration import TransferCalibration
from advisor.store.paths import profiles_dir

from .dataset import Dataset, learnable, load_dataset, residual_points, residual_rows
from .physics import log_time
from .published import observations

Array = NDArray[np.float64]
COMMAND = "python -m advisor.calibration.stand_ins"
SCHEMA = "sizer.stand-ins/1"
PREFIX = "like:"
MEASURED = Path("measured") / "stand_ins.csv"
"""Seconds of stand-ins and references, measured in turns on one machine (``python -m benchmarks.stand_ins``)."""
REFERENCES = {
    "alexnet": "alexnet", "googlenet": "googlenet-v1", "inception-v3": "googlenet-v3", "mobilenet-v2": "mobilenet-v2",
    "resnet-18": "resnet-18", "resnet-50": "resnet-50", "squeezenet-1.1": "squeezenet1.1",
}  # fmt: skip
"""Architectures whose graph is the published network's own, with the name of their figures."""
_LEAST_REFERENCES = 3
LEAST_MACHINES = 2
"""Machines with figures below which a stand-in is not judged."""


@dataclass(frozen=True)
class Judged:
    """Time of a stand-in, predicted, over the published time of its network."""

    source: str
    """Zoo's name of the graph: ``like:NAME``, or an architecture whose graph is the network's own."""
    published: tuple[str, ...]
    """Names under which the network's figures were published."""
    machines: int
    rows: int
    ratio: float
    """Median over machines of the medians over their rows."""
    ratio_f32: float | None
    ratio_int8: float | None
    ratio_measured: float | None = None
    """The same from times measured on one machine, as a ratio to those of references, over the published ratio."""

    @property
    def stand_in(self) -> str | None:
        """Name of the stand-in without ``like:``; None for an architecture."""
        return self.source.removeprefix(PREFIX) if self.source.startswith(PREFIX) else None


def sources(works_path: Path) -> dict[str, str]:
    """Published model to the zoo's name of the graph that its table counts, unscaled; others are left out."""
    models = json.loads(works_path.read_text(encoding="utf-8"))["models"]
    return {name: entry["made_from"] for name, entry in models.items() if entry["scaled_by"] == [1.0, 1.0]}


def judge_stand_ins(
    dataset: Dataset, calibration: TransferCalibration, made_from: Mapping[str, str], own: Mapping[str, WorkTable]
) -> tuple[Judged, ...]:
    """Judge every graph that stands for a published network.

    Parameters
    ----------
    made_from : mapping of str to str
        Published model to the graph behind its table; see :func:`sources`.
    own : mapping of str to WorkTable
        Published model to its stand-in's table, where the published model's own table is another.

    Notes
    -----
    All names of one graph are left out of the residual process together. Physical parameters and scales are those of
    ``calibration``, which saw them: some 60 numbers against thousands of rows.
    """
    groups: dict[str, list[str]] = {}
    having = {row.model for row in dataset.data.rows}
    for model, source in made_from.items():
        if model in having:
            groups.setdefault(source, []).append(model)
    found = _judge(dataset, calibration, groups)
    for model, table in own.items():
        # One at a time: in the place of another's right table a wrong one would teach.
        rows = tuple(dataset.data.rows)
        works = {**dataset.works, model: replace(table, model=model)}
        changed = replace(dataset, data=observations(rows, dataset.specs, works), works=works)
        found += _judge(changed, calibration, {f"{PREFIX}{table.model}": [model]})
    return tuple(sorted((item for item in found if item.machines >= LEAST_MACHINES), key=lambda item: item.source))


def _judge(dataset: Dataset, calibration: TransferCalibration, groups: Mapping[str, Sequence[str]]) -> list[Judged]:
    data = dataset.data.take(residual_rows(dataset.data))
    points, _, models, _ = residual_points(data, dataset.works)
    parameters = Parameters(np.array([calibration.parameters[name] for name in NAMES]))
    rest = data.log_time - log_time(parameters, data)
    process = GroupsOut(points, calibration.scales, learnable(data))
    found = []
    for source, names in groups.items():
        labels = [models.index(name) for name in names if name in models]
        mine = np.flatnonzero(np.isin(points.model, labels))
        if len(mine) == 0:
            continue
        ratios = -process.errors(rest, mine)[0]
        machines = [data.rows[i].machine for i in mine]
        precision = points.precision[mine]
        found.append(
            Judged(
                source, tuple(sorted(names)), len(set(machines)), len(mine), _typical(ratios, machines),
                _typical_of(ratios, machines, precision == F32), _typical_of(ratios, machines, precision == INT8),
            )
        )  # fmt: skip
    return found


def _typical_of(ratios: Array, machines: Sequence[str], chosen: NDArray[np.bool_]) -> float | None:
    kept = [name for name, flag in zip(machines, chosen, strict=True) if flag]
    return _typical(ratios[chosen], kept) if len(set(kept)) >= LEAST_MACHINES else None


def _typical(ratios: Array, machines: Sequence[str]) -> float:
    """Ratio from logarithms: a machine with many rows counts as much as one with few."""
    by_machine: dict[str, list[float]] = {}
    for name, ratio in zip(machines, ratios.tolist(), strict=True):
        by_machine.setdefault(name, []).append(ratio)
    return float(np.exp(np.median([np.median(part) for part in by_machine.values()])))


def judge_shipped(directory: Path | None = None) -> tuple[Judged, ...]:
    """Judge with the calibration and tables of ``directory``, by default the shipped ones."""
    root = profiles_dir() if directory is None else directory
    works_path = root / "calibration" / "works.json"
    calibration = TransferCalibration.model_validate_json((root / "calibration" / "transfer.json").read_bytes())
    dataset = load_dataset(directory)
    found = judge_stand_ins(dataset, calibration, sources(works_path), load_stand_in_works(works_path))
    seconds = read_measured(root / MEASURED)
    return tuple(
        replace(item, ratio_measured=measured_ratio(item.published, seconds[item.source], seconds, dataset))
        if item.source in seconds
        else item
        for item in found
    )


def measured_ratio(
    names: Sequence[str], seconds: float, references: Mapping[str, float], dataset: Dataset
) -> float | None:
    """Measured time over references', divided by the published ratio; median over machines and sources.

    Parameters
    ----------
    names : sequence of str
        Names under which the network's figures were published.
    seconds, references
        Time of the stand-in and of :data:`REFERENCES`, measured in turns [s].

    Notes
    -----
    f32 throughput of batch 1 with the framework's defaults: there a core works on one input as one thread here does.
    """
    figures: dict[tuple[str, str], dict[str, float]] = {}
    for i in residual_rows(dataset.data):
        row = dataset.data.rows[i]
        if (row.precision, row.mode) == (F32, THROUGHPUT):
            figures.setdefault((row.era, row.machine), {})[row.model] = row.log_time
    ratios = []
    for known in figures.values():
        own = [known[name] for name in names if name in known]
        offsets = [
            np.log(seconds / references[ours]) - (own[0] - known[theirs])
            for ours, theirs in REFERENCES.items()
            if own and ours in references and theirs in known
        ]
        if len(offsets) >= _LEAST_REFERENCES:
            ratios.append(float(np.median(offsets)))
    return float(np.exp(np.median(ratios))) if ratios else None


def read_measured(path: Path) -> dict[str, float]:
    """Seconds by the zoo's name; empty where nothing was measured."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        return {line["model"]: float(line["seconds"]) for line in lines}


def document(found: Iterable[Judged], data_sha256: str) -> str:
    """JSON that the zoo reads: ratios by stand-in."""
    models = {
        item.stand_in: {
            "ratio": round(item.ratio, 3),
            **({} if item.ratio_measured is None else {"measured": round(item.ratio_measured, 3)}),
            "machines": item.machines,
            "published": list(item.published),
        }
        for item in found
        if item.stand_in is not None
    }
    head = {"schema": SCHEMA, "command": COMMAND, "data_sha256": data_sha256}
    return json.dumps({**head, "models": models}, indent=1) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write ``stand_ins.json`` beside the calibration."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--profiles", type=Path, default=None, help="folder of profiles (default: the shipped one)")
    arguments = parser.parse_args(argv)
    root = profiles_dir() if arguments.profiles is None else arguments.profiles
    found = judge_shipped(arguments.profiles)
    target = root / "calibration" / "stand_ins.json"
    target.write_text(document(found, load_dataset(arguments.profiles).sha256), encoding="utf-8")
    sys.stdout.write(f"{target}: {sum(item.stand_in is not None for item in found)} stand-ins\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
