"""What ``sizer verify`` runs: as a plan has it, by default, or planned for the purpose; and what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advisor.errors import InputError
from advisor.records.config import RunConfig
from advisor.records.host_settings import NOTHING_ASKED, HostSettings
from advisor.records.plan import Plan, PredictedLoad
from advisor.records.scenario import Scenario
from advisor.records.verdict import Objects, Phases

from .context import Say
from .imitate import Imitation, imitation
from .market import with_products

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.store.measurements import MeasurementStore


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
class Setting:
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


def setting_of(
    request: VerifyRequest,
    scenario: Scenario,
    facts: HostFacts,
    store: MeasurementStore,
    progress: Progress | None,
    say: Say,
) -> Setting:
    """Configuration that a request asks for, on the machine of these facts.

    Raises
    ------
    InputError
        The plan is of another scenario, or recommends nothing that could be run here.
    """
    from advisor.store.scenario import scenario_file

    if request.plan_file is not None:
        return _from_plan(request.plan_file, scenario, scenario_file(request.scenario), facts)
    if request.config == "default":
        from advisor.verification import default_configs

        configs = default_configs(scenario, facts, scenario.accuracy.precisions[0])
        threads = max(1, int(facts.limits.usable_cores or 1))
        return Setting(configs, threads, None, "the runtime's own throughput hint, nothing predicted")
    from .plan import configure_on

    platform = request.imitate or "this"
    option, notes = configure_on(platform, request.scenario, request.seed, store, progress, say)
    words = "planned for this machine" if platform == "this" else f"planned for {platform}"
    decode = option.config.decode
    return Setting(
        option.config.stages, decode.threads, option.predicted, words, notes=notes, decode_device=decode.device,
        host=option.config.host,
    )  # fmt: skip


def decoded_by(request: VerifyRequest, setting: Setting) -> Literal["software", "hardware"]:
    """Where cameras are decoded: in hardware if that was asked for or planned; it is refused where nothing can."""
    return "hardware" if "hardware" in {request.decode_device, setting.decode_device} else "software"


def imitated(platform: str, facts: HostFacts) -> Imitation:
    """Another machine by its id or name, as far as this one can stand for it."""
    from advisor.store.catalogue import Catalogue

    return imitation(with_products(Catalogue.load(), [platform]).resolve(platform), facts)


def capped(setting: Setting, wanted: Imitation) -> Setting:
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


def _from_plan(path: Path, scenario: Scenario, named: Path, facts: HostFacts) -> Setting:
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
    return Setting(
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
