"""Published figures of devices against predictions that had them left out; what engines decode at two resolutions."""

from __future__ import annotations

import sys

from advisor.calibration.devices import fitted
from advisor.perfmodel.devices.figures import load_figures
from advisor.perfmodel.resources.engines import decode_engine

from .common import table

_TWO_SIZES = {
    ("intel-core-i5-12400-gpu", "h264"): (43, 10),
    ("intel-core-i5-12400-gpu", "h265"): (55, 14),
    ("intel-core-i7-1360p-gpu", "h264"): (83, 21),
    ("intel-core-i7-1360p-gpu", "h265"): (98, 27),
    ("intel-core-ultra-7-165h-gpu", "h264"): (56, 23),
    ("intel-core-ultra-7-165h-gpu", "h265"): (66, 28),
    ("intel-arc-a380", "h264"): (97, 25),
    ("intel-arc-a380", "h265"): (121, 31),
}
"""Published streams at 1080p30 and 4K30 (media suite, newest release of each platform)."""


def _classes() -> str:
    rows = [
        [
            row.name, row.devices, row.rows, f"{row.median_pct:.1f} %", f"{100 * row.within_20:.0f} %",
            f"{100 * row.within_half:.0f} %", "-" if row.coverage is None else f"{100 * row.coverage:.0f} %",
        ]
        for row in fitted().accuracy
    ]  # fmt: skip
    return table(
        ["class of evidence", "devices", "rows", "median", "within 20 %", "within x1.5", "inside P10-P90"], rows
    )


def _shares() -> str:
    return ", ".join(f"{share:.2f} ({word})" for word, share in fitted().graphics.anchor_share.items())


def _held() -> str:
    rows = []
    for device, models in sorted(load_figures().by_device.items()):
        count = sum(len(figures) for figures in models.values())
        precisions = sorted({figure.precision for figures in models.values() for figure in figures})
        sources = sorted({figure.source for figures in models.values() for figure in figures})
        rows.append([device, len(models), count, ", ".join(precisions), ", ".join(sources)])
    return table(["device", "models", "figures", "precisions", "sources"], rows)


def _engines() -> str:
    rows = []
    for (device, codec), (full_hd, ultra_hd) in _TWO_SIZES.items():
        engine = decode_engine(device, codec)
        assert engine is not None
        predicted = engine.streams(1920, 1080, 30.0).p50 / engine.streams(3840, 2160, 30.0).p50
        published = full_hd / ultra_hd
        rows.append(
            [
                f"{device}, {codec}",
                f"{published:.2f}",
                f"{predicted:.2f}",
                f"{100 * (predicted / published - 1):+.0f} %",
            ]
        )
    return table(["engine", "streams 1080p30 / 4K30, published", "predicted", "difference"], rows)


def run(quick: bool = False) -> str:  # noqa: ARG001 - nothing is measured: there is nothing to shorten
    """Return the section."""
    return "\n".join(
        [
            "Fitted on `profiles/published/devices.csv.gz` (what was dropped and why: `devices_dropped.csv.gz`). "
            "Every row is of devices, boards or whole model families that the fit had not seen; bands that coverage "
            "is counted in come from the others. Networks whose kernels fall back to slow code (mixed depthwise, "
            "transformer detectors, two-stage) are left out of these rows and answered with an interval of a factor of "
            "4. Throughput.",
            "",
            "Of what one published model deviates by on a device, the shipped calibration takes for the device's own "
            f"{_shares()}, from the spread between and within devices; in the rows below the share is learned "
            "without what was left out.",
            "",
            "### Classes of evidence",
            "",
            _classes(),
            "",
            "Neural processors, Hailo, Rockchip, Coral, Jetson and discrete graphics are answered from published "
            "figures alone: the figure itself where model, device and precision agree, else `unknown`.",
            "",
            "### Published figures held",
            "",
            _held(),
            "",
            "### Decoding engines: 4K against 1080p",
            "",
            "One rate of pixels per engine and codec, and sessions where 1080p falls short of the 4K rate.",
            "",
            _engines(),
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(run())
