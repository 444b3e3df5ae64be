"""Variants of models measured against one another on this machine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError, nearest
from advisor.records.base import Precision
from advisor.records.comparison import Comparison, VariantResult
from advisor.records.config import LoadMode, RunConfig, SimdCap

from .compare_results import Labelled, assemble
from .context import Say, local_facts, open_store, say_ignored_variables, silent
from .models import resolve_models
from .predict import number_or_all

if TYPE_CHECKING:
    from advisor.measure.campaign.paired import Comparison as PairedComparison
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.records.model import ModelFile

ROUNDS = 9
"""Rounds unless stated: the interval of a median then leaves out the least and the largest ratio."""
SHAPES = ("static", "dynamic")
HINTS = ("none", "latency", "throughput")
LAYOUTS = ("nchw", "nhwc")
UNCAPPED = "none"


@dataclass(frozen=True)
class CompareRequest:
    """Options of ``sizer compare``; each axis holds the words that were given, None: the default."""

    models: tuple[str, ...]
    runtimes: tuple[str, ...] | None = None
    """None: every runtime that is installed."""
    precisions: tuple[str, ...] = ("f32", "int8")
    shapes: tuple[str, ...] = ("static",)
    threads: tuple[str, ...] = ("all",)
    streams: tuple[str, ...] = ("1",)
    batch: int | None = None
    hints: tuple[str, ...] = ("none",)
    simd_caps: tuple[str, ...] = (UNCAPPED,)
    layouts: tuple[str, ...] = ("nchw",)
    """Of the picture that is handed over; ``nhwc``: turned inside the compiled model."""
    baseline: tuple[str, ...] = ()
    """Words that the label of the baseline holds; empty: the first variant of each model."""
    input_shape: str | None = None
    inputs: Path | None = None
    """Folder of the user's own inputs, which accuracy is judged on."""
    rounds: int = ROUNDS
    budget_s: float | None = None
    retry_failed: bool = False
    again: bool = False


def compare_models(
    request: CompareRequest, *, store_url: str | None = None, progress: Progress | None = None, say: Say = silent
) -> Comparison:
    """Measure all variants in turns and compare them; what fails is a row with its reason.

    Raises
    ------
    ModelError, InputError, StoreError
        Bad input, with a remedy; nothing has been measured then.
    """
    from advisor.measure.campaign.paired import run_paired
    from advisor.measure.items.outputs import input_files

    from .compare_accuracy import judge

    check_request(request)
    files = None if request.inputs is None else input_files(request.inputs)
    runtimes = _runtimes(request)
    say_ignored_variables(say)
    with open_store(store_url) as store:
        facts = local_facts(store)
        models = resolve_models(request.models, request.input_shape)
        notes: list[str] = []
        labelled = [_variants(request, runtimes, model, facts, notes) for model in models]
        comparisons = [one for rows in labelled if (one := _comparison(rows)) is not None]
        summary = run_paired(
            comparisons, store, facts, progress, rounds=request.rounds, budget_s=request.budget_s,
            retry_failed=request.retry_failed, again=request.again,
        )  # fmt: skip
        judged = judge(labelled, summary.measured, facts.fingerprint, files, say) if files else {}
    variants, gains = assemble(labelled, summary, facts, judged)
    return Comparison(
        sizer_version=__version__,
        created=utc_now(),
        host_fingerprint=facts.fingerprint,
        machine=_machine(facts),
        load_at_start=facts.noise.load_1min,
        versions={name: text for row in summary.measured.values() for name, text in row.versions.items()},
        rounds_wanted=request.rounds,
        variants=variants,
        gains=gains,
        notes=tuple(dict.fromkeys([*notes, *_remarks(variants, judged_on=request.inputs)])),
        interrupted=summary.interrupted,
        took_s=summary.took_s,
    )


def _runtimes(request: CompareRequest) -> tuple[str, ...]:
    """Runtimes to compare; InputError for a name that none has."""
    from advisor.runtimes import real_runtimes, runtime_names

    if request.runtimes is None:
        return real_runtimes()
    for name in request.runtimes:
        if name not in runtime_names():
            known = ", ".join(runtime_names())
            raise InputError(f"--runtimes {name}: unknown{nearest(name, runtime_names())}; known: {known}")
    return request.runtimes


