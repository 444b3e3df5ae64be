import csv

import numpy as np
import pytest

from advisor.calibration.decode import fit_split, left_out, level_of, machines_of, pooled_sd, terms_of_codec
from advisor.calibration.decode_material import Seen, prepared_source
from advisor.calibration.table import read_table
from advisor.errors import CatalogueError


def test_pixels_and_bits_are_told_apart() -> None:
    pixels, bits = np.array([1e6, 1e6, 4e6, 4e6]), np.array([1e5, 4e5, 2e5, 1e6])
    assert fit_split(pixels, bits, 3.0 * pixels + 60.0 * bits) == pytest.approx((3.0, 60.0))


def test_a_large_picture_weighs_no_more_than_a_small_one() -> None:
    pixels, bits = np.array([1e5, 1e7]), np.zeros(2)
    per_pixel, _ = fit_split(pixels, bits, np.array([1.1, 0.9]) * pixels)
    # Least squares of c / t - 1: sum(1/t) / sum(1/t^2).
    assert per_pixel == pytest.approx((1 / 1.1 + 1 / 0.9) / (1 / 1.1**2 + 1 / 0.9**2))


def test_few_errors_leave_the_belief_and_many_outvote_it() -> None:
    assert pooled_sd(np.zeros(0), 0.25, 2.0) == pytest.approx(0.25)
    assert pooled_sd(np.full(1000, 0.1), 0.25, 2.0) == pytest.approx(0.1, abs=0.001)


def test_machines_of_equal_doubt_give_their_mean() -> None:
    found = level_of(np.array([0.1, 0.3]), np.array([0.1, 0.1]))
    assert found.mean == pytest.approx(0.2)
    between = (2 * 0.25**2 + 2 * 0.1**2) / 4
    assert found.machine_sd == pytest.approx(np.sqrt(between + (0.1**2 + 0.25**2) / 2))


def test_a_machine_that_is_hardly_known_moves_the_level_little() -> None:
    assert level_of(np.array([0.0, 0.0, 1.0]), np.array([0.1, 0.1, 2.0])).mean < 0.02


def test_few_machines_are_no_reason_for_a_narrow_interval() -> None:
    def half(count):
        found = level_of(np.zeros(count), np.full(count, 0.1))
        return found.t_90 * found.machine_sd

    assert half(2) > half(5) > half(50)


def test_intervals_hold_four_of_five_unseen_machines() -> None:
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(1500):
        truth = rng.normal(0.3, 0.25, 6)
        found = level_of(truth[:5] + rng.normal(0.0, 0.1, 5), np.full(5, 0.1))
        inside.append(abs(truth[5] - found.mean) <= found.t_90 * found.machine_sd)
    assert 0.77 <= np.mean(inside) <= 0.92


def test_an_input_is_made_of_the_picture_or_of_a_box_of_its_own_shape() -> None:
    row = {"kind": "preprocess", "width": "1920", "height": "1080", "target_width": "128", "target_height": "256"}
    assert prepared_source(row) == (1920, 1080)
    assert prepared_source(row | {"kind": "crop"}) == (135, 270)


def test_a_table_without_its_column_names_the_command_that_makes_it(tmp_path) -> None:
    path = tmp_path / "decode.csv"
    with pytest.raises(CatalogueError, match="run `make it`"):
        read_table(path, "make it", ("cores",))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["platform"], ["x"]])
    with pytest.raises(CatalogueError, match="column 'cores' is missing; run `make it`"):
        read_table(path, "make it", ("cores",))


def seen(content: str | None, seconds: float, bits: float = 1e5, kind: str = "measured", name: str = "m") -> Seen:
    return Seen(name, kind, content, "h264", 1000, 1000, bits, True, seconds, 1e9, 0.05, 1e9, True, 0.1)


def test_the_middle_is_the_mean_over_contents_and_synthesised_clips_keep_their_distance_to_it() -> None:
    camera = [seen("camera", 0.003 + 5e-8 * bits, bits) for bits in (1e5, 2e5, 4e5)]
    other = [seen("quiet", 0.004), seen("quiet", 0.004), seen("night", 0.016)]
    terms = terms_of_codec("h264", 0.1, camera, other)
    middle = (0.0 + np.log(0.5) + np.log(2.0)) / 3
    assert terms.cycles_per_bit == pytest.approx(50.0 * np.exp(middle))
    assert terms.camera_offset == pytest.approx(-middle, abs=1e-3)
    assert terms.fit_sd == pytest.approx(0.0, abs=1e-6)
    errors = np.array([np.log(0.5), np.log(0.5), np.log(2.0), 0.0]) - middle
    assert terms.content_sd == pytest.approx(np.sqrt((2 * 0.25**2 + np.sum(errors**2)) / 6), abs=1e-3)


def test_a_machine_is_judged_by_the_clip_that_it_decoded() -> None:
    terms = [terms_of_codec("h264", 0.1, [seen("camera", 0.008), seen("camera", 0.013, 2e5)], [seen("quiet", 0.004)])]
    offset = terms[0].camera_offset
    cascade, report = machines_of(
        [seen("camera", 0.016, kind="cascade", name="a"), seen(None, 0.016, kind="report", name="b")], terms
    )
    assert offset == pytest.approx(np.log(2.0) / 2, abs=1e-3)
    assert cascade.residual == pytest.approx(np.log(2.0), abs=2e-3)
    assert report.residual == pytest.approx(np.log(2.0) + offset, abs=2e-3)
    assert cascade.own_sd == pytest.approx(np.sqrt(0.1**2 + 0.15**2 + 0.05**2))
    assert report.own_sd == pytest.approx(np.sqrt(0.1**2 + terms[0].content_sd ** 2 + 0.05**2))


def test_what_is_left_out_has_no_part_in_its_prediction() -> None:
    terms = [terms_of_codec("h264", 0.1, [seen("camera", 0.008), seen("camera", 0.013, 2e5)], [])]
    rows = [
        seen("camera", 0.008),
        seen("camera", 0.008, kind="cascade", name="a"),
        seen(None, 0.016, kind="report", name="b"),
    ]
    found = {item.row.machine: item.predicted_s for item in left_out(machines_of(rows, terms), terms)}
    assert found["b"] == pytest.approx(0.008, rel=1e-3)
    assert found["a"] > 0.008
    assert "m" not in found
