"""Records what 0.1.0 answers, for test_same_answers.py: runs with version 0.1.0 only, see README.md.

Usage: ``SIZER_HOME=HOME python record_0_1_0.py HOME/store.sqlite3 DIRECTORY``. Nothing is measured and no machine is
probed: the facts of the machine come from the store as well. Models are built and compiled (for lists of kernels) where
the store does not know them yet.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import itertools
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.measure.profile import model_works
from advisor.planner.inputs import Candidate, PlanInputs

import advisor
from advisor.errors import SizerError
from advisor.perfmodel import Predictor
from advisor.planner import evaluate
from advisor.planner.plan import configure, plan
from advisor.records.config import RunConfig
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile, ModelWork
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import Scenario
from advisor.simulate import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimResult, SimSpec, SimStage, simulate
from advisor.store.measurements import MeasurementStore
from advisor.workflows.models import resolve_model
from advisor.workflows.plan import PlanRequest, prepare

SCENARIOS = ("factory-line", "nvr-motion", "shelf-ocr", "store-analytics", "text-service", "traffic-intersection")
PLANS = {name: PlanRequest(name, measure=False) for name in SCENARIOS} | {
    "store-analytics-on-this": PlanRequest("store-analytics", on=("this",), measure=False),
}
TODAY = dt.date(2026, 11, 29)
ON_THIS = "store-analytics-on-this"
NOT_NEEDED = (
    "efficientnet-b0", "googlenet", "random:0", "random:4", "random:5", "random:6", "random:9", "random:10",
    "random:11", "random:22",
)  # fmt: skip
"""Networks of the quick look whose kernels are left out: what is learned from many takes minutes in the tests."""
PREDICTED = ("resnet-18", "mobilenet-v2", "like:ssdlite_mobilenet_v2", "like:person-detection-retail-0013", "random:6")
"""Measured here under many configurations; published; published for few chips; measured after pauses; unknown."""
CHIPS = (
    "fanless-atom-x6425e-8-gb", "mini-pc-i7-11800h-16-gb", "office-desktop-i5-12400-16-gb", "desktop-i5-13600k-32-gb",
    "desktop-ryzen-9-7950x-64-gb", "server-xeon-6730p-256-gb", "raspberry-pi-5-8-gb-kit",
)  # fmt: skip
"""Platforms that are asked about single models: with figures published for them, and without any; two kinds of cores;
many cores; a chip of which nothing is known."""
TABLES = {"hosts": "fingerprint", "measurements": "key", "micro": "key", "micro_failures": "key", "runs": "id"}
"""Tables of the store whose documents may name the machine, with their keys."""
WorkKey = tuple[str, str, str]
"""SHA-256 of the model, runtime, precision."""


def main(store_file: Path, directory: Path) -> None:
    assert advisor.__version__ == "0.1.0", "the answers of 0.1.0 can only be recorded with 0.1.0"
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / "store-0.1.0.sqlite3"
    works: dict[WorkKey, ModelWork | None] = {}
    copy_store(store_file, kept)
    with MeasurementStore(kept) as store:
        (fingerprint,) = store.hosts()
        facts = store.host(fingerprint)
        assert facts is not None
        inputs, answers, specs = record_plans(store, facts, works)
        models = record_models(store, works)
        predictions = record_predictions(store, facts, inputs[ON_THIS], models, works)
        documents = {
            "inputs": describe_inputs(facts, inputs, works),
            "plans": answers,
            "predictions": predictions,
            "simulations": record_simulations(specs),
        }
    for name, document in documents.items():
        write(directory / f"{name}.json.gz", json.dumps(document, allow_nan=False, separators=(",", ":")).encode())
    with sqlite3.connect(kept) as connection:
        connection.execute("DELETE FROM works WHERE runtime = 'openvino' AND model NOT IN ('resnet-18')")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = DELETE")
    write(kept.with_suffix(".sqlite3.gz"), kept.read_bytes())
    kept.unlink()


def write(path: Path, content: bytes) -> None:
    """Compress without name and time, so that equal content gives equal files."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


# --- the store -----------------------------------------------------------------------------------------------------


