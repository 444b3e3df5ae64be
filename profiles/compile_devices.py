"""Compile the devices of the catalogue: ``python profiles/compile_devices.py`` writes ``profiles/devices/``.

From ``profiles/device_facts.csv``, one row per device of a chip or added to a box, with one kind and source for all
of a row's figures. A cell left empty is unknown and left out. Edit the table, not the output.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from compile import Dumper, flowing  # noqa: E402  # the script's own folder must be on the path first

COMPILED = "2026-11-29"
# Column of the table -> field of the record, and the factor to SI.
FIGURES = {
    "execution_units": ("execution_units", 1),
    "cores": ("cores", 1),
    "clock_ghz": ("clock_hz", 1e9),
    "tops": ("peak_op_per_s_int8", 1e12),
    "bandwidth_gbs": ("memory_bandwidth_bytes_per_s", 1e9),
    "power_w": ("power_w", 1),
}
WORDS = {
    "core_design": "core_design",
    "matrix": "matrix",
    "host_link": "host_link",
    "driver": "driver_generation",
}


def device(cells: dict[str, str]) -> dict[str, Any]:
    """Entry of one row."""

    def fact(value: float | str) -> dict[str, Any]:
        return {"value": value, "kind": cells["fact_kind"], "source": cells["source"], "date": COMPILED}

    entry: dict[str, Any] = {"schema": "sizer.device/1"}
    for name in ("id", "name", "vendor", "kind", "family", "processor", "accelerator"):
        entry[name] = cells[name] or None
    for column, (field, factor) in FIGURES.items():
        if cells[column]:
            number = float(cells[column]) * factor
            entry[field] = fact(int(number) if number == int(number) else number)
    for column, field in WORDS.items():
        if cells[column]:
            entry[field] = fact(cells[column])
    entry["notes"] = cells["notes"] or None
    return {key: value for key, value in entry.items() if value is not None}


def main() -> None:
    """Replace the folder's files."""
    target = HERE / "devices"
    target.mkdir(exist_ok=True)
    for old in target.glob("*.yaml"):
        old.unlink()
    with (HERE / "device_facts.csv").open(encoding="utf-8", newline="") as stream:
        for cells in csv.DictReader(stream):
            body = {key: flowing(value) for key, value in device(cells).items()}
            text = yaml.dump(body, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
            path = target / f"{cells['id']}.yaml"
            path.write_text(
                f"# Written by profiles/compile_devices.py; edit its table instead.\n{text}", encoding="utf-8"
            )


if __name__ == "__main__":
    main()
