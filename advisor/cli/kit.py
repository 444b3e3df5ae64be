"""``sizer kit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completion import complete_scenarios
from .options import (
    EXIT_CODES,
    MOST_SEED,
    Duration,
    OutputOption,
    PathOption,
    common,
    echo,
    notes,
    print_document,
    print_json,
)
from .verify import EXIT_OF_VERDICT

if TYPE_CHECKING:
    from advisor.kit.read import FiledResult, KitView

_GB = 1e9


class _Kit(click.Group):
    """Takes what is no command of its own for the scenario of ``build``."""

    default_command = "build"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Kit, epilog=EXIT_CODES)
def kit() -> None:
    """Pack an acceptance for boxes without network, and read back what they found.

    `sizer kit SCENARIO -o kit.tar.zst` is short for `sizer kit build`. On the box: unpack, `./verify`.
    """


@kit.command(epilog=EXIT_CODES)
@click.argument("scenario", shell_complete=complete_scenarios)
@click.option("--plan", "plan_file", type=PathOption, default=None, metavar="FILE",
              help="Plan whose recommendation is checked; default: the scenario is planned now, over the catalogue.")  # fmt: skip
@click.option("-o", "--output", type=OutputOption, required=True, metavar="FILE",
              help="The kit: .tar.zst, or .tar.gz or .tar for boxes without zstd.")  # fmt: skip
@click.option("--python", default=None, metavar="3.X", help="Python of the box. Default: as here.")
@click.option("--platform", default=None, metavar="TAG",
              help="Architecture and oldest C library of the box, such as manylinux_2_28_x86_64. Default: as here, 2.28.")  # fmt: skip
@click.option("--profile", type=click.Choice(["smoke", "standard", "soak"]), default="smoke", show_default=True,
              help="The acceptance takes 2 minutes, 30 minutes, or 8 hours, unless --duration says otherwise.")  # fmt: skip
@click.option("--duration", "duration_s", type=Duration(1.0), default=None, metavar="TIME",
              help="Measured time after warm-up, for example 90s or 10m.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True,
              help="Seed of clips, camera phases and object counts.")  # fmt: skip
@click.option("--measure/--no-measure", default=True, show_default=True,
              help="Measure the box after the acceptance (up to 5 minutes), for later plans with it.")  # fmt: skip
@click.option("--key", "key_file", type=PathOption, default=None, metavar="KEY",
              help="Sign the kit with this private key (made by `sizer verify --new-key`); default: unsigned.")  # fmt: skip
@common
def build(
    scenario: str,
    plan_file: Path | None,
    output: Path,
    python: str | None,
    platform: str | None,
    profile: str,
    duration_s: float | None,
    seed: int,
    measure: bool,
    key_file: Path | None,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> None:
    """Pack plan, models, clips and packages for SCENARIO into one file.

    Nothing is needed on the box but its Python: no network, no root, nothing installed. Addresses with passwords are
    left out. The plan's prices go along.
    """
    from advisor.kit.build import KitRequest, build_kit

    from .progress import progress_display

    request = KitRequest(
        scenario, output, plan_file, python, platform, profile=profile, duration_s=duration_s, seed=seed,
        measure=measure, key_file=key_file,
    )  # fmt: skip
    with progress_display(f"packing {scenario}", quiet=quiet) as progress:
        built = build_kit(request, store_url=store_url, progress=progress, say=progress.message)
    if as_json:
        print_json(built.manifest)
        return
    manifest, note = built.manifest, notes(quiet)
    for text in manifest.notes:
        note(text)
    signed = "unsigned (--key KEY signs it)" if built.signer is None else f"signed with key {built.signer}"
    echo(f"wrote {output}: {built.size_bytes / 1e6:.0f} MB, {len(manifest.files)} files, {signed}")
    echo(f"kit {built.sha256[:16]}: {manifest.scenario} on {manifest.platform}; Python {manifest.target.python} on "
         f"{manifest.target.machine}, glibc {manifest.target.glibc}; {manifest.needed_bytes / _GB:.1f} GB on the box")  # fmt: skip


@kit.command("show", epilog=EXIT_CODES)
@click.argument("file", type=PathOption)
@click.option("--trusted-keys", type=PathOption, default=None, metavar="KEY.pub",
              help="Refuse a kit that is not signed with one of these public keys.")  # fmt: skip
@click.option("--files", "list_files", is_flag=True, help="List every file with its hash.")
@common
def show_(
    file: Path, trusted_keys: Path | None, list_files: bool, as_json: bool, quiet: bool, store_url: str | None
) -> None:
    """Check every file of the kit FILE against its manifest and say what it contains; FILE may be unpacked."""
    from advisor.kit.read import show_kit

    view = show_kit(file, trusted_keys)
    if as_json:
        print_json(view.manifest)
        return
    for line in _shown(view, list_files):
        echo(line)


@kit.command(epilog=EXIT_CODES)
@click.argument("result", type=PathOption)
@click.option("--site", default=None, metavar="NAME", help="Where the box stands. Default: what it was called there.")
@click.option("--kit", "kit_file", type=PathOption, default=None, metavar="FILE",
              help="The kit that was sent; a result of another one is refused.")  # fmt: skip
@click.option("--trusted-keys", type=PathOption, default=None, metavar="KEY.pub",
              help="Public keys; refuse a result whose kit is not signed with one of them.")  # fmt: skip
@common
def read(
    result: Path,
    site: str | None,
    kit_file: Path | None,
    trusted_keys: Path | None,
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Check RESULT (the folder `result` of a box, or result.tar.gz) and file it in the store.

    The verdict is kept under the site, the measurements with their box, as `sizer catalog add` does. Exit code: that of
    the verdict, 0 PASS, 1 FAIL, 3 INCONCLUSIVE; 2 where the result is refused.
    """
    from advisor.kit.read import read_result

    filed = read_result(result, site=site, kit=kit_file, trusted_keys=trusted_keys, store_url=store_url)
    if as_json:
        print_document("kit-read", verdict=filed.result.verdict, site=filed.site, run=filed.run_id,
                known=filed.known, platform=filed.platform, kit_sha256=filed.result.kit_sha256,
                notes=list(filed.notes))  # fmt: skip
    else:
        _say_filed(filed, quiet)
    return EXIT_OF_VERDICT[filed.result.verdict]


