"""The page of what errors are made of, on errors of a known law; nothing is fitted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from advisor.calibration.bands import NestedWidths
from advisor.calibration.crossval import HeldOutErrors
from advisor.calibration.dataset import residual_rows
from advisor.calibration.left_out import LeftOutErrors
from advisor.calibration.scales import FitChoice, Strictness
from advisor.calibration.transfer import JudgedCalibration
from advisor.calibration.unpublished import ElsewhereError
from advisor.perfmodel import Predictor
from benchmarks.transfer_parts import page
from tests.calibration.shipped import dataset as shipped_dataset

LEVEL, OWN = 0.3, 0.02
TWO_TABLES = "intel-core-i7-1185g7"


@pytest.fixture(scope="module")
def text() -> str:
    """Machines with few rows, and one of two tables: errors are the level of the machine and a little of their own."""
    dataset = shipped_dataset()
    data = dataset.data.take(residual_rows(dataset.data))
    count = Counter(row.machine for row in data.rows)
    data = data.take(np.flatnonzero([count[row.machine] < 60 or row.machine == TWO_TABLES for row in data.rows]))
    rng = np.random.default_rng(0)
    machines = sorted({row.machine for row in data.rows})
    signs = {name: LEVEL * (-1) ** i for i, name in enumerate(machines)}
    errors = np.array([signs[row.machine] for row in data.rows]) + rng.normal(0.0, OWN, len(data.rows))
    families = {name: i for i, name in enumerate(machines)}
    left_out = LeftOutErrors(data, *([errors] * 9), families)
    elsewhere = tuple(
        ElsewhereError(i, other, float(errors[i]))
        for i, row in enumerate(data.rows)
        for other in [name for name in machines if name != row.machine][:2]
    )
    shipped = Predictor.load().transfer
    held = HeldOutErrors(data, errors, errors, {}, {}, {}, families)
    choice = FitChoice(Strictness(), shipped.parameters, shipped.calibration.scales)
    widths: dict[str, NestedWidths] = {}
    return page(JudgedCalibration(held, choice, {}, left_out, elsewhere, widths, ()), dataset.works)


def _lines(text: str, start: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith(start)]


def test_the_level_of_machines_is_found_as_their_part(text: str) -> None:
    for case in ("machine left out", "machine and family left out", "the same, model measured on one other machine"):
        parts, _ = _lines(text, f"| int8 | throughput | {case} |")
        assert np.hypot(float(parts[3]), float(parts[4])) == pytest.approx(LEVEL, rel=0.3)
        assert float(parts[-1].rstrip(" %")) > 95


def test_a_level_that_is_known_leaves_what_is_not_the_machines(text: str) -> None:
    """As judged |exp(-0.3) - 1| to exp(0.3) - 1, without the level 0.6745 times two per cent, and some of its own."""
    _, known = _lines(text, "| f32 | throughput | machine left out |")
    judged, half, level = (float(cell.rstrip(" %")) for cell in known[4:7])
    assert judged == pytest.approx(30, abs=6)
    assert half == pytest.approx(15, abs=3)
    assert level == pytest.approx(1.4, abs=0.5)


def test_one_figure_elsewhere_has_the_errors_of_two(text: str) -> None:
    lines = [line for line in _lines(text, "| ") if len(line) == 8 and line[2].isdigit()]
    assert lines
    for line in lines:
        floor, from_one = (np.log1p(float(cell.rstrip(" %")) / 100) for cell in line[4:6])
        assert from_one == pytest.approx(np.sqrt(2) * floor, abs=2e-3)
