"""Records of the plan from judgements: an option with prediction, price and certainty; a refusal with its reason."""

from __future__ import annotations

from statistics import NormalDist

from advisor.errors import Inconclusive
from advisor.number_format import apart
from advisor.planner.search.rank import price, running_tco, setup_cores, spare
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.simulate import Setup, refusal
from advisor.planner.search.space import Z90
from advisor.records.base import Evidence, weakest
from advisor.records.plan import DecodeConfig, PlanConfig, PlanOption, Rejected

from .explain import breaks_first
from .predicted_load import Outlook, outlook

PROBES = 6
WIDEST_Z = 2.5
NOTABLE = 0.05
"""Figures that differ by less are no reason to pay more."""
WORD_OF_EVIDENCE = {
    Evidence.MEASURED: "measured on it",
    Evidence.PUBLISHED: "published figures of this model on it",
    Evidence.ANCHORED: "other measurements on it",
    Evidence.SPEC: "its data sheet",
    Evidence.UNKNOWN: "nothing",
}


def make_option(searcher: Searcher, judged: Judgement, ask: Ask, role: str = "") -> PlanOption:
    """Describe a judged platform in full."""
    setup = judged.setup
    assert setup is not None  # callers have seen to it
    candidate = judged.model.candidate
    found = outlook(searcher, judged, ask, exact=True)
    probability = belief(searcher, judged, ask)
    evidence = weakest(list(found.predicted.evidence.values()))
    busy = setup_cores(searcher, candidate, setup, ask, judged.count)
    return PlanOption(
        platform=judged.model.id,
        name=candidate.platform.name,
        count=judged.count + spare(ask.scenario),
        evidence=evidence,
        confidence=confidence(probability, evidence),
        probability=probability,
        feasible=judged.feasible,
        price=price(searcher, candidate, judged.count, ask.scenario),
        tco=running_tco(searcher, candidate, judged.count, ask, busy),
        config=plan_config(setup),
        predicted=found.predicted,
        breaks_first=breaks_first(searcher, judged, ask, found),
        note=_note(judged, ask, found),
        role=role,
        evidence_text=evidence_text(found.predicted.evidence),
    )


def plan_config(setup: Setup) -> PlanConfig:
    """What must be set on the box, as a record."""
    return PlanConfig(stages=setup.configs, decode=DecodeConfig(threads=setup.decode_workers))


def make_rejected(
    searcher: Searcher, judged: Judgement, ask: Ask, *, exact: bool, predict: bool = True, reason: str = ""
) -> Rejected:
    """Describe a platform that fails, or one that was not needed (``reason``)."""
    predicted = None
    evidence = Evidence.UNKNOWN
    if judged.setup is not None and (predict or exact):
        predicted = outlook(searcher, judged, ask, exact=exact).predicted
        evidence = weakest(list(predicted.evidence.values()))
    boxes = judged.count + spare(ask.scenario)
    return Rejected(
        platform=judged.model.id,
        name=judged.model.candidate.platform.name,
        reason=reason or (f"{judged.count} boxes: " if judged.count > 1 else "") + judged.reason,
        check="cost" if judged.feasible else judged.check,
        predicted=predicted,
        price=price(searcher, judged.model.candidate, judged.count, ask.scenario),
        evidence=evidence,
        count=boxes,
        capacity_exact=exact and predicted is not None,
    )


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
        if abs(mine - other) >= 0.5:
            leads.append(f"{abs(mine - other):,.0f} {option.price.currency} {'more' if mine > other else 'less'}{name}")
    lead = " and ".join(leads) or "at the same price"
    text = f"{lead}: {', '.join(gains)}" if gains else f"{lead}: nothing better is predicted"
    weaker = option.evidence.rank > than.evidence.rank
    return f"{text}; rests on less: {WORD_OF_EVIDENCE[option.evidence]}" if weaker else text


