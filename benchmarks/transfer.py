"""Held-out error of predictions for machines that are not at hand, as a markdown page.

``python benchmarks/transfer.py``: every chip with its near twins is left out in turn of the physical fit and of the
residual process, and the scales, priors and strictness of both are chosen without any family of its fold (nested);
nothing printed is in-sample. Beside it the same with one machine left out at a time, and with those choices made on all
machines. Under five minutes on two cores; ``--quick`` keeps choices and physics of the whole (flattering).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from advisor.calibration.crossval import (
    HeldOutErrors,
    accuracy_table,
    held_out,
    relative,
    summarise,
)
from advisor.calibration.dataset import Dataset, load_dataset
from advisor.calibration.published import is_tuned
from advisor.calibration.reliability import clustered_error
from advisor.calibration.scales import choose
from advisor.calibration.source_disagreement import source_disagreements, without_medians
from advisor.calibration.transfer import JudgedCalibration, judge
from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.records.calibration import AccuracyRow

from .baselines import log_linear_errors, nearest_machine_errors


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---"] * len(names))]


def _standard_errors(judged: JudgedCalibration, chosen: Callable[[str], bool]) -> dict[tuple[str, str, str], float]:
    """Standard error of each group's coverage."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    data = judged.held.data
    for i, row in enumerate(data.rows):
        if chosen(row.era):
            cell = PRECISIONS[row.precision], MODES[row.mode]
            for name in ("all", SIMD_CLASSES[data.machines.simd[i]]):
                groups.setdefault((name, *cell), []).append(i)
    return {
        key: clustered_error(judged.inside[part], [data.rows[i].machine for i in part]) for key, part in groups.items()
    }


def _rows(
    table: Sequence[AccuracyRow], spec_only: bool, standard_errors: Mapping[tuple[str, str, str], float] | None = None
) -> list[str]:
    out = []
    for row in table:
        if (row.anchors == 0) == spec_only:
            cover = "" if row.coverage is None else f"{100 * row.coverage:.0f} %"
            standard_error = (standard_errors or {}).get((row.group, row.precision, row.mode), float("nan"))
            cover += f" (± {100 * standard_error:.0f})" if np.isfinite(standard_error) else ""
            first = [row.group, row.precision, row.mode] if spec_only else [row.precision, row.mode, row.anchors]
            figures = [
                row.machines,
                row.rows,
                f"{row.median_pct:.1f} %",
                f"{row.mean_pct:.1f} %",
                f"{100 * row.within_20:.0f} %",
            ]
            out.append(_line([*first, *figures, *([cover] if spec_only else [])]))
    return out


def _baselines(dataset: Dataset, held: HeldOutErrors) -> list[str]:
    rows = held.data.rows
    named = {
        "sizer": held.errors,
        "ratio of nominal peaks from the nearest machine": nearest_machine_errors(held.data, dataset.specs),
        "log-linear on nominal peak and bandwidth": log_linear_errors(held.data, dataset.specs),
    }
    out = _head(["method", "precision", "mode", "rows", "median", "mean", "within 20 %"])
    for name, errors in named.items():
        for precision in (0, 2):
            for mode in (0, 1):
                part = [
                    i
                    for i, row in enumerate(rows)
                    if (row.precision, row.mode) == (precision, mode) and is_tuned(row.era) and np.isfinite(errors[i])
                ]
                share = relative(errors[part])
                figures = [
                    f"{100 * np.median(share):.1f} %",
                    f"{100 * share.mean():.1f} %",
                    f"{100 * (share <= 0.2).mean():.0f} %",
                ]
                out.append(_line([name, PRECISIONS[precision], MODES[mode], len(part), *figures]))
    return out


def _by(held: HeldOutErrors, label: str) -> list[tuple[float, str, int, float]]:
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(held.data.rows):
        groups.setdefault(f"{row.machine} ({row.era})" if label == "machine" else row.model, []).append(i)
    found = []
    for name, part in groups.items():
        errors = held.errors[part]
        found.append((float(np.median(relative(errors))), name, len(part), float(np.median(errors))))
    return sorted(found)