def copy_store(source: Path, target: Path) -> None:
    """Copy a store without what names this machine (host name, kernel, folders) and what is not needed."""
    target.unlink(missing_ok=True)
    shutil.copy(source, target)
    for suffix in ("-wal", "-shm"):
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")
    with sqlite3.connect(target) as connection:
        for table, column in TABLES.items():
            for key, text in connection.execute(f"SELECT {column}, document FROM {table}").fetchall():
                scrubbed = anonymous(json.loads(text), str(source.resolve().parent))
                if scrubbed != json.loads(text):
                    document = json.dumps(scrubbed, ensure_ascii=False, separators=(",", ":"))
                    connection.execute(f"UPDATE {table} SET document = ? WHERE {column} = ?", (document, key))
        connection.executemany("DELETE FROM measurements WHERE model = ?", [(name,) for name in NOT_NEEDED])
        # One run of each kind shows what the table holds; plans are recorded beside the store.
        first = "SELECT id FROM runs r WHERE r.kind = runs.kind ORDER BY length(document) LIMIT 1"
        connection.execute(f"DELETE FROM runs WHERE id <> ({first})")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def anonymous(value: Any, home: str) -> Any:
    """Leave out the machine's names, and the folder of each path below ``home``; the file's own name stays."""
    if isinstance(value, dict):
        names = {"hostname": "recorded", "kernel": None} if "hostname" in value else {}
        return {name: anonymous(item, home) for name, item in value.items()} | names
    if isinstance(value, list):
        return [anonymous(item, home) for item in value]
    if isinstance(value, str) and home in value:
        return " ".join(f"models/{word.rsplit('/', 1)[1]}" if home in word else word for word in value.split(" "))
    return value


# --- plans ---------------------------------------------------------------------------------------------------------


def record_plans(
    store: MeasurementStore, facts: HostFacts, works: dict[WorkKey, ModelWork | None]
) -> tuple[dict[str, PlanInputs], dict[str, Any], dict[str, SimSpec]]:
    """Plan each case; also keeps the spec of the first simulation of each."""
    inputs: dict[str, PlanInputs] = {}
    answers: dict[str, Any] = {}
    specs: dict[str, SimSpec] = {}
    for name, request in PLANS.items():
        prepared = prepare(request, store, lambda: facts, None, lambda _: None)
        scenario = eased(prepared.scenario) if name == ON_THIS else prepared.scenario
        inputs[name] = dataclasses.replace(prepared, scenario=scenario, today=TODAY)
        seen: list[SimSpec] = []

        def simulate_and_keep(spec: SimSpec, *arguments: Any, seen: list[SimSpec] = seen) -> SimResult:
            seen.append(spec)
            return simulate(spec, *arguments)

        evaluate.simulate = simulate_and_keep
        try:
            found = plan(inputs[name])
        finally:
            evaluate.simulate = simulate
        specs[name] = seen[0]
        answers[name] = dump(found)
        works.update(inputs[name].works.__self__._found)
        print(f"{name}: {found.recommended and found.recommended.platform}, {len(seen)} simulations")
    # What verify runs: the best configuration of this machine, whether it carries the scenario or not.
    answers["configured"] = dump(configure(inputs[ON_THIS]))
    return inputs, answers, specs


def eased(scenario: Scenario) -> Scenario:
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


def describe_inputs(
    facts: HostFacts, inputs: dict[str, PlanInputs], works: dict[WorkKey, ModelWork | None]
) -> dict[str, Any]:
    def candidates(found: PlanInputs) -> list[dict[str, Any]]:
        return [
            {"platform": dump(candidate.platform), "machine": dump(candidate.machine)} for candidate in found.candidates
        ]

    return {
        "facts": dump(facts),
        "today": TODAY.isoformat(),
        # bf16 has the kernels of f32 at half the bytes of activations, as Works of workflows/plan.py has them.
        "works": [
            {"key": key, "work": None if work is None else dump(work)}
            for key, work in sorted(works.items(), key=lambda item: item[0])
            if key[2] != "bf16"
        ],
        "catalogue": candidates(inputs["store-analytics"]),
        "this": candidates(inputs[ON_THIS]),
        "plans": {
            name: {
                "scenario": PLANS[name].scenario,
                "eased": name == ON_THIS,
                "candidates": "this" if PLANS[name].on else "catalogue",
                "scenario_sha256": found.scenario_sha256,
                "models": {stage: dump_model(model) for stage, model in found.models.items()},
                "smaller": {stage: dump_model(model) for stage, model in found.smaller.items()},
                "runtimes": found.runtimes,
                "runtimes_measured": found.runtimes_measured,
                "named": found.named,
                "bitrate_kbps": found.bitrate_kbps,
                "assumptions": found.assumptions,
                "seed": found.seed,
            }
            for name, found in inputs.items()
        },
    }


def dump(record: Any) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True)


def dump_model(model: ModelFile) -> dict[str, Any]:
    return dump(model) | {"path": f"models/{Path(model.path).name}"}


# --- single predictions --------------------------------------------------------------------------------------------


