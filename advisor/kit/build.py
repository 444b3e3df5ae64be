"""Pack a kit: everything that one acceptance on a box without network needs, in one archive."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.errors import Infeasible, InputError
from advisor.records.kit import KitManifest, KitRun, KitTarget
from advisor.store.files import document_text, read_document, write_document
from advisor.workflows.verify import PROFILES_S

from .archive import SUFFIXES, packed, write_archive, zstandard_module
from .contents import Contents, gather
from .target import target_of
from .wheels import installed_bytes, requirements_text, wheels_for

if TYPE_CHECKING:
    from advisor.measure.items.progress import Progress

Say = Callable[[str], None]
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.minisig"
PROGRAM = "verify"
_ROOM_BYTES = 300_000_000
"""Beside packages: the environment itself, store, log, what runtimes write while they compile."""
_MEASURE_BYTES = 800_000_000
"""Networks and clips of `sizer bench --quick` (measured 2026-11-29: 0.65 GB)."""
_INSTALL_MIN, _MEASURE_MIN = 2.0, 5.0
"""For the note to the installer: longest that both took on two cores, rounded up [min]."""


@dataclass(frozen=True)
class KitRequest:
    """Options of ``sizer kit``."""

    scenario: str
    output: Path
    plan_file: Path | None = None
    """None: planned over the catalogue now, as ``sizer plan`` does."""
    python: str | None = None
    """Of the box, such as 3.12; None: as here."""
    platform: str | None = None
    """Of the box, such as manylinux_2_28_x86_64; None: this architecture."""
    profile: str = "smoke"
    duration_s: float | None = None
    seed: int = 0
    measure: bool = True
    """Whether the box is measured after the acceptance."""
    key_file: Path | None = None
    """Private key; None: the kit stays unsigned."""


@dataclass(frozen=True)
class BuiltKit:
    """What was packed."""

    path: Path
    manifest: KitManifest
    sha256: str
    """Of the manifest: the kit's number."""
    size_bytes: int
    signer: str | None
    """Fingerprint of the key; None: unsigned."""


Wheelhouse = Callable[[KitTarget, Path, Say], Collection[Path]]
"""Where packages come from: :func:`advisor.kit.wheels.wheels_for`."""


def build_kit(
    request: KitRequest, *, store_url: str | None = None, progress: Progress | None = None, say: Say,
    wheelhouse: Wheelhouse = wheels_for,
) -> BuiltKit:  # fmt: skip
    """Pack the kit of one scenario.

    Raises
    ------
    InputError
        Bad options, plan, models, key or packages; or the archive cannot be written. One line.
    Infeasible
        Without a plan: no equal boxes carry the scenario.
    """
    from advisor.store.paths import cache_dir
    from advisor.verification.signature import signing_key

    if not request.output.name.endswith(SUFFIXES):
        raise InputError(f"{request.output}: a kit's name ends in {', '.join(SUFFIXES)}")
    if request.output.name.endswith(".zst"):
        zstandard_module()
    target = target_of(request.python, request.platform)
    signer = None if request.key_file is None else signing_key(request.key_file).fingerprint
    with tempfile.TemporaryDirectory(prefix="sizer-kit-") as folder:
        scratch = Path(folder)
        plan_file = request.plan_file or _planned(request, scratch, store_url, progress, say)
        say("gathering models and clips")
        contents = gather(request.scenario, plan_file, request.seed, request.measure)
        wheels = wheelhouse(target, cache_dir() / "wheels", say)
        manifest = _manifest(request, target, contents, wheels, plan_file)
        lead: dict[str, bytes | Path] = {MANIFEST: write_document(scratch / MANIFEST, manifest)}
        if request.key_file is not None:
            from advisor.verification.signature import sign_report

            lead[SIGNATURE] = sign_report(scratch / MANIFEST, request.key_file)
        say(f"packing {len(manifest.files)} files")
        # The manifest first, so that a reader can hold each file against it as it comes.
        files = {**lead, **{file.path: contents.files[file.path] for file in manifest.files}}
        write_archive(request.output, f"kit-{manifest.scenario}", files, (PROGRAM,))
        number = packed(MANIFEST, scratch / MANIFEST).sha256
    return BuiltKit(request.output, manifest, number, request.output.stat().st_size, signer)


def _planned(
    request: KitRequest, folder: Path, store_url: str | None, progress: Progress | None, say: Say
) -> Path:  # fmt: skip
    from advisor.workflows import PlanRequest, plan_scenario

    say("planning over the catalogue, as no --plan is given")
    plan = plan_scenario(
        PlanRequest(request.scenario, seed=request.seed), store_url=store_url, progress=progress, say=say
    )
    if plan.recommended is None:
        raise Infeasible(f"{request.scenario}: no equal boxes carry it, see sizer plan {request.scenario}; not packed")
    say(f"the kit is for {plan.recommended.platform}, which the plan recommends")
    return write_document(folder / "plan.json", document_text(plan))


def _manifest(
    request: KitRequest, target: KitTarget, contents: Contents, wheels: Collection[Path], plan_file: Path
) -> KitManifest:
    """Take the packages and the box's own files in, and list everything."""
    from advisor.records.plan import Plan

    plan = read_document(plan_file, Plan)
    duration_s = request.duration_s if request.duration_s is not None else PROFILES_S[request.profile]
    for wheel in wheels:
        contents.add(f"wheels/{wheel.name}", wheel)
    contents.add("wheels/requirements.txt", requirements_text(wheels).encode())
    minutes = _INSTALL_MIN + duration_s / 60.0 + (_MEASURE_MIN if request.measure else 0.0)
    for name, text in box_files(target, minutes).items():
        contents.add(name, text.encode())
    listed = tuple(packed(name, contents.files[name]) for name in sorted(contents.files))
    moved = sum(file.size_bytes for file in listed if file.path.startswith(("cache/", "data/")))
    return KitManifest(
        sizer_version=__version__,
        created=plan.created,
        scenario=plan.scenario,
        platform=contents.platform,
        planned_scenario_sha256=contents.planned_scenario_sha256,
        plan_sha256=contents.plan_sha256,
        target=target,
        run=KitRun(duration_s=duration_s, seed=request.seed, measure=request.measure),
        needed_bytes=installed_bytes(wheels) + moved + _ROOM_BYTES + (_MEASURE_BYTES if request.measure else 0),
        notes=tuple(contents.notes),
        files=listed,
    )


def box_files(target: KitTarget, minutes: float) -> dict[str, str]:
    """Return what runs on the box, and the note to whoever stands there."""
    folder = Path(__file__).parent / "onsite"
    words = {"@PYTHON@": target.python, "@MINUTES@": f"{minutes:.0f}"}
    names = {PROGRAM: PROGRAM, "box.py": "box.py", "Dockerfile": "Dockerfile", "START-HERE.txt": "START-HERE.txt"}
    found = {}
    for name, source in (*names.items(), (".dockerignore", "dockerignore")):
        text = (folder / source).read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        found[name] = text
    return found
