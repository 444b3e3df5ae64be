"""The real cascade on this machine, judged; then laid beside what was predicted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError
from advisor.records.config import RunConfig
from advisor.records.plan import Plan, PredictedLoad
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict
from advisor.workflows.context import Say, local_facts, open_store, silent
from advisor.workflows.models import resolve_model

if TYPE_CHECKING:
    from advisor.measure.progress import Progress
    from advisor.store.measurements import MeasurementStore

PROBE_S = 30.0
"""Longest probe of ``--find-capacity`` [s]."""
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


@dataclass(frozen=True)
class _Setting:
    """What is to be run, and what is believed of it."""

    configs: Mapping[str, RunConfig]
    decode_threads: int
    predicted: PredictedLoad | None
    origin: str


def verify_scenario(
    request: VerifyRequest, *, store_url: str | None = None, progress: Progress | None = None, say: Say = silent
) -> Verdict:
    """Run the cascade and judge it; the verdict is stored.

    Raises
    ------
    ScenarioError, ModelError, InputError, StoreError
        Bad input, with a remedy; nothing has been run then.
    """
    from advisor.store.paths import cache_dir
    from advisor.store.scenario import load_scenario
    from advisor.verify import find_capacity, verify

    scenario = load_scenario(request.scenario)
    duration_s = request.duration_s if request.duration_s is not None else PROFILES_S[request.profile]
    with open_store(store_url) as store, _stop_on_interrupt() as stop:
        facts = local_facts(store)
        models = {stage.id: resolve_model(stage.model, stage.input) for stage in scenario.stages}
        setting = _setting(request, scenario, store, progress, say)
        say(f"running {scenario.scenario} for {duration_s:.0f} s: {setting.origin}")
        common: dict[str, Any] = {
            "facts": facts,
            "work_dir": cache_dir() / "verify",
            "seed": request.seed,
            "progress": progress,
            "stop": stop,
        }
        if setting.predicted is not None:
            common["predicted"] = setting.predicted.model_dump(mode="json")
        verdict = verify(
            scenario, models, setting.configs, setting.decode_threads, duration_s=duration_s, strict=request.strict,
            **common,
        )  # fmt: skip
        if request.find_capacity and not stop.is_set():
            found = find_capacity(
                scenario, models, setting.configs, setting.decode_threads, duration_s=min(duration_s, PROBE_S), **common
            )
            verdict = verdict.model_copy(update={"capacity": found})
        verdict = verdict.model_copy(update={"notes": (*verdict.notes, f"configuration: {setting.origin}")})
        store.put_run("verdict", verdict)
    return verdict


def _setting(
    request: VerifyRequest,
    scenario: Scenario,
    store: MeasurementStore,
    progress: Progress | None,
    say: Say,
) -> _Setting:
    if request.plan_file is not None:
        return _from_plan(request.plan_file, scenario)
    if request.config == "default":
        from advisor.verify import default_configs

        facts = local_facts(store)
        configs = default_configs(scenario, facts, scenario.accuracy.precisions[0])
        threads = max(1, int(facts.limits.usable_cores or 1))
        return _Setting(configs, threads, None, "the runtime's own throughput hint, nothing predicted")
    from advisor.workflows.plan import configure_here

    option, _, _ = configure_here(request.scenario, request.seed, store, progress, say)
    return _Setting(option.config.stages, option.config.decode.threads, option.predicted, "planned for this machine")


def _from_plan(path: Path, scenario: Scenario) -> _Setting:
    from advisor.store.files import read_document

    plan = read_document(path, Plan)
    if plan.scenario != scenario.scenario:
        raise InputError(
            f"{path}: is a plan of scenario {plan.scenario!r}, not of {scenario.scenario!r}; plan it again"
        )
    option = plan.recommended
    if option is None:
        raise InputError(f"{path}: recommends nothing, so there is no configuration to verify; plan with --on this")
    missing = [stage.id for stage in scenario.stages if stage.id not in option.config.stages]
    if missing:
        raise InputError(f"{path}: configures no stage {', '.join(missing)}; plan the scenario again")
    return _Setting(
        option.config.stages, option.config.decode.threads, option.predicted, f"plan {path.name} for {option.platform}"
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a request to stop; a second one interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def request(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of signal handlers
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
