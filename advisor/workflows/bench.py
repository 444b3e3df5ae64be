"""Measuring this machine: models, a matrix, or the machine itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import BenchReport, BenchRow, Measurement, TimingMeasurement

from .bench_trace import trace_timings
from .context import Say, local_facts, open_store, say_ignored_variables, silent
from .models import build_model, resolve_model, resolve_models
from .predict import check_runtime, number_or_all

if TYPE_CHECKING:
    from advisor.measure.campaign.campaign import Campaign, Entry
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.records.trace import Trace
    from advisor.store.measurements import MeasurementStore

QUICK_BUDGET_S = 117.0
"""Of the 120 s of ``--quick``; starting and the last item's rest take the remainder."""


@dataclass(frozen=True)
class BenchRequest:
    """Options of ``sizer bench``."""

    models: tuple[str, ...] = ()
    mode: str | None = None
    matrix: Path | None = None
    budget_s: float | None = None
    """No item is begun after it, or that is expected to end later [s]; None: 117 s under ``quick`` alone, else no
    limit."""
    retry_failed: bool = False
    runtime: str = "openvino"
    device: str = "CPU"
    precision: str = "f32"
    threads: str | None = None
    """A number or ``all``; None: 1 and all on the CPU, the runtime's own on other devices."""
    streams: str | None = None
    batch: int | None = None
    """None: the batch that a file fixes, else 1."""
    input_shape: str | None = None
    """Of all ``models``, where their files leave dimensions open."""
    export_file: Path | None = None


def bench_machine(
    request: BenchRequest,
    *,
    store_url: str | None = None,
    progress: Progress | None = None,
    say: Say = silent,
    traced: Callable[[Trace], None] | None = None,
) -> tuple[BenchReport, bool]:
    """Measure what was requested; returns the report and whether it was interrupted.

    ``traced`` is given what happens to each pass of every timing that was asked for, measured shortly once more.

    Raises
    ------
    ModelError, InputError, StoreError
        Bad input, with a remedy; nothing has been measured then.
    """
    from advisor.measure.campaign.campaign import Options, run
    from advisor.measure.items.footprint import with_footprints
    from advisor.measure.items.throughput import TimingItem

    budget_s = _budget_s(request)
    check_runtime(request.runtime)
    say_ignored_variables(say)
    with open_store(store_url) as store:
        facts = local_facts(store)
        campaign = _campaign(request, facts)
        interrupted, took_s, left_out = False, None, list(campaign.left_out)
        if campaign.entries:
            summary = run(campaign, store, facts, progress, options=Options(budget_s, request.retry_failed))
            interrupted, took_s = summary.interrupted, summary.took_s
            left_out += summary.left_out
        not_measured, by_kind = _left_out_by_kind(left_out, (*campaign.entries, *campaign.dropped))
        wanted = {key for entry in campaign.entries for key in entry.item.keys(facts.fingerprint)}
        everything = request.mode is not None or not campaign.entries
        measured = with_footprints(store.find(host_fingerprint=facts.fingerprint))
        # What was measured before may have been stored under the bare name of one of several files.
        timed = [entry.item.model for entry in campaign.entries if isinstance(entry.item, TimingItem)]
        names = {model.sha256: model.name for model in timed}
        report = BenchReport(
            sizer_version=__version__,
            created=utc_now(),
            host_fingerprint=facts.fingerprint,
            measurements=tuple(
                to_row(item, names.get(item.model_sha256)) for item in measured if everything or item.key in wanted
            ),
            micro=tuple(item for item in store.micro(facts.fingerprint) if everything or item.key in wanted),
            micro_failures=tuple(
                item for item in store.micro_failures(facts.fingerprint) if everything or item.key in wanted
            ),
            left_out=not_measured,
            left_out_by_kind=by_kind,
            took_s=took_s,
        )
        if request.export_file is not None:
            _export(request, store, facts, request.export_file, say)
        if traced is not None and not interrupted:
            items = [entry.item for entry in campaign.entries if isinstance(entry.item, TimingItem)]
            trace_timings(items, facts.fingerprint, traced, say)
    return report, interrupted


