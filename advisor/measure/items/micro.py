"""Machine micro-benchmarks through the runtime: peak, bandwidth by level and threads, barrier, cost of a call."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from advisor.errors import RuntimeRefusal
from advisor.measure.timing import micro_record
from advisor.measure.timing.harness import random_inputs
from advisor.measure.timing.keys import runtime_version
from advisor.measure.timing.meter import undisturbed
from advisor.measure.worker.job import Job, JobItem, Outcome, each
from advisor.measure.worker.run import run_job
from advisor.records.base import Z90, Precision, RuntimeName
from advisor.records.config import RunConfig, SimdCap
from advisor.records.host import HostFacts
from advisor.records.measurement import MicroBenchmark
from advisor.store.measurements import MeasurementStore

from .progress import NullProgress, Progress
from .throughput import runtime_imports, worker_environment

_L2_FALLBACK_BYTES = 512 * 1024
_L3_FALLBACK_BYTES = 8 * 1024 * 1024
_DRAM_MIN_BYTES, _DRAM_MAX_BYTES = 32 * 1024 * 1024, 256 * 1024 * 1024
_PASSES_AT_LEAST = 5
BARRIER_LAYERS = 64
PAUSE_S = 0.03
"""Caches are cold after 5 to 10 ms; a camera's rhythm is 33 ms and more."""
PAUSES_PER_DURATION = 3.0
"""A pause takes longer than a pass: so much longer than the others this benchmark may take."""
PAUSES_IN_TURN = 4
"""Pauses between two loops, and passes of a loop that count."""
REGAINED_S = 0.1
"""Loop after which what a pause cost is regained (docs/methods/cold-pass.md)."""
COLD_PASSES_AT_LEAST = 20
COLD_MODEL = "mobilenet-v2"
"""A real network: its layers all differ, so that code goes cold as well; equal layers showed a third of the cost."""


@dataclass(frozen=True)
class MicroItem:
    """One micro-benchmark to take."""

    name: str
    kind: str
    """A function of this module: peak, matmul, bandwidth, barrier, overhead, cold, siblings."""
    runtime: RuntimeName
    precision: Precision = "f32"
    simd_cap: SimdCap | None = None
    threads: int = 1
    options: dict[str, float] = field(default_factory=dict)
    duration_s: float = 0.35

    @property
    def label(self) -> str:
        """What progress shows."""
        return self.name

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """What may share a worker; siblings need one that may run on their core alone before it loads the runtime."""
        return f"{self.runtime} on siblings" if self.kind == "siblings" else self.runtime, self.simd_cap

    def key(self, host_fingerprint: str) -> str:
        """Measured once per machine, runtime version and options."""
        parameters = {
            "version": runtime_version(self.runtime),
            **{name: f"{value:g}" for name, value in self.options.items()},
        }
        return micro_record.micro_key(self.name, host_fingerprint, parameters)


def micro_items(
    facts: HostFacts,
    *,
    precisions: Sequence[Precision] = ("f32", "int8"),
    simd_caps: Sequence[SimdCap | None] = (None,),
    runtimes: Sequence[RuntimeName] = ("openvino",),
    duration_s: float = 0.35,
) -> list[MicroItem]:
    """List the micro-benchmarks that describe a machine.

    Parameters
    ----------
    facts : HostFacts
        For the number of usable cores and the sizes of caches.
    precisions, simd_caps, runtimes : sequence
        Axes of the peak; caps only apply to OpenVINO (ONNX Runtime has none).
    duration_s : float
        Measured time of each [s].
    """
    most = all_threads(facts)
    counts = sorted({1, most})
    items: list[MicroItem] = []

    def put(name: str, kind: str, runtime: RuntimeName, **fields: Any) -> None:
        items.append(MicroItem(name, kind, runtime, duration_s=duration_s, **fields))

    for runtime in runtimes:
        put(f"overhead/{runtime}", "overhead", runtime)
        for cap in simd_caps if runtime == "openvino" else (None,):
            for precision in precisions:
                for threads in counts if cap is None else (1,):
                    at = f"{runtime}/{precision}/{cap or 'native'}/t{threads}"
                    for kind in ("peak", "matmul"):
                        put(f"{kind}/{at}", kind, runtime, precision=precision, simd_cap=cap, threads=threads)
    main = runtimes[0]
    for level, size_bytes in level_bytes(facts).items():
        for threads in counts:
            put(
                f"bandwidth/{level}/t{threads}",
                "bandwidth",
                main,
                threads=threads,
                options={"tensor_bytes": size_bytes * (threads if level == "l2" else 1)},
            )
    if not no_siblings(facts):
        put(f"siblings/{main}", "siblings", main)
    for threads in thread_counts(most):
        if threads > 1:
            put(f"barrier/t{threads}", "barrier", main, threads=threads)
    for threads in counts:
        put(f"cold/{main}/t{threads}", "cold", main, threads=threads)
    return items


