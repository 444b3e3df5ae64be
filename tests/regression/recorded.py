"""The recorded questions, put to the present code: the only module of these tests that imports :mod:`advisor`.

Every function takes plain JSON as it was recorded and returns plain JSON of the same shape.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from advisor.perfmodel import Predictor
from advisor.planner.plan import configure, plan
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.platform import Platform
from advisor.records.preparation import Preparation
from advisor.records.scenario import Scenario
from advisor.simulate import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimSpec, SimStage, simulate
from advisor.store.catalogue import Catalogue
from advisor.store.measurements import MeasurementStore
from advisor.store.scenario import load_scenario
from advisor.workflows.measured_machines import MeasuredMachines
from advisor.workflows.predictors import cold_starts, load_predictors

Json = dict[str, Any]
DATA = Path(__file__).parent / "data"
STORE = DATA / "store-0.1.0.sqlite3.gz"


@cache
def read(name: str) -> Json:
    """One of the recorded documents: inputs, plans, predictions, simulations."""
    document: Json = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return document


def store_copy(directory: Path) -> Path:
    """Unpack the store that 0.1.0 wrote; opening it may upgrade the file."""
    file = directory / "store-0.1.0.sqlite3"
    file.write_bytes(gzip.decompress(STORE.read_bytes()))
    return file


def _dump(record: Any) -> Json:
    document: Json = record.model_dump(mode="json", by_alias=True)
    return document


@cache
def _works() -> dict[tuple[str, str, str], ModelWork | None]:
    """Kernels by SHA-256 of the model, runtime and precision; bf16 has those of f32 at half the activations."""
    works = {
        tuple(row["key"]): None if row["work"] is None else ModelWork.model_validate(row["work"])
        for row in read("inputs")["works"]
    }
    for (sha256, runtime, precision), work in tuple(works.items()):
        if precision == "f32" and work is not None:
            halved = {"precision": "bf16", "activation_bytes": work.activation_bytes / 2}
            works[sha256, runtime, "bf16"] = work.model_copy(update=halved)
    return works


class _ScenarioWorks:
    """Kernels of one scenario's models, as a plan and its predictor ask for them."""

    def __init__(self, models: Mapping[str, ModelFile], smaller: Mapping[str, ModelFile]) -> None:
        self._models = models
        self._by_name = {**{file.reference: file for file in smaller.values()}, **models}

    def of_stage(self, stage: str, runtime: str, precision: str, batch: int) -> ModelWork | None:
        return _works().get((self._by_name[stage].sha256, runtime, precision))

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        for file in self._models.values():
            if file.name == model:
                return _works().get((file.sha256, runtime, precision))
        return None


class _AllWorks:
    """Kernels of every recorded model by its name."""

    def __init__(self) -> None:
        self._works = {
            (work.model, runtime, precision): work
            for (_, runtime, precision), work in _works().items()
            if work is not None and precision != "bf16"
        }

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        return self._works.get((model, runtime, precision))


@cache
def _candidates(which: str) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(Platform.model_validate(row["platform"]), MachineSpec.model_validate(row["machine"]))
        for row in read("inputs")[which]
    )


def planned(name: str, store_file: Path, fingerprint: str | None = None, *, every: int = 1) -> Json:
    """Plan a recorded case again; with ``fingerprint``, on a machine that its measurements are stored under.

    ``every``: only every so many-th of the recorded candidates is one.
    """
    given = _plan_inputs(name, store_file, fingerprint)
    return _dump(plan(dataclasses.replace(given, candidates=given.candidates[::every])))


def another_host(store_file: Path, directory: Path, fingerprint: str, factor: float) -> Path:
    """Copy a store for a machine of another fingerprint on which everything took ``factor`` times as long."""
    other = directory / "other-host.sqlite3"
    with MeasurementStore(store_file) as source, MeasurementStore(other) as target:
        for row in source.find():
            slower = _slower(row.model_dump(mode="json", by_alias=True), factor)
            target.add(type(row).model_validate(slower | {"host_fingerprint": fingerprint}))
        for micro in (row for host in source.hosts() for row in source.micro(host)):
            value = micro.value * (factor if micro.unit == "s" else 1.0 / factor)
            target.add_micro(micro.model_copy(update={"value": value, "host_fingerprint": fingerprint}))
    return other


