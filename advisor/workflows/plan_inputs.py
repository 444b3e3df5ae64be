"""What a plan is made from: the scenario with its models, what was measured, prices and the boxes to choose among."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .context import Say, phase
from .devices_here import DevicesHere
from .market import MarketView, OfferSource, Rate, market_view
from .measured_machines import MeasuredMachines
from .plan_basis import plan_basis
from .plan_candidates import candidates_named, is_this_machine
from .plan_devices import DeviceAnswers, with_devices
from .plan_measurements import Measuring, measure
from .plan_runtimes import for_onnxruntime, measured_runtimes, named_runtimes, runtimes_text
from .predictors import cold_starts, load_predictors
from .present import Present, present_speed
from .stage_models import model_key, resolve_stages, smaller_models
from .works import Works

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress
    from advisor.perfmodel import Predictor
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.records.host import HostFacts
    from advisor.records.model import ModelFile, ModelWork
    from advisor.records.scenario import Scenario
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


def prepare(
    request: PlanRequest, store: MeasurementStore, probed: Callable[[], HostFacts], progress: Progress | None, say: Say
) -> PlanInputs:
    """Gather everything that a plan is made from, and measure what it wants of this machine.

    Parameters
    ----------
    request : PlanRequest
        What was asked.
    store : MeasurementStore
        Measurements; what is missing is added.
    probed : callable
        Waits for the facts of this machine.
    progress : Progress, optional
        Told what goes on.
    say : callable
        Told what the user should know before there is a plan.

    Raises
    ------
    ScenarioError, ModelError, CatalogueError, StoreError
        Bad input, with file, path and remedy.
    Infeasible
        The scenario's own filters leave no candidate.
    """
    from advisor.host import machine_spec
    from advisor.perfmodel import Predictor
    from advisor.planner.question.inputs import PlanInputs
    from advisor.store.catalogue import Catalogue
    from advisor.store.scenario import load_scenario, scenario_file

    scenario = load_scenario(request.scenario)
    shipped = Catalogue.load()
    facts = probed()
    if request.may_measure:
        store.put_host(facts)
    boxes = _boxes(request, scenario, shipped, facts, store)
    candidates, host = boxes.candidates, machine_spec(facts)
    ours = [is_this_machine(candidate, host, facts.fingerprint) for candidate in candidates]
    compiled = any(ours) or any(candidate.platform.measured_fingerprint for candidate in candidates)
    models = _models(request, scenario, store, progress, compiled=compiled or bool(request.measure))
    works, named = models.works, named_runtimes(scenario)
    refused = [] if named else for_onnxruntime(models.files, works)
    for text in refused:
        say(text)
    unmeasured = Predictor.load(counted=models.counted)
    bitrates = _usual_bitrates(scenario)
    measuring = Measuring(
        wanted=request.measure,
        named=bool(request.on),
        here=any(ours),
        others=not all(ours),
        unpublished=_unpublished(works, models.files, unmeasured),
        again=request.again,
    )
    campaign = measuring.campaign(scenario, models.files, facts, bitrates)
    present: Present | None = None
    of_the_hour: tuple[str, ...] = ()
    if campaign is not None:
        measure(campaign, facts, store, progress, measuring.options())
        if measuring.for_itself:
            present, of_the_hour = present_speed(campaign, facts, store, progress, say)
    elif request.measure is False:
        say("no measurement is taken on this machine (--no-measure)")
    measured = MeasuredMachines(store, boxes.catalogue, host, facts.fingerprint)
    runtimes = measured_runtimes(models.files, measured, candidates)
    for runtime in sorted({*named, *(name for names in runtimes.values() for name in names)}):
        works.prepare(runtime)
    machines = [candidate.machine for candidate in candidates]
    predictor = load_predictors(
        measured, works, machines, carried=measuring.carried, unmeasured=unmeasured, present=present
    )
    scenario_sha256 = hashlib.sha256(scenario_file(request.scenario).read_bytes()).hexdigest()
    answers = DeviceAnswers(models.by_key, models.counted, boxes.own_devices)
    return PlanInputs(
        scenario=scenario,
        scenario_sha256=scenario_sha256,
        models=models.files,
        works=works.of_stage,
        predictor=predictor,
        candidates=candidates,
        cold=cold_starts(measured),
        today=boxes.today,
        seed=request.seed,
        runtimes=("openvino", *named),
        runtimes_measured={
            platform: left
            for platform, names in runtimes.items()
            if (left := tuple(name for name in names if name not in named))
        },
        smaller=models.smaller,
        named=bool(request.on),
        bitrate_kbps=bitrates,
        device_answer=answers.on_device,
        arm_answer=answers.on_arm,
        probability_resolution=predictor.probability_resolution,
        assumptions=(
            measuring.text(predictor.measurements),
            *of_the_hour,
            runtimes_text(runtimes, named),
            *refused,
            *_uncounted_text(models.uncounted),
            *([] if boxes.market is None else [boxes.market.words()]),
        ),
        basis=plan_basis(
            scenario_sha256,
            shipped,
            request.seed,
            predictor.measurements,
            facts.fingerprint if any(ours) else None,
            boxes.market,
            {} if present is None else present.factors,
        ),
    )


@dataclass(frozen=True)
class _Boxes:
    """What a plan chooses among."""

    catalogue: Catalogue
    """With the products that have prices."""
    market: MarketView | None
    """None: prices are those of the catalogue."""
    today: dt.date
    own_devices: DevicesHere
    candidates: tuple[Candidate, ...]


def _boxes(
    request: PlanRequest, scenario: Scenario, shipped: Catalogue, facts: HostFacts, store: MeasurementStore
) -> _Boxes:
    """List the candidates with their devices and prices; Infeasible where the scenario's filters leave none."""
    from advisor.planner.question.candidates import admit

    today = request.as_of or dt.datetime.now(dt.UTC).date()
    market = market_view(shipped, request.offers, today, request.rates, money=scenario.money, store_url=store.url)
    catalogue = shipped if market is None else market.catalogue
    own_devices = DevicesHere.of(store.find(host_fingerprint=facts.fingerprint, kind="timing", status="done"))
    candidates = with_devices(
        scenario,
        candidates_named(request.on, catalogue, facts),
        catalogue,
        own_devices,
        None if market is None else market.added,
    )
    admit(scenario, candidates, today, named=bool(request.on))  # before anything is built or measured in vain
    return _Boxes(catalogue, market, today, own_devices, candidates)


