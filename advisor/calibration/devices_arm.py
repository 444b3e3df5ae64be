"""Arm cores under ncnn: a design, a model and a clock, fitted on published boards and judged with each left out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.devices.arm import THREADS
from advisor.perfmodel.devices.calibration import Accuracy, Arm, Offset
from advisor.perfmodel.devices.figures import load_figures
from advisor.store.paths import profiles_dir

from .device_errors import Errors, accuracy, band

Array = NDArray[np.float64]
MODEL_SD, DESIGN_SD, BOARD_SD, NOISE_SD = 3.0, 2.0, 0.12, 0.12
"""Deviations (log). Models and designs differ widely and are in effect free. Source: project assumption."""
OPENVINO_RATIO = (0.90, 1.06, 1.25)
"""OpenVINO f32 over ncnn: 0.92 on a Raspberry Pi 5, 1.04 to 1.24 on a Jetson Orin Nano. Source: Ultralytics' pages."""


class Row(NamedTuple):
    """One published time."""

    board: str
    design: str
    clock_ghz: float
    model: str
    log_time: float


def rows_of(threads: str) -> list[Row]:
    """Ncnn in its default precision; boards with fewer cores of the kind than threads are of two kinds mixed."""
    with (profiles_dir() / "published" / "arm_boards.csv").open(encoding="utf-8", newline="") as stream:
        boards = {line["device"]: line for line in csv.DictReader(stream)}
    found = []
    for board, line in sorted(boards.items()):
        if int(line["cores"]) < int(threads):
            continue
        for model, figures in sorted(load_figures().by_device.get(board, {}).items()):
            times = [
                row.latency_s
                for row in figures
                if row.source == "ncnn" and row.precision == "f16" and row.threads == int(threads) and row.latency_s
            ]
            if times:
                found.append(
                    Row(board, line["design"], float(line["clock_ghz"]), model, float(np.log(np.median(times))))
                )
    return found


def fit(rows: Sequence[Row]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Designs, models and boards by ridge regression on log(time x clock), three times without what lies far off."""
    names = [
        sorted({row.design for row in rows}),
        sorted({row.model for row in rows}),
        sorted({row.board for row in rows}),
    ]
    at = [{name: i for i, name in enumerate(part)} for part in names]
    sizes = [len(part) for part in names]
    starts = [0, sizes[0], sizes[0] + sizes[1]]
    x = np.zeros((len(rows), sum(sizes)))
    for i, row in enumerate(rows):
        for start, index, name in zip(starts, at, (row.design, row.model, row.board), strict=True):
            x[i, start + index[name]] = 1.0
    y = np.array([row.log_time + np.log(row.clock_ghz) for row in rows])
    centre = float(y.mean())
    prior = np.repeat([DESIGN_SD, MODEL_SD, BOARD_SD], sizes)
    weights: Array = np.ones(len(rows))
    z: Array = np.zeros(sum(sizes))
    for _ in range(3):
        left = (x * weights[:, None]).T @ x / NOISE_SD**2 + np.diag(prior**-2.0)
        z = np.asarray(np.linalg.solve(left, x.T @ (weights * (y - centre)) / NOISE_SD**2), dtype=np.float64)
        off = np.abs(y - centre - x @ z) / NOISE_SD
        weights = np.asarray(np.minimum(1.0, 2.0 / np.maximum(off, 1e-9)), dtype=np.float64)
    parts = [dict(zip(names[k], z[starts[k] : starts[k] + sizes[k]].tolist(), strict=True)) for k in range(3)]
    parts[1] = {name: value + centre for name, value in parts[1].items()}
    return parts[0], parts[1], parts[2]


def fit_arm() -> tuple[Arm, list[Accuracy]]:
    """Fit, bands and the rows of the accuracy table."""
    designs, models, boards, bands, table = {}, {}, {}, {}, []
    for threads in THREADS:
        rows = rows_of(threads)
        of_design, of_model, of_board = fit(rows)
        designs[threads] = {name: _offset(value, name, [r.design for r in rows]) for name, value in of_design.items()}
        models[threads] = {name: _offset(value, name, [r.model for r in rows]) for name, value in of_model.items()}
        boards[threads] = {name: _offset(value, name, [r.board for r in rows]) for name, value in of_board.items()}
        for kind, found in (
            ("spec", _boards_left_out(rows)),
            ("anchored", _models_left_out(rows)),
        ):
            bands[f"{kind}/{threads}"] = band(found)
            words = "board left out" if kind == "spec" else "model left out on its board"
            table.append(accuracy(f"Arm cores, ncnn, {threads} thread{'s' * (threads != '1')}, {words}", found))
    return Arm(designs=designs, models=models, devices=boards, bands=bands, openvino_ratio=OPENVINO_RATIO), table


def _offset(value: float, name: str, names: Sequence[str]) -> Offset:
    return Offset(value=round(value, 5), rows=list(names).count(name))


def _boards_left_out(rows: Sequence[Row]) -> Errors:
    found: list[tuple[float, str]] = []
    for board in sorted({row.board for row in rows}):
        rest, mine = [row for row in rows if row.board != board], [row for row in rows if row.board == board]
        designs, models, _ = fit(rest)
        found += [
            (row.log_time + float(np.log(row.clock_ghz)) - designs[row.design] - models[row.model], board)
            for row in mine
            if row.design in designs and row.model in models
        ]
    return _errors(found)


def _models_left_out(rows: Sequence[Row]) -> Errors:
    found: list[tuple[float, str]] = []
    folds = 5
    for fold in range(folds):
        held = [i for i in range(len(rows)) if i % folds == fold]
        rest = [row for i, row in enumerate(rows) if i % folds != fold]
        designs, models, boards = fit(rest)
        for i in held:
            row = rows[i]
            if row.design in designs and row.model in models and row.board in boards:
                known = designs[row.design] + models[row.model] + boards[row.board]
                found.append((row.log_time + float(np.log(row.clock_ghz)) - known, row.board))
    return _errors(found)


def _errors(found: Sequence[tuple[float, str]]) -> Errors:
    names = tuple(name for _, name in found)
    return Errors(np.array([error for error, _ in found]), names, np.zeros(len(found), dtype=np.int64), names)