def _slower(value: Any, factor: float, key: str = "") -> Any:
    """Times multiplied and rates divided by a factor, wherever they stand in a document."""
    if isinstance(value, dict):
        return {name: _slower(item, factor, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_slower(item, factor, key) for item in value]
    if isinstance(value, float) and key.endswith("_per_s"):
        return value / factor
    return value * factor if isinstance(value, float) and key.endswith("_s") else value


def configured(name: str, store_file: Path) -> Json:
    """Best configuration of the only candidate of a recorded case, whether it suffices or not."""
    return _dump(configure(_plan_inputs(name, store_file)))


def _eased(scenario: Scenario) -> Scenario:
    """The scenario with one camera per group and wide limits, which the small machine of the recording can carry.

    With all its cameras that machine is overloaded, and in a simulation with full queues rounding in the last bit
    (another processor, another number of threads in BLAS) grows into other figures.
    """
    return scenario.model_copy(
        update={
            "cameras": tuple(group.model_copy(update={"count": 1}) for group in scenario.cameras),
            "site": scenario.site.model_copy(update={"max_power_w": None}),
            "margin": scenario.margin.model_copy(update={"growth_cameras": 0, "headroom_pct": 10.0}),
        }
    )


def _plan_inputs(name: str, store_file: Path, fingerprint: str | None = None) -> PlanInputs:
    inputs = read("inputs")
    case = inputs["plans"][name]
    models, smaller = (
        {stage: ModelFile.model_validate(model) for stage, model in case[which].items()}
        for which in ("models", "smaller")
    )
    works = _ScenarioWorks(models, smaller)
    scenario = load_scenario(case["scenario"])
    (this,) = _candidates("this")
    candidates = _candidates(case["candidates"])
    machines = [candidate.machine for candidate in candidates]
    with MeasurementStore(store_file) as store:
        recorded = inputs["facts"]["fingerprint"]
        measured = MeasuredMachines(store, Catalogue.load(), this.machine, fingerprint or recorded)
        return PlanInputs(
            scenario=_eased(scenario) if case["eased"] else scenario,
            scenario_sha256=case["scenario_sha256"],
            models=models,
            works=works.of_stage,
            predictor=load_predictors(measured, works, machines, carried=False, unmeasured=Predictor.load()),
            candidates=candidates,
            cold=cold_starts(measured),
            today=dt.date.fromisoformat(inputs["today"]),
            seed=case["seed"],
            runtimes=tuple(case["runtimes"]),
            runtimes_measured={key: tuple(names) for key, names in case["runtimes_measured"].items()},
            smaller=smaller,
            named=case["named"],
            bitrate_kbps=case["bitrate_kbps"],
            assumptions=tuple(case["assumptions"]),
        )


def predictor(known: str, store_file: Path) -> Predictor:
    """Predictor that knows ``everything`` in the store, ``nothing``, or all ``without`` one model (its SHA-256)."""
    if known == "nothing":
        return Predictor.load()
    fingerprint = read("inputs")["facts"]["fingerprint"]
    left_out = known.removeprefix("without ")
    (this,) = _candidates("this")
    with MeasurementStore(store_file) as store:
        rows = store.find(host_fingerprint=fingerprint, status="done")
        return Predictor.load(
            host=this.machine,
            measurements=[row for row in rows if row.model_sha256 != left_out],
            micro=store.micro(fingerprint),
            works=_AllWorks(),
        )


def _machine(platform: str) -> MachineSpec:
    candidates = (*_candidates("this"), *_candidates("catalogue"))
    return next(candidate.machine for candidate in candidates if candidate.platform.id == platform)


def services(cases: list[Json], predictor: Predictor) -> list[Json]:
    """Time of each case's model on its platform in its configuration.

    The names of the dearest kernels are left out: those that cost the same change places with the last bit.
    """
    requests = []
    for case in cases:
        work = _works()[tuple(case["work"])]
        assert work is not None
        requests.append((_machine(case["platform"]), work, RunConfig.model_validate(case["config"])))
    found = [_dump(estimate) for estimate in predictor.service_many(requests, explain=True)]
    for estimate in found:
        for kernel in estimate["kernels"]:
            del kernel["name"]
    return found


def cost(case: Json, predictor: Predictor) -> Json:
    """Decoding, preparation, a call, power or memory: the predictor's method that the case names."""
    if case["method"] == "memory_bytes":
        work = _works()[tuple(case["work"])]
        assert work is not None
        return _dump(predictor.memory_bytes(work, RunConfig.model_validate(case["config"])))
    arguments: list[Any] = [tuple(value) if isinstance(value, list) else value for value in case["arguments"]]
    if case["method"] == "preprocess":
        arguments = [Preparation(*arguments)]
    return _dump(getattr(predictor, case["method"])(_machine(case["platform"]), *arguments))


def simulated(case: Json) -> Json:
    """Every figure of one simulated run."""
    result = simulate(_spec(case["spec"]), case["duration_s"], case["warmup_s"], Seeds(**case["seeds"]))
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in fields.items()}
    plain["stages"] = [dataclasses.asdict(stage) for stage in result.stages]
    plain |= {name: getattr(result, name) for name in ("latency_p50_s", "latency_p95_s", "drops_fraction")}
    # Derived figures that only these tests look at.
    plain["latency_p99_s"] = result.latency_s(0.99)
    plain["worst_camera_fps"] = float(result.camera_fps.min()) if result.camera_fps.size else None
    shares = result.camera_drops / np.maximum(result.camera_released, 1)
    plain["worst_camera_drops_fraction"] = float(shares.max()) if shares.size else 0.0
    plain["slowest_camera_latencies_s"] = result.slowest_camera_latencies_s(0.95).tolist()
    return plain


def _spec(document: Json) -> SimSpec:
    objects = document["objects"]
    rest = {name: value for name, value in document.items() if name not in ("cameras", "stages", "objects")}
    return SimSpec(
        cameras=tuple(SimCamera(**camera) for camera in document["cameras"]),
        stages=tuple(SimStage(**_tuples(stage)) for stage in document["stages"]),
        objects=ObjectsSpec(**objects | {"classes": tuple(ObjectClass(**item) for item in objects["classes"])}),
        **_tuples(rest),
    )


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that a spec is made of."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
