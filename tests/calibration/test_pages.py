"""Pages state the constants that ship: each figure below changes with a fit, and nothing else would notice."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from advisor.perfmodel.analytic.parameters import NAMES
from advisor.perfmodel.resources.software_decode import load_decode
from advisor.records.calibration import TransferCalibration
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir

METHODS = Path(__file__).parents[2] / "docs" / "methods"


def stated(page: str, pattern: str) -> list[float]:
    """Numbers that the page states in place of the groups of the pattern, which it holds once."""
    text = " ".join((METHODS / f"{page}.md").read_text(encoding="utf-8").split())
    (found,) = re.findall(pattern, text)
    return [float(number) for number in ([found] if isinstance(found, str) else found)]


def test_resolution_and_bandwidth_of_the_fit() -> None:
    path = profiles_dir() / "calibration" / "transfer.json"
    calibration = read_calibration(TransferCalibration, path, "python -m advisor.calibration.transfer")
    (resolution,) = stated("confidence", r"\(as shipped (0\.\d+);")
    assert calibration.probability_resolution == pytest.approx(resolution, abs=0.005)
    (share,) = stated("pass-time", r"fitted share \(prior 0\.70, fitted (0\.\d+)")
    assert math.exp(calibration.parameters["bandwidth"]) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("pass-time", r"The (\d+) parameters each"), ("probability", r"it has (\d+) parameters"),
        ("work", r"\((\d+) numbers against thousands\)"),
    ],
)  # fmt: skip
def test_number_of_parameters(page: str, pattern: str) -> None:
    assert stated(page, pattern) == [len(NAMES)]


def test_clips_of_cameras_and_pre_processing() -> None:
    decode = load_decode()
    factors = stated("decode", r"([\d.]+) times with H\.264, ([\d.]+) with H\.265, ([\d.]+) with MJPEG")
    offsets = [math.exp(decode.terms(codec).camera_offset) for codec in ("h264", "h265", "mjpeg")]
    assert factors == pytest.approx(offsets, abs=0.005)
    cycles = stated("decode", r"\(([\d.]+) x source pixels touched \+ ([\d.]+) x target pixels \+ (\d+)\) cycles")
    terms = decode.preparation
    assert cycles == [terms.cycles_per_source_pixel, terms.cycles_per_target_pixel, terms.cycles_per_call]
