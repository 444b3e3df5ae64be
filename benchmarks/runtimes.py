"""``python -m benchmarks.runtimes``: compare runtimes here as a published comparison did, and write docs/compare.md.

Every section is a call of ``sizer compare``; its turns stay in the store, so that a run that was cut goes on, and a
runtime that is installed later is added to what is there.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from advisor.cli.options import Duration
from advisor.errors import SizerError
from advisor.records.comparison import Comparison, VariantResult
from advisor.report.compare_text import reason
from advisor.workflows.compare import CompareRequest, compare_models

from .common import header, scratch, table
from .page import write_section
from .sections import alone

PAGE = Path(__file__).resolve().parent.parent / "docs" / "compare.md"
RATIOS = Path(__file__).resolve().parent.parent / "profiles" / "measured" / "runtimes.csv"
RUNTIMES = ("openvino", "onnxruntime", "ncnn", "torch")
"""Without LiteRT, which reads .tflite files alone (no model of the zoo is one), and without TVM, whose loops are not
tuned here: of a runtime at its worst nothing is learned about int8, and its times would stand as evidence."""
MODELS = ("mobilenet-v2", "resnet-18", "squeezenet-1.1", "resnet-50", "efficientnet-b0", "densenet-121", "bert-mini")
LEAST_PAIRS = 6
"""Rounds from which on a ratio is kept as evidence: fewer have no interval."""
SPEECH = "like:quartznet-15x5-en"
BERTS = ("bert-mini", "bert-base")
"""The small one has its rounds on a busy machine, too."""
MIB = 1024.0**2


@dataclass(frozen=True)
class Section:
    """One question of the published comparison."""

    name: str
    make: Callable[[Settings], str]


@dataclass(frozen=True)
class Settings:
    """What all comparisons of a run have in common."""

    threads: str
    rounds: int
    budget_s: float | None
    store_url: str | None

    def compare(self, models: Iterable[str], **options: object) -> Comparison:
        """Compare variants of models; progress goes to stderr."""
        from advisor.cli.progress import progress_display

        known = {"runtimes": RUNTIMES, "threads": (self.threads,), "rounds": self.rounds}
        request = CompareRequest(models=tuple(models), budget_s=self.budget_s, **{**known, **options})  # type: ignore[arg-type]
        with progress_display("comparing", quiet=False) as progress:
            return compare_models(request, store_url=self.store_url, progress=progress, say=progress.message)


def variants(rows: Sequence[VariantResult]) -> str:
    """Rows of a comparison as Markdown: what was measured in a table, what was not by its reason below."""
    head = ["model", "variant", "ms per input", "time over the baseline (95 %)", "MiB", "process MiB", "remarks"]
    measured = table(head, [_cells(row) for row in rows if row.status == "done"])
    return "\n\n".join(part for part in (measured, _not_measured(rows)) if part)


def _not_measured(rows: Sequence[VariantResult]) -> str:
    """A line for each reason, with the variants that it holds for; those of all models are named once."""
    models = list(dict.fromkeys(row.model for row in rows))
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if row.status != "done":
            reasons.setdefault(reason(row), {}).setdefault(row.label, []).append(row.model)
    lines = []
    for words, labels in reasons.items():
        which = "; ".join(
            label if len(of) == len(models) else f"{label} of {', '.join(of)}" for label, of in labels.items()
        )
        lines.append(f"- {which}: {words}")
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def _cells(row: VariantResult) -> list[object]:
    ratio = row.time_ratio
    span = None
    if ratio is not None:
        ends = "" if ratio.lower is None else f" ({ratio.lower:.2f}-{ratio.upper:.2f})"
        span = "baseline" if row.baseline else f"{ratio.value:.2f}{ends}"
    remark = f"{row.disturbed_rounds} of {row.rounds} turns disturbed" if row.disturbed_rounds else ""
    return [
        row.model,
        row.label,
        None if row.time_ms is None else f"{row.time_ms:.3g}",
        span,
        None if row.model_bytes is None else f"{row.model_bytes / MIB:.0f}",
        None if row.process_bytes is None else f"{row.process_bytes / MIB:.0f}",
        remark,
    ]


def _change(ratios: Sequence[float]) -> str:
    """Median change with least and largest, in per cent."""
    shown = [100 * (value - 1) for value in (median(ratios), min(ratios), max(ratios))]
    return f"{shown[0]:+.0f} % ({shown[1]:+.0f} to {shown[2]:+.0f})"


def quantisation(settings: Settings) -> str:
    """What int8 gains in time and memory within each runtime."""
    found = settings.compare(MODELS)
    write_ratios(found)
    rows = []
    for runtime in RUNTIMES:
        gains = [gain for gain in found.gains if gain.label.split()[0] == runtime]
        memory = [gain.memory_ratio for gain in gains if gain.memory_ratio is not None]
        process = [gain.process_ratio for gain in gains if gain.process_ratio is not None]
        theirs = "-42 % time, -72 % memory" if runtime == "onnxruntime" else None
        if not gains:
            reasons = {reason(row) for row in found.variants if row.label == f"{runtime} int8" and row.failure}
            rows.append([runtime, 0, None, None, None, theirs, "; ".join(sorted(reasons)) or "not measured"])
            continue
        times = [gain.time_ratio.value for gain in gains]
        changes = [_change(values) if values else None for values in (times, memory, process)]
        rows.append([runtime, len(gains), *changes, theirs, ""])
    head = ["runtime", "models", "time", "memory of the model", "memory of the process", "published", "remarks"]
    return "\n\n".join([table(head, rows), "Each row, against OpenVINO in f32:", variants(found.variants)])


def write_ratios(found: Comparison) -> None:
    """Keep times over OpenVINO's at the same precision, as evidence for other machines."""
    from advisor.perfmodel.elsewhere.runtime_ratio import simd_class
    from advisor.workflows.models import resolve_model

    simd = simd_class(found.machine.rsplit(", ", 1)[-1])
    machine = f"this-project-{found.host_fingerprint[:8]}"
    fields = ["source", "runtime", "release", "openvino_releases", "machine", "simd", "model", "family", "precision",
              "batch", "ratio"]  # fmt: skip
    kept: list[dict[str, object]] = []
    if RATIOS.exists():
        with RATIOS.open(encoding="utf-8", newline="") as handle:
            kept = [dict(row) for row in csv.DictReader(handle) if row["machine"] != machine]
    times = {(row.model, row.label): row for row in found.variants if row.status == "done"}
    for (model, _), row in times.items():
        own = times.get((model, f"openvino {row.config.precision}"))
        if row.config.runtime == "openvino" or own is None or row.time_ratio is None or own.time_ratio is None:
            continue
        if min(row.time_ratio.pairs, own.time_ratio.pairs) < LEAST_PAIRS:
            continue
        kept.append(
            {"source": "sizer", "runtime": row.config.runtime, "release": found.versions[row.config.runtime],
             "openvino_releases": found.versions["openvino"].split("-")[0], "machine": machine, "simd": simd,
             "model": model, "family": resolve_model(model).family, "precision": row.config.precision,
             "batch": row.config.batch, "ratio": f"{row.time_ratio.value / own.time_ratio.value:.4f}"}
        )  # fmt: skip
    with RATIOS.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)