def record_models(store: MeasurementStore, works: dict[WorkKey, ModelWork | None]) -> dict[str, ModelFile]:
    """Kernels of the models that single predictions are made of."""
    models = {}
    requests = [("openvino", "f32"), ("openvino", "int8"), ("onnxruntime", "f32")]
    for name in PREDICTED:
        try:
            model = models[name] = resolve_model(name)
        except SizerError as error:
            print(f"left out: {name}: {error}")
            continue
        found = model_works(model, [(runtime, precision, 1, None) for runtime, precision in requests], store)
        works.update({(model.sha256, *request): work for request, work in zip(requests, found, strict=True)})
    return models


class RecordedWorks:
    """Kernels by the model's name, as the predictor asks for those of its anchors."""

    def __init__(self, works: dict[WorkKey, ModelWork | None]) -> None:
        self._works = {
            (work.model, runtime, precision): work
            for (_, runtime, precision), work in works.items()
            if work is not None and precision != "bf16"
        }

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        return self._works.get((model, runtime, precision))


def record_predictions(
    store: MeasurementStore,
    facts: HostFacts,
    here: PlanInputs,
    models: dict[str, ModelFile],
    works: dict[WorkKey, ModelWork | None],
) -> dict[str, Any]:
    (this,) = here.candidates
    rows = store.find(host_fingerprint=facts.fingerprint, status="done")
    micro = store.micro(facts.fingerprint)
    source = RecordedWorks(works)

    def load(without: str | None) -> Predictor:
        left = [row for row in rows if row.model_sha256 != without]
        return Predictor.load(host=this.machine, measurements=left, micro=micro, works=source)

    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()
    chips = [Candidate(catalogue.platform(name), catalogue.machine(catalogue.platform(name))) for name in CHIPS]
    everything = load(None)
    new = models["resnet-18"].sha256
    services = [
        *services_of("everything", everything, service_cases([this], here_configs(), models, works), works),
        *services_of("everything", everything, service_cases(chips, chip_configs(), models, works), works),
        *services_of(
            f"without {new}", load(new), service_cases([this], here_configs(), {"": models["resnet-18"]}, works), works
        ),
        *services_of("nothing", Predictor.load(), service_cases([this], here_configs(), models, works), works),
    ]
    for evidence in ("measured", "published", "anchored", "spec"):
        number = sum(row["estimate"]["evidence"] == evidence for row in services)
        print(f"{evidence}: {number} of {len(services)} predictions")
        assert number
    return {"services": services, "costs": record_costs(everything, [this, *chips], models, works)}


Case = tuple[Candidate, WorkKey, RunConfig]


def here_configs() -> list[RunConfig]:
    fixed = [(1, 1, 1), (1, 2, 1), (2, 2, 1), (1, 2, 2), (1, 1, 4), (2, 2, 8)]
    return [
        *(RunConfig(streams=streams, threads=threads, batch=batch) for streams, threads, batch in fixed),
        RunConfig(hint="throughput"),
        RunConfig(),
    ]


def chip_configs() -> list[RunConfig]:
    return [
        RunConfig(streams=1, threads=1),
        RunConfig(streams=4, threads=4, batch=4),
        RunConfig(hint="throughput"),
        RunConfig(hint="latency", core_type="performance"),
    ]


def service_cases(
    candidates: list[Candidate],
    configs: list[RunConfig],
    models: dict[str, ModelFile],
    works: dict[WorkKey, ModelWork | None],
) -> Iterator[Case]:
    for candidate, model, config in itertools.product(candidates, models.values(), configs):
        for runtime, precision in (("openvino", "f32"), ("openvino", "int8"), ("onnxruntime", "f32")):
            key = (model.sha256, runtime, precision)
            if works.get(key) is not None and (runtime == "openvino" or config.hint == "none"):
                yield candidate, key, config.model_copy(update={"runtime": runtime, "precision": precision})


def services_of(
    known: str, predictor: Predictor, cases: Iterator[Case], works: dict[WorkKey, ModelWork | None]
) -> list[dict[str, Any]]:
    """Predictions by a predictor that knows ``known`` of the store's measurements."""
    asked = list(cases)
    requests = [(candidate.machine, works[key], config) for candidate, key, config in asked]
    found = predictor.service_many(requests, explain=True)
    return [
        {"known": known, "platform": candidate.platform.id, "work": key, "config": dump(config),
         "estimate": dump_estimate(row)}
        for (candidate, key, config), row in zip(asked, found, strict=True)
    ]  # fmt: skip


def dump_estimate(estimate: ServiceEstimate) -> dict[str, Any]:
    """Without the names of the dearest kernels: those that cost the same change places with the last bit."""
    document = dump(estimate)
    for kernel in document["kernels"]:
        del kernel["name"]
    return document


