"""Fitting what this machine has measured, judged on models and families that were left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import Inconclusive

from .calibration_report import CalibrationReport, report_of
from .context import Say, local_facts, open_store, silent

if TYPE_CHECKING:
    from advisor.calibration.crossval_local import HeldOutPrediction
    from advisor.perfmodel.here.calibration import HostCalibration
    from advisor.records.machine import MachineSpec
    from advisor.records.measurement import Measurement, MicroBenchmark

LEAST_MODELS = 3
"""Fewer measured models than this cannot say how well an unseen one is predicted."""


def calibrate_here(
    *, output: Path | None = None, force: bool = False, store_url: str | None = None, say: Say = silent
) -> CalibrationReport:
    """Fit this machine's measurements, print the error on what was left out, keep the fit unless it is worse.

    Raises
    ------
    Inconclusive
        The store holds too little, or the fit errs more than the shipped one and ``force`` is not given.
    """
    from advisor.host import machine_spec

    with open_store(store_url) as store:
        facts = local_facts(store)
        rows = store.find(host_fingerprint=facts.fingerprint, status="done")
        micro = store.micro(facts.fingerprint)
    return calibrate_rows(machine_spec(facts), facts.fingerprint, rows, micro, output=output, force=force, say=say)


def calibrate_rows(
    host: MachineSpec,
    fingerprint: str,
    rows: Sequence[Measurement],
    micro: Sequence[MicroBenchmark],
    *,
    output: Path | None = None,
    force: bool = False,
    say: Say = silent,
) -> CalibrationReport:
    """Do the same with the measurements given."""
    from advisor.calibration.crossval_local import held_out_predictions, next_measurement, unseen_on_host
    from advisor.perfmodel.here.calibration import SHARINGS, HostCalibration, host_calibration_path
    from advisor.store.files import write_document

    _enough(rows)

    def judged(sharing: float, group_of: Callable[[str], str]) -> list[HeldOutPrediction]:
        return held_out_predictions(host, rows, micro, group_of, HostCalibration(sharing=sharing))

    def alone(name: str) -> str:
        return name

    say("predicting every measured model from the others")
    shipped = judged(1.0, alone)
    count = len({item.model for item in shipped})
    if count < LEAST_MODELS:
        raise Inconclusive(
            f"of only {count} timed models the kernels are known, {LEAST_MODELS} are needed; run `sizer bench --quick`"
        )
    tried = {sharing: shipped if sharing == 1.0 else judged(sharing, alone) for sharing in SHARINGS}
    sharing = min(tried, key=lambda value: (_error(tried[value]), value != 1.0))
    family = family_of()
    families = judged(sharing, family)
    # With few families models are the unit: leaving one of two families out leaves no machine to speak of.
    enough = len({item.group for item in families}) >= LEAST_MODELS
    best = families if enough else tried[sharing]
    error, known = _error(best), _error(judged(1.0, family) if enough else shipped)
    fit = _fitted(fingerprint, rows, sharing, best)
    if error > known * 1.02 + 1e-9 and not force:
        raise Inconclusive(
            f"the new fit errs by {100 * error:.1f} % on what was left out, the shipped one by {100 * known:.1f} %; "
            "keep it with --force"
        )
    accuracy = (
        *unseen_on_host("model", _widened(tried[sharing], fit)),
        *unseen_on_host("family", _widened(families, fit)),
    )
    fit = fit.model_copy(update={"accuracy": accuracy})
    target = output or host_calibration_path(fingerprint)
    if output is None:
        target.parent.mkdir(parents=True, exist_ok=True)
    written = write_document(target, fit)
    return report_of(
        [
            f"{len(rows)} measurements, {len({row.model for row in rows})} models; sharing {sharing:g}, "
            f"interval width {fit.width:.2f} (shipped: 1, 1); coverage below is with that width",
            next_measurement(best, rows),
            f"wrote {written}",
        ],
        accuracy,
    )


def _enough(rows: Sequence[Measurement]) -> None:
    from advisor.records.measurement import ProfileMeasurement, TimingMeasurement

    timed = {row.model for row in rows if isinstance(row, TimingMeasurement)}
    profiled = {row.model for row in rows if isinstance(row, ProfileMeasurement)}
    if len(timed) < LEAST_MODELS or len(profiled) < LEAST_MODELS:
        raise Inconclusive(
            f"the store holds timings of {len(timed)} and kernel profiles of {len(profiled)} models of this machine, "
            f"{LEAST_MODELS} of each are needed; run `sizer bench --quick`"
        )


def family_of() -> Callable[[str], str]:
    """Family of a model's name: the zoo's for its architectures, else the name up to its first digit."""
    from advisor.perfmodel.analytic.work_table import canonical_name
    from advisor.zoo import list_models

    known = {item.name: item.family for item in list_models()}

    def family(name: str) -> str:
        plain = canonical_name(name)
        return known.get(plain) or plain.rstrip("0123456789.-_") or plain

    return family


def _error(judged: Sequence[HeldOutPrediction]) -> float:
    """Mean over models of the mean absolute log error: no model counts more for having been measured more often."""
    groups: dict[str, list[float]] = {}
    for item in judged:
        groups.setdefault(item.model, []).append(abs(item.error))
    return sum(sum(part) / len(part) for part in groups.values()) / len(groups)


def _fitted(
    fingerprint: str, rows: Sequence[Measurement], sharing: float, judged: Sequence[HeldOutPrediction]
) -> HostCalibration:
    from advisor.perfmodel.here.calibration import HostCalibration, width_factor

    digest = hashlib.sha256("\n".join(sorted(row.key for row in rows)).encode()).hexdigest()
    return HostCalibration(
        sizer_version=__version__,
        created=utc_now(),
        host_fingerprint=fingerprint,
        data_sha256=digest,
        sharing=sharing,
        width=round(
            width_factor([i.error for i in judged], [i.width / 2.0 for i in judged], [i.group for i in judged]), 3
        ),
    )


def _widened(judged: Sequence[HeldOutPrediction], fit: HostCalibration) -> list[HeldOutPrediction]:
    return [item.widened(fit.width) for item in judged]
