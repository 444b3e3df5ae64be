"""``sizer models``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, PathOption, common, echo, print_json, show


@click.group(epilog=EXIT_CODES)
def models() -> None:
    """List, build and inspect models: files, reference architectures, stand-ins (like:NAME)."""


@models.command("list", epilog=EXIT_CODES)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--kind", type=click.Choice(["architecture", "stand-in", "all"]), default="all", help="Which to list.")
@common
def list_(words: tuple[str, ...], kind: str, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """List reference architectures and stand-ins with input shape, GFLOPs and parameters.

    WORDs filter: a model is listed if its name, family or task hold each of them, as in `sizer models list yolov8`.
    """
    from advisor.workflows import list_models

    report = list_models(kind, words)
    if as_json:
        print_json(report)
        return
    from advisor.report.terminal import render_models

    show(render_models(report))


@models.command(epilog=EXIT_CODES)
@click.argument("name")
@click.option("-o", "--output", type=PathOption, default=None, metavar="DIR", help="Where to write the ONNX file.")
@common
def build(name: str, output: Path | None, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Build the reference architecture or stand-in NAME as an ONNX file with seeded weights."""
    from advisor.workflows import build_model

    model = build_model(name, output)
    if as_json:
        print_json(model)
    else:
        echo(model.path)


@models.command(epilog=EXIT_CODES)
@click.argument("model")
@click.option(
    "--input", "input_shape", default=None, metavar="SHAPE", help="WIDTHxHEIGHT, or a shape like 1,3,736,1312."
)
@common
def inspect(model: str, input_shape: str | None, as_json: bool, quiet: bool, store_url: str | None) -> None:
    """Show inputs, outputs, GFLOPs, parameters and fused kernels of MODEL (a file, a name, or like:NAME)."""
    from advisor.workflows import inspect_model

    report = inspect_model(model, input_shape)
    if as_json:
        print_json(report)
        return
    from advisor.report.terminal import render_inspection

    show(render_inspection(report))
