"""Compile published speeds of software decoding into the table that ``advisor.calibration.decode`` reads.

Usage: ``python profiles/compile_decode.py MEDIA.csv [OUTPUT_DIRECTORY]``, where MEDIA is the collected table of media
benchmarks (``../shared/data/media.csv``). Beside its software rows go in: one user's report, and the decoding part of
this project's own cascades on two guests, derived below from ``docs/accuracy.md`` as it was committed at the time.
What is left out, and why, is printed. Nothing is invented and no speed comes from elsewhere.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

FIELDS = [
    "kind", "source", "release", "date", "platform", "codec", "width", "height", "bitrate_kbps", "fps", "streams",
    "cores", "log_sd",
]  # fmt: skip
SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
# Published name -> catalogue id and physical cores. The table names chip and memory; that it has two sockets is said by
# the notes of the collection. One socket would make each core 1.9 times as fast as any other that is known here.
PLATFORMS = {"Xeon(R) Gold 6430 (512G Mem)": ("intel-xeon-gold-6430-2s", 64)}
PREFERRED = "main"
"""Branch whose figures count; the others are earlier states of it or copies."""
REFERENCE_SD = 0.05
"""Streams are whole numbers and the last that holds 30 frames/s on average: a few per cent."""

REPORT = {
    "kind": "report", "source": "github.com/blakeblackshear/frigate/issues/21 (description)", "release": "",
    "date": "2019-04-06", "platform": "laptop-before-2019", "codec": "h264", "width": 1920, "height": 1080,
    "bitrate_kbps": "", "fps": 25, "streams": 1, "cores": 0.25, "log_sd": 0.5,
}  # fmt: skip
"""'about 25% of a single CPU' of a laptop that is not named, read through OpenCV, which converts colours, too; codec
(H.264 is meant), bit rate, clock and year are not said: a factor of 1.6 either way."""

# CPU in use (share of two cores) of cascades on the Zen 5 guest: docs/accuracy.md at 7f0c8d6, e1b4c50 and bb51e49.
ZEN5_RUNS = {
    "2026-11-21T12:54:01Z": {
        "mostly-decode": 0.13, "faces": 0.12, "faces-every-frame": 0.10, "faces-many-cameras": 0.19,
        "h265": 0.16, "four-k": 0.10, "mjpeg": 0.05,
    },
    "2026-11-21T15:16:56Z": {
        "mostly-decode": 0.13, "faces": 0.11, "faces-every-frame": 0.11, "faces-many-cameras": 0.19,
        "h265": 0.22, "four-k": 0.14, "mjpeg": 0.06,
    },
    "2026-11-21T21:12:51Z": {
        "mostly-decode": 0.14, "faces": 0.12, "faces-every-frame": 0.13, "faces-many-cameras": 0.22,
        "h265": 0.23, "four-k": 0.14, "mjpeg": 0.06,
    },
}  # fmt: skip
# Frames decoded and faces looked for per second; codec, size, bit rate [kbit/s] and frame rate of a camera.
CASCADES = {
    "mostly-decode": (60.0, 4.0, ("h264", 1280, 720, 2000, 15)),
    "faces": (30.0, 10.0, ("h264", 1280, 720, 2000, 15)),
    "faces-every-frame": (15.0, 15.0, ("h264", 1280, 720, 2000, 15)),
    "faces-many-cameras": (60.0, 12.0, ("h264", 1280, 720, 2000, 10)),
    "h265": (30.0, 6.0, ("h265", 1920, 1080, 4000, 15)),
    "four-k": (10.0, 10.0 / 3.0, ("h264", 3840, 2160, 8000, 10)),
    "mjpeg": (10.0, 5.0, ("mjpeg", 1920, 1080, 8000, 10)),
}
SOLVED_TOGETHER = ("mostly-decode", "faces", "faces-every-frame", "faces-many-cameras")
GUEST_CORES = 2
ROUNDING = 0.005 / np.sqrt(3.0)
HARNESS_S = 0.073 * GUEST_CORES * 0.257 / 120.0
"""CPU time of the harness per frame: 25.7 % of 7.3 % at 8 cameras of 15 frames/s (accuracy.md of 2026-11-21T15:08)."""
ZEN3_FACES = 0.17
"""CPU in use of the variant ``faces`` on the Zen 3 guest (accuracy.md at 8c8f97e, 2026-11-21T09:23:37Z)."""
ZEN3_FACE_S = 0.0227
"""Undisturbed pass of its model there (f32), from the review of 88ff954 of 2026-11-28."""
ZEN3_SD = 0.35


def reference_rows(path: Path, report: list[str]) -> list[dict[str, object]]:
    """Software decoding from the collected media benchmarks, one row per format."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    software = [row for row in rows if row["device"] == "CPU" and row["task"] == "Decode"]
    kept = [row for row in software if row["release"].startswith(PREFERRED)]
    figures: dict[tuple[str, str, str], set[str]] = {}
    for row in software:
        figures.setdefault((row["platform"], row["codec"], row["resolution"]), set()).add(row["streams"])
    changed = [key for key, streams in figures.items() if len(streams) > 1]
    report.append(f"{len(rows)} rows of {path.name}; kept {len(kept)}")
    hardware = {row["platform"] for row in rows if row["device"] != "CPU"}
    report.append(
        f"- {sum(row['device'] != 'CPU' for row in rows)} of graphics ({', '.join(sorted(hardware))}): decoders in "
        "hardware"
    )
    tasks = sum(row["device"] == "CPU" and row["task"] != "Decode" for row in rows)
    report.append(f"- {tasks} of the CPU that encode or compose as well (composing is capped at 36 streams)")
    report.append(
        f"- {len(software) - len(kept)} of other branches; "
        + (f"they differ in {changed}" if changed else "all of them have the same figures")
    )
    found: list[dict[str, object]] = []
    for row in kept:
        platform, cores = PLATFORMS[row["platform"]]
        width, height = SIZES[row["resolution"]]
        found.append(
            {
                "kind": "reference",
                "source": f"github.com/{row['source']}@{row['commit']} {row['file']}",
                "release": row["release"],
                "date": row["date"],
                "platform": platform,
                "codec": row["codec"],
                "width": width,
                "height": height,
                "bitrate_kbps": row["bitrate_kbps"],
                "fps": row["fps"],
                "streams": row["streams"],
                "cores": cores,
                "log_sd": REFERENCE_SD,
            }
        )
    return found