def _more_capacity(option: PlanOption, than: PlanOption) -> str:
    for name, unit in (("capacity_cameras", "cameras"), ("capacity_requests_per_s", "requests/s")):
        mine, other = getattr(option.predicted, name), getattr(than.predicted, name)
        if mine is None or other is None:
            continue
        for side, words in (("p10", " on the pessimistic side"), ("p50", " at the median")):
            ours, theirs = getattr(mine, side), getattr(other, side)
            if ours > theirs * (1.0 + NOTABLE):
                first, second = apart(ours, theirs, 3)
                return f"{first} instead of {second} {unit}{words}"
    return ""


def _less(option: PlanOption, than: PlanOption) -> list[str]:
    """Figures that are better when smaller, pessimistic side, where they are notably so."""
    words = []
    cpu, other_cpu = option.predicted.utilisation["cpu"].p90 * 100.0, than.predicted.utilisation["cpu"].p90 * 100.0
    if cpu < other_cpu * (1.0 - NOTABLE):
        first, second = apart(cpu, other_cpu)
        words.append(f"CPU {first} instead of {second} % busy")
    p95, other_p95 = option.predicted.latency_p95_ms.p90, than.predicted.latency_p95_ms.p90
    if p95 < other_p95 * (1.0 - NOTABLE):
        first, second = apart(p95, other_p95)
        words.append(f"p95 of {first} instead of {second} ms")
    return words


def belief(searcher: Searcher, judged: Judgement, ask: Ask) -> float:
    """Belief that the configuration meets SLO, growth and headroom: the share of the interval on which it does."""
    setup = judged.setup
    if setup is None:
        raise Inconclusive(f"{judged.model.id}: {judged.reason}")
    load = ask.load(judged.count)

    def holds(z: float) -> bool:
        return refusal(ask.scenario, searcher.run(judged.model, ask.scenario, setup, load, z)) is None

    low, high = (Z90, WIDEST_Z) if judged.feasible else (-WIDEST_Z, Z90)
    if judged.feasible and holds(high):
        return NormalDist().cdf(high)
    if not judged.feasible and not holds(low):
        return NormalDist().cdf(low)
    for _ in range(PROBES):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return NormalDist().cdf(low)


def confidence(probability: float, evidence: Evidence) -> str:
    """Word for a probability; never high where nothing but a data sheet speaks for the platform."""
    if probability < 0.5:
        return "unlikely"
    word = "high" if probability >= 0.97 else "good" if probability >= 0.88 else "moderate"
    if evidence in {Evidence.SPEC, Evidence.UNKNOWN} and word == "high":
        word = "good"
    return word


def evidence_text(parts: dict[str, Evidence]) -> str:
    """Say per part what its speed rests on, the weakest first, as it decides the whole."""
    by_class: dict[Evidence, list[str]] = {}
    for name, evidence in parts.items():
        by_class.setdefault(evidence, []).append(name)
    ordered = sorted(by_class, key=lambda item: -item.rank)
    return "; ".join(f"{', '.join(by_class[item])}: {item.value} ({WORD_OF_EVIDENCE[item]})" for item in ordered)


def _note(judged: Judgement, ask: Ask, found: Outlook) -> str:
    words = []
    if judged.count > 1:
        words.append(f"{'cameras' if ask.cameras else 'requests'} dealt out over {judged.count} boxes")
    if spare(ask.scenario):
        words.append("one box more than needed (n+1)")
    capacity = found.predicted.capacity_cameras
    if capacity is not None:
        room = capacity.p10 - ask.cameras
        growth = sum(ask.grown.values()) - ask.cameras
        planned = f" ({growth} of them planned growth)" if growth else ""
        words.append(
            f"{room:.0f} more {'camera fits' if room == 1 else 'cameras fit'} on the pessimistic side{planned}, "
            "headroom used up"
            if room > 0
            else "no camera to spare on the pessimistic side"
        )
    return "; ".join(words)
