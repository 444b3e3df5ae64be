"""From measurements in rounds to the rows of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from advisor.records.comparison import Agreement, PrecisionGain, VariantResult

if TYPE_CHECKING:
    from advisor.measure.campaign.paired import PairedSummary
    from advisor.measure.items.paired import Variant
    from advisor.records.config import RunConfig
    from advisor.records.host import HostFacts
    from advisor.records.measurement import PairedMeasurement


@dataclass(frozen=True)
class Labelled:
    """A variant with the words that tell it from the others, and why it cannot be measured."""

    variant: Variant
    label: str
    baseline: bool
    missing: str | None
    """Its runtime is not installed here; None: it is."""


Judged = Mapping[str, Agreement | str]
"""By key of the measurement: agreement, or why there is none."""


def assemble(
    labelled: Sequence[Sequence[Labelled]], summary: PairedSummary, facts: HostFacts, judged: Judged
) -> tuple[tuple[VariantResult, ...], tuple[PrecisionGain, ...]]:
    """Rows of all models, and what each narrower precision gains within its runtime and configuration."""
    rows: list[VariantResult] = []
    gains: list[PrecisionGain] = []
    for variants in labelled:
        found: list[tuple[VariantResult, PairedMeasurement | None]] = []
        baseline = next((row for row in variants if row.baseline), None)
        reference = None if baseline is None or baseline.missing is not None else summary.measured.get(
            baseline.variant.key(facts.fingerprint)
        )  # fmt: skip
        for row in variants:
            measured = None if row.missing is not None else summary.measured.get(row.variant.key(facts.fingerprint))
            found.append((_row(row, measured, reference, judged), measured))
        rows += [row for row, _ in found]
        gains += _gains(found)
    return tuple(rows), tuple(gains)


def _row(
    row: Labelled, measured: PairedMeasurement | None, reference: PairedMeasurement | None, judged: Judged
) -> VariantResult:
    from advisor.measure.timing.pairs import paired_ratio
    from advisor.measure.timing.statistics import percentile

    config = row.variant.config
    agreed = judged.get(measured.key) if measured is not None else None
    result = VariantResult(
        key="" if measured is None else measured.key,
        label=row.label,
        model=row.variant.model.name,
        config=config,
        mode="sync" if row.variant.mode.kind == "sync" else "async",
        baseline=row.baseline,
        status="failed" if row.missing is not None else "left_out" if measured is None else measured.status,
        failure=row.missing or ("no time was left for it" if measured is None else measured.failure),
        simd=_simd(config, measured),
        agreement=agreed if isinstance(agreed, Agreement) else None,
        accuracy_note=_accuracy(config, agreed),
    )
    if measured is None or measured.status == "failed" or not measured.turns:
        late = measured is not None and measured.status == "done"
        return result.model_copy(update={"status": "left_out", "failure": "no time was left for it"} if late else {})
    turns = measured.turns
    median = percentile([turn.time_s for turn in turns], 0.5)
    base = reference if reference is not None and reference.status == "done" else None
    return result.model_copy(
        update={
            "effective": measured.effective,
            "rounds": len(turns),
            "disturbed_rounds": sum(turn.interference.dirty for turn in turns),
            "time_ms": float(np.median([turn.time_s for turn in turns])) * 1e3,
            "time_lower_ms": None if median.lower_s is None else median.lower_s * 1e3,
            "time_upper_ms": None if median.upper_s is None else median.upper_s * 1e3,
            "p95_ms": float(np.median([turn.p95_s for turn in turns])) * 1e3,
            "throughput_per_s": float(np.median([turn.throughput_per_s for turn in turns])),
            "time_ratio": None if base is None else paired_ratio(turns, base.turns),
            "model_bytes": measured.model_bytes,
            "process_bytes": measured.process_bytes,
            "memory_ratio": None if base is None else _over(measured.model_bytes, base.model_bytes),
            "process_ratio": None if base is None else _over(measured.process_bytes, base.process_bytes),
            "compile_s": measured.compile_s,
        }
    )


def _over(one: float | None, other: float | None) -> float | None:
    return None if not one or not other else one / other


def _simd(config: RunConfig, measured: PairedMeasurement | None) -> str:
    if config.simd_cap is None:
        return "as the processor"
    if measured is not None and measured.status == "failed":
        return "cannot be capped" if "simd_cap" in str(measured.failure) else f"at most {config.simd_cap}, not reached"
    return f"at most {config.simd_cap}"


def _accuracy(config: RunConfig, agreed: Agreement | str | None) -> str:
    if isinstance(agreed, str):
        return agreed
    if agreed is not None:
        return f"judged against {agreed.against}"
    return "as the file" if config.precision == "f32" else "not judged"


def _gains(found: Sequence[tuple[VariantResult, PairedMeasurement | None]]) -> list[PrecisionGain]:
    from advisor.measure.timing.pairs import paired_ratio

    gains = []
    plain = {
        row.config: (row, measured)
        for row, measured in found
        if row.config.precision == "f32" and row.status == "done" and measured is not None
    }
    for row, measured in found:
        if row.config.precision == "f32" or row.status != "done" or measured is None:
            continue
        against = plain.get(row.config.model_copy(update={"precision": "f32"}))
        if against is None:
            continue
        ratio = paired_ratio(measured.turns, against[1].turns)
        if ratio is None:
            continue
        gains.append(
            PrecisionGain(
                model=row.model,
                label=row.label,
                against=against[0].label,
                time_ratio=ratio,
                memory_ratio=_over(measured.model_bytes, against[1].model_bytes),
                process_ratio=_over(measured.process_bytes, against[1].process_bytes),
                agreement=row.agreement,
            )
        )
    return gains
