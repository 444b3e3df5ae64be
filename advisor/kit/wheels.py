"""Packages of a kit: those of the lock for the box's Python, pip to install them with, and sizer itself."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from advisor.errors import InputError
from advisor.records.kit import KitTarget

from .target import markers, platform_tags

Say = Callable[[str], None]
LOCKS = ("runtime.txt", "installer.txt")
"""Of the packages that sizer runs on, and of pip, which boxes need not have."""
_FETCH_LIMIT_S = 3600.0
_NOT_OF_A_WHEEL = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""What an installer writes beside the package's own metadata."""


@dataclass(frozen=True)
class Pin:
    """One locked package."""

    requirement: str
    """``name==version``."""
    hashes: frozenset[str]
    """SHA-256 of each file that may be installed as it."""


def pins_for(lock_text: str, target: KitTarget) -> list[Pin]:
    """Packages of a lock that apply to the target.

    Raises
    ------
    InputError
        A package without hashes.
    """
    from packaging.requirements import Requirement

    found: list[tuple[Requirement, set[str]]] = []
    for line in lock_text.splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash=sha256:"):
            found[-1][1].add(text.removeprefix("--hash=sha256:"))
        elif text and not text.startswith("#"):
            found.append((Requirement(text), set()))
    pins = []
    for requirement, hashes in found:
        if requirement.marker is None or requirement.marker.evaluate(dict(markers(target))):
            if not hashes:
                raise InputError(f"lock: {requirement.name} has no hash; run `make lock`")
            pins.append(Pin(f"{requirement.name}{requirement.specifier}", frozenset(hashes)))
    return pins


def wheels_for(target: KitTarget, cache: Path, say: Say) -> list[Path]:
    """Wheels of everything that the box installs, sizer's own among them.

    Parameters
    ----------
    target : KitTarget
        The box.
    cache : Path
        Folder for what was fetched; what it holds already is not fetched again.
    say : callable
        Takes notes on progress.

    Raises
    ------
    InputError
        A package has no wheel for the target, cannot be fetched, or has another hash than the lock; or sizer's own
        wheel cannot be made.
    """
    from advisor.store.paths import locks_dir

    folder = cache / f"{target.python}-{target.platform}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join((locks_dir() / name).read_text(encoding="utf-8") for name in LOCKS)
    except OSError as error:
        raise InputError(f"cannot prepare the packages of the kit: {error.filename}: {error.strerror}") from error
    pins = pins_for(text, target)
    there = _present(folder, pins)
    missing = [pin for pin in pins if pin not in there]
    if missing:
        say(f"fetching {len(missing)} packages for Python {target.python} on {target.platform}")
        _fetch(missing, target, folder)
        there = _present(folder, pins)
    lacking = [pin.requirement for pin in pins if pin not in there]
    if lacking:
        raise InputError(f"{folder}: holds no wheel of {lacking[0]} with a hash of the lock; remove the folder")
    return [*there.values(), own_wheel(cache / "sizer")]


def requirements_text(wheels: Iterable[Path]) -> str:
    """What pip installs on the box: each package with the one hash of the file that the kit holds."""
    from packaging.utils import parse_wheel_filename

    lines = []
    for wheel in sorted(wheels):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return "".join(lines)


def installed_bytes(wheels: Iterable[Path]) -> int:
    """Size of packages once installed, with the bytecode, which takes about what the sources take."""
    total = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            total += sum(one.file_size * (2 if one.filename.endswith(".py") else 1) for one in archive.infolist())
    return total


def _present(folder: Path, pins: Collection[Pin]) -> dict[Pin, Path]:
    """Files of the folder that are one of the locked ones."""
    by_hash = {digest: pin for pin in pins for digest in pin.hashes}
    found = {}
    for path in sorted(folder.glob("*.whl")):
        pin = by_hash.get(hashlib.sha256(path.read_bytes()).hexdigest())
        if pin is not None:
            found[pin] = path
    return found


def _fetch(pins: Collection[Pin], target: KitTarget, folder: Path) -> None:
    """Have pip fetch wheels for another Python, without looking at their dependencies: the lock is complete."""
    if importlib.util.find_spec("pip") is None:
        raise InputError("packages are fetched by pip, which this Python lacks; run: python -m ensurepip")
    lines = [" ".join([pin.requirement, *(f"--hash=sha256:{digest}" for digest in sorted(pin.hashes))]) for pin in pins]
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
            "--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp",
            "--python-version", target.python,
            *(word for tag in platform_tags(target) for word in ("--platform", tag)),
            "--dest", str(folder), "--requirement", str(wanted),
        ]  # fmt: skip
        fault = _fault_of(command)
    if fault is not None:
        raise InputError(
            f"packages for Python {target.python} on {target.platform} cannot be fetched: {fault}; connect this desk "
            f"to a package index, or copy the folder {folder} from a desk that made such a kit"
        )


def own_wheel(folder: Path) -> Path:
    """Wheel of the sizer that runs: built from its checkout, or put together again from its installation.

    Raises
    ------
    InputError
        Neither is possible.
    """
    from advisor.store.paths import checkout_dir

    shutil.rmtree(folder, ignore_errors=True)
    root = checkout_dir()
    with tempfile.TemporaryDirectory() as scratch:
        if root is not None:
            command = [
                sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(root),
            ]  # fmt: skip
        else:
            _unpack_installation(Path(scratch))
            command = [sys.executable, "-m", "wheel", "pack", scratch, "--dest-dir", str(folder)]
            folder.mkdir(parents=True)
        fault = _fault_of(command)
    found = sorted(folder.glob("sizer-*.whl"))
    if fault is not None or len(found) != 1:
        raise InputError(
            f"sizer's own wheel cannot be made: {fault or 'nothing was built'}; install sizer with its extra: "
            "pip install 'sizer[kit]'"
        )
    return found[0]


def _unpack_installation(folder: Path) -> None:
    """Copy the files that were installed, without what the installer added.

    Raises
    ------
    InputError
        The installation has lost files, or was changed: the box would run something else than this desk.
    """
    try:
        installed = distribution("sizer")
    except PackageNotFoundError as error:
        raise InputError("sizer is neither a checkout nor installed here; install it with pip") from error
    for file in installed.files or ():
        if ".." in file.parts or "__pycache__" in file.parts or file.name in _NOT_OF_A_WHEEL:
            continue
        source, target = Path(str(file.locate())), folder / file
        if not source.is_file() or (file.size is not None and source.stat().st_size != file.size):
            raise InputError(f"{source}: is not as it was installed; install sizer again")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _fault_of(command: list[str]) -> str | None:
    """Run a tool of packaging; its own word on what went wrong, None if nothing did."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=_FETCH_LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no end after {_FETCH_LIMIT_S:.0f} s"
    except OSError as error:
        return str(error.strerror)
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines or [f"exit code {done.returncode}"])[-1].removeprefix("ERROR: ")
