"""From a scenario file to a plan: resolve models, take what measurements are missing, ask the planner."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from advisor.errors import StoreError
from advisor.records.base import RuntimeName
from advisor.records.model import ModelFile
from advisor.records.plan import DisturbedTimings, Plan, PlanOption

from .context import Say, few_collections, open_store, probing, seldom, silent
from .devices_here import DevicesHere
from .models import resolve_model
from .offers import OfferSource, Rate, market_view
from .plan_basis import plan_basis
from .plan_devices import DeviceAnswers, with_devices
from .predictors import cold_starts, load_predictors
from .stage_models import model_key, resolve_stages
from .this_machine import local_candidate
from .without_measurements import without_measurements
from .works import Works

if TYPE_CHECKING:
    from advisor.measure.campaign.campaign import Campaign
    from advisor.measure.items.progress import Progress
    from advisor.perfmodel import Predictor
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.planner.search.study import Study
    from advisor.records.host import HostFacts
    from advisor.records.machine import MachineSpec
    from advisor.records.scenario import Scenario
    from advisor.records.surface import WhatIfSurface
    from advisor.records.trace import Trace
    from advisor.simulate.kept import Runs
    from advisor.store.catalogue import Catalogue
    from advisor.store.measurements import MeasurementStore


@dataclass(frozen=True)
class PlanRequest:
    """Options of ``sizer plan``."""

    scenario: str
    on: tuple[str, ...] = ()
    """Ids or names of platforms, or of processors (the boxes that have them), or ``this``; empty: the catalogue."""
    measure: bool | None = None
    """Whether missing measurements are taken on this machine first. None: only if ``on`` names this machine. True also
    lets what was measured here of unpublished models enter the predictions of other machines."""
    seed: int = 0
    again: bool = False
    """Whether this machine, where it is a candidate, is measured anew instead of what its store lacks alone."""
    offers: OfferSource = "all"
    """Prices: offers that ship and that were imported, one of these, or none: those of the catalogue alone."""
    as_of: dt.date | None = None
    """Day of the prices; None: today."""
    rates: tuple[Rate, ...] = ()
    """For offers in other currencies than USD."""

    @property
    def may_measure(self) -> bool:
        """Whether this machine may be measured: otherwise nothing of it but its identity matters."""
        return bool(self.on or self.measure)


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
            result = result.model_copy(update={"disturbed": _disturbed(inputs, store, facts.result())})
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
) -> PlanOption:
    """Best configuration of any one platform, whether it suffices or not."""
    from advisor.planner.plan import configure

    with probing() as facts:
        inputs = prepare(PlanRequest(scenario, on=(platform,), seed=seed), store, facts.result, progress, say)
    return configure(inputs)


def prepare(
    request: PlanRequest, store: MeasurementStore, probed: Callable[[], HostFacts], progress: Progress | None, say: Say
) -> PlanInputs:
    """Gather everything that a plan is made from; ``probed`` waits for the facts of this machine."""
    from advisor.host import machine_spec
    from advisor.measure.items.model_kernels import counted_works
    from advisor.perfmodel import Predictor
    from advisor.planner.question.candidates import admit
    from advisor.planner.question.inputs import PlanInputs
    from advisor.store.catalogue import Catalogue
    from advisor.store.scenario import load_scenario, scenario_file

    scenario = load_scenario(request.scenario)
    shipped = Catalogue.load()
    facts = probed()
    if request.may_measure:
        store.put_host(facts)
    today = request.as_of or dt.datetime.now(dt.UTC).date()
    market = market_view(shipped, request.offers, today, request.rates, money=scenario.money, store_url=store.url)
    catalogue = shipped if market is None else market.catalogue
    own_devices = DevicesHere.of(store.find(host_fingerprint=facts.fingerprint, kind="timing", status="done"))
    candidates = with_devices(
        scenario,
        _candidates(request.on, catalogue, facts),
        catalogue,
        own_devices,
        None if market is None else market.added,
    )
    admit(scenario, candidates, today, named=bool(request.on))  # before anything is built or measured in vain
    phase(progress, "reading and building models")
    where = str(scenario_file(request.scenario))
    models = resolve_stages(scenario, where)
    host = machine_spec(facts)
    bitrates = _usual_bitrates(scenario)
    smaller = _smaller(models)
    places = {models[stage.id].sha256: model_key(scenario, stage.id, where) for stage in reversed(scenario.stages)}
    here = is_candidate(host, facts, candidates)
    counted = counted_works([*models.values(), *smaller.values()], store)
    measured_ones = here or any(candidate.platform.measured_fingerprint for candidate in candidates)
    works = Works(models, store, smaller, places, {} if measured_ones or request.measure else counted)
    if works.missing("openvino"):
        phase(progress, "compiling models to list their kernels")
        works.prepare("openvino")
    refused = [] if named_runtimes(scenario) else _for_onnxruntime(models, works)
    for text in refused:
        say(text)
    unmeasured = Predictor.load(counted=counted)
    unpublished = _unpublished(works, models, unmeasured)
    others = any(not is_candidate(host, facts, [candidate]) for candidate in candidates)
    carried = bool(request.measure and unpublished and others)
    if here and (request.measure or (request.measure is None and request.on)):
        from advisor.measure.campaign.scenario_items import scenario_items

        campaign = with_harness(scenario_items(scenario, models, facts, bitrates), scenario, facts)
        measure(campaign, facts, store, progress, VISITS, again=request.again)
    elif request.measure is False:
        say("no measurement is taken on this machine (--no-measure)")
    elif carried:
        from advisor.measure.campaign.scenario_items import items_for_others

        measure(items_for_others(scenario, models, facts, bitrates), facts, store, progress)
    measured = measured_runtimes(models, store, facts, catalogue, candidates)
    named = named_runtimes(scenario)
    for runtime in sorted({*named, *(name for names in measured.values() for name in names)}):
        works.prepare(runtime)
    machines = [candidate.machine for candidate in candidates]
    predictor = load_predictors(store, facts, host, catalogue, works, machines, carried=carried, unmeasured=unmeasured)
    assumptions = [
        _measurements_text(request, unpublished, predictor.measurements, here=here, carried=carried),
        _runtimes_text(measured, named),
        *refused,
        *_uncounted_text([stage for stage, model in models.items() if model.sha256 not in counted]),
        *([] if market is None else [market.words()]),
    ]
    scenario_sha256 = hashlib.sha256(scenario_file(request.scenario).read_bytes()).hexdigest()
    answers = DeviceAnswers({**models, **{file.reference: file for file in smaller.values()}}, counted, own_devices)
    return PlanInputs(
        scenario=scenario,
        scenario_sha256=scenario_sha256,
        models=models,
        works=works.of_stage,
        predictor=predictor,
        candidates=candidates,
        cold=cold_starts(store, facts, host, catalogue),
        today=today,
        seed=request.seed,
        runtimes=("openvino", *named),
        runtimes_measured={
            platform: left
            for platform, names in measured.items()
            if (left := tuple(name for name in names if name not in named))
        },
        smaller=smaller,
        named=bool(request.on),
        bitrate_kbps=bitrates,
        device_answer=answers.on_device,
        arm_answer=answers.on_arm,
        probability_resolution=predictor.probability_resolution,
        assumptions=tuple(assumptions),
        basis=plan_basis(
            scenario_sha256, shipped, request.seed, predictor.measurements, facts.fingerprint if here else None, market
        ),
    )


def phase(progress: Progress | None, what: str) -> None:
    """Name what goes on, for whoever watches."""
    if progress is not None:
        progress.activity(what)


def _usual_bitrates(scenario: Scenario) -> dict[str, float]:
    """Rate of each group of cameras for which the scenario gives none [kbit/s]."""
    from advisor.records.codec import usual_bitrate_kbps

    return {
        group.group: usual_bitrate_kbps(group.codec, *group.size, group.fps)
        for group in scenario.cameras
        if group.bitrate_kbps is None and group.codec != "raw"
    }


def _smaller(models: Mapping[str, ModelFile]) -> dict[str, ModelFile]:
    """Per stage the next smaller model of the same family, built; stages without one are left out."""
    from .models import smaller_model

    infos = {stage: smaller_model(model) for stage, model in models.items()}
    return {stage: resolve_model(info.name) for stage, info in infos.items() if info is not None}


def measured_runtimes(
    models: Mapping[str, ModelFile],
    store: MeasurementStore,
    facts: HostFacts,
    catalogue: Catalogue,
    candidates: Sequence[Candidate],
) -> dict[str, tuple[RuntimeName, ...]]:
    """Per candidate the runtimes beside OpenVINO in which every model of the scenario was measured there.

    ONNX Runtime's time elsewhere would be OpenVINO's times an assumed factor, which can never be the better choice for
    a known reason: a runtime without evidence is not considered, and the plan says so.
    """
    prints = {"this": facts.fingerprint}
    prints |= {item.id: item.measured_fingerprint for item in catalogue.platforms() if item.measured_fingerprint}
    wanted = {model.sha256 for model in models.values()}
    runtimes: dict[str, tuple[RuntimeName, ...]] = {}
    for platform in [item.platform.id for item in candidates if item.platform.id in prints]:
        rows = store.find(host_fingerprint=prints[platform], status="done")
        here = {row.model_sha256 for row in rows if row.config.runtime == "onnxruntime"}
        if wanted <= here:
            runtimes[platform] = ("onnxruntime",)
    return runtimes


def _uncounted_text(stages: Sequence[str]) -> list[str]:
    if not stages:
        return []
    return [
        f"stages {', '.join(stages)}: their files alone do not tell the work (not ONNX, of int8 operators or of open "
        "shapes): other machines are predicted from the kernels that this machine's runtime fuses, and a plan made "
        "elsewhere may differ"
    ]


def named_runtimes(scenario: Scenario) -> tuple[RuntimeName, ...]:
    """Runtimes beside OpenVINO that the scenario permits."""
    return tuple(dict.fromkeys(name for name in scenario.candidates.runtimes if name not in ("openvino", "fake")))


def _for_onnxruntime(models: Mapping[str, ModelFile], works: Works) -> list[str]:
    """Say which files OpenVINO cannot run and ONNX Runtime can, where the scenario names no runtime beside OpenVINO."""
    return [
        f"stage {stage}: OpenVINO cannot run {model.reference}, ONNX Runtime can; permit it with "
        "candidates: {runtimes: [onnxruntime]}"
        for stage, model in models.items()
        if not works.compiled(stage) and works.of_stage(stage, "onnxruntime", "f32", 1) is not None
    ]


def _runtimes_text(measured: Mapping[str, tuple[RuntimeName, ...]], named: Sequence[RuntimeName]) -> str:
    if named:
        return (
            f"runtimes: OpenVINO and {', '.join(named)} (candidates.runtimes) wherever measurements or published "
            "ratios to OpenVINO tell their times, with intervals as wide as these are"
        )
    if not measured:
        return (
            "runtimes: OpenVINO only; ONNX Runtime was not measured with these models on any platform, and without "
            "that its time is OpenVINO's times a published ratio with a wide interval (candidates.runtimes permits it; "
            "`sizer compare` measures it)"
        )
    return (
        f"runtimes: OpenVINO everywhere; ONNX Runtime where it was measured with these models: "
        f"{', '.join(sorted(measured))}"
    )


def with_harness(campaign: Campaign, scenario: Scenario, facts: HostFacts) -> Campaign:
    """Add what the run of `sizer verify` itself takes for a frame of a camera."""
    from advisor.measure.campaign.campaign import Entry
    from advisor.verification.harness import HarnessItem

    if not scenario.cameras:
        return campaign
    item = HarnessItem(facts)
    return replace(campaign, entries=(*campaign.entries, Entry(item, item.estimate_s, 1.0)))


VISITS = 3
"""Plans of this machine that time a disturbed model once more each, so that no single moment decides."""


def measure(
    campaign: Campaign,
    facts: HostFacts,
    store: MeasurementStore,
    progress: Progress | None,
    visits: int = 1,
    *,
    again: bool = False,
) -> None:
    """Take those measurements that the store lacks, disturbed ones of models up to ``visits`` times; or all anew.

    An interrupt ends the command, not only the measuring: a plan on half of them is not what was asked for.
    """
    from advisor.measure.campaign.campaign import run
    from advisor.measure.items.progress import NullProgress

    if run(campaign, store, facts, progress or NullProgress(), visits=visits, again=again).interrupted:
        raise KeyboardInterrupt


def _disturbed(inputs: PlanInputs, store: MeasurementStore, facts: HostFacts) -> DisturbedTimings | None:
    """What other load did to the timings of this machine, where it is a candidate."""
    from advisor.host import machine_spec

    from .predictors import quiet_predictor
    from .quiet import disturbed_timings

    host = machine_spec(facts)
    here = next((item for item in inputs.candidates if is_candidate(host, facts, [item])), None)
    quiet = quiet_predictor(inputs.predictor, None if here is None else here.machine, facts.fingerprint)
    rows = store.find(host_fingerprint=facts.fingerprint, status="done")
    return disturbed_timings(inputs, here, quiet, rows)


def is_candidate(host: MachineSpec, facts: HostFacts, candidates: Sequence[Candidate]) -> bool:
    """Whether any candidate is predicted from what this machine has measured of itself."""
    return any(
        candidate.machine.id == host.id or candidate.platform.measured_fingerprint == facts.fingerprint
        for candidate in candidates
    )


def _measurements_text(
    request: PlanRequest, unpublished: Sequence[str], entered: Sequence[str], *, here: bool, carried: bool
) -> str:
    """Which measurements the plan depends on, and how to have more of them enter."""
    of = f"of the models of {', '.join(unpublished)}, of which no figure is published"
    boxes = f"; {len(entered)} that boxes were added with enter, for these boxes alone" if entered else ""
    if carried:
        return (
            f"measured on this machine: passes {of}, and of the others to compare with; {len(entered)} measurements "
            "entered (inputs.measurements in the JSON) and move the times of these models on all platforms"
        )
    if here and request.measure is False:
        return "no measurement was taken on this machine for this plan (--no-measure); those of the store were used"
    if here and (request.measure or request.on):
        return (
            f"this machine is a candidate: {len(entered)} measurements of candidates entered, each for its own machine"
        )
    if request.measure:
        return f"no measurement was taken for this plan, since figures of all models are published (--measure){boxes}"
    remedy = f"; `sizer plan --measure` would measure passes {of}, here" if unpublished else ""
    return f"no measurement was taken for this plan{boxes}{remedy}"


def _unpublished(works: Works, models: Mapping[str, ModelFile], predictor: Predictor) -> list[str]:
    """Stages whose model the shipped calibration does not know: only measurements tell how far its time is off."""
    return [
        stage for stage in models if not all(predictor.has_published_figures(work) for work in works.compiled(stage))
    ]


def _candidates(names: tuple[str, ...], catalogue: object, facts: HostFacts) -> tuple[Candidate, ...]:
    from advisor.planner.question.inputs import Candidate
    from advisor.store.catalogue import Catalogue

    from .this_machine import bare_candidate

    assert isinstance(catalogue, Catalogue)
    if not names:
        return tuple(Candidate(platform, catalogue.machine(platform)) for platform in catalogue.platforms())
    candidates: dict[str, Candidate] = {}
    for name in names:
        if name == "this":
            found = [local_candidate(facts)]
        else:
            boxes = catalogue.boxes(name)
            found = [Candidate(platform, catalogue.machine(platform)) for platform in boxes]
            found = found or [bare_candidate(catalogue, name)]
        candidates |= {item.platform.id: item for item in found}
    return tuple(candidates.values())
