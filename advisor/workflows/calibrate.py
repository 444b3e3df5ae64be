"""Fitting the performance model, and saying how well it predicts what it has not seen."""

from __future__ import annotations

from pathlib import Path

from advisor.errors import Inconclusive
from advisor.records.calibration import TransferCalibration

from .calibration_report import CalibrationReport, report_of
from .context import Say, silent


def calibrate_model(
    *, output: Path | None, shipped: bool, force: bool, store_url: str | None = None, say: Say = silent
) -> CalibrationReport:
    """Fit, judge on what was left out, and keep the fit unless it is worse than the one that ships.

    Raises
    ------
    Inconclusive
        The new fit is worse than the shipped one and ``force`` is not given, or the store holds too little.
    """
    if not shipped:
        from .calibrate_here import calibrate_here

        return calibrate_here(output=output, force=force, store_url=store_url, say=say)
    from advisor.calibration.dataset import load_dataset
    from advisor.calibration.transfer import calibrate
    from advisor.store.files import read_document, write_document
    from advisor.store.paths import profiles_dir

    target = profiles_dir() / "calibration" / "transfer.json"
    say("fitting the published figures, and once more for each machine that is left out: a few minutes")
    fitted = calibrate(load_dataset())
    lines = [f"{len(fitted.rows)} rows of {len(fitted.machines)} machines, data {fitted.data_sha256[:12]}"]
    known = read_document(target, TransferCalibration) if target.exists() else None
    if known is not None and not force and _overall(fitted) > _overall(known) * 1.02 + 1e-9:
        raise Inconclusive(
            f"the new fit errs by {_overall(fitted):.1f} % on machines left out, the stored one by "
            f"{_overall(known):.1f} %; keep it with --force"
        )
    written = write_document(output or target, fitted)
    lines.append(f"wrote {written}")
    return report_of(lines, fitted.accuracy)


def _overall(fit: TransferCalibration) -> float:
    """Mean of the groups' median errors without anchors [%]; infinite where no group was judged."""
    errors = [row.median_pct for row in fit.accuracy if row.anchors == 0]
    return sum(errors) / len(errors) if errors else float("inf")
