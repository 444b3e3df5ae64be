"""Whether stated probabilities hold: mixes of published models on machines that were left out, as a markdown page.

``python -m benchmarks.reliability``: it measures nothing and needs ``profiles/`` alone. Errors and bands are those of
the section on machines that are not at hand, nested as there; this section adds what they say of several models at
once, and of models that nobody published.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from advisor.calibration.bands import CASES, NestedWidths
from advisor.calibration.crossval import relative
from advisor.calibration.left_out import LeftOutErrors
from advisor.calibration.reliability import (
    PER_MACHINE,
    Judgements,
    Limits,
    clustered_error,
    confident,
    judged_mixes,
    probability_resolution,
    reliability_table,
    score,
)
from advisor.calibration.shares import precision_correlation
from advisor.calibration.transfer import JudgedCalibration
from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES

from .common import table
from .transfer import judged_machines

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_MIXED = {
    "spec": "published models, machine left out",
    "unpublished": "machine and model family left out",
    "once": "the same, model measured on one other machine",
    "anchored": "other models of the machine known",
}
"""Cases of which mixes are drawn."""
_CASES = {
    **_MIXED,
    "published": "another source has this model on this machine",
    "unseen": "model family left out, machine known",
}
_CELLS = tuple((precision, mode) for precision in ("f32", "int8") for mode in MODES)


def _of(errors: LeftOutErrors, case: str) -> Array:
    return {
        "spec": errors.machine,
        "unpublished": errors.unpublished,
        "once": errors.once,
        "anchored": errors.anchored,
        "published": errors.published,
        "unseen": errors.unseen,
    }[case]


def _share(flags: Flags, machines: Sequence[str]) -> str:
    """Share with its standard error, machines being right or wrong together."""
    error = clustered_error(flags, machines)
    return f"{100 * flags.mean():.1f} %" + (f" (± {100 * error:.1f})" if np.isfinite(error) else "")


def _bins(judged: Judgements) -> str:
    head = ["stated", "mixes", "machines", "mean stated", "observed", "standard error"]
    rows = [
        [
            f"{item.low:.1f} to {item.high:.1f}",
            item.count,
            item.machines,
            f"{100 * item.stated:.1f} %",
            f"{100 * item.observed:.1f} %",
            f"{100 * item.standard_error:.1f}" if np.isfinite(item.standard_error) else None,
        ]
        for item in reliability_table(judged)
    ]
    return table(head, rows)


_SCORES = ["mixes of", "limits", "factors", "Brier", "reliability", "resolution", "uncertainty", "sharpness"]


def _scores(mixes: dict[tuple[str, Limits], Judgements]) -> str:
    rows = []
    for (case, limits), judged in mixes.items():
        one = replace(judged, stated=judged.one_factor)
        for name, part in (("joint", judged), ("one for all", one)):
            found, sure = score(part.stated, part.held), confident(part)
            figures = [found.brier, found.reliability, found.resolution, found.uncertainty, found.sharpness]
            held = _share(sure.held, sure.machines)
            first = [_MIXED[case], limits, name]
            rows.append([*first, *(f"{x:.4f}" for x in figures), len(sure.stated), held])
    return table([*_SCORES, "stated >= 0.9", "of these hold"], rows)


def _by_class(mixes: dict[tuple[str, Limits], Judgements]) -> str:
    rows = []
    for (case, limits), judged in mixes.items():
        if limits != "even":
            continue
        simd = np.array(judged.simd)
        for name in ("all", *sorted(set(judged.simd))):
            sure = confident(judged if name == "all" else judged.take(simd == name))
            if len(sure.stated):
                stated, held = f"{100 * sure.stated.mean():.1f} %", _share(sure.held, sure.machines)
                rows.append([_MIXED[case], name, len(set(sure.machines)), len(sure.stated), stated, held])
    return table(["mixes of", "SIMD class", "machines", "stated >= 0.9", "mean stated", "of these hold"], rows)


def _error_row(name: str, errors: Array, machines: Sequence[str], models: Sequence[str]) -> list[object]:
    share = relative(errors)
    return [
        name, len(set(machines)), len(set(models)), len(errors), f"{100 * np.median(share):.1f} %",
        f"{100 * share.mean():.1f} %", f"{100 * (share <= 0.2).mean():.0f} %", f"{np.median(errors):+.2f}",
    ]  # fmt: skip


def _buyers_cell(judged: JudgedCalibration) -> str:
    errors, rows = judged.errors, judged.errors.data.rows
    found = []
    for precision, mode in _CELLS:
        cell = _cell(errors, precision, mode)
        ways: dict[str, list[tuple[int, float]]] = {
            "machine left out": [(i, float(errors.machine[i])) for i in np.flatnonzero(cell)],
            "machine and family left out": [(i, float(errors.unpublished[i])) for i in np.flatnonzero(cell)],
            _MIXED["once"]: [(item.row, item.error) for item in judged.elsewhere if cell[item.row]],
        }
        for name, pairs in ways.items():
            machines, models = [rows[i].machine for i, _ in pairs], [rows[i].model for i, _ in pairs]
            values = np.array([value for _, value in pairs])
            found.append([precision, mode, *_error_row(name, values, machines, models)])
    head = [
        "precision",
        "mode",
        "left out",
        "machines",
        "models",
        "rows",
        "median",
        "mean",
        "within 20 %",
        "bias (log)",
    ]
    return table(head, found)


def _cell(errors: LeftOutErrors, precision: str, mode: str) -> Flags:
    rows = errors.data.rows
    of_cell = np.array([(PRECISIONS[row.precision], MODES[row.mode]) == (precision, mode) for row in rows])
    result: Flags = errors.judged & of_cell
    return result


def _coverage(errors: LeftOutErrors, widths: dict[str, NestedWidths]) -> str:
    simd = np.array([SIMD_CLASSES[i] for i in errors.data.machines.simd])
    names = [row.machine for row in errors.data.rows]
    rows = []
    for case in CASES:
        actual = _of(errors, case)
        inside = widths[case].inside(actual)
        for group in ("all", *sorted(set(simd[errors.judged]))):
            cells: list[object] = []
            for precision, mode in _CELLS:
                part = np.flatnonzero(
                    _cell(errors, precision, mode) & np.isfinite(actual) & ((simd == group) | (group == "all"))
                )
                cells.append(_share(inside[part], [names[i] for i in part]) if len(part) else None)
            rows.append([_CASES[case], group, *cells])
    return table(["prediction rests on", "SIMD class", *(f"{p} {m}" for p, m in _CELLS)], rows)


def _shares(judged: JudgedCalibration) -> str:
    rows = [
        [item.key, f"{item.machine_share:.2f}", f"{item.low:+.2f} to {item.high:+.2f}", item.machines, item.rows]
        for item in judged.bands
        if "bf16" not in item.key
    ]
    return table(["band", "machine's share", "P10 to P90 (log)", "units", "rows"], rows)


def _correlations(errors: LeftOutErrors) -> Iterator[str]:
    for mode in MODES:
        cells = [np.flatnonzero(_cell(errors, precision, mode) & errors.counted) for precision in ("f32", "int8")]
        found = precision_correlation(errors.machine, errors.data.rows, *cells)
        yield f"{found:.2f} ({mode})"


def page(judged: JudgedCalibration, per_machine: int = PER_MACHINE) -> str:
    """Return the section for errors and bands that are there, from so many mixes per machine."""
    errors, widths = judged.errors, judged.widths
    kinds: tuple[Limits, ...] = ("even", "spread")
    mixes = {
        (case, limits): judged_mixes(errors, _of(errors, case), widths[case], limits, per_machine=per_machine)
        for case in _MIXED
        for limits in kinds
    }
    known, unpublished = mixes["spec", "even"], mixes["unpublished", "even"]
    return "\n".join(
        [
            "Mixes of two to four published models with random rates on machines that were left out with their chip's "
            "family, "
            f"{per_machine} per machine; the stated probability is the share of joint draws of their errors that stay "
            "within a limit, and a mix held if the published speeds say so. Bands and shares come from the *other* "
            "families. Limits: `even`, drawn so that stated probabilities are spread evenly, which a table of ten bins "
            "needs; `spread`, demand over limit from 0.3 to 3 at the medians, where most cases are clear. Standard "
            "errors are in percentage points, with whole machines as the unit that is right or wrong. Rows: tuned "
            "benchmarks, and those of machines that have no others; the boxes that are not learned from are judged.",
            "",
            "### Published models on machines left out: stated against observed",
            "",
            _bins(known),
            "",
            "### Models without a published figure on machines left out: stated against observed",
            "",
            _bins(unpublished),
            "",
            f"What the first table can tell apart near 0.9 (two standard errors of what holds of 0.85 to 0.95): "
            f"± {100 * probability_resolution(known):.1f} percentage points.",
            "",
            "### Brier score and its parts, beside one factor for all models (as in 0.1)",
            "",
            _scores(mixes),
            "",
            "### Mixes stated to hold with 0.9 or more, limits even",
            "",
            _by_class(mixes),
            "",
            "### A model that is unpublished, on a machine that is",
            "",
            "Family: the family of the work tables, and every model whose name begins with the same words before its "
            "first number. Physics is fitted without the chip's family; the residual process saw neither family.",
            "",
            _buyers_cell(judged),
            "",
            "### Coverage by what a prediction rests on",
            "",
            _coverage(errors, widths),
            "",
            "### Share of the variance that all models on a machine have in common",
            "",
            f"Correlation of the machine's part between f32 and int8: {', '.join(_correlations(errors))}; the joint "
            "draws take 1.",
            "",
            _shares(judged),
        ]
    )


def run(quick: bool = False) -> str:
    """Leave everything out, or take over what another section has left out, and return the section."""
    return page(judged_machines(quick)[1])


if __name__ == "__main__":
    sys.stdout.write(run("--quick" in sys.argv[1:]) + "\n")