def _variants(
    request: CompareRequest, runtimes: Sequence[str], model: ModelFile, facts: HostFacts, notes: list[str]
) -> list[Labelled]:
    """Make all combinations for one model, the baseline marked."""
    from advisor.measure.items.micro.selection import all_threads
    from advisor.measure.items.paired import Variant, installed

    most = all_threads(facts)
    found: list[Labelled] = []
    axes = (
        runtimes, request.simd_caps, request.shapes, request.layouts, request.hints, request.streams, request.threads,
    )  # fmt: skip
    for runtime, cap, shape, layout, hint, streams_word, threads_word in itertools.product(*axes):
        streams = None if hint != "none" else number_or_all(streams_word, most, "--streams")
        threads = number_or_all(threads_word, most, "--threads")
        if streams is not None and threads is not None and threads < streams:
            notes.append(f"{streams} streams on {threads} threads is no configuration: each stream needs a thread")
            continue
        for precision in request.precisions:
            one = streams == 1 or hint == "latency"
            config = RunConfig(
                runtime=runtime,
                precision=precision,
                hint=hint,
                streams=streams,
                threads=threads,
                batch=request.batch or model.file_batch,
                requests=1 if one else None if streams is None else 2 * streams,
                simd_cap=None if cap == UNCAPPED else cap,
                dynamic_shapes=True if shape == "dynamic" else None,
                layout="nhwc" if layout == "nhwc" else None,
            )
            variant = Variant(model, config, LoadMode(kind="sync" if one else "async"))
            missing = installed(variant)
            if missing is not None and request.runtimes is None:
                notes.append(f"{runtime}: not installed here, not compared ({missing})")
                continue
            label = _label(request, config, shape)
            if all(row.label != label for row in found):  # a hint stands for all numbers of streams
                found.append(Labelled(variant, label, baseline=False, missing=missing))
    if not found:
        raise InputError("nothing to compare: no runtime is installed, or no combination of --streams and --threads")
    return _with_baseline(found, request.baseline)


def _label(request: CompareRequest, config: RunConfig, shape: str) -> str:
    """Runtime and precision, and of the other settings those that differ between variants."""
    words: list[str] = [config.runtime, config.precision]
    if len(request.simd_caps) > 1 or config.simd_cap is not None:
        words.append("uncapped" if config.simd_cap is None else f"at most {config.simd_cap}")
    if len(request.shapes) > 1 or shape == "dynamic":
        words.append(shape)
    if len(request.layouts) > 1 or config.layout is not None:
        words.append(config.layout or "nchw")
    if config.hint != "none":
        words.append(f"hint {config.hint}")
    elif len(request.hints) > 1:
        words.append("no hint")
    if config.streams is not None and len(request.streams) > 1:
        words.append(f"{config.streams} {'stream' if config.streams == 1 else 'streams'}")
    if len(request.threads) > 1:
        words.append(f"{config.threads} {'thread' if config.threads == 1 else 'threads'}")
    return " ".join(words)


def _with_baseline(rows: list[Labelled], words: Sequence[str]) -> list[Labelled]:
    fits = [row for row in rows if all(word in row.label.split() for word in words)]
    if not fits:
        known = "; ".join(row.label for row in rows)
        raise InputError(f"--baseline {' '.join(words)}: no variant has these words; the variants are: {known}")
    first = next((row for row in fits if row.missing is None), fits[0])
    return [replace(row, baseline=row is first) for row in rows]


def _comparison(rows: Sequence[Labelled]) -> PairedComparison | None:
    """Those that can be measured; None where none of a model's runtimes is installed."""
    from advisor.measure.campaign.paired import Comparison as Paired

    there = [row for row in rows if row.missing is None]
    if not there:
        return None
    first = next((row for row in there if row.baseline), there[0])
    return Paired(first.variant, tuple(row.variant for row in there if row is not first))


def check_words(option: str, words: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a word that an axis does not know.

    Raises
    ------
    InputError
        With the nearest word.
    """
    for word in words:
        if word not in known:
            raise InputError(f"{option} {word}: unknown{nearest(word, known)}; known: {', '.join(known)}")


def check_request(request: CompareRequest) -> None:
    """Refuse words that no axis knows, before anything is read."""
    check_words("--precisions", request.precisions, get_args(Precision))
    check_words("--shapes", request.shapes, SHAPES)
    check_words("--layouts", request.layouts, LAYOUTS)
    check_words("--hints", request.hints, HINTS)
    check_words("--simd", request.simd_caps, (UNCAPPED, *get_args(SimdCap)))


def _machine(facts: HostFacts) -> str:
    usable = facts.limits.usable_cores
    cores = "unknown number of" if usable is None else f"{usable:g}"
    return f"{facts.cpu.brand or 'unknown processor'}, {cores} usable cores, {facts.cpu.simd_level or 'unknown SIMD'}"


def _remarks(variants: Sequence[VariantResult], judged_on: Path | None) -> list[str]:
    """What a reader must know of all rows."""
    found = []
    done = [row for row in variants if row.status == "done"]
    narrow = [row for row in done if row.config.precision != "f32"]
    if narrow and judged_on is None:
        found.append(
            "accuracy is not judged: int8 copies are for speed only until `--inputs DIR` compares their answers"
        )
    disturbed = sum(row.disturbed_rounds for row in done)
    if disturbed:
        found.append(
            f"{disturbed} of {sum(row.rounds for row in done)} turns were disturbed by other load; ratios are of turns "
            "taken one after the other, so most of it cancels out"
        )
    if any(row.status == "done" and row.time_ratio is not None and row.time_ratio.lower is None for row in variants):
        found.append("fewer than six rounds give no interval: take more with a second call or a larger --budget")
    return found
