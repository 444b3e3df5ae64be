"""Records of the plan from deployments: an option with its prediction, price and certainty."""

from __future__ import annotations

from advisor.number_format import amounts_apart, apart
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.rank import deployment_tco
from advisor.records.base import Evidence, weakest
from advisor.records.plan import DecodeConfig, PlanConfig, PlanOption, PredictedLoad

from .certainty import confidence, probability_of_holding
from .explain import breaks_first
from .host import host_settings
from .predicted_load import predict_load

NOTABLE = 0.05
"""Figures that differ by less are no reason to pay more."""
DECODE_WORDS = (
    "decode: carried over by clock, year and codec from machines whose decoding is published or was measured by the "
    "project"
)
"""What a data sheet alone means for decoding."""
EVIDENCE_WORDS = {
    Evidence.MEASURED: "measured on it",
    Evidence.PUBLISHED: "published figures of this model on it",
    Evidence.ANCHORED: "figures of other models on this chip",
    Evidence.SPEC: "its data sheet",
    Evidence.UNKNOWN: "nothing",
}


def make_option(deployment: Deployment, *, feasible: bool, certain: bool | None = None, role: str = "") -> PlanOption:
    """Describe a judged deployment in full.

    ``feasible``: it carries the case; ``certain``: at the confidence asked for (None: as ``feasible`` says), not only
    at one that cannot be told from it.
    """
    certain = feasible if certain is None else certain
    platform, case = deployment.candidate.platform, deployment.case
    predicted = predict_load(deployment, exact=True, feasible=certain).predicted
    probability = probability_of_holding(deployment, feasible=certain)
    evidence = weakest(list(predicted.evidence.values()))
    doubt = _doubt(deployment, probability) if feasible and not certain else []
    return PlanOption(
        platform=platform.id,
        name=platform.name,
        count=deployment.count + case.spare_boxes,
        evidence=evidence,
        confidence=confidence(probability, evidence, predicted.utilisation["cpu"]),
        probability=probability,
        feasible=feasible,
        price=deployment.study.price(deployment.candidate, deployment.count),
        tco=deployment_tco(deployment),
        config=plan_config(deployment, predicted),
        predicted=predicted,
        breaks_first=breaks_first(deployment, predicted),
        note="; ".join([*doubt, *_note(case, deployment.count, predicted)]),
        role=role,
        evidence_text=evidence_text(predicted.evidence),
    )


def plan_config(deployment: Deployment, predicted: PredictedLoad) -> PlanConfig:
    """What must be set on the box, as a record."""
    setup = deployment.setup
    return PlanConfig(
        stages=setup.configs,
        decode=DecodeConfig(threads=setup.decode_workers, device=setup.decode_device),
        host=host_settings(deployment.candidate, deployment.setup, predicted),
    )


def configured_load(deployment: Deployment) -> tuple[PlanConfig, PredictedLoad]:
    """Configuration of boxes that hold, and what they will look like today, with the capacity's upper bound."""
    predicted = predict_load(deployment, exact=False, feasible=True).predicted
    return plan_config(deployment, predicted), predicted


def buys(option: PlanOption, than: PlanOption) -> str:
    """What a dearer option has beyond the recommendation, for how much more, in words; both prices are known."""
    gains = [text for text in (_more_capacity(option, than), *_less(option, than)) if text]
    leads = []
    for name, mine, other in (
        ("", option.price.value, than.price.value),
        (" of TCO", option.tco.value, than.tco.value),
    ):
        assert mine is not None  # both were ranked by their cost
        assert other is not None
        if more := amounts_apart(mine, other):
            leads.append(f"{abs(more):,} {option.price.currency} {'more' if more > 0 else 'less'}{name}")
    lead = " and ".join(leads) or "at the same price"
    text = f"{lead}: {', '.join(gains)}" if gains else f"{lead}: nothing better is predicted"
    weaker = option.evidence.rank > than.evidence.rank
    return f"{text}; rests on less: {EVIDENCE_WORDS[option.evidence]}" if weaker else text


def _more_capacity(option: PlanOption, than: PlanOption) -> str:
    for name, unit in (("capacity_cameras", "cameras"), ("capacity_requests_per_s", "requests/s")):
        mine, other = getattr(option.predicted, name), getattr(than.predicted, name)
        if mine is None or other is None:
            continue
        for side, words in (("p10", " at 90 % confidence"), ("p50", " at the median")):
            ours, theirs = getattr(mine, side), getattr(other, side)
            if ours > theirs * (1.0 + NOTABLE):
                first, second = apart(ours, theirs, 3)
                return f"{first} instead of {second} {unit}{words}"
    return ""


def _less(option: PlanOption, than: PlanOption) -> list[str]:
    """Figures that are better when smaller, at their P90, where they are notably so."""
    words = []
    cpu, other_cpu = option.predicted.utilisation["cpu"].p90 * 100.0, than.predicted.utilisation["cpu"].p90 * 100.0
    if cpu < other_cpu * (1.0 - NOTABLE):
        first, second = apart(cpu, other_cpu)
        words.append(f"CPU {first} instead of {second} % busy")
    p95, other_p95 = option.predicted.latency_p95_ms.p90, than.predicted.latency_p95_ms.p90
    if p95 is not None and other_p95 is None:
        words.append(f"p95 of {p95:.3g} ms where that does not keep up")
    elif p95 is not None and other_p95 is not None and p95 < other_p95 * (1.0 - NOTABLE):
        first, second = apart(p95, other_p95)
        words.append(f"p95 of {first} instead of {second} ms")
    return words


def evidence_text(parts: dict[str, Evidence]) -> str:
    """Say per part what its speed rests on, the weakest first, as it decides the whole."""
    by_class: dict[Evidence, list[str]] = {}
    for name, evidence in parts.items():
        by_class.setdefault(evidence, []).append(name)
    ordered = sorted(by_class, key=lambda item: -item.rank)
    texts = [f"{', '.join(by_class[item])}: {item.value} ({EVIDENCE_WORDS[item]})" for item in ordered]
    return "; ".join([*texts, DECODE_WORDS] if parts.get("decode") is Evidence.SPEC else texts)


def _doubt(deployment: Deployment, probability: float) -> list[str]:
    """Say of boxes that miss the confidence asked for by no more than can be told that they do."""
    asked = deployment.scenario.margin.confidence_pct
    return [f"{probability * 100:.0f} % sure where {asked:g} % are asked for, which predictions cannot tell apart"]


def _note(case: LoadCase, count: int, predicted: PredictedLoad) -> list[str]:
    words = []
    if count > 1:
        words.append(f"{'cameras' if case.cameras else 'requests'} dealt out over {count} boxes")
    if case.spare_boxes:
        words.append("one box more than needed (n+1)")
    capacity = predicted.capacity_cameras
    if capacity is not None:
        room = capacity.p10 - case.cameras
        growth = case.grown_cameras - case.cameras
        planned = f" ({growth} of them planned growth)" if growth else ""
        words.append(
            f"{room:.0f} more {'camera fits' if room == 1 else 'cameras fit'} at 90 % confidence{planned}, "
            "headroom used up"
            if room > 0
            else "no camera to spare at 90 % confidence"
        )
    return words
