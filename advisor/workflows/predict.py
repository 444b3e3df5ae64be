"""Latency and throughput of one model on platforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError, nearest
from advisor.records.base import Evidence
from advisor.records.config import LoadMode, RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelFile, ModelWork, known_as
from advisor.records.prediction import Prediction, PredictionReport, ServiceEstimate
from advisor.runtimes.registry import INSTALLED

from .context import Say, local_facts, open_store, silent
from .market import with_products
from .measured_machines import MeasuredMachines
from .models import resolve_model
from .predict_device import asks_of_device, predict_on_device, resolve_for_device
from .predictors import load_predictors

if TYPE_CHECKING:
    from advisor.records.host import HostFacts
    from advisor.store.catalogue import Catalogue
    from advisor.store.measurements import MeasurementStore


@dataclass(frozen=True)
class PredictRequest:
    """Options of ``sizer predict``; ``streams`` and ``threads`` are a number, ``all``, or None."""

    model: str
    platforms: tuple[str, ...]
    runtime: str = "openvino"
    device: str = "CPU"
    precision: str = "f32"
    hint: str = "none"
    streams: str | None = None
    threads: str | None = None
    batch: int = 1
    input_shape: str | None = None
    measure_s: float = 0.0


def predict_model(request: PredictRequest, *, store_url: str | None = None, say: Say = silent) -> PredictionReport:
    """Predict one model on each platform; a platform without evidence gives a row without figures.

    Raises
    ------
    ModelError, CatalogueError, InputError, StoreError
        Bad input, with a remedy.
    """
    from advisor.host import machine_spec
    from advisor.measure.items.model_kernels import counted_works
    from advisor.perfmodel import Predictor
    from advisor.store.catalogue import Catalogue

    check_runtime(request.runtime)
    if not request.device.strip():
        raise InputError("--device names no device; for example --device GPU")
    if not request.platforms:
        raise InputError("--on names no platform; for example --on this,intel-core-i5-12400")
    with open_store(store_url) as store:
        facts = local_facts(store)
        host = machine_spec(facts)
        catalogue = with_products(Catalogue.load(), request.platforms)
        machines = [host if name == "this" else catalogue.resolve(name) for name in request.platforms]
        configs = [_config(request, machine) for machine in machines]
        pairs = list(zip(machines, configs, strict=True))
        elsewhere = [asks_of_device(request.device, machine, catalogue) for machine in machines]
        if all(elsewhere):
            model = resolve_for_device(request.model, request.input_shape)
        else:
            model = resolve_model(request.model, request.input_shape)
        on_devices = _on_devices(
            model, [pair for pair, is_so in zip(pairs, elsewhere, strict=True) if is_so], catalogue, store
        )
        if all(elsewhere):
            return _report(on_devices)
        if request.precision == "f16":
            raise InputError(
                "--precision f16: x86 cores compute in f32, bf16 or int8; f16 is for --device GPU and others"
            )
        machines = [machine for machine, is_so in zip(machines, elsewhere, strict=True) if not is_so]
        configs = [config for config, is_so in zip(configs, elsewhere, strict=True) if not is_so]
        work = _work(request, model, store)
        if work is None:
            raise InputError(
                f"{request.runtime} cannot run {request.model} at {request.precision}, batch {request.batch}, on any"
                " machine"
            )
        if request.measure_s > 0:
            here = [config for config, machine in zip(configs, machines, strict=True) if machine.id == "this"]
            _measure(request, model, work, here, facts, store, say)
        predictor = load_predictors(
            MeasuredMachines(store, catalogue, host, facts.fingerprint),
            _OneModel(model, store),
            machines,
            carried=True,
            unmeasured=Predictor.load(counted=counted_works([model], store)),
        )
        asked = [(machine, work, config) for machine, config in zip(machines, configs, strict=True)]
        found = predictor.service_many(asked, explain=True)
    rows, others = iter(on_devices), iter([to_prediction(item) for item in found])
    return _report([next(rows if is_so else others) for is_so in elsewhere])


def _on_devices(
    model: ModelFile, pairs: Sequence[tuple[MachineSpec, RunConfig]], catalogue: Catalogue, store: MeasurementStore
) -> list[Prediction]:
    """Rows of the platforms that are answered from evidence on devices."""
    from advisor.measure.items.model_kernels import counted_works
    from advisor.perfmodel.analytic.work_table import table_of

    if not pairs:
        return []
    work = counted_works([model], store).get(model.sha256) if model.path else None
    table = None if work is None else table_of(work)
    return [predict_on_device(model, table, machine, config, catalogue) for machine, config in pairs]


def _work(request: PredictRequest, model: ModelFile, store: MeasurementStore) -> ModelWork | None:
    """Kernels of the model as the runtime fuses them; None where it cannot run it so.

    Runtimes refuse bf16 where this processor lacks it, which says nothing of the machines that are asked about: the
    kernels of f32 stand for those of bf16 then.
    """
    from advisor.measure.items.model_kernels import model_works

    (work,) = model_works(model, [(request.runtime, request.precision, request.batch, None)], store)
    if work is None and request.precision == "bf16":
        (plain,) = model_works(model, [(request.runtime, "f32", request.batch, None)], store)
        work = None if plain is None else plain.at_bf16()
    if work is None and request.runtime not in INSTALLED:
        # Not installed here, or without a list of kernels: what it computes is what OpenVINO computes.
        (plain,) = model_works(model, [("openvino", request.precision, request.batch, None)], store)
        work = None if plain is None else plain.model_copy(update={"runtime": request.runtime})
    return work


def _report(rows: Sequence[Prediction]) -> PredictionReport:
    return PredictionReport(sizer_version=__version__, created=utc_now(), predictions=tuple(rows))


def to_prediction(item: ServiceEstimate) -> Prediction:
    """Turn an estimate into a row of the contract; without evidence it carries no figures."""
    known = item.evidence is not Evidence.UNKNOWN
    return Prediction(
        platform=item.platform,
        model=item.model,
        config=item.config,
        throughput_fps=item.throughput_per_s if known else None,
        latency_ms=item.latency_s.scaled(1000.0) if known else None,
        evidence=item.evidence,
        nearest_measured=item.nearest_measured,
        bottleneck=item.bottleneck if known else "unknown",
        extrapolated=item.extrapolated,
        stand_in=item.stand_in,
        memory_bytes=item.memory_bytes if known else None,
        kernels=item.kernels if known else (),
        notes=item.notes,
    )


class _OneModel:
    """Kernels of the model in question, for measurements of it that the store holds."""

    def __init__(self, model: ModelFile, store: MeasurementStore) -> None:
        self._model, self._store = model, store

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        from advisor.measure.items.model_kernels import model_works

        if model != known_as(self._model.name, self._model.kind, self._model.sha256):
            return None
        return model_works(self._model, [(runtime, precision, 1, None)], self._store)[0]


def _config(request: PredictRequest, machine: MachineSpec) -> RunConfig:
    usable = machine.inference_cores
    if machine.quota_cores is not None:
        usable = max(1, min(usable, int(machine.quota_cores)))
    threads = number_or_all(request.threads, usable, "--threads")
    streams = number_or_all(request.streams, usable, "--streams")
    for option, asked in (("--threads", threads), ("--streams", streams)):
        if asked is not None and asked > machine.threads:
            runs = "1 thread" if machine.threads == 1 else f"{machine.threads} threads"
            raise InputError(f"{option} {asked} is more than {machine.id} has: its cores run {runs} at once")
    if threads is not None and streams is not None and threads < streams:
        raise InputError(f"--threads {threads} is less than --streams {streams}: each inference stream needs a thread")
    return RunConfig(
        runtime=request.runtime,
        device=request.device,
        precision=request.precision,
        hint=request.hint,
        streams=streams,
        threads=threads,
        batch=request.batch,
    )


def check_runtime(name: str) -> None:
    """Refuse what is no runtime that runs models: InputError with the nearest."""
    from advisor.runtimes import real_runtimes

    known = real_runtimes()
    if name not in known:
        raise InputError(f"--runtime {name}: unknown{nearest(name, known)}; known: {', '.join(known)}")


def number_or_all(text: str | None, everything: int, option: str) -> int | None:
    """Read a count of threads or streams.

    Raises
    ------
    InputError
        Neither a number of at least 1 nor ``all``.
    """
    if text is None:
        return None
    if text == "all":
        return everything
    if not text.isdigit() or int(text) == 0:
        raise InputError(f"{option} {text!r} is neither a number of at least 1 nor 'all'")
    return int(text)


def _measure(
    request: PredictRequest,
    model: ModelFile,
    work: ModelWork,
    here: list[RunConfig],
    facts: HostFacts,
    store: MeasurementStore,
    say: Say,
) -> None:
    """Time the model's kernels on this machine, where it has new ones: one stream, batch 1, within the time allowed.

    The pass is also timed without counters, since kernel times are scaled to it
    (:mod:`advisor.perfmodel.here.kernels`). All other settings are predicted from these; ``here`` are those that were
    asked of this machine.
    """
    from advisor.measure.campaign.campaign import Campaign, Entry, run
    from advisor.measure.items.profile import ProfileItem
    from advisor.measure.items.throughput import TimingItem
    from advisor.measure.timing.harness import QUICK
    from advisor.perfmodel.here.kernels import HostKernels, at_batch
    from advisor.perfmodel.here.measurements import HostMeasurements

    counts = {1, *(max(1, (config.threads or 1) // (config.streams or 1)) for config in here)}
    data = HostMeasurements.join(None, store.find(host_fingerprint=facts.fingerprint, status="done"), (), None)
    known = HostKernels(data.profiles, data.wall_times())
    one = RunConfig(runtime=request.runtime, precision=request.precision, streams=1, requests=1)
    wanted = [one.model_copy(update={"threads": count}) for count in sorted(counts)]
    kernels = [at_batch(kernel, 1.0 / work.batch) for kernel in work.kernels]
    wanted = [config for config in wanted if known.untimed(kernels, config, config.threads or 1)]
    if not wanted:
        say(f"every kernel of {model.name} was measured here before")
        return
    each_s = max(QUICK.min_duration_s, request.measure_s / len(wanted))
    spec = QUICK.model_copy(update={"max_duration_s": each_s})
    say(f"measuring the kernels of {model.name} here, up to {request.measure_s:g} s")
    timings = [TimingItem(model, config, LoadMode(), spec) for config in wanted]
    items = [*timings, *(ProfileItem(model, config) for config in wanted)]
    # Equal density keeps the order: passes first, then the kernels that are scaled to them.
    summary = run(Campaign(tuple(Entry(item, item.estimate_s, item.estimate_s) for item in items)), store, facts)
    if summary.interrupted:
        raise KeyboardInterrupt
    for item in items:
        for record in (store.get(key) for key in item.keys(facts.fingerprint)):
            if record is not None and record.failure is not None:
                say(f"measurement failed: {record.failure}")