def times_as_fast(found: Comparison, model: str, fast: str, slow: str) -> str:
    """How many times as fast one variant is as another, by their ratios to the baseline; else why that is not known."""
    rows = {(row.model, row.label): row for row in found.variants}
    pair = [rows.get((model, label)) for label in (fast, slow)]
    for label, row in zip((fast, slow), pair, strict=True):
        if row is None:
            return f"not measured: {label} is not among the variants"
        if row.time_ratio is None:
            return f"not measured: {label}: {reason(row) or 'the baseline was not measured'}"
    ratios = [row.time_ratio for row in pair if row is not None and row.time_ratio is not None]
    few = _few(min(ratio.pairs for ratio in ratios))
    return f"{ratios[1].value / ratios[0].value:.2f} times{few}"


def _few(pairs: int) -> str:
    """A remark where there are too few rounds for an interval."""
    return "" if pairs >= LEAST_PAIRS else f" ({pairs} {'round' if pairs == 1 else 'rounds'}: an indication)"


def beside(rows: Sequence[Sequence[object]]) -> str:
    """What was published beside what was measured here."""
    return table(["question", "published", "here"], rows)


def pytorch(settings: Settings) -> str:
    """PyTorch quantised against ONNX Runtime plain."""
    models = ("resnet-50", "bert-mini")
    found = settings.compare(models, runtimes=("onnxruntime", "torch"), baseline=("onnxruntime", "f32"))
    rows = [
        [f"{model}: ONNX Runtime f32 over PyTorch int8", None,
         times_as_fast(found, model, "onnxruntime f32", "torch int8")]
        for model in models
    ]  # fmt: skip
    return "\n\n".join([beside(rows), variants(found.variants)])


