"""From inputs to the plan: cheapest first, the first that holds is recommended, the rest is explained."""

from __future__ import annotations

from collections.abc import Sequence

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import Inconclusive
from advisor.planner.answer.alternatives import choose_alternatives, explore, pareto_front
from advisor.planner.answer.assumptions import list_assumptions, list_warnings
from advisor.planner.answer.baseline import gain_over_default
from advisor.planner.answer.explain import sensitivity
from advisor.planner.answer.mix import cheaper_mix, plan_sites, sites_ask
from advisor.planner.answer.options import buys, make_option, make_rejected
from advisor.planner.answer.rejected import FEW, Misses, list_misses
from advisor.planner.answer.relaxations import relaxed_limits, scenario_changes
from advisor.planner.answer.split import cheaper_split
from advisor.planner.answer.undecided import next_measurement, undecided
from advisor.planner.question.candidates import Refusal, admit
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.rank import Winner, price, spare
from advisor.planner.search.search import Ask, Searcher
from advisor.records.plan import Plan, PlanOption, Rejected


def plan(inputs: PlanInputs) -> Plan:
    """Recommend hardware for a scenario; with several sites, for the most demanding kind, and a bill for all.

    Raises
    ------
    Infeasible
        The scenario's own filters leave no candidate.
    CatalogueError
        A price override names an unknown platform.
    """
    scenario = inputs.scenario
    searcher = Searcher(inputs)
    admitted, refused = admit(scenario, inputs.candidates, inputs.today, named=inputs.named)
    searcher.prepare(inputs.candidates if inputs.named else admitted)
    ask = sites_ask(scenario)
    found = explore(searcher, admitted, ask)
    shown = choose_alternatives(found)
    options = _options(searcher, shown, ask)
    chosen = shown[0][0] if shown else None
    misses = list_misses(searcher, admitted, ask, found, {winner.judged.model.id for winner, _ in shown}, chosen)
    if chosen is not None:
        options[0] = options[0].model_copy(
            update={"gain_over_default": gain_over_default(searcher, chosen.judged, ask, options[0].predicted)}
        )
    runner_up = found[1] if len(found) > 1 else None
    sites = plan_sites(searcher, admitted)
    front = pareto_front(searcher, admitted, ask, found)
    changes = scenario_changes(searcher, chosen, admitted, ask)
    if chosen is None:
        if all(item.check == "evidence" for item in misses.rejected):
            changes = ()  # nothing is known of any box, so nothing of what would help
        changes += relaxed_limits(searcher, refused, ask)
    return Plan(
        sizer_version=__version__,
        created=utc_now(),
        scenario=scenario.scenario,
        scenario_sha256=inputs.scenario_sha256,
        objective=scenario.money.objective,
        recommended=options[0] if options else None,
        alternatives=tuple(options[1:]),
        rejected=(*misses.rejected, *(_kept_out(searcher, item, ask) for item in refused)),
        nearest_misses=misses.nearest,
        sensitivity=() if chosen is None else sensitivity(searcher, chosen, runner_up, admitted, ask),
        scenario_changes=changes,
        assumptions=list_assumptions(inputs, None if chosen is None else chosen.judged),
        just_fails=misses.just_fails,
        next_dearer=options[1] if len(options) > 1 else None,
        undecided=undecided(searcher, misses.doubtful, ask),
        warnings=list_warnings(inputs, options, sites.paid),
        seeds={"simulation": inputs.seed},
        pareto=tuple(point.platform for point in front),
        pareto_points=front,
        mix=cheaper_mix(searcher, admitted, ask, chosen),
        split=cheaper_split(searcher, admitted, ask, chosen),
        sites=sites.rows,
        sites_total=sites.total,
        search=_search_facts(searcher, ask, admitted, len(refused), misses),
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
    ask = Ask.of(inputs.scenario)
    judged = searcher.judge(candidate, 1, ask)
    if judged.setup is None:
        raise Inconclusive(f"{candidate.platform.id}: {judged.reason}; permit another precision in accuracy.precisions")
    option = make_option(searcher, judged, ask)
    return option.model_copy(update={"gain_over_default": gain_over_default(searcher, judged, ask, option.predicted)})


def _options(searcher: Searcher, shown: Sequence[tuple[Winner, str]], ask: Ask) -> list[PlanOption]:
    """Recommendation and alternatives in full, each with what it buys and what would tell more about it."""
    options: list[PlanOption] = []
    for winner, role in shown:
        option = make_option(searcher, winner.judged, ask, role)
        update: dict[str, object] = {"next_measurement": next_measurement(searcher, winner.judged, ask)}
        if options:
            update["buys"] = buys(option, options[0])
        options.append(option.model_copy(update=update))
    return options


def _kept_out(searcher: Searcher, refused: Refusal, ask: Ask) -> Rejected:
    """Describe a platform that a filter keeps out; with its prediction where the user named it."""
    candidate, inputs = refused.candidate, searcher.inputs
    if inputs.named:
        judged = searcher.judge(candidate, 1, ask)
        known = make_rejected(searcher, judged, ask, exact=len(inputs.candidates) <= FEW, reason=refused.reason)
        return known.model_copy(update={"check": refused.check})
    return Rejected(
        platform=candidate.platform.id,
        name=candidate.platform.name,
        reason=refused.reason,
        check=refused.check,
        price=price(searcher, candidate, 1, ask.scenario),
        count=1 + spare(ask.scenario),
    )


def _search_facts(
    searcher: Searcher, ask: Ask, admitted: Sequence[Candidate], refused: int, misses: Misses
) -> dict[str, float | int | None]:
    counted = searcher.counted
    share = counted.tried / counted.configurations if counted.configurations else None
    return {
        "needed_cameras": sum(ask.grown.values()),
        "needed_requests_per_s": _needed_requests_per_s(ask),
        "platforms": len(admitted) + refused,
        "refused_by_filters": refused,
        "judged": counted.bounded + counted.judged_by_simulation,
        "discarded_by_bounds": counted.bounded,
        "judged_by_simulation": counted.judged_by_simulation,
        "not_judged": misses.not_judged,
        "configurations": counted.configurations,
        "configurations_simulated": counted.tried,
        "share_simulated": share,
        "configurations_left_out": counted.left_out,
        "simulations": counted.simulated,
    }


def _needed_requests_per_s(ask: Ask) -> float | None:
    """Requests per second with their growth; None for a scenario of cameras."""
    if ask.scenario.cameras:
        return None
    growth = 1.0 + ask.scenario.margin.growth_requests_pct / 100.0
    return growth * sum(group.rate_per_s for group in ask.scenario.requests)


def _model_note(inputs: PlanInputs, stage: str) -> str:
    model = inputs.models[stage]
    if model.stand_in:
        return (
            f"{model.reference}: a stand-in with the published operations, parameters and input, not the real network"
        )
    if model.kind == "architecture":
        return f"{model.reference}: reference architecture with random weights"
    return f"{model.reference}: file, sha256 {model.sha256[:12]}"