def _left_out_by_kind(left_out: Sequence[str], entries: Sequence[Entry]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Put items by kind before what is said in sentences, and count the items of each kind."""
    plurals = {entry.item.label: entry.item.plural for entry in entries}
    items = sorted((text for text in left_out if text in plurals), key=lambda label: plurals[label])
    sentences = [text for text in left_out if text not in plurals]
    return (*items, *sentences), dict(Counter(plurals[label] for label in items))


def _budget_s(request: BenchRequest) -> float | None:
    """Time that was allowed; ``--quick`` promises 120 s, also where the machine turns out slower than estimated."""
    if request.budget_s is not None:
        return request.budget_s
    return QUICK_BUDGET_S if request.mode == "quick" and not request.models and request.matrix is None else None


def to_row(item: Measurement, name: str | None = None) -> BenchRow:
    """Turn a stored measurement into a row of the contract; ``name`` takes the place of the stored model's."""
    timing = footprint = None
    if isinstance(item, TimingMeasurement):
        timing, footprint = item.timing, item.footprint
    latency = None
    if timing is not None:
        names = ("p50", "p90", "p95", "p99")
        latency = {name: getattr(timing, name).value_s * 1000.0 for name in names}
    return BenchRow(
        kind=item.kind,
        model=name or item.model,
        config=item.config,
        mode=item.mode if isinstance(item, TimingMeasurement) else LoadMode(),
        status=item.status,
        failure=item.failure,
        throughput_fps=None if timing is None else timing.throughput_per_s,
        avg_time_ms=None if timing is None else timing.avg_time_s * 1000.0,
        latency_ms=latency,
        samples=0 if timing is None else timing.samples,
        interference=item.interference,
        started=item.started,
        effective=item.effective,
        compile_s=None if timing is None else timing.compile_s,
        cached_compile_s=None if footprint is None else footprint.cached_compile_s,
        peak_memory_bytes=item.peak_memory_bytes if isinstance(item, TimingMeasurement) else None,
        memory_baseline_bytes=(None if footprint is None or footprint.peak_bytes is None else footprint.baseline_bytes),
        memory_per_stream_bytes=None if footprint is None else footprint.per_stream_bytes,
    )


def _campaign(request: BenchRequest, facts: HostFacts) -> Campaign:
    from advisor.measure.campaign.campaign import Campaign
    from advisor.measure.campaign.matrix import load_matrix, matrix_items
    from advisor.measure.campaign.quick import QUICK_MODELS, QUICK_RANDOM, full_items, quick_items

    entries: list[Entry] = []
    left_out: list[str] = []
    dropped: list[Entry] = []
    parts = []
    if request.models:
        parts.append(Campaign(tuple(_of_models(request, facts))))
    if request.matrix is not None:
        try:
            parts.append(matrix_items(load_matrix(request.matrix), facts, resolve_model))
        except InputError as error:
            named = str(error).startswith(str(request.matrix))
            raise error if named else type(error)(f"{request.matrix}: {error}") from error
    if request.mode == "quick":
        parts.append(quick_items(facts, [build_model(name) for name in (*QUICK_MODELS, *QUICK_RANDOM)]))
    if request.mode == "full":
        parts.append(full_items(facts, build_model))
    for part in parts:
        entries += part.entries
        left_out += part.left_out
        dropped += part.dropped
    if request.mode == "quick":
        left_out.append("memory and cached compile of each model (sizer bench MODEL or --full measures them)")
    return Campaign(tuple(entries), tuple(left_out), tuple(dropped))


def _of_models(request: BenchRequest, facts: HostFacts) -> list[Entry]:
    from advisor.measure.campaign.campaign import Entry
    from advisor.measure.campaign.footprints import footprint_entries
    from advisor.measure.items.micro.selection import all_threads
    from advisor.measure.items.throughput import TimingItem
    from advisor.measure.timing.harness import MeasureSpec
    from advisor.runtimes.devices import first_family

    most = all_threads(facts)
    if first_family(request.device) != "CPU":
        return _of_models_elsewhere(request, most)
    streams = number_or_all(request.streams, most, "--streams") or 1
    requested = number_or_all(request.threads, most, "--threads")
    counts = [requested] if requested is not None else sorted({streams, most})
    entries = []
    for model in resolve_models(request.models, request.input_shape):
        for threads in counts:
            if threads < streams:
                raise InputError(f"--threads {threads} is less than --streams {streams}: each stream needs a thread")
            config = RunConfig(
                runtime=request.runtime,
                device=request.device,
                precision=request.precision,
                streams=streams,
                threads=threads,
                batch=request.batch or model.file_batch,
                requests=streams if streams == 1 else 2 * streams,
            )
            mode = LoadMode(kind="sync" if streams == 1 else "async")
            item = TimingItem(model, config, mode, MeasureSpec())
            entries.append(Entry(item, item.estimate_s))
    return entries + footprint_entries(entries)


def _of_models_elsewhere(request: BenchRequest, most: int) -> list[Entry]:
    """One pass after the other, and as many in flight as the runtime likes; no footprint, as memory is the device's."""
    from advisor.measure.campaign.campaign import Entry
    from advisor.measure.items.throughput import TimingItem
    from advisor.measure.timing.harness import MeasureSpec

    common = {
        "runtime": request.runtime,
        "device": request.device,
        "precision": request.precision,
        "threads": number_or_all(request.threads, most, "--threads"),
    }
    streams = number_or_all(request.streams, most, "--streams")
    one, many = LoadMode(kind="sync"), LoadMode(kind="async")
    ways: list[tuple[dict[str, object], LoadMode]]
    if streams is not None:
        ways = [({"streams": streams}, one if streams == 1 else many)]
    elif request.runtime == "openvino":
        ways = [({"hint": "latency"}, one), ({"hint": "throughput"}, many)]
    else:
        ways = [({"streams": 1}, one)]
    items = [
        TimingItem(
            model,
            RunConfig.model_validate({**common, **way, "batch": request.batch or model.file_batch}),
            mode,
            MeasureSpec(),
        )
        for model in resolve_models(request.models, request.input_shape)
        for way, mode in ways
    ]
    return [Entry(item, item.estimate_s) for item in items]


def _export(request: BenchRequest, store: MeasurementStore, facts: HostFacts, path: Path, say: Say) -> None:
    from advisor.measure.items.devices import try_devices
    from advisor.runtimes import real_runtimes

    from .box_export import export_box

    _list_kernels(request, store, facts, say)
    say("trying the devices of this machine")
    facts = facts.model_copy(update={"runtimes": try_devices(real_runtimes())})
    say(f"wrote {export_box(store, facts, path)}")


def _list_kernels(request: BenchRequest, store: MeasurementStore, facts: HostFacts, say: Say) -> None:
    """Compile what was measured here so that its kernels travel with the box; only those of files named now are found.

    Whoever plans with the box elsewhere has no file of these models, and a timing without kernels anchors nothing.
    """
    from advisor import zoo
    from advisor.measure.items.model_kernels import model_works

    files = {file.sha256: file for file in resolve_models(request.models, request.input_shape)}
    known = {item.name for item in zoo.list_models()}
    wanted: dict[str, dict[tuple[str, str], None]] = {}
    for row in store.find(host_fingerprint=facts.fingerprint, status="done"):
        if row.model_sha256 not in files and row.model_kind != "file" and row.model in known:
            built = build_model(row.model)
            files[built.sha256] = built
        precision = "int8" if row.config.precision == "int8" else "f32"  # kernels of f32 serve bf16
        wanted.setdefault(row.model_sha256, {})[row.config.runtime, precision] = None
    for sha256, variants in wanted.items():
        if sha256 in files:
            say(f"listing the kernels of {files[sha256].name}")
            model_works(files[sha256], [(runtime, name, 1, None) for runtime, name in variants], store)
