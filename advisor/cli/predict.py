"""``sizer predict``."""

from __future__ import annotations

import click

from .completion import complete_models, complete_platforms, complete_runtimes
from .options import EXIT_CODES, Duration, common, names, print_json, show


@click.command(epilog=EXIT_CODES)
@click.argument("model", shell_complete=complete_models)
@click.option("--on", "platforms", required=True, metavar="PLATFORM,...", shell_complete=complete_platforms,
              help="Platforms or processors, by id or name, or `this`.")  # fmt: skip
@click.option("--runtime", default="openvino", show_default=True, metavar="NAME", shell_complete=complete_runtimes,
              help="Library that runs the model: openvino, onnxruntime, or another with published figures or "
              "measurements; ncnn: on Arm cores, for which it has published tables at f16 and int8.")  # fmt: skip
@click.option("--device", default="CPU", show_default=True, metavar="CPU|GPU|NPU|ID",
              help="Device of the platform, or the id of one that is added, such as hailo-8.")  # fmt: skip
@click.option("--precision", type=click.Choice(["f32", "bf16", "f16", "int8"]), default="f32", show_default=True,
              help="Precision in which the model computes.")  # fmt: skip
@click.option("--hint", type=click.Choice(["latency", "throughput", "none"]), default="none", show_default=True,
              help="OpenVINO's performance hint.")  # fmt: skip
@click.option(
    "--streams", default=None, metavar="N|all", help="Inference streams; default: what the hint gives, else 1."
)
@click.option("--threads", default=None, metavar="N|all", help="Threads of all streams; default: all usable cores.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs per pass.")
@click.option(
    "--input",
    "input_shape",
    default=None,
    metavar="SHAPE",
    help="Shape of a dynamic input: WIDTHxHEIGHT, or a shape like 1,3,736,1312.",
)
@click.option("--measure", "measure_s", type=Duration(0.0), default=0.0, metavar="TIME",
              help="Measure this model's kernels on this machine first, for at most this time, for example 90s or 10m.")  # fmt: skip
@common
def predict(
    model: str,
    platforms: str,
    runtime: str,
    device: str,
    precision: str,
    hint: str,
    streams: str | None,
    threads: str | None,
    batch: int,
    input_shape: str | None,
    measure_s: float,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Predict latency and throughput of MODEL on platforms, with interval, evidence and bottleneck.

    MODEL is a file (ONNX, OpenVINO IR, TFLite, ...), a reference architecture, or like:NAME for a stand-in.
    Exit code 1 when there is no evidence for any of the platforms.
    """
    from advisor.workflows import PredictRequest, predict_model

    from .progress import progress_display

    request = PredictRequest(
        model=model,
        platforms=names(platforms),
        runtime=runtime,
        device=device,
        precision=precision,
        hint=hint,
        streams=streams,
        threads=threads,
        batch=batch,
        input_shape=input_shape,
        measure_s=measure_s,
    )
    with progress_display("predicting", quiet=quiet) as progress:
        report = predict_model(request, store_url=store_url, say=progress.message)
    if as_json:
        print_json(report)
    else:
        from advisor.report.terminal import render_predictions

        show(render_predictions(report))
    known = any(item.throughput_fps is not None for item in report.predictions)
    return 0 if known else 1