def _shown(view: KitView, list_files: bool) -> list[str]:
    """Contents of a kit, a line each."""
    manifest = view.manifest
    signature = "unsigned"
    if view.signed:
        signature = (
            f"signed by {view.checked}" if view.checked else "signed, not checked (--trusted-keys KEY.pub checks)"
        )
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(view.bytes_of.items()) if name != ".")
    lines = [
        f"kit         {view.sha256}",
        f"signature   {signature}",
        f"scenario    {manifest.scenario} (file on the desk {manifest.planned_scenario_sha256[:16]})",
        f"plan        {manifest.plan_sha256} for {manifest.platform}, made {manifest.created}",
        f"target      Python {manifest.target.python}, {manifest.target.platform} (glibc {manifest.target.glibc} or newer)",
        f"runs        {manifest.run.duration_s:g} s, seed {manifest.run.seed}, "
        f"{'then measures the box' if manifest.run.measure else 'the box is not measured'}",
        f"size        {view.size_bytes / 1e6:.1f} MB in {len(manifest.files)} files: {sizes}; needs "
        f"{manifest.needed_bytes / _GB:.1f} GB more on the box",
        f"made by     sizer {manifest.sizer_version}",
    ]
    lines += [f"note        {text}" for text in manifest.notes]
    if list_files:
        lines += [f"{file.sha256}  {file.size_bytes:>12}  {file.path}" for file in manifest.files]
    return lines


def _say_filed(filed: FiledResult, quiet: bool) -> None:
    place = "no site" if filed.site is None else f"site {filed.site}"
    verb = "was filed before" if filed.known else "filed"
    echo(f"{filed.result.scenario}: {filed.result.verdict}; {verb} under {place} as {filed.run_id} "
         f"(sizer report {filed.run_id})")  # fmt: skip
    if filed.platform is not None:
        echo(f"the box is platform {filed.platform}: plans of it use its measurements, no other box does")
    note = notes(quiet)
    for text in filed.notes:
        note(text)
