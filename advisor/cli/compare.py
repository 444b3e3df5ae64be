"""``sizer compare``."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import complete_models
from .options import EXIT_CODES, Duration, OutputOption, PathOption, common, notes, print_json, show


def _words(_context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Split a list at its commas; an empty one is a slip."""
    if value is None:
        return None
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    if not words:
        raise click.BadParameter("the list is empty; separate words by commas", param=option)
    return words


@click.command(epilog=EXIT_CODES)
@click.argument("models", nargs=-1, required=True, shell_complete=complete_models)
@click.option("--runtimes", callback=_words, default=None, metavar="NAME,...",
              help="Runtimes to compare; default: every one that is installed.")  # fmt: skip
@click.option("--precisions", callback=_words, default="f32,int8", show_default=True, metavar="NAME,...",
              help="f32, bf16, int8.")  # fmt: skip
@click.option("--shapes", callback=_words, default="static", show_default=True, metavar="KIND,...",
              help="static; dynamic leaves open what the model's file leaves open.")  # fmt: skip
@click.option("--layouts", callback=_words, default="nchw", show_default=True, metavar="NAME,...",
              help="Layouts of the pictures handed over: nchw, nhwc; one that is not the model's own is converted inside it.")  # fmt: skip
@click.option("--threads", callback=_words, default="all", show_default=True, metavar="N|all,...",
              help="Threads of all streams.")  # fmt: skip
@click.option("--streams", callback=_words, default="1", show_default=True, metavar="N|all,...",
              help="Inference streams; with more than one, time per input is that of all together.")  # fmt: skip
@click.option("--batch", type=click.IntRange(min=1), default=None,
              help="Inputs per pass; default: the batch that the model's file fixes, else 1.")  # fmt: skip
@click.option("--hints", callback=_words, default="none", show_default=True, metavar="NAME,...",
              help="OpenVINO's performance hints, which choose the streams: none, latency, throughput.")  # fmt: skip
@click.option("--simd", "simd_caps", callback=_words, default="none", show_default=True, metavar="LEVEL,...",
              help="Caps of the instruction set, such as none,avx2,sse42; a runtime that has none is a failed row.")  # fmt: skip
@click.option("--baseline", default="", metavar="WORDS",
              help="Variant that the others are compared with, by words of its name, such as 'onnxruntime f32'; "
              "default: the first.")  # fmt: skip
@click.option("--input", "input_shape", default=None, metavar="SHAPE",
              help="For MODELs with open dimensions: WIDTHxHEIGHT, or a shape like 1,3,736,1312.")  # fmt: skip
@click.option("--inputs", type=PathOption, default=None, metavar="DIR",
              help="Your own pictures or tensors (.npy, .npz): answers of int8, whose ranges come from every second "
              "one, are compared with those of f32.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 200), default=9, show_default=True,
              help="Turns of each variant; six or more give an interval.")  # fmt: skip
@click.option("--budget", "budget_s", type=Duration(1.0), default=None, metavar="TIME",
              help="Stop after this time, for example 90s or 10m; a second call continues.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Try again the variants that failed before.")
@click.option("--again", is_flag=True, help="Measure again what the store already holds.")
@click.option("--csv", "csv_file", type=OutputOption, default=None, metavar="FILE",
              help="Write one line per variant to FILE.")  # fmt: skip
@click.option("--html", type=OutputOption, default=None, metavar="FILE", help="Write a page with charts.")
@click.option("--details", is_flag=True, help="Print every column and every failure in full.")
@common
def compare(
    models: tuple[str, ...],
    runtimes: tuple[str, ...] | None,
    precisions: tuple[str, ...],
    shapes: tuple[str, ...],
    layouts: tuple[str, ...],
    threads: tuple[str, ...],
    streams: tuple[str, ...],
    batch: int | None,
    hints: tuple[str, ...],
    simd_caps: tuple[str, ...],
    baseline: str,
    input_shape: str | None,
    inputs: Path | None,
    rounds: int,
    budget_s: float | None,
    retry_failed: bool,
    again: bool,
    csv_file: Path | None,
    html: Path | None,
    details: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Compare runtimes, precisions and settings for MODELs on this machine, in time and memory.

    Every variant runs in a process of its own, and all of them take short turns in rounds, so that what changes on the
    machine affects all alike. Each turn is stored as soon as it is taken; a second call continues. A variant that fails
    has a row with the reason. Exit code 1 if no variant could be measured.
    """
    from advisor.report.compare_tables import comparison_csv
    from advisor.report.html import render_comparison_html
    from advisor.store.files import write_document
    from advisor.workflows import CompareRequest, compare_models

    from .progress import progress_display

    request = CompareRequest(
        models=models,
        runtimes=runtimes,
        precisions=precisions,
        shapes=shapes,
        layouts=layouts,
        threads=threads,
        streams=streams,
        batch=batch,
        hints=hints,
        simd_caps=simd_caps,
        baseline=tuple(baseline.split()),
        input_shape=input_shape,
        inputs=inputs,
        rounds=rounds,
        budget_s=budget_s,
        retry_failed=retry_failed,
        again=again,
    )
    note = notes(quiet)
    with progress_display("preparing", quiet=quiet) as progress:
        result = compare_models(request, store_url=store_url, progress=progress, say=progress.message)
    for path, make in ((csv_file, comparison_csv), (html, render_comparison_html)):
        if path is not None:
            write_document(path, make(result))
            note(f"wrote {path}")
    if as_json:
        print_json(result)
    else:
        from advisor.report.compare_text import render_comparison

        show(render_comparison(result, details=details))
    if result.interrupted:
        return 3
    return 0 if any(row.status == "done" for row in result.variants) else 1
