"""The page of stated probabilities, on errors and bands of a known law; nothing is fitted."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.calibration.bands import CASES, BandsWithout, NestedWidths
from advisor.calibration.crossval import HeldOutErrors
from advisor.calibration.dataset import residual_rows
from advisor.calibration.left_out import LeftOutErrors
from advisor.calibration.scales import FitChoice, Strictness
from advisor.calibration.transfer import JudgedCalibration
from advisor.calibration.unpublished import ElsewhereError
from advisor.perfmodel import Predictor
from advisor.records.base import Z90
from benchmarks.page import PAGE, replaced
from benchmarks.reliability import page
from benchmarks.summary import summary
from tests.calibration.shipped import dataset as shipped_dataset

SIGMA = 0.1


@pytest.fixture(scope="module")
def text() -> str:
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    rng = np.random.default_rng(0)
    machines = [row.machine for row in data.rows]
    factor = {name: rng.normal(0.0, SIGMA * np.sqrt(0.5)) for name in sorted(set(machines))}
    drawn = np.array([factor[name] for name in machines]) + rng.normal(0.0, SIGMA * np.sqrt(0.5), len(machines))
    families = {name: i for i, name in enumerate(sorted(set(machines)))}
    errors = LeftOutErrors(data, *([drawn] * 9), families)
    half = np.full(len(drawn), Z90 * SIGMA)
    widths = {case: NestedWidths(-half, half, np.full(len(drawn), 0.5)) for case in CASES}
    shipped = Predictor.load().transfer
    held = HeldOutErrors(data, drawn, drawn, {}, {}, {}, families)
    choice = FitChoice(Strictness(), shipped.parameters, shipped.calibration.scales)
    elsewhere = tuple(ElsewhereError(i, "another", 0.5 * float(error)) for i, error in enumerate(drawn))
    return page(JudgedCalibration(held, choice, {}, errors, elsewhere, widths, tuple(BandsWithout(errors).bands())), 40)


def test_every_table_has_its_rows(text: str) -> None:
    assert text.count("| 0.9 to 1.0 |") == 2
    for case in ("published models, machine left out", "machine and model family left out"):
        for factors in ("joint", "one for all"):
            assert f"| {case} | even | {factors} |" in text
        assert f"| {case} | avx2 |" in text
    assert "| unpublished/avx2_vnni_low_power/f32/throughput |" in text


def test_a_model_measured_elsewhere_has_the_errors_that_were_left(text: str) -> None:
    """All errors are made half as large: the median is about 0.6745 of half a standard deviation of 10 %."""
    (line,) = [line for line in text.splitlines() if line.startswith("| f32 | throughput | the same")]
    assert float(line.split("|")[7].strip(" %")) == pytest.approx(3.4, abs=0.8)


def test_the_summary_reads_the_section(text: str) -> None:
    whole = replaced(PAGE.read_text(encoding="utf-8"), "reliability", text)
    rows = [line for line in summary(whole).splitlines() if "without a published figure on machines" in line]
    assert len(rows) == 1
    assert "measured on one other machine" in rows[0]