def no_siblings(facts: HostFacts) -> tuple[str, ...]:
    """Why the gain of a second thread on a core cannot be measured; nothing where it can."""
    per_core = facts.cpu.threads_per_core
    if per_core is None:
        return ("gain of SMT siblings: this machine does not tell which threads share a core",)
    return () if per_core > 1 else ("gain of SMT siblings: every core has one thread here",)


def all_threads(facts: HostFacts) -> int:
    """Threads that ``threads: all`` stands for: usable cores, a started one counting as one."""
    usable = facts.limits.usable_cores or facts.cpu.cores or facts.cpu.threads or 1
    return max(1, int(usable))


def thread_counts(most: int) -> list[int]:
    """1, 2, 4, ... and the largest: prediction between measured counts, never beyond."""
    counts = {1, most}
    power = 2
    while power < most:
        counts.add(power)
        power *= 2
    return sorted(counts)


def level_bytes(facts: HostFacts) -> dict[str, float]:
    """Bytes of the tensor that is copied so that source and target stay in a level (or do not fit in any cache)."""
    cores = facts.cpu.cores or 1
    l2 = (facts.cpu.l2_bytes / cores) if facts.cpu.l2_bytes else _L2_FALLBACK_BYTES
    l3 = facts.cpu.l3_bytes or _L3_FALLBACK_BYTES
    l3_share = l3 / (facts.cpu.sockets or 1)
    levels = {"l2": l2 / 4, "dram": min(max(2 * l3, _DRAM_MIN_BYTES), _DRAM_MAX_BYTES)}
    if facts.cpu.l3_bytes:
        levels["l3"] = max(2 * l2, min(l3_share / 8, 8 * l2))
    return levels


def measure_micro(
    items: Sequence[MicroItem],
    store: MeasurementStore,
    host_fingerprint: str,
    progress: Progress | None = None,
) -> list[MicroBenchmark]:
    """Take the micro-benchmarks that the store lacks, and return all of them; what fails is told, kept and left out."""
    tell = progress if progress is not None else NullProgress()
    keys = {item.key(host_fingerprint): item for item in items}
    known = {record.key: record for record in store.micro(host_fingerprint)}
    failed = {record.key for record in store.micro_failures(host_fingerprint)}
    left = {key: item for key, item in keys.items() if key not in known and key not in failed}
    tell.start(len(left), sum(item.duration_s for item in left.values()))
    done = 0

    def keep(key: str, record: MicroBenchmark | None, failure: str | None) -> None:
        nonlocal done
        done += 1
        if record is None:
            store.add_micro_failure(micro_record.to_failure(left[key].name, key, host_fingerprint, str(failure)))
            tell.message(f"{left[key].name} failed: {failure}")
            return
        store.add_micro(record)
        known[key] = record
        tell.advance(done, f"{record.name}: {record.value:.4g} {record.unit}", None)

    groups: dict[tuple[str, SimdCap | None], list[str]] = {}
    for key, item in left.items():
        groups.setdefault(item.process, []).append(key)
    for names in groups.values():
        run_micro({name: left[name] for name in names}, host_fingerprint, keep)
    return [known[key] for key in keys if key in known]


def run_micro(
    items: Mapping[str, MicroItem],
    host_fingerprint: str,
    keep: Callable[[str, MicroBenchmark | None, str | None], None],
) -> None:
    """Take micro-benchmarks that may share a process; ``keep`` gets key and record, or key and failure, at once."""
    if not items:
        return
    runtime, cap = next(iter(items.values())).process

    def arrived(outcome: Outcome) -> None:
        record = None if outcome.value is None else micro_record.to_record(outcome.value, outcome.id, host_fingerprint)
        keep(outcome.id, record, outcome.failure)

    jobs = tuple(JobItem(name, _payload(item)) for name, item in items.items())
    job = Job(
        "advisor.measure.items.micro:micro_job", jobs, worker_environment(cap), on_import=runtime_imports(runtime)
    )
    run_job(job, 60.0, arrived)


def _payload(item: MicroItem) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "runtime": item.runtime,
        "precision": item.precision,
        "simd_cap": item.simd_cap,
        "threads": item.threads,
        "options": item.options,
        "duration_s": item.duration_s,
    }


