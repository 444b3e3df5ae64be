"""A kit for a site and what comes back from it (schemas sizer.kit/1 and sizer.kitresult/1).

``advisor/kit/onsite/box.py`` reads the one and writes the other on boxes where nothing is installed yet: it spells
their fields once more.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveQuantity, Record

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PackedFile(Record):
    """One file of a kit or of a result."""

    path: str
    """Below the folder that holds the manifest, with slashes."""
    sha256: Sha256
    size_bytes: Count


class KitTarget(Record):
    """The boxes that a kit's packages are made for."""

    python: Annotated[str, Field(pattern=r"^3\.[0-9]{1,3}$")]
    """CPython, with its minor version: 3.12."""
    platform: str
    """Platform tag of the packages: manylinux_2_28_x86_64."""
    machine: str
    """As ``uname -m`` says it."""
    glibc: Annotated[str, Field(pattern=r"^2\.[0-9]{1,3}$")]
    """Oldest C library that they run on."""


class KitRun(Record):
    """What is done on the box."""

    duration_s: PositiveQuantity
    """Measured time of the acceptance, after warm-up [s]."""
    seed: Count
    measure: bool
    """Whether the box is measured after the acceptance, for plans with it."""


class KitManifest(Record):
    """What a kit holds: everything that one acceptance on a box without network needs."""

    schema_: Annotated[Literal["sizer.kit/1"], Field(alias="schema")] = "sizer.kit/1"
    sizer_version: str
    created: str
    """Of the plan: equal contents make equal kits."""
    scenario: str
    platform: str
    """What the plan recommends."""
    planned_scenario_sha256: Sha256
    """Of the scenario file on the desk; the kit's own differs where addresses and paths were replaced."""
    plan_sha256: Sha256
    """Of the plan on the desk."""
    target: KitTarget
    run: KitRun
    needed_bytes: Count
    """Free space that the installation needs in addition to the kit itself, estimated."""
    notes: tuple[str, ...] = ()
    """What was replaced or left out."""
    files: tuple[PackedFile, ...]
    """All files but this one and its signature, by name."""

    def sha256_of(self, path: str) -> str | None:
        """SHA-256 of one file; None if the kit has none of that name."""
        return next((file.sha256 for file in self.files if file.path == path), None)


class KitResult(Record):
    """What one acceptance with a kit brought; written on the box, read by ``sizer kit read``."""

    schema_: Annotated[Literal["sizer.kitresult/1"], Field(alias="schema")] = "sizer.kitresult/1"
    sizer_version: str
    created: str
    kit_sha256: Sha256
    """Of the manifest of the kit that was used."""
    scenario: str
    verdict: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    exit_code: Count
    site: str | None = None
    """As whoever started it called the place."""
    operator: str | None = None
    not_measured: str | None = None
    """Why no measurements of the box came along; None: they did."""
    files: tuple[PackedFile, ...]

    def holds(self, path: str) -> bool:
        """Whether a file of that name belongs to the result."""
        return any(file.path == path for file in self.files)
