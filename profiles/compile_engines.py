"""Compile capacities of decoding engines: ``python profiles/compile_engines.py MEDIA.csv NVDEC.csv``.

Writes ``profiles/published/engines.csv``: pixels per second and codec of all engines of a chip or card together, and
the streams at which something else binds. Of a media suite's releases the newest counts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
COLUMNS = ["device", "engines", "codec", "pixels_per_s", "sessions", "kind", "source", "date", "note"]
SUITE = {
    "i5-12400 (16G Mem)": ("intel-core-i5-12400-gpu", 1),
    "MTL 165H (32G Mem)": ("intel-core-ultra-7-165h-gpu", 2),
    "i7-1360P (16G Mem)": ("intel-core-i7-1360p-gpu", 2),
    "Arc A380": ("intel-arc-a380", 2),
    "Arc B580": ("intel-arc-b580", 2),
}
# Card: engines and their generation. Source: the data's remarks, recalled; GeForce cards have one by NVIDIA's own word.
CARDS = {
    "nvidia-t4": (2, "Turing"), "nvidia-a2": (2, "Ampere"), "nvidia-l4": (4, "Ada"), "nvidia-rtx-3060": (1, "Ampere"),
    "nvidia-rtx-4060": (1, "Ada"),
}  # fmt: skip
CODECS = {"H.264": "h264", "HEVC": "h265", "AV1": "av1"}
PIXELS = {"1080p": 1920 * 1080, "4K": 3840 * 2160}
BOUND = 0.85
"""Share of the 4K pixel rate below which 1080p streams are bound by something else than pixels."""
# Capacities that are no measurement of a suite: device, engines, codec, streams, resolution, fps, kind, source, note.
JETSON, PI = "Jetson module data sheet, copies", "Raspberry Pi product brief, copies"
USER = "shown by a user, jas-hacks.blogspot.com 2023-01-15"
STATED = [
    ("nvidia-jetson-orin-nano-8gb-super-dev-kit-gpu", 1, "h265", 11, "1080p", 30, "vendor", JETSON),
    ("nvidia-jetson-orin-nx-16gb-gpu", 1, "h265", 18, "1080p", 30, "vendor", JETSON),
    ("nvidia-jetson-agx-orin-cpu-gpu", 1, "h265", 22, "1080p", 30, "vendor", JETSON),
    ("rockchip-rk3588-board-npu", 1, "h264", 16, "1080p", 30, "published", USER),
    ("raspberry-pi-5-8-gb-cpu", 1, "h265", 1, "4K", 60, "vendor", PI),
    ("raspberry-pi-4-model-b-4-gb-cpu", 1, "h264", 1, "1080p", 60, "vendor", "Raspberry Pi 4 product page, recalled"),
]  # fmt: skip


def suite(path: Path) -> list[dict[str, object]]:
    """Decode rows of the media suite."""
    rows = pd.read_csv(path, dtype=str)
    rows = rows[(rows["task"] == "Decode") & rows["platform"].isin(SUITE)].sort_values("date")
    found: list[dict[str, object]] = []
    newest = rows[rows["date"] == rows.groupby(["platform", "codec"])["date"].transform("max")]
    for (platform, codec), part in newest.groupby(["platform", "codec"]):
        rates = {r.resolution: float(r.streams) * float(r.fps) * PIXELS[r.resolution] for r in part.itertuples()}
        counts = {r.resolution: int(r.streams) for r in part.itertuples()}
        bound = rates["1080p"] < BOUND * rates["4K"]
        rate = rates["4K"] if bound else (rates["1080p"] * rates["4K"]) ** 0.5
        device, engines = SUITE[platform]
        found.append(
            {
                "device": device, "engines": engines, "codec": codec, "pixels_per_s": round(rate),
                "sessions": counts["1080p"] if bound else "", "kind": "published",
                "source": f"open-edge-platform/edge-system-qualification, {part['release'].iloc[0]}",
                "date": part["date"].iloc[0],
                "note": f"{counts['1080p']} streams 1080p30, {counts['4K']} 4K30; decoding alone, 8 bit",
            }
        )  # fmt: skip
    return found


def cards(path: Path) -> list[dict[str, object]]:
    """NVIDIA cards from frames per second of one engine at its highest clock."""
    rows = pd.read_csv(path, dtype=str)
    rows = rows[rows["kind"] == "engine speed"]
    found: list[dict[str, object]] = []
    for device, (engines, generation) in CARDS.items():
        found += [
            {
                "device": device, "engines": engines, "codec": CODECS[row.codec],
                "pixels_per_s": round(engines * float(row.fps_per_engine) * PIXELS["1080p"]), "sessions": "",
                "kind": "vendor", "source": "NVIDIA, NVDEC Application Note, Video Codec SDK 13.0",
                "date": "2025-01-01", "note": f"{engines} engine(s) at {row.clock_mhz} MHz; number recalled",
            }
            for row in rows[rows["device"] == f"NVDEC {generation}"].itertuples()
            if row.codec in CODECS
        ]  # fmt: skip
    return found


def stated() -> list[dict[str, object]]:
    """Data sheets and single reports."""
    return [
        {
            "device": device, "engines": engines, "codec": codec, "pixels_per_s": streams * fps * PIXELS[resolution],
            "sessions": "", "kind": kind, "source": source, "date": "2026-11-29",
            "note": f"{streams} streams {resolution}{fps} as stated",
        }
        for device, engines, codec, streams, resolution, fps, kind, source in STATED
    ]  # fmt: skip


def main(media: Path, nvdec: Path) -> None:
    """Write the table."""
    table = pd.DataFrame([*suite(media), *cards(nvdec), *stated()])[COLUMNS].sort_values(["device", "codec"])
    table.to_csv(HERE / "published" / "engines.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
