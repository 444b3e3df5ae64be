"""``sizer verify``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .completion import complete_platforms, complete_scenarios
from .options import (
    EXIT_CODES,
    MOST_SEED,
    Duration,
    OutputOption,
    PathOption,
    common,
    echo,
    notes,
    print_json,
    show,
    warn,
)  # fmt: skip
from .trace_file import TraceFile, trace_option

if TYPE_CHECKING:
    from advisor.records.verdict import Verdict

EXIT_OF_VERDICT = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}


@click.command(epilog=EXIT_CODES)
@click.argument("scenario", required=False, shell_complete=complete_scenarios)
@click.option("--plan", "plan_file", type=PathOption, default=None, metavar="FILE",
              help="Configuration and prediction of this plan.json; default: this machine is planned first.")  # fmt: skip
@click.option("--duration", "duration_s", type=Duration(1.0), default=None, metavar="TIME",
              help="Measured time after warm-up, for example 90s or 10m.")  # fmt: skip
@click.option("--profile", type=click.Choice(["smoke", "standard", "soak"]), default="smoke", show_default=True,
              help="2 minutes, 30 minutes, or 8 hours, unless --duration says otherwise.")  # fmt: skip
@click.option("--config", type=click.Choice(["plan", "default"]), default="plan", show_default=True,
              help="The planned configuration, or what the runtime chooses by itself.")  # fmt: skip
@click.option("--as", "imitate", default=None, metavar="PLATFORM", shell_complete=complete_platforms,
              help="Imitate a smaller machine's cores and SIMD level; the report lists what cannot be imitated.")  # fmt: skip
@click.option("--decode", "decode_device", type=click.Choice(["software", "hardware"]), default="software",
              show_default=True, help="Decoder: software, or hardware if this machine has a decoding device.")  # fmt: skip
@click.option("--objects", type=click.Choice(["auto", "real", "scenario"]), default="auto", show_default=True,
              help="Objects that stages on objects run on: those that the detector finds, or as many as the scenario says; auto: real where labels say which of a detector's classes is meant.")  # fmt: skip
@click.option("--any-box", is_flag=True, help="With --plan: judge this machine although the plan is for another.")
@click.option("--find-capacity", is_flag=True, help="Find the largest number of cameras that passes on this machine.")
@click.option("--strict", is_flag=True, help="Refuse to run if the checks before the run give warnings.")
@click.option(
    "-o", "--output", type=OutputOption, default=None, metavar="FILE", help="Write the verdict as JSON to FILE."
)
@click.option("--html", type=OutputOption, default=None, metavar="FILE", help="Write a self-contained report to FILE.")
@trace_option("what happened to each frame and pass")
@click.option("--junit", type=OutputOption, default=None, metavar="FILE", help="Write the checks as JUnit XML to FILE.")
@click.option("--sign", "key_file", type=PathOption, default=None, metavar="KEY",
              help="Sign the file of -o with this private key; writes FILE.minisig next to it.")  # fmt: skip
@click.option("--new-key", "new_key", type=PathOption, default=None, metavar="KEY",
              help="Only make a private key for --sign, and KEY.pub for those who check.")  # fmt: skip
@click.option("--operator", default=None, metavar="NAME", help="Operator name, printed in the report.")
@click.option("--check", "check_file", type=PathOption, default=None, metavar="REPORT",
              help="Only check the signature REPORT.minisig of REPORT; with --key.")  # fmt: skip
@click.option("--key", "trusted_keys", type=PathOption, default=None, metavar="KEY.pub",
              help="Public key of the signer, or a file of several that are trusted.")  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(0, MOST_SEED),
    default=0,
    show_default=True,
    help="Seed of clips, camera phases and object counts.",
)
@click.option("--phases", type=click.Choice(["random", "spread", "worst"]), default="random", show_default=True,
              help="When cameras deliver within their period, and where their key frames fall: drawn, as real ones do (the seed decides); evenly spread, the luckiest case; or all at once.")  # fmt: skip
@common
def verify(
    scenario: str | None,
    plan_file: Path | None,
    duration_s: float | None,
    profile: str,
    config: str,
    imitate: str | None,
    decode_device: Literal["software", "hardware"],
    objects: Literal["auto", "real", "scenario"],
    any_box: bool,
    find_capacity: bool,
    strict: bool,
    output: Path | None,
    html: Path | None,
    trace_file: Path | None,
    junit: Path | None,
    key_file: Path | None,
    operator: str | None,
    check_file: Path | None,
    new_key: Path | None,
    trusted_keys: Path | None,
    seed: int,
    phases: Literal["random", "spread", "worst"],
    as_json: bool,
    quiet: bool,
    store_url: str | None,
) -> int:
    """Run the cascade of SCENARIO on this machine and check it against the requirements.

    Frames are released at the cameras' rate and really decoded; latency is measured from a frame's scheduled release.
    Exit code: 0 PASS, 1 FAIL, 3 INCONCLUSIVE.
    """
    if check_file is not None or new_key is not None:
        return _signature_only(check_file, trusted_keys, new_key)
    if trusted_keys is not None:
        raise click.UsageError("--key is for --check REPORT.")
    if scenario is None:
        raise click.UsageError("Missing argument 'SCENARIO' (a scenario file, or the name of an included one).")
    if key_file is not None and output is None:
        raise click.UsageError("--sign needs -o FILE: the signature is of that file.")
    signer = None
    if key_file is not None:
        from advisor.verification.signature import signing_key

        signer = signing_key(key_file).fingerprint  # a wrong key must not be found out after hours
    from advisor.workflows import VerifyRequest, verify_scenario

    from .progress import progress_display

    request = VerifyRequest(
        scenario=scenario,
        plan_file=plan_file,
        duration_s=duration_s,
        profile=profile,
        config=config,
        objects=objects,
        any_box=any_box,
        find_capacity=find_capacity,
        strict=strict,
        seed=seed,
        phases=phases,
        imitate=imitate,
        decode_device=decode_device,
        operator=operator,
        signer=signer,
    )
    traces = TraceFile(trace_file)
    with progress_display(f"preparing {scenario}", quiet=quiet) as progress:
        verdict = verify_scenario(
            request, store_url=store_url, progress=progress, say=progress.message, traced=traces.keep
        )
    # Printed before files are written, and a failure to print is raised after that: neither may lose a long run.
    not_printed: OSError | None = None
    try:
        if as_json:
            print_json(verdict)
        else:
            from advisor.report.terminal import render_verdict

            show(render_verdict(verdict))
    except OSError as error:
        not_printed = error
    failed = _write_reports(verdict, output, html, junit, key_file, traces, notes(quiet))
    if not_printed is not None and not isinstance(not_printed, BrokenPipeError):
        raise not_printed
    # A FAIL stays a FAIL, but a PASS without its report must not look like one that can be handed over.
    return 2 if failed and verdict.verdict == "PASS" else EXIT_OF_VERDICT[verdict.verdict]


def _signature_only(check_file: Path | None, trusted_keys: Path | None, new_key: Path | None) -> int:
    """Make a key, or check a report; neither needs a scenario."""
    from advisor.verification.signature import check_report, make_key

    if new_key is not None:
        public = make_key(new_key)
        echo(f"wrote {new_key} (keep it secret) and {new_key}.pub (give it away); fingerprint {public.fingerprint}")
    if check_file is not None:
        if trusted_keys is None:
            raise click.UsageError(
                "--check needs --key KEY.pub: whoever changes a report can sign it again, only the signer's key tells."
            )
        echo(check_report(check_file, trusted_keys))
    return 0


def _write_reports(
    verdict: Verdict,
    output: Path | None,
    html: Path | None,
    junit: Path | None,
    key_file: Path | None,
    traces: TraceFile,
    note: Callable[[str], None],
) -> bool:
    """Write every requested report, one after the other; True if one could not be written."""
    from advisor.errors import InputError
    from advisor.report.html import render_verdict_html
    from advisor.report.junit import render_junit
    from advisor.store.files import write_document
    from advisor.verification.signature import sign_report
    from advisor.workflows.verify import NOT_KEPT

    def write(path: Path, render: Callable[[], Verdict | str]) -> Path:
        write_document(path, render())
        return path

    def write_and_sign(path: Path) -> Path:
        # One task: if the report cannot be written, an older file of that name must not be signed instead.
        write(path, lambda: verdict)
        if key_file is None:
            return path
        note(f"wrote {path}")
        return sign_report(path, key_file)

    tasks: list[Callable[[], Path]] = []
    if output is not None:
        tasks.append(lambda: write_and_sign(output))
    if html is not None:
        tasks.append(lambda: write(html, lambda: render_verdict_html(verdict)))
    if junit is not None:
        tasks.append(lambda: write(junit, lambda: render_junit(verdict)))
    if traces.path is not None:
        tasks.append(traces.write)
    stored = not any(text.startswith(NOT_KEPT) for text in verdict.warnings)
    left = "the verdict is stored (see sizer report)" if stored else "the verdict is printed above and stored nowhere"
    failed = False
    for task in tasks:
        try:
            note(f"wrote {task()}")
        except InputError as error:
            failed = True
            warn(f"error: {error}; {left}")
    return failed