def _unseen(held: HeldOutErrors, unseen: NDArray[np.float64]) -> list[str]:
    out = _head(["precision", "mode", "models", "rows", "median", "mean", "within 20 %"])
    for precision in (0, 2):
        for mode in (0, 1):
            part = [i for i, row in enumerate(held.data.rows) if (row.precision, row.mode) == (precision, mode)]
            share = relative(unseen[part])
            figures = [
                f"{100 * np.median(share):.1f} %",
                f"{100 * share.mean():.1f} %",
                f"{100 * (share <= 0.2).mean():.0f} %",
            ]
            models = len({held.data.rows[i].model for i in part})
            out.append(_line([PRECISIONS[precision], MODES[mode], models, len(part), *figures]))
    return out


def _disagreements(held: HeldOutErrors) -> list[str]:
    out = _head(["tables", "precision", "mode", "machines", "pairs", "floor", "software known", "machine known"])
    for pair in source_disagreements(held.data.rows):
        shares = (pair.raw, pair.software_known, pair.machine_known)
        figures = [f"{100 * np.expm1(share):.1f} %" for share in shares]
        first = [" and ".join(pair.eras), pair.precision, pair.mode, pair.machines, pair.pairs]
        out.append(_line([*first, *figures]))
    return out


def _levels(held: HeldOutErrors) -> list[str]:
    """Errors of tuned tables, and what is left of them once medians per machine, source or model are taken off."""
    rows = held.data.rows
    known = ["machine's level known", "per source, too", "and each model's"]
    out = _head(["precision", "mode", "rows", "as judged", *known])
    for precision, mode in ((0, 0), (0, 1), (2, 0), (2, 1)):
        part = [i for i, row in enumerate(rows) if (row.precision, row.mode) == (precision, mode) and is_tuned(row.era)]
        errors = held.errors[part]
        of_machine = without_medians(errors, [rows[i].machine for i in part])
        of_source = without_medians(errors, [f"{rows[i].machine} {rows[i].era}" for i in part])
        of_model = without_medians(of_source, [rows[i].model for i in part])
        medians = [100 * float(np.median(relative(x))) for x in (errors, of_machine, of_source, of_model)]
        out.append(_line([PRECISIONS[precision], MODES[mode], len(part), *(f"{median:.1f} %" for median in medians)]))
    return out


def _named(held: HeldOutErrors) -> list[AccuracyRow]:
    rows, found = held.data.rows, []
    for precision in range(3):
        for mode in range(2):
            for count, pairs in held.named.items():
                mine = [
                    (i, error)
                    for i, error in pairs
                    if (rows[i].precision, rows[i].mode) == (precision, mode) and is_tuned(rows[i].era)
                ]
                if mine:
                    errors = np.array([error for _, error in mine])
                    names = [rows[i].machine for i, _ in mine]
                    found.append(summarise("all", PRECISIONS[precision], MODES[mode], count, errors, names))
    return found


def _is_dli(era: str) -> bool:
    return era.startswith("dli")


def _is_serving(era: str) -> bool:
    return era == "openvino-serving"


_COLUMNS = ["SIMD class", "precision", "mode", "machines", "rows", "median", "mean", "within 20 %", "coverage"]


@cache
def judged_machines(quick: bool) -> tuple[Dataset, JudgedCalibration]:
    """Leave everything out once for all sections that show something of it."""
    dataset = load_dataset()
    return dataset, judge(dataset, choose(dataset), quick=quick)


