import csv

import numpy as np
import pytest

from advisor.calibration.decode import fit_split, level_of, pooled_sd
from advisor.calibration.decode_material import prepared_source, read_rows
from advisor.errors import CatalogueError


def test_pixels_and_bits_are_told_apart():
    pixels, bits = np.array([1e6, 1e6, 4e6, 4e6]), np.array([1e5, 4e5, 2e5, 1e6])
    assert fit_split(pixels, bits, 3.0 * pixels + 60.0 * bits) == pytest.approx((3.0, 60.0))


def test_a_large_picture_weighs_no_more_than_a_small_one():
    pixels, bits = np.array([1e5, 1e7]), np.zeros(2)
    per_pixel, _ = fit_split(pixels, bits, np.array([1.1, 0.9]) * pixels)
    # Least squares of c / t - 1: sum(1/t) / sum(1/t^2).
    assert per_pixel == pytest.approx((1 / 1.1 + 1 / 0.9) / (1 / 1.1**2 + 1 / 0.9**2))


def test_few_errors_leave_the_belief_and_many_outvote_it():
    assert pooled_sd(np.zeros(0), 0.25, 2.0) == pytest.approx(0.25)
    assert pooled_sd(np.full(1000, 0.1), 0.25, 2.0) == pytest.approx(0.1, abs=0.001)


def test_machines_of_equal_doubt_give_their_mean():
    found = level_of(np.array([0.1, 0.3]), np.array([0.1, 0.1]))
    assert found.mean == pytest.approx(0.2)
    between = (2 * 0.25**2 + 2 * 0.1**2) / 4
    assert found.machine_sd == pytest.approx(np.sqrt(between + (0.1**2 + 0.25**2) / 2))


def test_a_machine_that_is_hardly_known_moves_the_level_little():
    assert level_of(np.array([0.0, 0.0, 1.0]), np.array([0.1, 0.1, 2.0])).mean < 0.02


def test_few_machines_are_no_reason_for_a_narrow_interval():
    def half(count):
        found = level_of(np.zeros(count), np.full(count, 0.1))
        return found.t_90 * found.machine_sd

    assert half(2) > half(5) > half(50)


def test_intervals_hold_four_of_five_unseen_machines():
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(1500):
        truth = rng.normal(0.3, 0.25, 6)
        found = level_of(truth[:5] + rng.normal(0.0, 0.1, 5), np.full(5, 0.1))
        inside.append(abs(truth[5] - found.mean) <= found.t_90 * found.machine_sd)
    assert 0.77 <= np.mean(inside) <= 0.92


def test_an_input_is_made_of_the_picture_or_of_a_box_of_its_own_shape():
    row = {"kind": "preprocess", "width": "1920", "height": "1080", "target_width": "128", "target_height": "256"}
    assert prepared_source(row) == (1920, 1080)
    assert prepared_source(row | {"kind": "crop"}) == (135, 270)


def test_a_table_without_its_column_names_the_command_that_makes_it(tmp_path):
    path = tmp_path / "decode.csv"
    with pytest.raises(CatalogueError, match="run `make it`"):
        read_rows(path, "make it", ("cores",))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["platform"], ["x"]])
    with pytest.raises(CatalogueError, match="column 'cores' is missing; run `make it`"):
        read_rows(path, "make it", ("cores",))