@dataclass(frozen=True)
class _Models:
    """Models of the stages, and what they have to compute."""

    files: Mapping[str, ModelFile]
    """By stage."""
    smaller: Mapping[str, ModelFile]
    """By stage, where there is a smaller model of the family."""
    counted: Mapping[str, ModelWork]
    """By hash, of those files that tell their work."""
    works: Works

    @property
    def by_key(self) -> dict[str, ModelFile]:
        """All of them, as :meth:`PlanInputs.work_key` names them: by stage, smaller ones by their reference."""
        return {**self.files, **{file.reference: file for file in self.smaller.values()}}

    @property
    def uncounted(self) -> list[str]:
        """Stages whose file alone does not tell the work."""
        return [stage for stage, file in self.files.items() if file.sha256 not in self.counted]


def _models(
    request: PlanRequest, scenario: Scenario, store: MeasurementStore, progress: Progress | None, *, compiled: bool
) -> _Models:
    """Resolve and build the models, and list their kernels: as compiled here, else as far as needed."""
    from advisor.measure.items.model_kernels import counted_works
    from advisor.store.scenario import scenario_file

    phase(progress, "reading and building models")
    where = str(scenario_file(request.scenario))
    files = resolve_stages(scenario, where)
    smaller = smaller_models(files)
    places = {files[stage.id].sha256: model_key(scenario, stage.id, where) for stage in reversed(scenario.stages)}
    counted = counted_works([*files.values(), *smaller.values()], store)
    works = Works(files, store, smaller, places, {} if compiled else counted)
    if works.missing("openvino"):
        phase(progress, "compiling models to list their kernels")
        works.prepare("openvino")
    return _Models(files, smaller, counted, works)


def _usual_bitrates(scenario: Scenario) -> dict[str, float]:
    """Rate of each group of cameras for which the scenario gives none [kbit/s]."""
    from advisor.records.codec import usual_bitrate_kbps

    return {
        group.group: usual_bitrate_kbps(group.codec, *group.size, group.fps)
        for group in scenario.cameras
        if group.bitrate_kbps is None and group.codec != "raw"
    }


def _uncounted_text(stages: Sequence[str]) -> list[str]:
    if not stages:
        return []
    return [
        f"stages {', '.join(stages)}: their files alone do not tell the work (not ONNX, of int8 operators or of open "
        "shapes): other machines are predicted from the kernels that this machine's runtime fuses, and a plan made "
        "elsewhere may differ"
    ]


def _unpublished(works: Works, models: Mapping[str, ModelFile], predictor: Predictor) -> tuple[str, ...]:
    """Stages whose model the shipped calibration does not know: only measurements tell how far its time is off."""
    return tuple(
        stage for stage in models if not all(predictor.has_published_figures(work) for work in works.compiled(stage))
    )
