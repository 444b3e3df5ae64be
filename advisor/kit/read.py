"""Look into a kit, and take in what came back from a box: checked first, then filed under the site."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from advisor.errors import InputError
from advisor.records.box import BoxExport
from advisor.records.kit import KitManifest, KitResult, PackedFile
from advisor.records.verdict import Verdict
from advisor.store.files import read_document

from .archive import MOST_RESULT_BYTES, hashed, read_files
from .build import MANIFEST, SIGNATURE

RESULT = "result.json"
_RESULT_SIGNATURE = "result.json.minisig"
_BLOCK_BYTES = 2**20
_LARGEST_MANIFEST_BYTES = 2**24


@dataclass(frozen=True)
class KitView:
    """A kit that was read whole."""

    manifest: KitManifest
    sha256: str
    """Of its manifest."""
    size_bytes: int
    """Of all files in it."""
    bytes_of: dict[str, int]
    """By folder; files beside the folders under ``.``."""
    signed: bool
    checked: str | None
    """Who signed, where keys were given."""


@dataclass(frozen=True)
class FiledResult:
    """What a result became in the store."""

    result: KitResult
    site: str | None
    run_id: str
    """Of the verdict in the store."""
    known: bool
    """Whether it had been filed before."""
    platform: str | None
    """The box in the user's catalogue; None: no measurements were taken in."""
    notes: tuple[str, ...]
    """What was not proved or not taken."""


def show_kit(path: Path, trusted_keys: Path | None = None) -> KitView:
    """Read a kit, packed or unpacked, and hold every file against the manifest.

    Raises
    ------
    InputError
        Missing, damaged, changed or incomplete; or with keys: unsigned, or not signed with one of them.
    """
    seen: dict[str, tuple[str, int]] = {}
    lead: dict[str, bytes] = {}

    def take(name: str, content: IO[bytes], size: int) -> None:
        if name in {MANIFEST, SIGNATURE}:
            lead[name] = _small(path, name, content, size)
            return
        digest = hashlib.sha256()
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
        seen[name] = (digest.hexdigest(), size)

    if path.is_dir():
        lead = {name: (path / name).read_bytes() for name in (MANIFEST, SIGNATURE) if (path / name).is_file()}
    else:
        read_files(path, take)
    if MANIFEST not in lead:
        raise InputError(f"{path}: holds no {MANIFEST}, so it is no kit; give the file that `sizer kit` wrote")
    with tempfile.TemporaryDirectory(prefix="sizer-kit-") as folder:
        for name, data in lead.items():
            (Path(folder) / name).write_bytes(data)
        manifest = _manifest(Path(folder) / MANIFEST, path)
        checked = None if trusted_keys is None else _signer(Path(folder) / MANIFEST, trusted_keys, f"kit {path}")
    if path.is_dir():  # what the box wrote lies beside it, and is no part of the kit
        seen = {file.path: hashed(path / file.path) for file in manifest.files if _inside(path, file.path)}
    _hold_against(path, manifest.files, seen, whole=not path.is_dir())
    sizes: Counter[str] = Counter()
    for file in manifest.files:
        sizes[file.path.partition("/")[0] if "/" in file.path else "."] += file.size_bytes
    return KitView(
        manifest,
        hashlib.sha256(lead[MANIFEST]).hexdigest(),
        sum(sizes.values()),
        dict(sizes),
        SIGNATURE in lead,
        checked,
    )


def read_result(
    path: Path,
    *,
    site: str | None = None,
    kit: Path | None = None,
    trusted_keys: Path | None = None,
    store_url: str | None = None,
) -> FiledResult:
    """Check what came back from a box and file it: the verdict under the site, the measurements with their box.

    Doing so again changes nothing.

    Parameters
    ----------
    path : Path
        The folder ``result`` of the box, or ``result.tar.gz``.
    site : str, optional
        Where the box stands; None: as it was called on the box, if it was.
    kit : Path, optional
        The kit that was sent; a result of another one is refused.
    trusted_keys : Path, optional
        Public keys, one of which must have signed the kit; a signed result must be signed by one of them, too.
    store_url : str, optional
        Store that takes it.

    Raises
    ------
    InputError
        Damaged, incomplete, of another kit, scenario or plan, unsigned or signed by somebody else, or filed already
        under another site. Nothing is stored then.
    """
    expected = None if kit is None else show_kit(kit).sha256
    with tempfile.TemporaryDirectory(prefix="sizer-kit-") as scratch:
        folder = _unpacked(path, Path(scratch))
        result, manifest, notes = _checked(path, folder, expected, trusted_keys)
        verdict = read_document(folder / "verdict.json", Verdict)
        _same_run(path, result, manifest, verdict)
        box = _box(path, folder, result, verdict)
        name = site if site is not None else result.site
        if name is None:
            notes.append("filed under no site; --site NAME gives one")
        if result.not_measured is not None:
            notes.append(f"the box was not measured: {result.not_measured}")
        return _filed(path, result, verdict, name, box, notes, store_url)


def _inside(folder: Path, name: str) -> bool:
    """Whether a manifest names a plain file of its own folder, which is there."""
    path = folder / name
    return not (Path(name).is_absolute() or ".." in Path(name).parts or path.is_symlink()) and path.is_file()


def _small(path: Path, name: str, content: IO[bytes], size: int) -> bytes:
    if size > _LARGEST_MANIFEST_BYTES:
        raise InputError(f"{path}: its {name} has {size} bytes, more than any kit's; not read")
    return content.read()


def _manifest(file: Path, path: Path) -> KitManifest:
    try:
        return read_document(file, KitManifest)
    except InputError as error:
        raise InputError(f"{path}: {str(error).replace(str(file), MANIFEST)}") from error


