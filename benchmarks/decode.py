"""Software decoding: published core times against the formula whose level never saw their machine; nothing is measured.

The formula's rows are measured by ``python -m benchmarks.decode_rows``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from advisor.calibration.decode import LeftOut, calibrate, codec_terms, left_out, machines_of, preparation_error
from advisor.calibration.decode_material import Material, load_material
from advisor.perfmodel.resources.software_decode import DecodeCalibration, PreparationTerms
from advisor.store.paths import profiles_dir

from .common import percent, table

_RATIOS = (
    ("4K over 1080p, H.264", ("h264", 3840), ("h264", 1920)),
    ("4K over 1080p, H.265", ("h265", 3840), ("h265", 1920)),
    ("H.265 over H.264, 1080p", ("h265", 1920), ("h264", 1920)),
    ("H.265 over H.264, 4K", ("h265", 3840), ("h264", 3840)),
)


def figures(found: Sequence[LeftOut]) -> str:
    """One line per published figure, and the whole."""
    lines = []
    for item in found:
        low_s, high_s = item.predicted_s * np.exp(-item.half), item.predicted_s * np.exp(item.half)
        lines.append(
            [
                item.row.machine,
                item.row.kind,
                f"{item.row.codec} {item.row.width}x{item.row.height}, {item.row.bits / 1e3:.0f} kbit"
                + ("" if item.row.bits_known else " (usual)"),
                f"{1e3 * item.row.core_s:.2f}",
                f"{1e3 * item.predicted_s:.2f} ({1e3 * low_s:.2f}-{1e3 * high_s:.2f})",
                f"{100 * (item.predicted_s / item.row.core_s - 1):+.0f} %",
                "yes" if item.inside else "no",
            ]
        )
    errors = [abs(item.predicted_s / item.row.core_s - 1) for item in found]
    machines = len({item.row.machine for item in found})
    head = [
        "machine, left out", "kind", "frame", "core time [ms]", "predicted [ms] (P10-P90)", "error", "inside P10-P90"
    ]  # fmt: skip
    return "\n".join(
        [
            table(head, lines),
            "",
            f"Median error {percent(statistics.median(errors), 0)}, mean {percent(statistics.fmean(errors), 0)}, "
            f"{percent(statistics.fmean(item.inside for item in found), 0)} of {len(found)} figures of {machines} "
            "machines in P10-P90.",
        ]
    )


def ratios(found: Sequence[LeftOut]) -> str:
    """Ratios within one machine, in which its clock and its level cancel."""
    reference = {(item.row.codec, item.row.width): item for item in found if item.row.kind == "reference"}
    lines = []
    for name, above, below in _RATIOS:
        top, bottom = reference[above], reference[below]
        seen, said = top.row.core_s / bottom.row.core_s, top.predicted_s / bottom.predicted_s
        lines.append([name, f"{seen:.2f}", f"{said:.2f}", f"{100 * (said / seen - 1):+.0f} %"])
    return table([f"ratio, {found[0].row.machine}", "published", "predicted", "error"], lines)


def machine_table(calibration: DecodeCalibration) -> str:
    """How far each machine lies off the level, with and without itself."""
    return table(
        ["machine", "kind", "rows", "clock [GHz]", "log(observed / formula)", "left out", "P10-P90 of it, left out"],
        [
            [
                item.name, item.kind, item.rows, f"{item.clock_hz / 1e9:.2f}{'' if item.clock_known else ' assumed'}",
                f"{item.residual:+.2f} (deviation {item.own_sd:.2f})", f"{item.left_out_error:+.2f}",
                f"±{item.left_out_half:.2f}",
            ]
            for item in calibration.machines
        ],
    )  # fmt: skip


def codec_table(calibration: DecodeCalibration) -> str:
    """Constants by codec with the two spreads of clips."""
    return table(
        ["codec", "cycles per pixel", "cycles per bit", "log(synthesised clips / formula)", "contents: deviation"],
        [
            [
                item.codec, f"{item.cycles_per_pixel:.2f}", f"{item.cycles_per_bit:.1f}",
                f"{item.camera_offset:+.2f} ({item.clips} clips, deviation {item.fit_sd:.2f})",
                f"{item.content_sd:.2f} (log, {item.contents} clips)",
            ]
            for item in calibration.codecs
        ],
    )  # fmt: skip


def preparation_table(material: Material, terms: PreparationTerms) -> str:
    """Errors of the assumed pre-processing formula by kind."""
    kinds = list(dict.fromkeys(row["kind"] for row in material.prepared))
    lines = []
    for kind in kinds:
        errors = [preparation_error(row, terms) for row in material.prepared if row["kind"] == kind]
        lines.append(
            [kind, len(errors), f"{statistics.fmean(errors):+.2f}", f"{min(errors):+.2f} to {max(errors):+.2f}"]
        )
    return table(["pre-processing, one machine", "sizes", "mean log(measured / formula)", "range"], lines)


def section(material: Material) -> str:
    """Return the section."""
    calibration = calibrate(material)
    terms = codec_terms(material.camera, material.contents)
    found = left_out(machines_of((*material.camera, *material.published), terms), terms)
    return "\n\n".join(
        [
            figures(found),
            ratios(found),
            machine_table(calibration),
            codec_table(calibration),
            preparation_table(material, calibration.preparation),
        ]
    )


def run() -> str:
    """Return the section on the shipped tables."""
    return section(load_material(profiles_dir()))
