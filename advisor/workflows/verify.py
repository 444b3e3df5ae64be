"""The real cascade on this machine, judged, then compared with the prediction."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advisor.errors import InputError, StoreError
from advisor.records.config import RunConfig
from advisor.records.host_settings import NOTHING_ASKED, HostSettings
from advisor.records.plan import Plan, PredictedLoad
from advisor.records.scenario import Scenario
from advisor.records.verdict import Objects, Phases, Verdict

from .context import Say, local_facts, open_store, say_ignored_variables, silent
from .imitate import Imitation, imitating, imitation
from .offers import with_products
from .stage_models import resolve_stages

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.records.trace import Trace
    from advisor.store.measurements import MeasurementStore

PROBE_S = 30.0
"""Longest probe of ``--find-capacity`` [s]."""
NOT_KEPT = "not kept in the store"
"""How the warning begins."""
PROFILES_S = {"smoke": 120.0, "standard": 1800.0, "soak": 8 * 3600.0}


@dataclass(frozen=True)
class VerifyRequest:
    """Options of ``sizer verify``."""

    scenario: str
    plan_file: Path | None = None
    duration_s: float | None = None
    profile: str = "smoke"
    config: str = "plan"
    find_capacity: bool = False
    strict: bool = False
    seed: int = 0
    phases: Phases = "random"
    decode_device: Literal["software", "hardware"] = "software"
    operator: str | None = None
    objects: Objects = "auto"
    any_box: bool = False
    """Judge this machine although the plan is for another."""
    signer: str | None = None
    """Fingerprint of the key with which the report will be signed."""
    imitate: str | None = None
    """Platform or processor whose cores and SIMD level are imitated."""


@dataclass(frozen=True)
class _Setting:
    """What is to be run, and what is believed of it."""

    configs: Mapping[str, RunConfig]
    decode_threads: int
    predicted: PredictedLoad | None
    origin: str
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    other_box: str | None = None
    decode_device: Literal["software", "hardware"] = "software"
    """As planned; a request may ask for hardware, too."""
    host: HostSettings = NOTHING_ASKED


def verify_scenario(
    request: VerifyRequest,
    *,
    store_url: str | None = None,
    progress: Progress | None = None,
    say: Say = silent,
    traced: Callable[[Trace], None] | None = None,
) -> Verdict:
    """Run the cascade and judge it; the verdict is stored. ``traced`` is given what happened to each request.

    Raises
    ------
    ScenarioError, ModelError, InputError, StoreError
        Bad input, with a remedy; nothing has been run then.
    """
    from advisor.store.paths import cache_dir
    from advisor.store.scenario import load_scenario, scenario_file
    from advisor.verification import Order, find_capacity, verify
    from advisor.verification.compare import compared
    from advisor.verification.setup import check_sources

    scenario = load_scenario(request.scenario)
    check_sources(scenario)
    hashes = _hashes(request)  # of what is run, whatever happens to the files meanwhile
    duration_s = request.duration_s if request.duration_s is not None else PROFILES_S[request.profile]
    say_ignored_variables(say)
    with open_store(store_url) as store:
        facts = local_facts(store)
        models = resolve_stages(scenario, str(scenario_file(request.scenario)))
        setting = _setting(request, scenario, store, progress, say)
        wanted = None if request.imitate is None else _imitated(request.imitate, facts)
        if wanted is not None:
            setting = _capped(setting, wanted)
        order = Order(
            scenario, models, setting.configs, setting.decode_threads, duration_s, facts, cache_dir() / "verify",
            application_s=_application_s(scenario, facts, store), host=setting.host,
            decode_device=_decoded_by(request, setting), seed=request.seed,
            phases=request.phases,
            predicted=None if setting.predicted is None else setting.predicted.model_dump(mode="json"),
            strict=request.strict, warnings=setting.warnings, objects=request.objects, traced=traced,
            other_box=None if request.any_box or wanted is not None else setting.other_box,
        )  # fmt: skip
        with nullcontext() if wanted is None else imitating(wanted), _stop_on_interrupt() as stop:
            say(f"running {scenario.scenario} for {duration_s:.0f} s: {setting.origin}")
            verdict = verify(order, progress=progress, stop=stop)
            if request.find_capacity and not stop.is_set():
                probes = replace(order, duration_s=min(duration_s, PROBE_S))
                found = find_capacity(probes, progress=progress, stop=stop)
                verdict = verdict.model_copy(update={"capacity": found})
                if order.predicted is not None:
                    rows = compared(order.predicted, verdict)
                    verdict = verdict.model_copy(update={"predicted": {**order.predicted, "compared": rows}})
        notes = (
            *verdict.notes,
            f"configuration: {setting.origin}",
            *setting.notes,
            *(() if wanted is None else wanted.notes),
        )
        if setting.predicted is not None and request.phases != "random":
            notes = (*notes, f"phases: {request.phases} in this run; the prediction draws them at random")
        verdict = verdict.model_copy(
            update={
                "notes": notes, "hashes": hashes, "operator": request.operator, "signer": request.signer,
                "asked": scenario.without_addresses(),
            }
        )  # fmt: skip
        return _kept(verdict, store)


def _application_s(scenario: Scenario, facts: HostFacts, store: MeasurementStore) -> tuple[float, float]:
    """Core time of this machine that a plan takes the application to cost per frame and per object, at the median [s].

    The run burns it, so that it carries what the plan carries; of a frame it burns what the run itself leaves of it.
    """
    from advisor.host import machine_spec
    from advisor.perfmodel import Predictor
    from advisor.records.measurement import HARNESS_FRAME

    application, host = scenario.application, machine_spec(facts)
    frame_ms = application.overhead_ms_per_frame if scenario.cameras else 0.0
    object_ms = application.overhead_ms_per_object if any(stage.on for stage in scenario.stages) else 0.0
    if frame_ms == object_ms == 0:
        return 0.0, 0.0
    predictor = Predictor.load()
    frame, each = predictor.application(host, "frame", frame_ms), predictor.application(host, "object", object_ms)
    known = store.micro(facts.fingerprint, HARNESS_FRAME)  # the newest last
    own_s = known[-1].value if known else 0.0
    return max(0.0, frame.core_s.p50 - own_s), each.core_s.p50


def _hashes(request: VerifyRequest) -> dict[str, str]:
    """SHA-256 of the input files."""
    from advisor.store.scenario import scenario_file

    files = {"scenario": scenario_file(request.scenario), "plan": request.plan_file}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if path is not None and path.is_file()
    }


def _kept(verdict: Verdict, store: MeasurementStore) -> Verdict:
    """Keep a verdict in the store; where that fails it is still given, since a long run must not be lost to a disk."""
    try:
        store.put_run("verdict", verdict)
    except StoreError as error:
        return verdict.model_copy(update={"warnings": (*verdict.warnings, f"{NOT_KEPT}: {error}")})
    return verdict


def _setting(
    request: VerifyRequest,
    scenario: Scenario,
    store: MeasurementStore,
    progress: Progress | None,
    say: Say,
) -> _Setting:
    from advisor.store.scenario import scenario_file

    if request.plan_file is not None:
        return _from_plan(request.plan_file, scenario, scenario_file(request.scenario), local_facts(store))
    if request.config == "default":
        from advisor.verification import default_configs

        facts = local_facts(store)
        configs = default_configs(scenario, facts, scenario.accuracy.precisions[0])
        threads = max(1, int(facts.limits.usable_cores or 1))
        return _Setting(configs, threads, None, "the runtime's own throughput hint, nothing predicted")
    from .plan import configure_on

    platform = request.imitate or "this"
    option = configure_on(platform, request.scenario, request.seed, store, progress, say)
    words = "planned for this machine" if platform == "this" else f"planned for {platform}"
    decode = option.config.decode
    return _Setting(
        option.config.stages, decode.threads, option.predicted, words, decode_device=decode.device,
        host=option.config.host,
    )  # fmt: skip


def _decoded_by(request: VerifyRequest, setting: _Setting) -> Literal["software", "hardware"]:
    """Where cameras are decoded: in hardware if that was asked for or planned; it is refused where nothing can."""
    return "hardware" if "hardware" in {request.decode_device, setting.decode_device} else "software"


def _imitated(platform: str, facts: HostFacts) -> Imitation:
    from advisor.store.catalogue import Catalogue

    return imitation(with_products(Catalogue.load(), [platform]).resolve(platform), facts)


def _capped(setting: _Setting, wanted: Imitation) -> _Setting:
    """Lower threads to the cores that are left and cap the instructions of every stage."""
    configs = {}
    for stage, config in setting.configs.items():
        threads = min(config.threads or wanted.cores, wanted.cores)
        streams = None if config.streams is None else min(config.streams, threads)
        cap = wanted.simd_cap if config.runtime == "openvino" else None  # others cannot be capped
        update = {"threads": threads, "streams": streams, "requests": streams, "simd_cap": cap}
        configs[stage] = config.model_copy(update=update)
    # Of the cores an imitation has its own choice.
    host = HostSettings(omp_threads=setting.host.omp_threads)
    return replace(setting, configs=configs, decode_threads=min(setting.decode_threads, wanted.cores), host=host)


def _from_plan(path: Path, scenario: Scenario, named: Path, facts: HostFacts) -> _Setting:
    from advisor.store.files import read_document

    from .met import check_configuration, met, not_this, other_scenario

    plan = read_document(path, Plan)
    if plan.scenario != scenario.scenario:
        raise InputError(
            f"{path}: is a plan of scenario {plan.scenario!r}, not of {scenario.scenario!r}; plan it again"
        )
    option = plan.recommended
    if option is None:
        if plan.carried:
            raise InputError(
                f"{path}: recommends different boxes together, each with a part of the scenario; plan and verify each "
                "box with a scenario of its own cameras and stages"
            )
        raise InputError(f"{path}: recommends nothing, so there is no configuration to verify; plan with --on this")
    missing = [stage.id for stage in scenario.stages if stage.id not in option.config.stages]
    if missing:
        raise InputError(f"{path}: configures no stage {', '.join(missing)}; plan the scenario again")
    check_configuration(path, option, scenario)
    changed = other_scenario(path, plan, named)
    foreign = not_this(plan, facts) if option.platform == "this" else _other_machine(option.platform, facts)
    apart = tuple(text for text in (changed, foreign) if text is not None)
    return _Setting(
        option.config.stages,
        option.config.decode.threads,
        None if apart else option.predicted,
        f"plan {path.name} for {option.platform}",
        (*_versions(plan), *apart),
        (met(path, plan, named, facts, foreign=foreign is not None, changed=changed is not None),),
        foreign,
        option.config.decode.device,
        option.config.host,
    )


def _versions(plan: Plan) -> tuple[str, ...]:
    """Warn where the plan was made by another version than the one that runs."""
    from advisor import __version__

    if plan.sizer_version == __version__:
        return ()
    return (f"the plan was made by sizer {plan.sizer_version}, this is {__version__}: plan again to compare like with "
            "like",)  # fmt: skip


def _other_machine(platform: str, facts: HostFacts) -> str | None:
    """Say that this machine is not the platform of the plan, or None if its processor is the planned one.

    The words of the catalogue's name must all occur in the processor's brand string; a measured box is identified by
    its fingerprint.
    """
    from advisor.store.catalogue import Catalogue, catalogue_id

    catalogue = with_products(Catalogue.load(), [platform])
    chip = platform
    if platform in catalogue.platform_ids():
        entry = catalogue.platform(platform)
        if entry.measured_fingerprint == facts.fingerprint:
            return None
        chip = entry.processor
    brand = catalogue_id(facts.cpu.brand or "unknown").split("-")
    if chip in catalogue.processor_ids():
        words = catalogue_id(catalogue.processor(chip).name).split("-")
        if set(words) <= {*brand, "processor"}:
            return None
    return (
        f"the plan is for {platform}, this machine is a {facts.cpu.brand or 'processor without a name'}: its "
        "configuration is run, its figures are not held against this machine"
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C, SIGTERM or hang-up into a request to stop; a second one interrupts at once.

    A hang-up that is ignored stays so: that is what ``nohup`` asks for.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in stopping}

    def request(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of signal handlers
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number, handler in before.items():
        if number != signal.SIGHUP or handler is not signal.SIG_IGN:
            signal.signal(number, request)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