def run(quick: bool = False) -> str:
    """Compute everything and return the page."""
    dataset, judged = judged_machines(quick)
    choice = judged.choice
    held = judged.held
    tuned = accuracy_table(held, judged.inside, is_tuned)
    shown = replace(held, errors=held.shown, anchored={})
    default = accuracy_table(shown, judged.inside, _is_dli)
    serving = accuracy_table(shown, judged.inside, _is_serving)
    machines = {row.machine for row in held.data.rows}
    lines = [
        f"Rows: OpenVINO on CPU, batch 1, {len(held.errors)} medians over releases, {len(machines)} machines, "
        f"{len({row.model for row in held.data.rows})} models. Filter: `profiles/compile_published.py`, dropped rows: "
        "`profiles/published/dropped.csv`. Coverage: share of held-out rows inside P10-P90, "
        "bands and their factors from the other families; in brackets its standard error, in percentage points, with "
        "whole machines as the unit that is right or wrong. Where the harness is another than the vendor's, errors and "
        "coverage are those of the prediction as it is shown, which stands for the vendor's."
        + (" QUICK: physics and scales saw the machines that are judged." if quick else ""),
        "",
        "### Data sheet only, vendor's tuned tables (OpenVINO 2022 and 2024, ESQ), one family of chips left out",
        "",
        *_head(_COLUMNS),
        *_rows(tuned, True, _standard_errors(judged, is_tuned)),
        "",
        "### With models measured on the target (drawn at random, five draws)",
        "",
        *_head(["precision", "mode", "anchors", "machines", "rows", "median", "mean", "within 20 %"]),
        *_rows(tuned, spec_only=False),
        "",
        "### With the models measured that would narrow the rest most (chosen before any is measured)",
        "",
        *_head(["precision", "mode", "anchors", "machines", "rows", "median", "mean", "within 20 %"]),
        *_rows(_named(held), spec_only=False),
        "",
        "### The floor: how far two published tables of the same machine and model lie apart",
        "",
        "The median error of a predictor that knew the true time; then of one that also knows what the software "
        "between the tables did to each model; then each machine's shift, too (both in-sample).",
        "",
        *_disagreements(held),
        "",
        "### What the errors above are made of: levels of machines and of models",
        "",
        "Median errors once the median of each machine's errors is known, per precision and mode (in-sample: one "
        "number per machine), then that of each of its sources, then that of each model.",
        "",
        *_levels(held),
        "",
        "### Naive baselines on the same rows (one machine left out at a time, near twins known)",
        "",
        *_baselines(dataset, held),
        "",
        "### Whole SIMD classes left out: servers with AVX-512 from desktops without, and the reverse",
        "",
        "Scales are those chosen on all machines; physics and residuals are fitted without the class.",
        "",
        *_head(_COLUMNS[:-1]),
        *(
            line.rsplit(" | ", 1)[0] + " |"
            for line in _rows(
                accuracy_table(replace(held, errors=judged.errors.classes, anchored={}), judged.inside, is_tuned), True
            )
        ),
        "",
        "### A harness with framework defaults (DLI), one family of chips left out",
        "",
        *_head(_COLUMNS),
        *_rows(default, True, _standard_errors(judged, _is_dli)),
        "",
        "### Tables published with the model server (single figures are noisy), one family of chips left out",
        "",
        *_head(_COLUMNS),
        *_rows(serving, True, _standard_errors(judged, _is_serving)),
        "",
        "### Models that no fitted row knows (whole families left out, machines known)",
        "",
        *_unseen(held, judged.errors.unseen),
    ]
    if not quick:
        each = held_out(dataset, judged.choices, {name: i for i, name in enumerate(sorted(machines))})
        lines += [
            "",
            "### One machine left out at a time: near twins of the chip stay known",
            "",
            *_head(_COLUMNS[:-1]),
            *(
                line.rsplit(" | ", 1)[0] + " |"
                for line in _rows(accuracy_table(each, judged.inside, is_tuned), spec_only=True)
            ),
        ]
        same = held_out(dataset, dict.fromkeys(machines, choice), held.families)
        loose = accuracy_table(same, judged.inside, is_tuned)
        lines += [
            "",
            "### What nesting costs: scales and strictness chosen on all machines, families then left out of the fits",
            "",
            *_head(_COLUMNS[:-1]),
            *(line.rsplit(" | ", 1)[0] + " |" for line in _rows(loose, spec_only=True) if line.startswith("| all")),
        ]
    lines += [
        "",
        "### Machines, best to worst",
        "",
        *_head(["machine (source)", "SIMD class", "rows", "median", "bias (log)"]),
    ]
    simd = {row.machine: SIMD_CLASSES[held.data.machines.simd[i]] for i, row in enumerate(held.data.rows)}
    lines += [
        _line([name, simd[name.split(" ")[0]], n, f"{100 * m:.1f} %", f"{b:+.2f}"])
        for m, name, n, b in _by(held, "machine")
    ]
    models = [entry for entry in _by(held, "model") if entry[2] >= 4]
    lines += [
        "",
        "### Models, ten best and ten worst (4 rows or more)",
        "",
        *_head(["model", "rows", "median", "bias (log)"]),
    ]
    lines += [_line([name, n, f"{100 * m:.1f} %", f"{b:+.2f}"]) for m, name, n, b in [*models[:10], *models[-10:]]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(run("--quick" in sys.argv[1:]))
