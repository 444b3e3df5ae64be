"""``sizer bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completion import complete_models, complete_runtimes
from .options import EXIT_CODES, Duration, OutputOption, PathOption, common, notes, print_json, show
from .trace_file import TraceFile, trace_option

if TYPE_CHECKING:
    from advisor.records.measurement import BenchReport


@click.command(epilog=EXIT_CODES)
@click.argument("models", nargs=-1, shell_complete=complete_models)
@click.option("--quick", "mode", flag_value="quick", help="At most 120 s: micro-benchmarks and a set of networks.")
@click.option(
    "--full", "mode", flag_value="full", help="Every measurement that a prediction for this machine uses; resumable."
)
@click.option("--matrix", type=PathOption, default=None, metavar="FILE",
              help="A YAML list or product of axes (runtime, precision, batch, threads, ...) over models.")  # fmt: skip
@click.option("--budget", "budget_s", type=Duration(1.0), default=None, metavar="TIME",
              help="Stop after this time, for example 90s or 10m; a second call continues.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Repeat measurements that failed before.")
@click.option("--runtime", default="openvino", show_default=True, metavar="NAME", shell_complete=complete_runtimes,
              help="Library that runs the model; docs/runtimes.md lists them.")  # fmt: skip
@click.option("--device", default="CPU", show_default=True, metavar="DEVICE",
              help="CPU, GPU, NPU, AUTO, BATCH:GPU, or another that `sizer host` lists for the runtime.")  # fmt: skip
@click.option("--precision", type=click.Choice(["f32", "bf16", "f16", "int8"]), default="f32", show_default=True,
              help="Precision in which the model computes.")  # fmt: skip
@click.option(
    "--threads", default=None, metavar="N|all", help="Threads of all streams; default: 1 and all usable cores."
)
@click.option("--streams", default=None, metavar="N|all", help="Inference streams; default 1.")
@click.option("--batch", type=click.IntRange(min=1), default=None,
              help="Inputs per pass; default: the batch that the model's file fixes, else 1.")  # fmt: skip
@click.option("--input", "input_shape", default=None, metavar="SHAPE",
              help="For MODELs with open dimensions: WIDTHxHEIGHT, or a shape like 1,3,736,1312.")  # fmt: skip
@click.option("--export", "export_file", type=OutputOption, default=None, metavar="FILE",
              help="Write this machine's facts and measurements to FILE, for `sizer catalog add` elsewhere.")  # fmt: skip
@trace_option("what happens to each pass of the timings, measured shortly once more,")
@click.option("--details", is_flag=True, help="Print every measurement instead of a summary, where there are many.")
@common
def bench(
    models: tuple[str, ...],
    mode: str | None,
    matrix: Path | None,
    budget_s: float | None,
    retry_failed: bool,
    runtime: str,
    device: str,
    precision: str,
    threads: str | None,
    streams: str | None,
    batch: int | None,
    input_shape: str | None,
    export_file: Path | None,
    trace_file: Path | None,
    details: bool,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Measure this machine: MODELs, or with --quick or --full the machine itself.

    Each result is stored as soon as it is measured; a second call continues where an interrupted one stopped.
    A model that the runtime moves to another device than --device is a failure, never a figure of that device.
    """
    if not models and mode is None and matrix is None and export_file is None:
        raise click.UsageError(
            "Nothing to measure: name MODELs, or give --quick, --full, --matrix FILE or --export FILE."
        )
    from advisor.workflows import BenchRequest, bench_machine

    from .progress import progress_display

    request = BenchRequest(
        models=models,
        mode=mode,
        matrix=matrix,
        budget_s=budget_s,
        retry_failed=retry_failed,
        runtime=runtime,
        device=device,
        precision=precision,
        threads=threads,
        streams=streams,
        batch=batch,
        input_shape=input_shape,
        export_file=export_file,
    )
    traces = TraceFile(trace_file)
    with progress_display("preparing", quiet=quiet) as progress:
        result, interrupted = bench_machine(
            request, store_url=store_url, progress=progress, say=progress.message, traced=traces.keep
        )
    if as_json:
        print_json(result)
    else:
        from advisor.report.terminal import render_bench

        show(render_bench(result, details=details))
    if traces.path is not None and not interrupted:
        notes(quiet)(f"wrote {traces.write()}")
    if interrupted:
        return 3
    if _nothing_in_time(result):
        notes(quiet)(
            "the time was over before anything was measured: a second call continues, --budget gives it longer"
        )
        return 3
    return 1 if _all_failed(result) else 0


def _nothing_in_time(result: BenchReport) -> bool:
    """Whether everything that could be measured was left out."""
    return bool(result.left_out_by_kind) and not (result.measurements or result.micro or result.micro_failures)


def _all_failed(result: BenchReport) -> bool:
    """Whether something was asked for and nothing of it could be measured."""
    tried = [*(row.status for row in result.measurements), *("done" for _ in result.micro)]
    failed = bool(result.micro_failures) or bool(tried)
    return failed and "done" not in tried
