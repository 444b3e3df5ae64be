"""The packages that are installed beside each other here."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import distributions


def test_no_package_writes_over_another() -> None:
    """Else the version that runs is not the one that was declared: opencv-python lay over opencv-python-headless."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package in distributions():
        name, folder = package.name, str(package.locate_file(""))  # `name` parses the package's metadata each time
        for line in (package.read_text("RECORD") or "").splitlines():
            owners[folder, line.partition(",")[0]].add(name)
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}