def _signer(signed: Path, keys: Path, what: str) -> str:
    """Who signed a file; InputError in the words of the kit, not of the temporary file that was checked."""
    from advisor.verification.signature import check_report, signature_path

    if not signature_path(signed).is_file():
        raise InputError(f"{what}: is unsigned; make it with --key, or leave --trusted-keys out and trust it unproved")
    try:
        sentence = check_report(signed, keys)
    except InputError as error:
        raise InputError(f"{what}: {str(error).replace(f'{signed.parent}/', '')}") from error
    return sentence.partition("is as signed by ")[2].partition(": sha256")[0]


def _hold_against(path: Path, listed: tuple[PackedFile, ...], seen: dict[str, tuple[str, int]], whole: bool) -> None:
    """Refuse files that are missing, changed, or (in an archive) not listed."""
    for file in listed:
        found = seen.get(file.path)
        if found is None:
            raise InputError(f"{path}: {file.path} is missing; was it copied completely?")
        if found != (file.sha256, file.size_bytes):
            raise InputError(f"{path}: {file.path} is not as it was packed (damaged or changed); get it again")
    extra = sorted(seen.keys() - {file.path for file in listed})
    if whole and extra:
        raise InputError(f"{path}: holds {extra[0]!r}, which its manifest does not list; do not use it")


def _unpacked(path: Path, scratch: Path) -> Path:
    """Folder with the files of a result; of an archive, copies."""
    if path.is_dir():
        return path
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give the folder result of the box, or result.tar.gz")

    def take(name: str, content: IO[bytes], size: int) -> None:  # noqa: ARG001 - the signature of readers
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while block := content.read(_BLOCK_BYTES):
                file.write(block)

    read_files(path, take, MOST_RESULT_BYTES)
    return scratch


def _checked(
    path: Path, folder: Path, expected: str | None, keys: Path | None
) -> tuple[KitResult, KitManifest, list[str]]:
    """Result and kit that belong together, and what of it nobody vouches for."""
    for name in (RESULT, MANIFEST):
        if not (folder / name).is_file():
            raise InputError(
                f"{path}: holds no {name}, so it is no finished result; give result/result.tar.gz of the box"
            )
    result, manifest = read_document(folder / RESULT, KitResult), _manifest(folder / MANIFEST, path)
    seen = {}
    for file in result.files:
        if _inside(folder, file.path):
            seen[file.path] = hashed(folder / file.path)
    _hold_against(path, result.files, seen, whole=False)
    number = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    if result.kit_sha256 != number or expected not in {None, number}:
        other = result.kit_sha256 if result.kit_sha256 != number else number
        wanted = number if result.kit_sha256 != number else str(expected)
        raise InputError(f"{path}: is a result of another kit ({other[:16]}, expected {wanted[:16]}); not filed")
    return result, manifest, _vouched(path, folder, keys)


def _vouched(path: Path, folder: Path, keys: Path | None) -> list[str]:
    """Check both signatures where keys are given; what stays unproved, in sentences."""
    signed = (folder / _RESULT_SIGNATURE).is_file()
    if keys is None:
        return ["no --trusted-keys: that the kit and the result are genuine is not proved"]
    _signer(folder / MANIFEST, keys, f"the kit of {path}")
    if not signed:
        return ["the kit is signed, the result is not: whoever had the box could have written it"]
    _signer(folder / RESULT, keys, str(path))
    return []


def _same_run(path: Path, result: KitResult, manifest: KitManifest, verdict: Verdict) -> None:
    """Refuse a verdict that is not of this kit's scenario and plan, or that the result states otherwise."""
    for name, file in (("scenario", "scenario.yaml"), ("plan", "plan.json")):
        if verdict.hashes.get(name) != manifest.sha256_of(file):
            raise InputError(f"{path}: its verdict is of another {name} than the kit's; not filed")
    if verdict.verdict != result.verdict:
        raise InputError(f"{path}: {RESULT} says {result.verdict}, the verdict {verdict.verdict}; not filed")


def _box(path: Path, folder: Path, result: KitResult, verdict: Verdict) -> Path | None:
    """Measurements that came along, of the machine that was judged."""
    if not result.holds("box.json"):
        return None
    box = read_document(folder / "box.json", BoxExport)
    if box.host.fingerprint != verdict.host.get("fingerprint"):
        raise InputError(f"{path}: its measurements are of another machine than its verdict; not filed")
    return folder / "box.json"


def _filed(
    path: Path,
    result: KitResult,
    verdict: Verdict,
    site: str | None,
    box: Path | None,
    notes: list[str],
    url: str | None,
) -> FiledResult:
    from advisor.workflows.box_export import import_box
    from advisor.workflows.context import open_store

    with open_store(url) as store:
        known = next((run for run in store.runs("verdict") if _is(run.document, result, verdict)), None)
        if known is not None and known.document.get("site") != site:
            raise InputError(
                f"{path}: was filed under site {known.document.get('site')!r} as {known.id}; give that site"
            )
        filed = verdict.model_copy(update={"site": site, "kit": result.kit_sha256})
        run_id = known.id if known is not None else store.put_run("verdict", filed)
        platform = None
        if box is not None:
            try:
                platform = import_box(box, store)
            except InputError as error:
                # A verdict stands without: not every machine tells what a plan with it needs.
                notes.append(f"the box's measurements are not taken: {str(error).replace(f'{box.parent}/', '')}")
    return FiledResult(result, site, run_id, known is not None, platform, tuple(notes))


def _is(document: dict[str, Any], result: KitResult, verdict: Verdict) -> bool:
    """Whether a stored verdict is this one: of the same kit, time and machine."""
    same = (document.get("kit"), document.get("created")) == (result.kit_sha256, verdict.created)
    return same and document.get("host", {}).get("fingerprint") == verdict.host.get("fingerprint")
