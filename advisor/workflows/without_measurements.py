"""What a plan would recommend without the measurements that this machine lends to others, and which these are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.records.measurement import TimingMeasurement
from advisor.records.plan import WithoutMeasurements

if TYPE_CHECKING:
    from advisor.planner.question.inputs import PlanInputs
    from advisor.store.measurements import MeasurementStore


def without_measurements(inputs: PlanInputs, bare: PlanInputs, store: MeasurementStore) -> WithoutMeasurements | None:
    """Plan once more on what is left without the measurements that only ``inputs`` rests on.

    Parameters
    ----------
    inputs, bare : PlanInputs
        What the plan is made from, and the same where no machine's measurements enter the predictions of others.
    store : MeasurementStore
        Holds the measurements that are named in ``inputs.basis``.

    Returns
    -------
    WithoutMeasurements or None
        None where both rest on the same measurements.
    """
    from advisor.planner.plan import plan

    if inputs.basis is None or bare.basis is None:
        return None
    lent = set(inputs.basis.measurements) - set(bare.basis.measurements)
    if not lent:
        return None
    best = plan(bare).recommended
    return WithoutMeasurements(
        entered=_entered(lent, inputs, store),
        platform=None if best is None else best.platform,
        count=0 if best is None else best.count,
        price=None if best is None else best.price,
        probability=None if best is None else best.probability,
    )


def _entered(keys: set[str], inputs: PlanInputs, store: MeasurementStore) -> tuple[str, ...]:
    """One line per timing of a model of the scenario; the rest of what was lent is only counted."""
    files = {model.sha256 for model in inputs.models.values()}
    found = [store.get(key) for key in keys]
    rows = [row for row in found if isinstance(row, TimingMeasurement) and row.model_sha256 in files]
    lines = sorted(
        f"{row.model} {row.config.precision}, {row.config.streams} x {(row.config.threads or 0) // row.config.streams} "
        f"threads: {row.summary}"
        for row in rows
        if row.config.streams
    )
    rest = len(keys) - len(lines)
    return (*lines, *((f"{rest} of other models and of this machine, to compare with",) if rest else ()))
