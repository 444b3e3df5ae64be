"""The lock against pyproject.toml: complete, within the ranges, with hashes, and silent about where it came from."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
UNLOCKED = frozenset({"torch"})
"""Extras in no lock: several GB, installed by `make test-torch` alone."""
PYTHONS = ("3.11.2", "3.12.1", "3.13.5")
"""A patch release of each Python that the lock is tested with; 3.11.2 and 3.13.5 are those of Debian 12 and 13."""


@dataclass
class Pin:
    requirement: Requirement
    hashes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    def holds_for(self, python: str) -> bool:
        marker = self.requirement.marker
        return marker is None or marker.evaluate(environment(python))


def environment(python: str) -> dict[str, str]:
    """Markers of CPython on Linux x86-64."""
    return {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }


def pins_of(lock: str) -> list[Pin]:
    pins: list[Pin] = []
    for line in LOCKS[lock].read_text(encoding="utf-8").splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash="):
            pins[-1].hashes.append(text.removeprefix("--hash="))
        elif text and not text.startswith("#"):
            pins.append(Pin(Requirement(text)))
    return pins


def pins_of_names(lock: str) -> set[str]:
    return {pin.name for pin in pins_of(lock)}


def group(name: str) -> list[Requirement]:
    """Requirements of a dependency group, with those of the groups that it includes."""
    found: list[Requirement] = []
    for item in PYPROJECT["dependency-groups"][name]:
        found += group(item["include-group"]) if isinstance(item, dict) else [Requirement(item)]
    return found


def declared(lock: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    found = [Requirement(text) for text in [*project["dependencies"], *PYPROJECT["build-system"]["requires"]]]
    if lock == "dev":
        extras = project["optional-dependencies"]
        return (
            found
            + [Requirement(text) for name in extras if name not in UNLOCKED for text in extras[name]]
            + group("dev")
        )
    return found + group("build")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_every_declared_package_is_locked_once_within_its_range(lock: str, python: str) -> None:
    locked: dict[str, Requirement] = {}
    for pin in pins_of(lock):
        if pin.holds_for(python):
            assert pin.name not in locked, f"{pin.name} is locked twice for Python {python}"
            locked[pin.name] = pin.requirement
    for requirement in declared(lock):
        pin_of = locked.get(canonicalize_name(requirement.name))
        assert pin_of is not None, f"{requirement.name} is not in the {lock} lock: run `make lock`"
        (specifier,) = pin_of.specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), f"{pin_of} is outside {requirement}: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    pins = pins_of(lock)
    assert len(pins) > len(declared(lock)) / 2
    for pin in pins:
        assert pin.hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in pin.hashes), pin.name


@pytest.mark.parametrize("name", ["converter", "devices", "installer"])
def test_what_is_installed_without_its_dependencies_has_a_lock_of_its_own(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w-]+)==", text, re.MULTILINE)
    assert [canonicalize_name(pin) for pin in pins] == [canonicalize_name(item.name) for item in group(name)]
    assert re.search(r"--hash=sha256:[0-9a-f]{64}", text)
    assert "://" not in text
    assert "torch" not in pins_of_names("dev")


def test_both_locks_have_the_same_versions() -> None:
    dev = {str(pin.requirement) for pin in pins_of("dev")}
    assert {str(pin.requirement) for pin in pins_of("runtime")} <= dev


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_install_from(lock: str) -> None:
    text = LOCKS[lock].read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|^\S+ @ ", text, re.MULTILINE)


def test_python_of_the_ranges_the_lock_and_make_agree() -> None:
    listed = re.search(r"^PYTHONS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    pythons = listed[1].split()
    assert pythons == [".".join(python.split(".")[:2]) for python in PYTHONS]
    assert PYPROJECT["project"]["requires-python"] == f">={pythons[0]}"


@pytest.mark.parametrize(
    ("answer", "said"), [("echo 3.14", "is Python 3.14;"), ("exit 1", "cannot be run;")], ids=["newer", "broken"]
)
def test_another_python_is_refused_in_one_line_that_names_the_ways_out(tmp_path: Path, answer: str, said: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{answer}\n")
    python.chmod(0o755)
    command = ["make", "install", "LOCKED=yes", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    run = subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert all(part in run.stderr for part in (said, "PYTHON=python3.13", "LOCKED=no"))
    assert not (tmp_path / "venv").exists()