def decode_shares(run: dict[str, float]) -> dict[str, float]:
    """Core time per frame without that of the harness, by cascade [s].

    CPU = frames x decoding + passes x face: the four cascades of one picture size give both by least squares; the
    face pass (with its pre-processing) is then taken off the others.
    """
    design = np.array([CASCADES[name][:2] for name in SOLVED_TOGETHER])
    busy = np.array([GUEST_CORES * run[name] for name in SOLVED_TOGETHER])
    (decode_s, face_s), *_ = np.linalg.lstsq(design, busy, rcond=None)
    found = {"mostly-decode": float(decode_s)}
    for name in ("h265", "four-k", "mjpeg"):
        frames, passes, _ = CASCADES[name]
        found[name] = float((GUEST_CORES * run[name] - passes * face_s) / frames)
    return {name: value - HARNESS_S for name, value in found.items()}


def _cascade_row(platform: str, source: str, name: str, core_s: float, log_sd: float) -> dict[str, object]:
    frames, _, (codec, width, height, kbps, fps) = CASCADES[name]
    return {
        "kind": "cascade", "source": source, "release": "0.1.0", "date": "2026-11-21", "platform": platform,
        "codec": codec, "width": width, "height": height, "bitrate_kbps": kbps, "fps": fps,
        "streams": round(frames / fps), "cores": f"{core_s * frames:.4f}", "log_sd": f"{log_sd:.2f}",
    }  # fmt: skip


def cascade_rows() -> list[dict[str, object]]:
    """Decoding's part of whole cascades on the two guests: means of the runs, with their spread and the rounding."""
    runs = [decode_shares(run) for run in ZEN5_RUNS.values()]
    found = []
    for name in runs[0]:
        seconds = np.array([run[name] for run in runs])
        rounding = GUEST_CORES * ROUNDING / CASCADES[name][0] / seconds.mean()
        log_sd = float(np.hypot(np.std(np.log(seconds), ddof=1), rounding))
        source = "docs/accuracy.md at 7f0c8d6, e1b4c50, bb51e49: CPU of cascades, other parts taken off"
        found.append(_cascade_row("guest-zen5", source, name, float(seconds.mean()), log_sd))
    frames, passes, _ = CASCADES["faces"]
    seconds_zen3 = (GUEST_CORES * ZEN3_FACES - passes * ZEN3_FACE_S) / frames - HARNESS_S
    source = "docs/accuracy.md at 8c8f97e: CPU of one cascade, a pass of 22.7 ms taken off"
    found.append(_cascade_row("guest-zen3", source, "faces", seconds_zen3, ZEN3_SD))
    return found


def main() -> None:
    """Write ``decode.csv``."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    directory = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).resolve().parent / "published"
    report: list[str] = []
    rows = [*reference_rows(Path(sys.argv[1]), report), REPORT, *cascade_rows()]
    with (directory / "decode.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    sys.stdout.write("\n".join([*report, f"wrote decode.csv: {len(rows)} rows"]) + "\n")


if __name__ == "__main__":
    main()