def _take(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: build the network, run it, sum up."""
    with tempfile.TemporaryDirectory(prefix="sizer-micro-") as folder:
        found, seen = undisturbed(lambda: _KINDS[payload["kind"]](payload, Path(folder)))
    found["interference"] = seen.model_dump(mode="json")
    return found


micro_job = each(_take)


def _pass_times(payload: dict[str, Any], path: Path, threads: int, duration_s: float) -> tuple[list[float], str]:
    """Times of synchronous passes [s] after three warm ones, and the runtime's version."""
    from advisor.runtimes import get_runtime

    runtime = get_runtime(payload["runtime"])
    config = RunConfig(
        runtime=payload["runtime"],
        precision=payload["precision"],
        streams=1,
        threads=threads,
        requests=1,
        simd_cap=payload["simd_cap"],
    )
    compiled = runtime.compile(path, config)
    try:
        inputs = random_inputs(compiled.inputs, np.random.default_rng(0))
        for _ in range(3):
            compiled.infer(inputs)
        times: list[float] = []
        now = time.perf_counter
        end_s = now() + duration_s
        while len(times) < _PASSES_AT_LEAST or now() < end_s:
            start_s = now()
            compiled.infer(inputs)
            times.append(now() - start_s)
    finally:
        compiled.close()
    return times, runtime.version()


def _peak(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    from . import micro_networks

    path = folder / "net.onnx"
    work_flop = micro_networks.conv_chain(path, payload["precision"], channels=128, size=56, layers=2)
    times, version = _pass_times(payload, path, payload["threads"], payload["duration_s"])
    return micro_record.figure(
        payload["name"], [work_flop / t for t in times], "FLOP/s", best="high", version=version, net="conv3x3x128"
    )


def _matmul(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    from . import micro_networks

    path = folder / "net.onnx"
    work_flop = micro_networks.matmul_chain(path, payload["precision"], rows=256, width=1024, layers=2)
    times, version = _pass_times(payload, path, payload["threads"], payload["duration_s"])
    return micro_record.figure(
        payload["name"], [work_flop / t for t in times], "FLOP/s", best="high", version=version, net="256x1024x1024"
    )


def _bandwidth(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Bytes read and written per second; a cache's own traffic for the target line is not counted."""
    from . import micro_networks

    tensor_bytes = int(payload["options"]["tensor_bytes"])
    layers = 64 if tensor_bytes < 16 * 1024 * 1024 else 6
    path = folder / "net.onnx"
    moved_bytes = micro_networks.copy_chain(path, tensor_bytes, layers)
    times, version = _pass_times(payload, path, payload["threads"], payload["duration_s"])
    return micro_record.figure(
        payload["name"],
        [moved_bytes / t for t in times],
        "B/s",
        best="high",
        version=version,
        working_set_bytes=2 * tensor_bytes,
    )


def _barrier(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    r"""Time that each kernel loses to waiting for all threads.

    .. math:: b_n = (T_n - T_1 / n) / k

    with T the low quantile of a pass of k equal kernels whose work divides by n; own definition.
    """
    from . import micro_networks

    path = folder / "net.onnx"
    threads = payload["threads"]
    micro_networks.conv_chain(path, "f32", channels=64, size=8, layers=BARRIER_LAYERS, kernel=1)
    alone, _ = _pass_times(payload, path, 1, payload["duration_s"] / 2)
    together, version = _pass_times(payload, path, threads, payload["duration_s"] / 2)
    ideal_s = float(np.quantile(alone, 0.1)) / threads
    return micro_record.figure(
        payload["name"],
        [max(0.0, t - ideal_s) / BARRIER_LAYERS for t in together],
        "s",
        best="low",
        version=version,
        kernels=BARRIER_LAYERS,
    )


def _overhead(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    from . import micro_networks

    path = folder / "net.onnx"
    micro_networks.tiny(path)
    times, version = _pass_times(payload, path, 1, min(payload["duration_s"], 0.2))
    return micro_record.figure(payload["name"], times, "s", best="low", version=version)


def _siblings(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Throughput of two threads on one core over that of one: two models of one stream each, side by side.

    Raises
    ------
    RuntimeRefusal
        No core has two threads that this process may use.
    """
    pair = _live_pair()
    if pair is None:
        raise RuntimeRefusal("no core has two threads that this process may run on")
    os.sched_setaffinity(0, pair)
    from advisor.runtimes import get_runtime

    from . import micro_networks

    path = folder / "net.onnx"
    micro_networks.conv_chain(path, "f32", channels=128, size=56, layers=2)
    runtime = get_runtime(payload["runtime"])
    config = RunConfig(runtime=payload["runtime"], streams=1, threads=1, requests=1)
    models = [runtime.compile(path, config) for _ in pair]
    try:
        alone, together = _rates(models[:1], payload["duration_s"] / 2), _rates(models, payload["duration_s"] / 2)
    finally:
        for model in models:
            model.close()
    return micro_record.figure(
        payload["name"], [b / a for a, b in zip(alone, together, strict=True)], "1",
        version=runtime.version(), threads=f"{pair[0]} and {pair[1]}", net="conv3x3x128",
    )  # fmt: skip


def _live_pair() -> tuple[int, int] | None:
    from advisor.host.cpuinfo import architecture, read_cpuinfo
    from advisor.host.lscpu import read_lscpu
    from advisor.host.topology import read_topology, sibling_pair
    from advisor.host.tree import Tree

    tree = Tree()
    info = read_cpuinfo(tree)
    topology = read_topology(tree, info, read_lscpu(tree), architecture(info, None))
    return sibling_pair(topology.siblings, os.sched_getaffinity(0))


def _rates(models: Sequence[Any], duration_s: float, blocks: int = 5) -> list[float]:
    """Passes per second of all models together, each on a caller of its own, block by block."""
    inputs = random_inputs(models[0].inputs, np.random.default_rng(0))

    def passes(model: Any, end_s: float) -> int:
        count = 0
        while time.perf_counter() < end_s or count < 1:
            model.infer(inputs)
            count += 1
        return count

    found = []
    with ThreadPoolExecutor(len(models)) as callers:
        for block in range(blocks + 1):
            start_s = time.perf_counter()
            counts = list(callers.map(lambda model: passes(model, start_s + duration_s / blocks), models))  # noqa: B023
            if block:  # the first one warms up
                found.append(sum(counts) / (time.perf_counter() - start_s))
    return found


def _cold(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    r"""Time that a pass takes longer after a pause than right after another one.

    .. math:: c = \mathrm{mean}(T_\mathrm{after\ a\ pause}) - \mathrm{mean}(T_\mathrm{at\ once})

    over the middle eight tenths of either. A few pauses and a loop alternate, so that both see the same clock and the
    same neighbours; a loop regains what a pause cost only over some 0.1 s, so its first :data:`REGAINED_S` do not
    count. Passes are started as a cascade does, from a thread that then sleeps. ``sigma`` is the spread of single
    passes after a pause, as the standard deviation of the logarithm.
    """
    from advisor.runtimes import get_runtime
    from advisor.zoo import build

    path = Path(build(COLD_MODEL, folder).path)
    runtime = get_runtime(payload["runtime"])
    config = RunConfig(runtime=payload["runtime"], streams=1, threads=payload["threads"], requests=1, pinning=False)
    compiled = runtime.compile(path, config)
    rested: list[float] = []
    tight: list[float] = []
    try:
        inputs = random_inputs(compiled.inputs, np.random.default_rng(0))
        ended = threading.Event()

        def one_pass_s() -> float:
            start_s = time.perf_counter()
            compiled.start(inputs, 0, lambda *_: ended.set())
            ended.wait()
            ended.clear()
            return time.perf_counter() - start_s

        for _ in range(5):
            one_pass_s()
        now = time.perf_counter
        end_s = now() + PAUSES_PER_DURATION * payload["duration_s"]
        while len(rested) < COLD_PASSES_AT_LEAST or now() < end_s:
            for _ in range(PAUSES_IN_TURN):
                time.sleep(PAUSE_S)
                rested.append(one_pass_s())
            begun_s = now()
            while now() - begun_s < REGAINED_S:
                one_pass_s()
            tight += [one_pass_s() for _ in range(PAUSES_IN_TURN)]
    finally:
        compiled.close()
    usual_s = _middle(tight)
    low, high = np.quantile(rested, [0.1, 0.9])
    return micro_record.figure(
        payload["name"],
        [max(0.0, t - usual_s) for t in rested],
        "s",
        value=max(0.0, _middle(rested) - usual_s),
        sigma=f"{np.log(high / low) / (2 * Z90):.3g}",
        version=runtime.version(),
        threads=payload["threads"],
        pause_s=PAUSE_S,
        regained_s=REGAINED_S,
        tight_s=f"{usual_s:.4g}",
    )


def _middle(times_s: Sequence[float]) -> float:
    """Mean without the lowest and the highest tenth [s]."""
    kept = np.sort(times_s)[len(times_s) // 10 : len(times_s) - len(times_s) // 10]
    return float(kept.mean())


_KINDS: dict[str, Callable[[dict[str, Any], Path], dict[str, Any]]] = {
    "peak": _peak,
    "matmul": _matmul,
    "bandwidth": _bandwidth,
    "barrier": _barrier,
    "overhead": _overhead,
    "cold": _cold,
    "siblings": _siblings,
}
