"""From inputs to the plan: cheapest first, the first that holds is recommended, the rest is explained."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import Inconclusive
from advisor.planner.assumptions import list_assumptions, list_warnings
from advisor.planner.candidates import admit
from advisor.planner.evaluate import Choice, decode_workers, planned_config
from advisor.planner.explain import breaks_first, scenario_changes, sensitivity
from advisor.planner.inputs import Candidate, PlanInputs
from advisor.planner.money import active_fraction, price_of, total_cost
from advisor.planner.outlook import Outlook, fluid_capacity, outlook
from advisor.planner.search import Judgement, Searcher
from advisor.records.base import Evidence, Interval, weakest
from advisor.records.plan import DecodeConfig, Plan, PlanConfig, PlanOption, Price, Rejected, Tco
from advisor.records.scenario import Scenario

ALTERNATIVES = 3
PROBES = 7
WIDEST_Z = 2.5


@dataclass(frozen=True)
class _Entry:
    """A platform and a number of boxes waiting to be judged."""

    candidate: Candidate
    count: int


def plan(inputs: PlanInputs) -> Plan:
    """Recommend hardware for a scenario.

    Raises
    ------
    Infeasible
        The scenario's own filters leave no candidate.
    CatalogueError
        A price override names an unknown platform.
    """
    scenario = inputs.scenario
    searcher = Searcher(inputs)
    admitted, refused = admit(scenario, inputs.candidates, inputs.today)
    searcher.prepare(admitted)
    judged, unranked = _rank(searcher, admitted)
    winners = [item for item in judged if item.feasible]
    chosen = winners[0] if winners else None
    options = [_option(searcher, item) for item in winners[: ALTERNATIVES + 1]]
    losers = _one_per_platform([item for item in judged if not item.feasible], winners)
    rejected = [_rejected(searcher, item) for item in losers]
    rejected += [_unranked(searcher, candidate, reason) for candidate, reason in unranked]
    recommended = options[0] if options else None
    cheaper = [item for item in rejected if _is_cheaper(item.price, recommended)]
    just_fails = max(cheaper, key=_closeness, default=None)
    if recommended is None:
        rejected.sort(key=_closeness, reverse=True)

    def cheapest(changed: Scenario, among: Sequence[Candidate], extra: int, factor: float) -> Judgement | None:
        return _cheapest(searcher, changed, among, extra, factor)

    return Plan(
        sizer_version=__version__,
        created=utc_now(),
        scenario=scenario.scenario,
        scenario_sha256=inputs.scenario_sha256,
        objective=scenario.money.objective,
        recommended=recommended,
        alternatives=tuple(options[1:]),
        rejected=(*rejected, *refused),
        sensitivity=() if chosen is None else sensitivity(searcher, chosen, admitted, cheapest),
        scenario_changes=scenario_changes(searcher, chosen, admitted, cheapest),
        assumptions=list_assumptions(inputs, chosen),
        just_fails=just_fails,
        next_dearer=options[1] if len(options) > 1 else None,
        warnings=list_warnings(recommended, options[1:]),
        seeds={"simulation": inputs.seed},
        search={
            "needed_cameras": scenario.camera_count + scenario.margin.growth_cameras,
            "platforms": len(inputs.candidates),
            "refused_by_filters": len(refused),
            "judged": len(judged),
            "discarded_by_bounds": searcher.counted.bounded,
            "simulations": searcher.counted.simulated,
            "configurations": searcher.counted.choices,
        },
        model_notes={stage: _model_note(inputs, stage) for stage in inputs.models},
    )


def configure(inputs: PlanInputs) -> PlanOption:
    """Best configuration of the single candidate, whether it carries the scenario or not.

    Raises
    ------
    Inconclusive
        A stage cannot run there at any permitted precision, or nothing is known of how it would.
    """
    searcher = Searcher(inputs)
    (candidate,) = inputs.candidates
    searcher.prepare([candidate])
    judged = searcher.judge(candidate, 1)
    if judged.choice is None:
        raise Inconclusive(f"{candidate.platform.id}: {judged.reason}; permit another precision in accuracy.precisions")
    return _option(searcher, judged)


def _rank(searcher: Searcher, admitted: Sequence[Candidate]) -> tuple[list[Judgement], list[tuple[Candidate, str]]]:
    """Judge in the order of cost until the recommendation and its alternatives are found."""
    scenario = searcher.inputs.scenario
    judged: list[Judgement] = []
    unranked: list[tuple[Candidate, str]] = []
    order = itertools.count()
    waiting: list[tuple[float, int, _Entry]] = []
    for candidate in admitted:
        count = searcher.boxes_needed(candidate, scenario)
        if count is None:
            judged.append(_too_small(searcher, candidate))
            continue
        cost = _cost(searcher, candidate, count)
        if math.isinf(cost):
            unranked.append((candidate, "its price is unknown: give one in candidates.prices to have it ranked"))
        else:
            heapq.heappush(waiting, (cost, next(order), _Entry(candidate, count)))
    found: set[str] = set()
    while waiting and len(found) <= ALTERNATIVES:
        _, _, entry = heapq.heappop(waiting)
        if entry.candidate.platform.id in found:
            continue
        result = searcher.judge(entry.candidate, entry.count)
        judged.append(result)
        if result.feasible:
            found.add(entry.candidate.platform.id)
        elif entry.count < scenario.candidates.max_boxes and result.check != "evidence":
            more = _Entry(entry.candidate, entry.count + 1)
            heapq.heappush(waiting, (_cost(searcher, more.candidate, more.count), next(order), more))
    left = {entry.candidate.platform.id: entry for _, _, entry in waiting if entry.candidate.platform.id not in found}
    failed = {item.model.id for item in judged}
    unranked += [
        (entry.candidate, "dearer than the recommendation and its alternatives; not judged further")
        for name, entry in left.items()
        if name not in failed
    ]
    return judged, unranked


def _too_small(searcher: Searcher, candidate: Candidate) -> Judgement:
    """Judge a platform that not even the permitted number of boxes makes big enough."""
    limit = searcher.inputs.scenario.candidates.max_boxes
    single = searcher.judge(candidate, 1)
    if single.check == "cpu" and limit > 1:
        return Judgement(
            single.model, 1, False, single.choice, single.outcome, "cpu",
            f"{single.reason}; not even {limit} boxes (candidates.max_boxes) suffice",
        )  # fmt: skip
    return single


def _cost(searcher: Searcher, candidate: Candidate, count: int) -> float:
    """Cost by which candidates are ranked: price, or TCO at the utilisation of the closed form."""
    inputs = searcher.inputs
    boxes = count + _spare(inputs.scenario)
    price = price_of(candidate.platform, boxes, inputs.scenario, inputs.today)
    if price.value is None:
        return math.inf
    if inputs.scenario.money.objective == "price":
        return price.value
    model = searcher.model(candidate)
    load = searcher.nominal_load(inputs.scenario, count)
    choices = searcher.choices(model, inputs.scenario, load, 0.0)
    if not choices:
        return price.value
    busy = min(1.0, 1.0 / max(1e-9, _fluid_ratio(searcher, candidate, choices[0], count)))
    tco = _tco(searcher, candidate, price, boxes, Interval(p10=busy, p50=busy, p90=busy))
    return price.value if tco.value is None else tco.value


def _fluid_ratio(searcher: Searcher, candidate: Candidate, choice: Choice, count: int) -> float:
    scenario = searcher.inputs.scenario
    cameras = max(1, scenario.camera_count)
    return fluid_capacity(searcher.model(candidate), scenario, choice, count, 0.0) / cameras


def _spare(scenario: Scenario) -> int:
    return 1 if scenario.margin.redundancy == "n+1" else 0


def _tco(searcher: Searcher, candidate: Candidate, price: Price, boxes: int, busy: Interval) -> Tco:
    inputs = searcher.inputs
    power = inputs.predictor.power_w
    machine = candidate.machine
    low, middle, high = (power(machine, value) for value in (busy.p10, busy.p50, busy.p90))
    active_w = Interval(p10=low.p10, p50=max(low.p10, middle.p50), p90=max(high.p90, middle.p50))
    return total_cost(
        price, boxes, inputs.scenario.money, active_w, power(machine, 0.0), active_fraction(inputs.scenario)
    )


def _cheapest(
    searcher: Searcher, changed: Scenario, among: Sequence[Candidate], extra: int, factor: float
) -> Judgement | None:
    """Return the first that holds under a changed scenario, in the order of cost; None where nothing does."""
    entries: list[tuple[float, str, int, Candidate]] = []
    for candidate in among:
        for count in range(1, changed.candidates.max_boxes + 1):
            cost = _cost(searcher, candidate, count)
            if not math.isinf(cost):
                entries.append((cost, candidate.platform.id, count, candidate))
    for _, _, count, candidate in sorted(entries, key=lambda item: item[:3]):
        judged = searcher.judge(candidate, count, changed, extra_cameras=extra, objects_factor=factor)
        if judged.feasible:
            return judged
    return None


def _option(searcher: Searcher, judged: Judgement) -> PlanOption:
    inputs = searcher.inputs
    scenario = inputs.scenario
    assert judged.choice is not None  # callers have seen to it
    found = outlook(searcher, judged.model, scenario, judged.choice, judged.count, exact=True)
    boxes = judged.count + _spare(scenario)
    price = price_of(judged.model.candidate.platform, boxes, scenario, inputs.today)
    probability = _probability(searcher, judged)
    streams = found.outcomes[1].streams
    evidence = weakest(list(found.predicted.evidence.values()))
    load = searcher.nominal_load(scenario, judged.count)
    return PlanOption(
        platform=judged.model.id,
        name=judged.model.candidate.platform.name,
        count=boxes,
        evidence=evidence,
        confidence=_confidence(probability, evidence),
        probability=probability,
        feasible=judged.feasible,
        price=price,
        tco=_tco(searcher, judged.model.candidate, price, boxes, found.predicted.utilisation["cpu"]),
        config=PlanConfig(
            stages={name: planned_config(option, streams[name]) for name, option in judged.choice.items()},
            decode=DecodeConfig(threads=decode_workers(judged.model, scenario, load)),
        ),
        predicted=found.predicted,
        breaks_first=breaks_first(searcher, judged.model, scenario, judged.choice, judged.count, found),
        note=_note(judged, scenario, found),
    )


def _probability(searcher: Searcher, judged: Judgement) -> float:
    """Belief that the judged configuration meets SLO, growth and headroom: where on the interval it gives way."""
    from scipy import stats

    low, high = -WIDEST_Z, WIDEST_Z
    candidate, count = judged.model.candidate, judged.count
    if searcher.judge(candidate, count, z=high).feasible:
        return float(stats.norm.cdf(high))
    for _ in range(PROBES):
        middle = (low + high) / 2
        low, high = (middle, high) if searcher.judge(candidate, count, z=middle).feasible else (low, middle)
    return float(stats.norm.cdf(low))


def _confidence(probability: float, evidence: Evidence) -> str:
    word = "high" if probability >= 0.97 else "good" if probability >= 0.88 else "moderate"
    if evidence in {Evidence.SPEC, Evidence.UNKNOWN} and word == "high":
        word = "good"
    return word


def _note(judged: Judgement, scenario: Scenario, found: Outlook) -> str:
    words = []
    if judged.count > 1:
        words.append(f"cameras dealt out over {judged.count} boxes")
    if _spare(scenario):
        words.append("one box more than needed (n+1)")
    capacity = found.predicted.capacity_cameras
    if capacity is not None:
        spare = capacity.p10 - scenario.camera_count
        words.append(
            f"{spare:.0f} more cameras still fit on the pessimistic side" if spare > 0 else "no camera to spare"
        )
    return "; ".join(words)


def _rejected(searcher: Searcher, judged: Judgement) -> Rejected:
    inputs = searcher.inputs
    predicted = None
    evidence = Evidence.UNKNOWN
    if judged.choice is not None:
        predicted = outlook(searcher, judged.model, inputs.scenario, judged.choice, judged.count, exact=False).predicted
        evidence = weakest(list(predicted.evidence.values()))
    boxes = f"{judged.count} boxes: " if judged.count > 1 else ""
    return Rejected(
        platform=judged.model.id,
        name=judged.model.candidate.platform.name,
        reason=boxes + judged.reason,
        check=judged.check,
        predicted=predicted,
        price=price_of(judged.model.candidate.platform, judged.count, inputs.scenario, inputs.today),
        evidence=evidence,
    )


def _unranked(searcher: Searcher, candidate: Candidate, reason: str) -> Rejected:
    """A platform that was not judged: its prediction all the same."""
    model = searcher.model(candidate)
    scenario = searcher.inputs.scenario
    load = searcher.nominal_load(scenario, 1)
    choices = searcher.choices(model, scenario, load, 0.0)
    predicted = outlook(searcher, model, scenario, choices[0], 1, exact=False).predicted if choices else None
    return Rejected(
        platform=model.id,
        name=candidate.platform.name,
        reason=reason,
        check="cost",
        predicted=predicted,
        price=price_of(candidate.platform, 1, scenario, searcher.inputs.today),
        evidence=Evidence.UNKNOWN if predicted is None else weakest(list(predicted.evidence.values())),
    )


def _one_per_platform(losers: list[Judgement], winners: list[Judgement]) -> list[Judgement]:
    """Of several numbers of boxes that fail keep the largest; a platform that wins with more boxes is no loser."""
    won = {item.model.id for item in winners}
    kept: dict[str, Judgement] = {}
    for item in losers:
        if item.model.id not in won:
            kept[item.model.id] = item
    return list(kept.values())


def _is_cheaper(price: Price | None, recommended: PlanOption | None) -> bool:
    if recommended is None or price is None or price.value is None or recommended.price.value is None:
        return False
    return price.value < recommended.price.value


def _closeness(item: Rejected) -> float:
    """Order misses: the more of the load it would carry, the nearer."""
    if item.predicted is None:
        return -1.0
    capacity = item.predicted.capacity_cameras or item.predicted.capacity_requests_per_s
    return -1.0 if capacity is None else capacity.p50


def _model_note(inputs: PlanInputs, stage: str) -> str:
    model = inputs.models[stage]
    if model.stand_in:
        return (
            f"{model.reference}: a stand-in with the published operations, parameters and input, not the real network"
        )
    if model.kind == "architecture":
        return f"{model.reference}: reference architecture with random weights"
    return f"{model.reference}: file, sha256 {model.sha256[:12]}"
