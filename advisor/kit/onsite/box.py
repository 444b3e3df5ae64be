"""On the box: check the kit, install it below its own folder, run the acceptance, write the result.

Runs before anything is installed, so it needs the standard library alone, and spells the fields of
``advisor/records/kit.py`` itself. Every step that was finished is known by a file, so that a second start goes on after
whatever ended the first.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

VERDICTS = {0: "PASS", 1: "FAIL", 3: "INCONCLUSIVE"}
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_PATIENCE_S = 30.0
"""For a program that was asked to stop."""
_KEYS = {"scenario", "platform", "sizer_version", "target", "run", "needed_bytes"}
_SIZER = ["-c", "from advisor.cli.entry import main; main()"]
"""Not the script that pip makes: its first line holds the path of the kit, which may be too long or have spaces."""
_MEASURE = ["bench", "--quick", "--budget", "5m"]


class RefusedError(Exception):
    """Something is wrong with the kit, the box or what was typed: one line, exit code 2."""


@dataclass(frozen=True)
class Kit:
    """A kit that was found whole."""

    folder: Path
    manifest: dict[str, Any]
    sha256: str
    """Of its manifest."""

    @property
    def work(self) -> Path:
        """Everything that is installed and kept between starts."""
        return self.folder / "work"

    @property
    def run(self) -> Path:
        """Result that is being made."""
        return self.work / "run"

    @property
    def result(self) -> Path:
        """Result that is finished."""
        return self.folder / "result"

    @property
    def python(self) -> Path:
        """Interpreter with sizer."""
        return self.work / "venv" / "bin" / "python"


def main(arguments: Sequence[str]) -> int:
    """Carry the acceptance out; returns sizer's exit code, or 2 where the kit or the box is at fault."""
    options = _options(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks for that
            signal.signal(number, _interrupt)
    try:
        kit = checked_kit(kit_folder())
        check_box(kit.manifest["target"])
        kit.work.mkdir(exist_ok=True)
        with _alone(kit.work), (kit.work / "log.txt").open("a", encoding="utf-8") as log:
            _say(
                f"kit {kit.sha256[:16]}: {kit.manifest['scenario']} on {kit.manifest['platform']}, files as packed", log
            )
            return _acceptance(kit, options, log)
    except RefusedError as error:
        return _ended(str(error), 2)
    except KeyboardInterrupt:
        return _ended("interrupted; start it again and it goes on", 3)
    except OSError as error:
        if error.errno in _NO_ROOM:
            return _ended("the disk is full; free some space and start it again: it goes on", 2)
        return _ended(f"{error.filename or kit_folder()}: {error.strerror}; is the folder yours to write?", 2)


def kit_folder() -> Path:
    """Folder of this file."""
    return Path(__file__).resolve().parent


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify", description="Checks whether this box can do its work.")
    parser.add_argument("--site", metavar="NAME", help="what the place is called; stands in the result")
    parser.add_argument("--operator", metavar="NAME", help="who runs it; stands in the result")
    parser.add_argument("--again", action="store_true", help="repeat a finished check; its result is kept")
    parser.add_argument("--sign", metavar="KEY", help="sign the result with this private key")
    parser.add_argument("--install-only", action="store_true", help="install, and run nothing yet")
    return parser.parse_args(arguments)


def checked_kit(folder: Path) -> Kit:
    """Read the manifest and hold every file against it. RefusedError where one is missing or changed."""
    try:
        data = (folder / "manifest.json").read_bytes()
        manifest = json.loads(data)
        if manifest["schema"] != "sizer.kit/1":
            raise RefusedError(f"manifest.json: is a {manifest['schema']}; this program reads sizer.kit/1")
        listed = [(str(one["path"]), str(one["sha256"]), int(one["size_bytes"])) for one in manifest["files"]]
        if not manifest.keys() >= _KEYS:
            raise RefusedError("manifest.json is damaged; copy the whole kit again")
    except FileNotFoundError as error:
        raise RefusedError("manifest.json is missing; copy the whole kit again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError("manifest.json is damaged; copy the whole kit again") from error
    for name, sha256, size in listed:
        path = folder / name
        if name.startswith("/") or ".." in name.split("/"):
            raise RefusedError(f"manifest.json names {name!r}, which is outside the kit; do not use this kit")
        if path.is_symlink() or not path.is_file():
            raise RefusedError(f"{name} is missing; copy the whole kit again")
        if path.stat().st_size != size or sha256_of(path) != sha256:
            raise RefusedError(f"{name} is not as it was packed (damaged or changed); copy the whole kit again")
    return Kit(folder, manifest, hashlib.sha256(data).hexdigest())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_box(target: dict[str, str]) -> None:
    """Refuse a box that the kit's packages do not run on: architecture, Python, C library."""
    machine, python = os.uname().machine, "{}.{}".format(*sys.version_info)
    name, version = platform.libc_ver()
    if sys.platform != "linux" or machine != target["machine"]:
        raise RefusedError(
            f"this kit is for Linux on {target['machine']}, this box is {sys.platform} on {machine}; have a kit "
            f"made with --platform manylinux_2_28_{machine}"
        )
    if sys.maxsize < 2**32:
        raise RefusedError("this Python is a 32-bit one, which the kit's packages do not run on; install a 64-bit one")
    if python != target["python"] or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise RefusedError(
            f"this kit is for Python {target['python']}, this is {sys.version.split()[0]}; start ./verify with "
            f"SIZER_PYTHON=/path/to/python{target['python']}, or have a kit made with --python {python}"
        )
    if name != "glibc" or _numbers(version) < _numbers(target["glibc"]):
        raise RefusedError(
            f"this kit needs glibc {target['glibc']} or newer, this box has {name or 'another C library'} {version}; "
            "have a kit made with a lower --platform, or use the container image"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def check_folder(folder: Path, needed_bytes: int) -> None:
    """Refuse a place where an installation cannot live: read-only, no programs, no links, no room."""
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise RefusedError(f"{folder}: programs may not be started there (noexec); copy the kit to the box's own disk")
    try:
        with tempfile.TemporaryDirectory(prefix=".try-", dir=folder) as scratch:
            Path(scratch, "link").symlink_to("nowhere")
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
        raise RefusedError(
            f"{folder}: {error.strerror}; copy the kit to a folder of yours on the box's own disk"
        ) from error
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise RefusedError(
            f"{folder}: needs {needed_bytes / 1e9:.1f} GB, {free_bytes / 1e9:.1f} GB are free; free some space, or "
            "copy the kit to another disk"
        )


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Let no second start of the same kit write into the same folder."""
    with (work / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError("it is running already in this folder; wait for its end") from error
        yield


def _acceptance(kit: Kit, options: argparse.Namespace, log: TextIO) -> int:
    """Every step that is not done yet."""
    finished = _finished(kit)
    if finished is not None and not (options.again or options.install_only or kit.run.exists()):
        _say(f"finished on {finished['created']}: {finished['verdict']}; ./verify --again repeats it", log)
        return int(finished["exit_code"])
    _install(kit, log)
    if options.install_only:
        _say("installed; ./verify runs the check", log)
        return 0
    key = None if options.sign is None else str(Path(options.sign).absolute())
    if key is not None and _python(kit, ["-m", "advisor.kit.sign", key], log) != 0:
        raise RefusedError(f"{options.sign}: cannot sign (see above)")
    code = _verified(kit, options, log)
    not_measured = _measured(kit, log)
    _seal(kit, options, code, not_measured, key, log)
    _say(f"{VERDICTS[code]}; send {kit.result / 'result.tar.gz'} to the office", log)
    return code


def _finished(kit: Kit) -> dict[str, Any] | None:
    """Result of this kit that is complete; None where there is none."""
    try:
        found = json.loads((kit.result / "result.json").read_text(encoding="utf-8"))
        done: bool = found["kit_sha256"] == kit.sha256 and found["exit_code"] in VERDICTS
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if done and (kit.result / "result.tar.gz").is_file() else None


def _install(kit: Kit, log: TextIO) -> None:
    """Make the environment from the kit's packages alone; one that was cut off is made anew."""
    marker, venv = kit.work / "installed", kit.work / "venv"
    with contextlib.suppress(OSError):
        if marker.read_text(encoding="utf-8") == kit.sha256 and kit.python.exists():
            return
    if venv.exists():
        _say("an installation that was not finished is made anew", log)
        shutil.rmtree(venv)
    check_folder(kit.folder, int(kit.manifest["needed_bytes"]))
    _say("installing (a minute or two)", log)
    wheels = kit.folder / "wheels"
    (pip,) = wheels.glob("pip-*.whl")
    steps = [
        [sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)],
        [
            str(kit.python), str(pip / "pip"), "install", "--quiet", "--no-index", "--find-links", str(wheels),
            "--no-deps", "--require-hashes", "--no-cache-dir", "--disable-pip-version-check", "--no-input",
            "--requirement", str(wheels / "requirements.txt"),
        ],
    ]  # fmt: skip
    for step in steps:
        code, tail = _run(kit, step, log)
        if code != 0:
            full = shutil.disk_usage(kit.folder).free < 2**20 or "No space left" in tail
            raise RefusedError(
                "the disk is full; free some space and start it again"
                if full
                else f"the packages cannot be installed ({tail or f'exit code {code}'}); see {kit.work / 'log.txt'}"
            )
    _write(marker, kit.sha256)


def _place(kit: Kit) -> None:
    """Put models, clips and catalogue entries where sizer looks for them, unless they are there."""
    for one in kit.manifest["files"]:
        top, _, rest = str(one["path"]).partition("/")
        if top not in {"cache", "data"}:
            continue
        target = kit.work / ("cache" if top == "cache" else "sizer") / rest
        if target.is_file() and target.stat().st_size == one["size_bytes"]:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(target.name + ".part")
        shutil.copyfile(kit.folder / one["path"], aside)
        aside.replace(target)


def _verified(kit: Kit, options: argparse.Namespace, log: TextIO) -> int:
    """Run the acceptance, unless an earlier start finished it; its exit code."""
    done = kit.run / "finished.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        known = json.loads(done.read_text(encoding="utf-8"))
        if known["kit"] == kit.sha256:
            return int(known["code"])
    shutil.rmtree(kit.run, ignore_errors=True)
    kit.run.mkdir(parents=True)
    _place(kit)
    words = [
        "verify", "scenario.yaml", "--plan", "plan.json", "--duration", f"{kit.manifest['run']['duration_s']:g}s",
        "--seed", str(kit.manifest["run"]["seed"]), "-o", str(kit.run / "verdict.json"),
        "--html", str(kit.run / "verdict.html"),
    ]  # fmt: skip
    if options.operator:
        words += ["--operator", options.operator]
    code = _python(kit, [*_SIZER, *words], log)
    if code not in VERDICTS or not (kit.run / "verdict.json").is_file():
        raise RefusedError(f"the check ended without a verdict (exit code {code}); see {kit.work / 'log.txt'}")
    _write(done, json.dumps({"kit": kit.sha256, "code": code}))
    return code


def _measured(kit: Kit, log: TextIO) -> str | None:
    """Measure the box for plans with it; why not, where that was not asked for or does not work."""
    if not kit.manifest["run"]["measure"]:
        return "not asked for"
    box = kit.run / "box.json"
    if box.is_file():
        return None
    _say("measuring the box (up to 5 minutes); the check itself is done", log)
    matrix = ["--matrix", "measure.yaml"] if (kit.folder / "measure.yaml").is_file() else []
    code = _python(kit, [*_SIZER, *_MEASURE, *matrix, "--export", str(box)], log)
    if box.is_file():
        return None
    return f"the measurement ended with exit code {code}, see log.txt"


def _seal(
    kit: Kit, options: argparse.Namespace, code: int, not_measured: str | None, key: str | None, log: TextIO
) -> None:
    """Put the result together: files first, what says that it is complete last."""
    log.flush()
    for name in ("manifest.json", "manifest.json.minisig"):
        if (kit.folder / name).is_file():
            shutil.copyfile(kit.folder / name, kit.run / name)
    shutil.copyfile(kit.work / "log.txt", kit.run / "log.txt")
    names = ["manifest.json", "manifest.json.minisig", "verdict.json", "verdict.html", "box.json", "log.txt"]
    present = [name for name in names if (kit.run / name).is_file()]
    document = {
        "schema": "sizer.kitresult/1",
        "sizer_version": kit.manifest["sizer_version"],
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "kit_sha256": kit.sha256,
        "scenario": kit.manifest["scenario"],
        "verdict": VERDICTS[code],
        "exit_code": code,
        "site": options.site,
        "operator": options.operator,
        "not_measured": not_measured,
        "files": [
            {"path": name, "sha256": sha256_of(kit.run / name), "size_bytes": (kit.run / name).stat().st_size}
            for name in present
        ],
    }
    _write(kit.run / "result.json", json.dumps(document, indent=2) + "\n")
    sealed = [*present, "result.json"]
    if key is not None:
        if _python(kit, ["-m", "advisor.kit.sign", key, str(kit.run / "result.json")], log) != 0:
            raise RefusedError(f"{key}: cannot sign the result (see above); mend that and start it again")
        sealed.append("result.json.minisig")
    _set_aside(kit.result)
    for name in sealed:
        shutil.copyfile(kit.run / name, kit.result / name)
    aside = kit.result / ".result.tar.gz.part"
    with tarfile.open(aside, "w:gz") as archive:
        for name in sealed:
            archive.add(kit.result / name, f"result/{name}", filter=_anonymous)
    aside.replace(kit.result / "result.tar.gz")
    shutil.rmtree(kit.run)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave the box's users out of the archive."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _set_aside(result: Path) -> None:
    """Move an earlier result into a folder of its own beside the new one."""
    result.mkdir(exist_ok=True)
    earlier = [path for path in result.iterdir() if path.is_file()]
    if not earlier:
        return
    number = next(n for n in range(1, 10_000) if not (result / f"earlier-{n}").exists())
    place = result / f"earlier-{number}"
    place.mkdir()
    # What says that the result is complete goes first: a start after an interruption here finds none.
    for path in sorted(earlier, key=lambda path: path.name != "result.json"):
        path.replace(place / path.name)


def environment(work: Path) -> dict[str, str]:
    """Variables of every program that is started: all folders of a user are below ``work``."""
    folders = {
        "HOME": work / "home", "TMPDIR": work / "tmp", "SIZER_HOME": work / "sizer", "SIZER_CACHE": work / "cache",
        "XDG_CACHE_HOME": work / "home" / "cache", "XDG_CONFIG_HOME": work / "home" / "config",
        "XDG_DATA_HOME": work / "home" / "data", "XDG_STATE_HOME": work / "home" / "state",
        "XDG_RUNTIME_DIR": work / "tmp",
    }  # fmt: skip
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept, **{name: str(folder) for name, folder in folders.items()}, "PIP_CONFIG_FILE": os.devnull,
        "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1",
    }  # fmt: skip


def _python(kit: Kit, words: list[str], log: TextIO) -> int:
    """Run the installed Python in the kit's folder, where relative paths of the scenario begin."""
    return _run(kit, [str(kit.python), *words], log)[0]


def _run(kit: Kit, command: list[str], log: TextIO) -> tuple[int, str]:
    """Run a program, what it prints on the screen and in the log; its exit code and last line."""
    tail = ""
    process = subprocess.Popen(
        command, cwd=kit.folder, env=environment(kit.work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            tail = line.strip() or tail
            _print(line)
            log.write(line)
            log.flush()
        return process.wait(), tail
    except BaseException:  # an interrupt: what was begun is repeated at the next start
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_PATIENCE_S)
        process.kill()
        process.wait()
        raise


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    aside = path.with_name(path.name + ".part")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of signal handlers
    raise KeyboardInterrupt


def _say(text: str, log: TextIO) -> None:
    """Say a step, in the log with its time."""
    _print(f"kit: {text}\n")
    log.write(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}Z kit: {text}\n")
    log.flush()


def _print(text: str) -> None:
    """Print what the terminal has letters for; a closed one ends nothing."""
    encoding = sys.stdout.encoding or "ascii"
    with contextlib.suppress(OSError):
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


def _ended(text: str, code: int) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"kit: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
