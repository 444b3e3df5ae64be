"""From inputs to the plan: cheapest first, the first that holds is recommended, the rest is explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import Inconclusive
from advisor.planner.answer.alternatives import choose_alternatives, explore, pareto_front
from advisor.planner.answer.assumptions import list_assumptions, list_warnings, not_considered
from advisor.planner.answer.auto_start import auto_start
from advisor.planner.answer.baseline import gain_over_default
from advisor.planner.answer.explain import sensitivity
from advisor.planner.answer.ladder import ladder
from advisor.planner.answer.mix import cheaper_mix
from advisor.planner.answer.options import buys, make_option
from advisor.planner.answer.rejected import (
    FEW,
    Miss,
    RejectedPlatforms,
    fails_at_median,
    list_rejected,
    rejected_record,
)
from advisor.planner.answer.relaxations import relaxed_limits, scenario_changes
from advisor.planner.answer.requests import trace_of, with_requests
from advisor.planner.answer.runtime_batching import Weighed, weigh
from advisor.planner.answer.sites import largest_case, plan_sites
from advisor.planner.answer.split import cheaper_split
from advisor.planner.answer.ties import Decision, cost_of_failure, decide, list_ties
from advisor.planner.answer.undecided import next_measurement, undecided
from advisor.planner.question.alike_groups import merged_groups, with_groups_merged
from advisor.planner.question.candidates import EVIDENCE, ExcludedCandidate, admit, at_site
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search import draw_costs
from advisor.planner.search.judgement import Deployment, Failing
from advisor.planner.search.rank import Solution
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.plan import Plan, PlanOption, Rejected
from advisor.records.trace import Trace

TRACED_S = 60.0
"""Simulated time of which a trace file tells [s]."""


def plan(
    inputs: PlanInputs,
    traced: Callable[[Trace], None] | None = None,
    keep: Callable[[Study, Sequence[Candidate]], None] | None = None,
) -> Plan:
    """Recommend hardware for a scenario; with several sites, for the most demanding kind, and a bill for all.

    ``traced`` is given the trace of a simulated minute on the recommended boxes, if any. ``keep`` is given the
    study and the candidates that the scenario admits, for whoever asks more of them.

    Raises
    ------
    Infeasible
        The scenario's own filters leave no candidate.
    CatalogueError
        A price override names an unknown platform.
    """
    try:
        return _planned(inputs, traced, keep)
    finally:
        draw_costs.forget()


def _planned(
    inputs: PlanInputs,
    traced: Callable[[Trace], None] | None,
    keep: Callable[[Study, Sequence[Candidate]], None] | None,
) -> Plan:
    joint = merged_groups(inputs.scenario)
    inputs = with_groups_merged(inputs)
    scenario = inputs.scenario
    inputs = replace(inputs, candidates=tuple(at_site(scenario, candidate) for candidate in inputs.candidates))
    study = Study(inputs, largest_case(scenario))
    admitted, excluded = admit(scenario, inputs.candidates, inputs.today, named=inputs.named)
    study.prepare(inputs.candidates if inputs.named else admitted)
    explored = explore(study, admitted)
    inputs.watch("choosing among what holds")
    decision = decide(study, admitted, explored)
    explored = _chosen_first(explored, decision)
    shown = choose_alternatives(explored)
    chosen = shown[0][0] if shown else None
    weighed = None if chosen is None else weigh(chosen.deployment, feasible=True)
    options = _options(shown, decision, weighed)
    inputs.watch("predicting what does not hold, or is dearer")
    rejected = list_rejected(study, admitted, explored, [solution for solution, _ in shown])
    if chosen is not None:
        assert weighed is not None  # the first of what is shown is the recommendation
        options[0] = with_requests(_with_gain(options[0], weighed.deployment), weighed.deployment).model_copy(
            update={
                "ladder": ladder(study, admitted, chosen),
                "batching": weighed.stages,
                "auto": auto_start(weighed.deployment),
            }
        )
        if traced is not None:
            traced(trace_of(weighed.deployment, TRACED_S))
    inputs.watch("asking what would change the answer")
    runner_up = explored[1] if len(explored) > 1 else None
    sites = plan_sites(study, admitted)
    front = pareto_front(study, admitted, explored)
    binding = None if rejected.just_fails is None else rejected.just_fails.check
    changes = scenario_changes(study, chosen, admitted, binding)
    if keep is not None:
        keep(study, admitted)
    if chosen is None:
        if all(item.check == "evidence" for item in rejected.rejected):
            changes = ()  # nothing is known of any box, so nothing of what would help
        changes += relaxed_limits(study, excluded)
    return Plan(
        sizer_version=__version__,
        created=utc_now(),
        scenario=scenario.scenario,
        scenario_sha256=inputs.scenario_sha256,
        objective=scenario.money.objective,
        recommended=options[0] if options else None,
        alternatives=tuple(options[1:]),
        rejected=(*rejected.rejected, *(_excluded_record(study, item) for item in excluded)),
        nearest_misses=rejected.nearest,
        sensitivity=() if chosen is None else sensitivity(study, chosen, runner_up, admitted),
        scenario_changes=changes,
        assumptions=(
            *list_assumptions(
                inputs, None if chosen is None else chosen.deployment, [solution.candidate for solution, _ in shown[1:]]
            ),
            *joint,
        ),
        ties=() if decision is None else list_ties(decision),
        just_fails=rejected.just_fails,
        next_dearer=options[1] if len(options) > 1 else None,
        undecided=undecided(study, rejected.uncertain),
        warnings=list_warnings(inputs, options, sites.paid),
        seeds={"simulation": inputs.seed},
        inputs=inputs.basis,
        pareto=tuple(point.platform for point in front),
        pareto_points=front,
        mix=cheaper_mix(study, admitted, chosen),
        split=cheaper_split(study, admitted, chosen),
        sites=sites.rows,
        sites_total=sites.total,
        not_considered=not_considered(scenario),
        search=_search_figures(study, len(admitted), len(excluded), rejected),
        model_notes={stage: _model_note(inputs, stage) for stage in inputs.models},
    )


def configure(inputs: PlanInputs) -> PlanOption:
    """Best configuration of the single candidate, whether it carries the scenario or not.

    Raises
    ------
    Inconclusive
        A stage cannot run there at any permitted precision, or nothing is known of how it would.
    """
    study = Study.of(with_groups_merged(inputs))
    (candidate,) = inputs.candidates
    study.prepare([candidate])
    judged = judge(study, candidate, 1)
    if isinstance(judged, Failing):
        if judged.deployment is None:
            raise Inconclusive(f"{candidate.platform.id}: {judged.failed.reason}; permit another precision or device")
        return _configured(judged.deployment, feasible=False)
    return _configured(judged.deployment, feasible=True)


def _configured(deployment: Deployment, *, feasible: bool) -> PlanOption:
    weighed = weigh(deployment, feasible=feasible)
    deployment = weighed.deployment
    option = _with_gain(make_option(deployment, feasible=feasible), deployment)
    return with_requests(option, deployment).model_copy(
        update={"batching": weighed.stages, "auto": auto_start(deployment)}
    )


def _with_gain(option: PlanOption, deployment: Deployment) -> PlanOption:
    """Add what the configuration gains over usual ones."""
    return option.model_copy(update={"gain_over_default": gain_over_default(deployment, option.predicted)})


def _chosen_first(explored: Sequence[Solution], decision: Decision | None) -> list[Solution]:
    """What may be shown, the recommendation before what is ordered by its cost."""
    if decision is None:
        return []
    chosen = decision.chosen.solution
    return [chosen, *(item for item in explored if item is not chosen)]


def _options(
    shown: Sequence[tuple[Solution, str]], decision: Decision | None, weighed: Weighed | None
) -> list[PlanOption]:
    """Recommendation and alternatives in full, each with what it buys and which measurement would tell more of it.

    ``weighed``: the recommendation with the batches that its runtime makes.
    """
    options: list[PlanOption] = []
    for solution, role in shown:
        deployment = solution.deployment if options or weighed is None else weighed.deployment
        certain = decision is None or solution is not decision.chosen.solution or decision.chosen.certain
        option = make_option(deployment, feasible=True, certain=certain, role=role)
        failure = (1.0 - option.probability) * cost_of_failure(deployment)
        update: dict[str, object] = {
            "next_measurement": next_measurement(deployment),
            "expected_cost": solution.cost + failure,
        }
        if options:
            update["buys"] = buys(option, options[0])
        options.append(option.model_copy(update=update))
    return options


def _excluded_record(study: Study, excluded: ExcludedCandidate) -> Rejected:
    """Describe a platform that a filter excludes; with its prediction where the user named it."""
    candidate, inputs = excluded.candidate, study.inputs
    if not inputs.named:
        return rejected_record(
            study, Miss(candidate, 1, excluded.check, excluded.reason, None), predict=False, exact=False
        )
    failing = fails_at_median(study, candidate) if excluded.check == EVIDENCE else None
    if failing is None:
        judged = replace(Miss.of(judge(study, candidate, 1), excluded.reason), check=excluded.check)
    else:  # whatever is not known of it makes no difference
        judged = failing
    return rejected_record(study, judged, predict=True, exact=len(inputs.candidates) <= FEW)


def _search_figures(
    study: Study, admitted: int, excluded: int, rejected: RejectedPlatforms
) -> dict[str, float | int | None]:
    counters = study.counters
    share = counters.tried / counters.configurations if counters.configurations else None
    return {
        "needed_cameras": study.case.grown_cameras,
        "needed_requests_per_s": _needed_requests_per_s(study.case),
        "platforms": admitted + excluded,
        "refused_by_filters": excluded,
        "judged": counters.bounded + counters.judged_by_simulation,
        "discarded_by_bounds": counters.bounded,
        "judged_by_simulation": counters.judged_by_simulation,
        "not_judged": rejected.not_judged,
        "configurations": counters.configurations,
        "configurations_simulated": counters.tried,
        "share_simulated": share,
        "configurations_left_out": counters.left_out,
        "simulations": counters.simulated,
    }


def _needed_requests_per_s(case: LoadCase) -> float | None:
    """Requests per second with their growth; None for a scenario of cameras."""
    if case.scenario.cameras:
        return None
    growth = 1.0 + case.scenario.margin.growth_requests_pct / 100.0
    return growth * sum(group.rate_per_s for group in case.scenario.requests)


def _model_note(inputs: PlanInputs, stage: str) -> str:
    model = inputs.models[stage]
    if model.stand_in:
        differs = ""
        if model.stand_in_ratio is not None:
            differs = f"; stand-in differs: its time is {model.stand_in_ratio:.2f} times that of the network"
        return (
            f"{model.reference}: a stand-in with the published operations, parameters and input, not the real network"
            f"{differs}"
        )
    if model.kind == "architecture":
        return f"{model.reference}: reference architecture with random weights"
    return f"{model.reference}: file, sha256 {model.sha256[:12]}"