def record_costs(
    predictor: Predictor,
    candidates: list[Candidate],
    models: dict[str, ModelFile],
    works: dict[WorkKey, ModelWork | None],
) -> list[dict[str, Any]]:
    """What is not the time of a model: decoding, preparation, the runtime's call, power; memory of a model."""
    codecs = ("h264", "h265", "mjpeg")
    sizes = ((1280, 720), (1920, 1080), (3840, 2160))
    arguments: dict[str, list[tuple[Any, ...]]] = {
        "decode": [
            (codec, *size, rate, fps)
            for codec, size, (rate, fps) in itertools.product(codecs, sizes, ((None, 15.0), (4000.0, 25.0)))
        ],
        "preprocess": list(itertools.product(sizes, ((224, 224), (640, 640)))),
        "overhead": [("openvino",), ("onnxruntime",)],
        "power_w": [(0.0,), (0.4,), (1.0,)],
    }
    found = [
        {"method": method, "platform": candidate.platform.id, "arguments": row,
         "cost": dump(getattr(predictor, method)(candidate.machine, *row))}
        for candidate in candidates
        for method, rows in arguments.items()
        for row in rows
    ]  # fmt: skip
    for _, key, config in service_cases(candidates[:1], here_configs(), models, works):
        work = works[key]
        assert work is not None
        cost = dump(predictor.memory_bytes(work, config))
        found.append({"method": "memory_bytes", "work": key, "config": dump(config), "cost": cost})
    return found


# --- simulated runs ------------------------------------------------------------------------------------------------


def record_simulations(specs: dict[str, SimSpec]) -> dict[str, Any]:
    """One run of each plan, and one of a cascade that uses every part of the simulator."""
    return {
        name: {
            "spec": dataclasses.asdict(spec),
            "duration_s": 20.0,
            "warmup_s": 2.0,
            "seeds": dataclasses.asdict(Seeds(5, 6, 7, 8)),
            "result": describe_result(simulate(spec, 20.0, 2.0, Seeds(5, 6, 7, 8))),
        }
        for name, spec in {**specs, "everything": everything(()), "partitioned": everything(PARTITION)}.items()
    }


PARTITION = (("detect", 2.0), ("decode", 1.5))


def everything(partition: tuple[tuple[str, float], ...]) -> SimSpec:
    """Cascade with threads that wait for each other, pauses, crowding, drift, full queues and mixed batches."""
    yard = SimCamera(
        fps=15.0, group="yard", decode_core_s=0.004, decode_sigma=0.25, decode_bytes=4e6, jitter_s=0.004,
        motion_duty=0.6, key_frames=30, key_factor=4.5,
    )  # fmt: skip
    gate = SimCamera(fps=25.0, group="gate", decode_core_s=0.002, phase_s=0.01, stagger=1)
    kiosk = SimCamera(fps=8.0, group="kiosk", arrivals="poisson")
    detect = SimStage(
        id="detect", service_s=(0.0, 0.02), groups=("yard", "gate"), interval_frames=2.0, finds=0, streams=2,
        threads_per_stream=2.0, service_sigma=0.1, preprocess_core_s=0.001, bandwidth_bytes=3e7, memory_fraction=0.4,
        queue_limit=3, drop="oldest", cold_s=0.002, cold_settle_s=0.005, crowding=0.3,
    )  # fmt: skip
    classify = SimStage(
        id="classify", service_s=(0.0, 0.004, 0.007, 0.01, 0.013), core_s=(0.0, 0.004, 0.007, 0.01, 0.013), parent=0,
        batch_max=4, batch_timeout_s=0.02, service_sigma=0.2, cold_s=0.001, cold_settle_s=0.004, crowding=0.2,
    )  # fmt: skip
    motion = SimStage(id="motion", service_s=(0.0, 0.006), groups=("yard",), motion=True, queue_limit=2)
    answer = SimStage(id="answer", service_s=(0.0, 0.03), groups=("kiosk",), threads_per_stream=1.5)
    return SimSpec(
        cameras=(yard, yard, yard, gate, gate, kiosk),
        stages=(detect, classify, motion, answer),
        cores=6.0,
        objects=ObjectsSpec((ObjectClass(mean=2.0, p95=6.0, max=12.0),), correlation=0.5, persistence_s=3.0),
        decode_workers=2,
        partition=partition,
        memory_bandwidth_bytes_per_s=2e9,
        drift_sigma=0.1,
        drift_s=1.5,
    )


def describe_result(result: SimResult) -> dict[str, Any]:
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in fields.items()}
    plain["stages"] = [dataclasses.asdict(stage) for stage in result.stages]
    derived = (
        "latency_p50_s", "latency_p95_s", "latency_p99_s", "worst_camera_fps", "drops_fraction",
        "worst_camera_drops_fraction",
    )  # fmt: skip
    plain |= {name: getattr(result, name) for name in derived}
    plain["slowest_camera_latencies_s"] = result.slowest_camera_latencies_s(0.95).tolist()
    return plain


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
