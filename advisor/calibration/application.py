"""What applications around models usually take per frame and per object: ``profiles/calibration/application.json``.

``python -m advisor.calibration.application`` reads ``profiles/measured/application.csv``: parts of applications, each
with the time of decoding the same frame on the same machine. The ratio of both, times what decoding that frame costs a
reference core by the shipped formula (``software_decode.decode_cycles``), is the part's time of a reference core: a
machine's own speed cancels. What an application consists of is assumed below.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from math import exp, hypot, log
from pathlib import Path

from advisor.perfmodel.resources.application import REFERENCE_HZ, ApplicationCalibration, UsualWork
from advisor.perfmodel.resources.software_decode import DecodeCalibration, decode_cycles, load_decode
from advisor.store.paths import profiles_dir

from .table import read_table

APPLICATIONS: dict[str, tuple[str, ...]] = {
    "models and their results": ("queues",),
    "results on a converted picture": ("queues", "convert"),
    "recorder": ("queues", "store", "scale"),
    "drawn on every picture": ("queues", "convert", "convert back"),
    "recorder that draws": ("queues", "store", "convert", "convert back"),
    "wall of small pictures": ("queues", "scale"),
}
"""Applications without encoding, each a sum of measured parts; assumed to be what is met. Encoders take ten times as
much and are stated by those who have one."""
HAND_OVERS_PER_FRAME, HAND_OVERS_MEASURED = 3, 20
"""In an application, assumed; and in the part ``queues`` (``benchmarks/application_rows.py``)."""
RESULTS_MS = 0.3
"""Tracking and noting results of a frame, of the reference core; assumed, nothing of it was measured [ms]."""
OTHER_SD = 0.5
"""Deviation (log) of applications about sums of the same parts: other languages, libraries and pictures; assumed."""
OBJECT_MS, OBJECT_SD = 0.1, 1.0
"""An object's request and result, of the reference core, and deviation (log) between applications; assumed: two
hand-overs between threads are the least, a few lines of an interpreter three times as much [ms]. Cropping is part of
preparation, calling the runtime part of a pass."""
FIELDS = ("part", "unit", "width", "height", "fps", "bitrate_kbps", "decode_s", "part_s", "date")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read measured parts. CatalogueError where the file is missing or lacks a column."""
    return read_table(path, "python -m benchmarks.application_rows", FIELDS)


def part_ms(row: Mapping[str, str], decode: DecodeCalibration) -> float:
    """Time of a part per frame, of the reference core [ms]."""
    bits = float(row["bitrate_kbps"]) * 1000.0 / float(row["fps"])
    terms = decode.terms("h264")
    cycles = decode_cycles(terms, int(row["width"]), int(row["height"]), bits) * exp(terms.camera_offset)
    return 1000.0 * cycles / REFERENCE_HZ * float(row["part_s"]) / float(row["decode_s"])


def calibrate(rows: Sequence[Mapping[str, str]], decode: DecodeCalibration, data_sha256: str) -> ApplicationCalibration:
    """Make what is usual from measured parts.

    Notes
    -----
    Per frame: geometric mean and deviation (log) over :data:`APPLICATIONS`, the latter with :data:`OTHER_SD`; what is
    said per object is assumed. Source: derived here.
    """
    times_ms = {row["part"]: part_ms(row, decode) for row in rows}
    times_ms["queues"] *= HAND_OVERS_PER_FRAME / HAND_OVERS_MEASURED
    sums_ms = [RESULTS_MS + sum(times_ms[part] for part in parts) for parts in APPLICATIONS.values()]
    logs = [log(total_ms) for total_ms in sums_ms]
    where = "docs/methods/application.md"
    return ApplicationCalibration(
        date=max(row["date"] for row in rows),
        data_sha256=data_sha256,
        usual=(
            UsualWork(
                unit="frame",
                core_ms=round(exp(statistics.fmean(logs)), 3),
                sd=round(hypot(statistics.stdev(logs), OTHER_SD), 3),
                kind="assumed",
                source=f"{len(sums_ms)} assumed applications without encoding, parts measured in GStreamer ({where})",
                rows=len(rows),
            ),
            UsualWork(
                unit="object",
                core_ms=OBJECT_MS,
                sd=OBJECT_SD,
                kind="assumed",
                source=f"assumed per object ({where})",
                rows=0,
            ),
        ),
    )


def main() -> None:
    """Read, print, write."""
    from advisor.store.files import write_document

    path = profiles_dir() / "measured" / "application.csv"
    rows, decode = read_rows(path), load_decode()
    found = calibrate(rows, decode, hashlib.sha256(path.read_bytes()).hexdigest())
    written = write_document(profiles_dir() / "calibration" / "application.json", found)
    lines = [f"{row['part']}: {part_ms(row, decode):.3g} ms" for row in rows]
    lines += [f"per {item.unit}: {item.core_ms:g} ms, deviation {item.sd:g}" for item in found.usual]
    sys.stdout.write("\n".join([*lines, f"wrote {written}"]) + "\n")


if __name__ == "__main__":
    main()
