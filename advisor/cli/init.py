"""``sizer init``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from advisor.records.codec import CODECS

from .completion import complete_models
from .options import EXIT_CODES, OutputOption, Positive, common, notes, print_document

_RESOLUTION, _FPS, _CODEC, _LATENCY_MS = "1920x1080", 15.0, "h264", 500.0


@click.command(epilog=EXIT_CODES)
@click.argument("file", required=False, type=OutputOption, default="my-site.yaml")
@click.option("--cameras", type=click.IntRange(min=1), default=None, metavar="N", help="Number of cameras.")
@click.option("--model", default=None, metavar="MODEL", shell_complete=complete_models,
              help="Model file, reference architecture (resnet-50), or like:NAME.")  # fmt: skip
@click.option("--resolution", default=None, metavar="WxH", help=f"Resolution of the cameras.  [default: {_RESOLUTION}]")
@click.option("--fps", type=Positive(), default=None, metavar="N",
              help=f"Frames per second of each camera.  [default: {_FPS:g}]")  # fmt: skip
@click.option("--codec", type=click.Choice(CODECS), default=None,
              help=f"How the cameras compress.  [default: {_CODEC}]")  # fmt: skip
@click.option("--latency-ms", type=Positive(), default=None, metavar="MS",
              help=f"95 % of frames must be done within this time.  [default: {_LATENCY_MS:g}]")  # fmt: skip
@common
def init(
    file: Path,
    cameras: int | None,
    model: str | None,
    resolution: str | None,
    fps: float | None,
    codec: str | None,
    latency_ms: float | None,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> None:
    """Write a first scenario to FILE (my-site.yaml), with comments; on a terminal, ask for what is not given.

    Example: sizer init shop.yaml --cameras 5 --resolution 2560x1440 --fps 10 --model like:yolo-v3-tiny-tf
    """
    from advisor.workflows.new_scenario import NewScenario, write_scenario

    asks = sys.stdin is not None and sys.stdin.isatty() and not as_json and not quiet

    def given(value: Any, question: str, default: Any = None, kind: Any = None) -> Any:
        if value is not None or not asks:
            return default if value is None else value
        return click.prompt(question, default=default, type=kind, err=True)

    cameras = given(cameras, "How many cameras", None, click.IntRange(min=1))
    model = given(model, "Model (a file, an architecture such as resnet-50, or like:NAME)")
    missing = [name for name, value in (("--cameras", cameras), ("--model", model)) if value is None]
    if cameras is None or model is None:
        raise click.UsageError(
            f"{' and '.join(missing)} needed, for example: sizer init shop.yaml --cameras 5 --resolution 2560x1440 "
            "--fps 10 --model detector.onnx"
        )
    asked = NewScenario(
        cameras=cameras,
        model=model,
        resolution=given(resolution, "Resolution", _RESOLUTION),
        fps=given(fps, "Frames per second", _FPS, Positive()),
        codec=given(codec, "Codec", _CODEC, click.Choice(CODECS)),
        latency_ms=given(latency_ms, "Latency that 95 % of frames must keep, in ms", _LATENCY_MS, Positive()),
    )
    written = write_scenario(asked, file)
    if as_json:
        print_document("init", scenario=str(written))
    from advisor.workflows.models import looks_like_file

    say = notes(quiet)
    say(f"wrote {written}; next: sizer plan {shlex.quote(str(written))} --html plan.html")
    if looks_like_file(model) and not Path(model).exists():
        say(f"{model} is not there yet, seen from here: put it there, or write an architecture's name or like:NAME")
