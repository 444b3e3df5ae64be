"""The real cascade on this machine, judged, then compared with the prediction."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.errors import StoreError
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict

from .context import Say, local_facts, open_store, say_ignored_variables, silent
from .imitate import imitating
from .stage_models import resolve_stages
from .verify_setting import VerifyRequest, capped, decoded_by, imitated, setting_of

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
        setting = setting_of(request, scenario, facts, store, progress, say)
        wanted = None if request.imitate is None else imitated(request.imitate, facts)
        if wanted is not None:
            setting = capped(setting, wanted)
        order = Order(
            scenario, models, setting.configs, setting.decode_threads, duration_s, facts, cache_dir() / "verify",
            application_s=_application_s(scenario, facts, store), host=setting.host,
            decode_device=decoded_by(request, setting), seed=request.seed,
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
