from __future__ import annotations

import hashlib
import math
import statistics
from pathlib import Path

import pytest

from advisor.calibration.application import APPLICATIONS, OTHER_SD, RESULTS_MS, calibrate, part_ms, read_rows
from advisor.errors import CatalogueError
from advisor.perfmodel.resources.application import load_application
from advisor.perfmodel.resources.software_decode import load_decode
from advisor.store.paths import profiles_dir

PARTS = sorted({part for parts in APPLICATIONS.values() for part in parts})


def rows(times_s: dict[str, float], decode_s: float = 0.004) -> list[dict[str, str]]:
    return [
        {
            "part": part, "unit": "frame", "width": "1920", "height": "1080", "fps": "30", "bitrate_kbps": "4000",
            "decode_s": str(decode_s), "part_s": str(seconds), "date": "2026-11-29",
        }
        for part, seconds in times_s.items()
    ]  # fmt: skip


def test_a_part_is_its_share_of_decoding_on_any_machine() -> None:
    terms = load_decode().terms("h264")
    cycles = terms.cycles_per_pixel * 1920 * 1080 + terms.cycles_per_bit * 4e6 / 30
    decode_ms = 1000.0 * cycles * math.exp(terms.camera_offset) / 4e9
    (slow,) = rows({"convert": 0.002}, 0.008)
    (fast,) = rows({"convert": 0.001}, 0.004)
    assert part_ms(slow, load_decode()) == pytest.approx(part_ms(fast, load_decode()))
    assert part_ms(fast, load_decode()) == pytest.approx(decode_ms / 4)


def test_what_is_usual_is_the_middle_of_the_applications() -> None:
    found = calibrate(rows(dict.fromkeys(PARTS, 0.001)), load_decode(), "0" * 64)
    one_ms = part_ms(rows({"one": 0.001})[0], load_decode())
    # Each part takes as much, but that queues stand for twenty hand-overs of which a frame pays three.
    sums_ms = [RESULTS_MS + one_ms * (len(parts) - 1 + 3 / 20) for parts in APPLICATIONS.values()]
    assert found.of("frame").core_ms == pytest.approx(statistics.geometric_mean(sums_ms), rel=1e-3)
    spread = statistics.stdev(math.log(total_ms) for total_ms in sums_ms)
    assert found.of("frame").sd == pytest.approx(math.hypot(spread, OTHER_SD), abs=1e-3)
    assert found.of("object").kind == "assumed"


def test_what_ships_is_made_from_what_was_measured() -> None:
    path = profiles_dir() / "measured" / "application.csv"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_application() == calibrate(read_rows(path), load_decode(), digest)


def test_a_missing_table_or_column_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"benchmarks\.application_rows"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "part.csv").write_text("part,unit\nqueues,frame\n")
    with pytest.raises(CatalogueError, match="column 'bitrate_kbps' is missing"):
        read_rows(tmp_path / "part.csv")
