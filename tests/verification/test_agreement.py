import numpy as np
import pytest

from advisor.verification.agreement import agreement
from advisor.verification.boxes import decode_ssd

SIZE = (100, 100)


def scores(best: int) -> list[np.ndarray]:
    row = np.zeros((1, 5), np.float32)
    row[0, best] = 1.0
    return [row]


def ssd(*boxes: tuple[float, float, float, float]) -> list[np.ndarray]:
    rows = [[0, 1, 0.9, *box] for box in boxes] + [[-1, 0, 0, 0, 0, 0, 0]]
    return [np.array(rows, np.float32).reshape(1, 1, -1, 7)]


def test_top_1_counts_inputs_with_the_same_best_class() -> None:
    found = agreement(
        [scores(1), scores(2), scores(3), scores(4)], [scores(1), scores(2), scores(3), scores(0)], None, SIZE
    )
    assert (found.kind, found.value, found.inputs, found.compared) == ("top-1", 0.75, 4, 4)


def test_boxes_count_those_of_both_that_the_other_finds() -> None:
    left, right, small = (0.0, 0.0, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9), (0.5, 0.5, 0.6, 0.6)
    found = agreement([ssd(left, small)], [ssd(left, right)], decode_ssd, SIZE)
    assert (found.kind, found.value, found.compared) == ("boxes", 0.5, 4)
    shifted = (0.05, 0.05, 0.45, 0.45)  # overlap over union: 0.35^2 / (2 * 0.4^2 - 0.35^2) = 0.62
    assert agreement([ssd(shifted)], [ssd(left)], decode_ssd, SIZE).value == 1.0
    assert agreement([ssd()], [ssd(left)], decode_ssd, SIZE).value == 0.0


def test_a_box_is_matched_once() -> None:
    whole, left, right = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.22, 0.4), (0.18, 0.0, 0.4, 0.4)
    found = agreement([ssd(left, right)], [ssd(whole)], decode_ssd, SIZE)
    assert found.value == pytest.approx(2 / 3)


def test_other_outputs_and_detectors_that_see_nothing_are_compared_as_tensors() -> None:
    vector = [np.array([[[1.0, 2.0], [3.0, 4.0]]])]
    assert agreement([vector], [vector], None, SIZE).kind == "tensors"
    assert agreement([vector], [[-vector[0]]], None, SIZE).value == 0.0
    assert agreement([vector], [[2 * vector[0]]], None, SIZE).value == pytest.approx(1.0)
    assert agreement([ssd()], [ssd()], decode_ssd, SIZE).kind == "tensors"
    assert agreement([[np.zeros((1, 3, 2))]], [[np.zeros((1, 2, 2))]], None, SIZE).value == 0.0
