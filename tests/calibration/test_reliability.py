"""The reliability table judges: predictors that are right, over-confident and blind, on errors of known law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.bands import NestedWidths
from advisor.calibration.dataset import residual_rows
from advisor.calibration.left_out import LeftOutErrors
from advisor.calibration.published import Observations
from advisor.calibration.reliability import (
    Judgements,
    confident,
    judged_mixes,
    probability_resolution,
    reliability_table,
    score,
)
from advisor.records.base import Z90
from tests.calibration import shipped

SIGMA = 0.15


@pytest.fixture(scope="module")
def data() -> Observations:
    data = shipped.dataset().data
    return data.take(residual_rows(data))


def _case(data: Observations, share: float, seed: int) -> tuple[LeftOutErrors, NestedWidths]:
    """Errors of one law on every row: the machine's share of the variance is ``share``."""
    rng = np.random.default_rng(seed)
    names = sorted({row.machine for row in data.rows})
    of_machine = dict(zip(names, rng.normal(0.0, np.sqrt(share), len(names)), strict=True))
    keys = sorted({(row.machine, row.model, row.precision, row.mode) for row in data.rows})
    own = dict(zip(keys, rng.normal(0.0, np.sqrt(1.0 - share), len(keys)), strict=True))
    errors = SIGMA * np.array(
        [of_machine[row.machine] + own[row.machine, row.model, row.precision, row.mode] for row in data.rows]
    )
    half = np.full(len(errors), Z90 * SIGMA)
    none = np.full(len(errors), np.nan)
    return (
        LeftOutErrors(data, errors, errors, none, none, none, none, none, none, none, {}),
        NestedWidths(-half, half, np.full(len(errors), share)),
    )


def _pooled(data: Observations, share: float, change=lambda widths: widths) -> Judgements:
    """Many worlds put together, so that machines are many."""
    parts = []
    for seed in range(12):
        errors, widths = _case(data, share, seed)
        found = judged_mixes(errors, errors.machine, change(widths), "even", per_machine=12, seed=seed)
        parts.append(replace(found, machines=tuple(f"{seed}/{name}" for name in found.machines)))
    return Judgements(
        np.concatenate([part.stated for part in parts]),
        np.concatenate([part.one_factor for part in parts]),
        np.concatenate([part.held for part in parts]),
        sum((part.machines for part in parts), ()),
        sum((part.simd for part in parts), ()),
    )


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_probabilities_from_the_true_law_hold(data: Observations, share: float) -> None:
    judged = _pooled(data, share)
    for item in reliability_table(judged):
        assert abs(item.observed - item.stated) < 3.5 * item.standard_error
    assert 0.87 <= confident(judged).held.mean() <= 0.98
    assert score(judged.stated, judged.held).reliability < 0.003


def test_intervals_of_half_the_width_are_found_out(data: Observations) -> None:
    judged = _pooled(data, 0.5, lambda widths: replace(widths, low=widths.low / 2, high=widths.high / 2))
    assert confident(judged).held.mean() < 0.85
    assert score(judged.stated, judged.held).reliability > 0.01


def test_intervals_of_twice_the_width_are_found_out(data: Observations) -> None:
    judged = _pooled(data, 0.5, lambda widths: replace(widths, low=widths.low * 2, high=widths.high * 2))
    assert confident(judged).held.mean() > 0.97
    assert score(judged.stated, judged.held).reliability > 0.01


def test_one_quantile_for_all_is_right_where_the_machine_shares_all_and_worse_where_it_shares_little(
    data: Observations,
) -> None:
    same = _pooled(data, 1.0)
    assert np.abs(same.stated - same.one_factor).max() < 0.2  # two samples of 400 draws
    apart = _pooled(data, 0.0)
    joint, one = (score(stated, apart.held) for stated in (apart.stated, apart.one_factor))
    assert one.brier > joint.brier
    assert one.reliability > 2 * joint.reliability


def test_the_same_seed_gives_the_same_mixes_and_another_gives_others(data: Observations) -> None:
    errors, widths = _case(data, 0.5, 0)
    first, again, other = (
        judged_mixes(errors, errors.machine, widths, "spread", per_machine=5, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.stated, again.stated)
    assert not np.array_equal(first.stated, other.stated)


def test_the_parts_of_a_brier_score_add_up() -> None:
    """By hand: 0.2 and 0.8 stated twenty times each, 6 and 14 held."""
    stated = np.repeat([0.2, 0.8], 20)
    held = np.concatenate([np.arange(20) < 6, np.arange(20) < 14])
    found = score(stated, held)
    assert found.reliability == pytest.approx(0.01)
    assert found.resolution == pytest.approx(0.04)
    assert found.uncertainty == pytest.approx(0.25)
    assert found.brier == pytest.approx(found.reliability - found.resolution + found.uncertainty)
    assert found.sharpness == pytest.approx(0.09)


def test_what_the_table_can_tell_apart_shrinks_with_machines() -> None:
    def judged(machines: int) -> Judgements:
        held = np.tile([True] * 9 + [False], machines // 10)
        names = tuple(f"m{i}" for i in range(machines))
        return Judgements(np.full(machines, 0.9), np.full(machines, 0.9), held, names, ("avx2",) * machines)

    assert probability_resolution(judged(40)) == pytest.approx(2 * np.sqrt(0.09 / 39))
    assert probability_resolution(judged(400)) == pytest.approx(2 * np.sqrt(0.09 / 399))
    with pytest.raises(ValueError, match="stated probability near"):
        probability_resolution(judged(40).take(np.arange(40) < 1))