def without_avx(settings: Settings) -> str:
    """ResNet-18 and a speech model with SSE4.2 as the most."""
    found = settings.compare(
        ("resnet-18", SPEECH), runtimes=(*RUNTIMES, "tvm"), precisions=("f32",), simd_caps=("none", "sse42"),
        baseline=("openvino", "uncapped"),
    )  # fmt: skip
    capped = "f32 at most sse42"
    rows: list[list[object]] = []
    for model, onnxruntime, tvm in (("resnet-18", "7 times", "4 times"), (SPEECH, "14 times", None)):
        rows += [
            [f"{model}: ONNX Runtime (uncapped, as it cannot be) over PyTorch without AVX", onnxruntime,
             times_as_fast(found, model, "onnxruntime f32 uncapped", f"torch {capped}")],
            [f"{model}: TVM over PyTorch, both without AVX", tvm,
             times_as_fast(found, model, f"tvm {capped}", f"torch {capped}")],
            [f"{model}: OpenVINO uncapped over itself without AVX", None,
             times_as_fast(found, model, "openvino f32 uncapped", f"openvino {capped}")],
            [f"{model}: ONNX Runtime (uncapped) over OpenVINO without AVX", None,
             times_as_fast(found, model, "onnxruntime f32 uncapped", f"openvino {capped}")],
        ]  # fmt: skip
    return "\n\n".join([beside(rows), variants(found.variants)])


def dynamic(settings: Settings) -> str:
    """BERT with open dimensions and under hints."""
    models = [str(open_bert(name)) for name in BERTS]
    found = settings.compare(
        models, runtimes=("openvino", "onnxruntime"), precisions=("f32",), shapes=("static", "dynamic"),
        hints=("none",), input_shape="1,128",
    )  # fmt: skip
    hints = settings.compare(
        models, runtimes=("openvino",), precisions=("f32",), shapes=("static", "dynamic"),
        hints=("none", "latency", "throughput"), threads=("all",), input_shape="1,128",
    )  # fmt: skip
    rows: list[list[object]] = []
    for name in BERTS:
        model = f"{name}-open"
        rows += [
            [f"{name}: {runtime} static over dynamic", "20-30 %, hints included",
             times_as_fast(found, model, f"{runtime} f32 static", f"{runtime} f32 dynamic")]
            for runtime in ("openvino", "onnxruntime")
        ]  # fmt: skip
        ratios = [row.time_ratio for row in hints.variants if row.model == model and row.time_ratio is not None]
        values = [ratio.value for ratio in ratios]
        spread = "not measured"
        if ratios:
            few = _few(min(ratio.pairs for ratio in ratios))
            spread = f"{max(values) / min(values):.2f} times between the best and the worst of {len(ratios)}{few}"
        rows.append([f"{name}: shapes and hints of OpenVINO together", "20-30 %", spread])
    parts = [beside(rows), variants(found.variants), "Hints, on all threads (time per input of all streams together):"]
    return "\n\n".join([*parts, variants(hints.variants)])


def open_bert(name: str) -> Path:
    """A BERT of the zoo with its batch and its number of tokens left open in the file.

    Passes stay at 128 tokens, of which the positions are a fixed slice: what is compared is the compiled code alone.
    """
    import onnx

    from advisor.workflows import build_model

    target = scratch() / f"{name}-open.onnx"
    if target.is_file():
        return target
    model = onnx.load(build_model(name).path)
    for port in model.graph.input:
        for place, name in enumerate(("batch", "tokens")):
            port.type.tensor_type.shape.dim[place].dim_param = name
    for port in model.graph.output:
        port.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
    onnx.save(model, str(target))
    return target


SECTIONS = (
    Section("quantisation", quantisation),
    Section("pytorch", pytorch),
    Section("without-avx", without_avx),
    Section("dynamic", dynamic),
)


@click.command()
@click.option("--only", multiple=True, type=click.Choice([section.name for section in SECTIONS]), help="This section.")
@click.option("--threads", default="1", show_default=True, help="Threads of every variant, or all.")
@click.option("--rounds", type=click.IntRange(1, 200), default=9, show_default=True)
@click.option("--budget", "budget_s", type=Duration(1.0), default=None, metavar="TIME", help="Of each comparison.")
@click.option("--store", "store_url", envvar="SIZER_STORE", default=None, metavar="URL")
@click.option("--page", type=click.Path(path_type=Path, exists=True), default=PAGE, help="Page to write into.")
def main(
    only: tuple[str, ...], threads: str, rounds: int, budget_s: float | None, store_url: str | None, page: Path
) -> None:
    """Compare runtimes and write the figures of docs/compare.md again."""
    settings = Settings(threads, rounds, budget_s, store_url)
    try:
        with alone():
            for section in SECTIONS:
                if not only or section.name in only:
                    start = header(f"Threads: {threads} unless stated.")
                    write_section(page, section.name, f"{start}\n\n{section.make(settings)}")
    except SizerError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.runtimes")
