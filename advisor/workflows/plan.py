"""From a scenario file to a plan: prepare what it is made from, ask the planner, and keep the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.errors import StoreError
from advisor.records.plan import DisturbedTimings, Plan, PlanOption, PresentMachine

from .context import Say, few_collections, open_store, phase, probing, seldom, silent
from .plan_inputs import PlanRequest, prepare
from .without_measurements import without_measurements

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.planner.search.study import Study
    from advisor.records.host import HostFacts
    from advisor.records.surface import WhatIfSurface
    from advisor.records.trace import Trace
    from advisor.simulate.kept import Runs
    from advisor.store.measurements import MeasurementStore


def plan_scenario(
    request: PlanRequest,
    *,
    store_url: str | None = None,
    progress: Progress | None = None,
    say: Say = silent,
    traced: Callable[[Trace], None] | None = None,
    what_if: Callable[[Callable[[], WhatIfSurface | None]], None] | None = None,
) -> Plan:
    """Recommend hardware for a scenario file; ``traced`` is given what happens to each request on it, simulated.

    ``what_if`` is given what works out the surface that the plan's page answers what-if from, None where there is none:
    that takes as long as the plan, whose answer need not wait for it.

    Raises
    ------
    ScenarioError, ModelError, CatalogueError, StoreError
        Bad input, with file, path and remedy.
    Infeasible
        The scenario's own filters leave no candidate.
    """
    from advisor.store.scenario import load_scenario

    load_scenario(request.scenario)  # a fault in it is said before this machine is looked at and anything heavy loaded
    with few_collections(), probing(runtimes=request.may_measure) as facts:
        from advisor.market.price_terms import with_price_warnings
        from advisor.planner.plan import plan

        with open_store(store_url) as store:
            runs = _kept_runs(lambda: _compiled(progress))
            inputs = replace(prepare(request, store, facts.result, progress, say), runs=runs)
            phase(progress, f"comparing {len(inputs.candidates)} platforms")
            watch = seldom(lambda what: phase(progress, what))
            studied: list[tuple[Study, Sequence[Candidate]]] = []
            result = plan(replace(inputs, watch=watch), traced, lambda *kept: studied.append(kept))
            result = with_price_warnings(result)
            result = result.model_copy(update={"asked": inputs.scenario.without_addresses()})
            if request.measure:
                bare = prepare(replace(request, measure=False), store, facts.result, progress, silent)
                without = without_measurements(inputs, bare, store)
                result = result.model_copy(update={"without_measurements": without})
            result = result.model_copy(update=_of_its_hour(inputs, result, store, facts.result()))
            store.put_run("plan", result)
            runs.keep()
    if what_if is not None:
        what_if(lambda: _surface(*studied[0], result, runs))
    return result


def _surface(study: Study, admitted: Sequence[Candidate], result: Plan, runs: Runs) -> WhatIfSurface | None:
    """What the plan's page answers what-if from; the runs that it takes are kept, too."""
    from .what_if import surface_of

    try:
        return surface_of(study, admitted, result)
    finally:
        runs.keep()


def _compiled(progress: Progress | None) -> None:
    """Load the simulator, or compile it, which takes half a minute."""
    from advisor.simulate.warm import warm

    phase(progress, "compiling the simulator")
    warm()


def _kept_runs(before: Callable[[], None]) -> Runs:
    """Simulated runs of earlier plans, beside the other files that can be made again; a user without any keeps none."""
    from advisor.simulate.kept import SIMULATED, KeptRuns
    from advisor.store.paths import cache_dir

    try:
        return KeptRuns(cache_dir() / "simulator" / "runs.sqlite3", before)
    except StoreError:
        return SIMULATED


def configure_on(
    platform: str, scenario: str, seed: int, store: MeasurementStore, progress: Progress | None, say: Say
) -> tuple[PlanOption, tuple[str, ...]]:
    """Best configuration of any one platform, whether it suffices or not; with how this machine differs from its hour.

    The latter is empty where nothing of it was timed anew.
    """
    from advisor.planner.plan import configure

    from .predictors import MeasuredBoxes

    with probing() as facts:
        inputs = prepare(PlanRequest(scenario, on=(platform,), seed=seed), store, facts.result, progress, say)
    present = inputs.predictor.present if isinstance(inputs.predictor, MeasuredBoxes) else None
    return configure(inputs), () if present is None else (present.text,)


def _of_its_hour(
    inputs: PlanInputs, plan: Plan, store: MeasurementStore, facts: HostFacts
) -> dict[str, DisturbedTimings | PresentMachine | None]:
    """Fields of a plan that say what other load did to the timings that it rests on, and what the hour did."""
    from .predictors import another_hour, quiet_predictor
    from .quiet import disturbed_timings, present_machine, rested_on

    box = rested_on(inputs, plan, facts.fingerprint)
    if box is None:
        return {}
    candidate, fingerprint = box
    quiet = quiet_predictor(inputs.predictor, candidate.machine, fingerprint)
    rows = store.find(host_fingerprint=fingerprint, status="done")
    before = another_hour(inputs.predictor, candidate.machine, fingerprint)
    return {
        "disturbed": disturbed_timings(inputs, candidate, quiet, rows, here=fingerprint == facts.fingerprint),
        "present": None if before is None else present_machine(inputs, candidate, *before),
    }
