from __future__ import annotations

import numpy as np
import pytest

from advisor.errors import InputError
from advisor.verification import boxes as known
from advisor.verification.boxes import decode_boxes, decode_ssd, decode_yolo, decoder_for, layout_of, register, suppress


def ssd(*rows: tuple[float, ...]) -> list[np.ndarray]:
    return [np.array(rows, dtype=np.float32).reshape(1, 1, -1, 7)]


def test_ssd_rows_go_to_their_pictures_and_weak_ones_are_left_out() -> None:
    outputs = ssd((0, 1, 0.9, 0.1, 0.2, 0.3, 0.4), (1, 1, 0.8, 0.5, 0.5, 0.9, 0.9), (1, 1, 0.4, 0.0, 0.0, 0.1, 0.1))
    found = decode_ssd(outputs, (300, 300), 2)
    assert found[0] == [pytest.approx((0.1, 0.2, 0.3, 0.4))]
    assert found[1] == [pytest.approx((0.5, 0.5, 0.9, 0.9))]


def test_ssd_ends_at_the_first_negative_picture() -> None:
    assert decode_ssd(ssd((-1, 0, 0, 0, 0, 0, 0), (0, 1, 0.9, 0.1, 0.1, 0.2, 0.2)), (300, 300), 1) == [[]]


def test_boxes_beyond_the_picture_are_cut_and_empty_ones_left_out() -> None:
    found = decode_ssd(ssd((0, 1, 0.9, -0.5, 0.2, 0.3, 1.4), (0, 1, 0.8, 0.9, 0.9, 0.8, 0.95)), (300, 300), 1)
    assert found == [[pytest.approx((0.0, 0.2, 0.3, 1.0))]]


def test_suppression_keeps_the_best_of_boxes_that_overlap() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.9], [0.5, 0, 1.5, 1], [2, 2, 3, 3]], dtype=np.float64)
    # overlaps with the best: 0.9, 1/3, 0
    assert suppress(boxes, np.array([0.8, 0.9, 0.7, 0.6])) == [1, 2, 3]
    assert suppress(boxes, np.array([0.8, 0.9, 0.7, 0.6]), overlap=0.2) == [1, 3]
    assert suppress(boxes[:0], np.zeros(0)) == []


def yolo_table() -> np.ndarray:
    table = np.zeros((1, 50, 7), dtype=np.float32)
    table[0, 3] = (320, 320, 64, 128, 0.9, 0.1, 0.8)  # 0.72
    table[0, 4] = (322, 320, 64, 128, 0.9, 0.1, 0.7)  # the same object
    table[0, 9] = (64, 64, 64, 64, 0.6, 0.7, 0.1)  # 0.42: too weak
    return table


def test_yolo_boxes_are_scored_by_objectness_times_class() -> None:
    assert decode_yolo([yolo_table()], (640, 640), 1) == [[pytest.approx((0.45, 0.4, 0.55, 0.6))]]


def test_yolo_without_objectness_and_transposed_is_read() -> None:
    table = yolo_table()
    scores = table[:, :, 4:5] * table[:, :, 5:]
    transposed = np.concatenate((table[:, :, :4], scores), axis=2).transpose(0, 2, 1)
    assert decode_yolo([transposed], (640, 640), 1) == [[pytest.approx((0.45, 0.4, 0.55, 0.6))]]


def test_outputs_of_another_layout_are_refused_by_shape() -> None:
    with pytest.raises(InputError, match=r"\[1, 10\]"):
        decode_ssd([np.zeros((1, 10))], (300, 300), 1)
    with pytest.raises(InputError, match=r"\[1, 10\]"):
        decode_yolo([np.zeros((1, 10))], (300, 300), 1)


def test_a_layout_of_ones_own_can_be_registered(monkeypatch) -> None:
    monkeypatch.setattr(known, "_OWN", {})
    assert decoder_for("mine") is None
    assert decoder_for(None) is None
    register("mine", lambda _outputs, _size, batch: [[(0.0, 0.0, 1.0, 1.0)]] * batch)
    decoder = decoder_for("mine")
    assert decoder is not None
    assert decoder([], (1, 1), 2) == [[(0.0, 0.0, 1.0, 1.0)]] * 2


def test_fractions_are_told_from_pixels_by_the_whole_table() -> None:
    table = yolo_table()
    table[:, :, :4] /= 640
    assert decode_yolo([table], (640, 640), 1) == [[pytest.approx((0.45, 0.4, 0.55, 0.6))]]


def test_a_wide_input_has_its_own_scale_each_way() -> None:
    assert decode_yolo([yolo_table()], (1280, 640), 1) == [[pytest.approx((0.225, 0.4, 0.275, 0.6))]]


def test_yolo_with_suppression_inside_gives_corners() -> None:
    table = np.zeros((1, 300, 6), dtype=np.float32)
    table[0, 0] = (64, 128, 128, 320, 0.9, 2)
    table[0, 1] = (320, 320, 640, 640, 0.8, 0)
    assert decode_yolo([table], (640, 640), 1) == [
        [pytest.approx((0.1, 0.2, 0.2, 0.5)), pytest.approx((0.5, 0.5, 1.0, 1.0))]
    ]
    single = np.zeros((1, 300, 6), dtype=np.float32)  # a single class: centre, size, objectness, score
    single[0, 0] = (320, 320, 64, 128, 0.9, 0.8)
    assert decode_yolo([single], (640, 640), 1) == [[pytest.approx((0.45, 0.4, 0.55, 0.6))]]


def test_plain_boxes_are_read_in_pixels() -> None:
    rows = np.array([(64, 64, 128, 320, 0.9), (0, 0, 64, 64, 0.1)], dtype=np.float32)
    assert decode_boxes([rows, np.array([0, 0])], (640, 640), 1) == [[pytest.approx((0.1, 0.1, 0.2, 0.5))]]
    assert decode_boxes([np.zeros((0, 5)), np.zeros(0)], (640, 640), 1) == [[]]
    with pytest.raises(InputError, match="batch 1"):
        decode_boxes([rows], (640, 640), 2)


@pytest.mark.parametrize("layout", ["ssd", "yolo", "boxes"])
def test_only_classes_that_count_are_objects(layout) -> None:
    if layout == "ssd":
        outputs = ssd((0, 1, 0.9, 0.1, 0.2, 0.3, 0.4), (0, 2, 0.8, 0.5, 0.5, 0.9, 0.9))
    elif layout == "yolo":
        table = np.zeros((1, 80, 8), dtype=np.float32)  # three classes
        table[0, 0] = (128, 192, 128, 128, 1.0, 0.1, 0.9, 0.1)
        table[0, 1] = (448, 448, 256, 256, 1.0, 0.1, 0.1, 0.8)
        outputs = [table]
    else:
        rows = np.array([(64, 128, 192, 256, 0.9), (320, 320, 576, 576, 0.8)], dtype=np.float32)
        outputs = [rows, np.array([1, 2])]
    every, ones, none = (decoder_for(layout, labels) for labels in ((), (1,), (7,)))
    assert every is not None
    assert ones is not None
    assert none is not None
    first, second = pytest.approx((0.1, 0.2, 0.3, 0.4)), pytest.approx((0.5, 0.5, 0.9, 0.9))
    assert every(outputs, (640, 640), 1) == [[first, second]]
    assert ones(outputs, (640, 640), 1) == [[first]]
    assert none(outputs, (640, 640), 1) == [[]]


@pytest.mark.parametrize(
    ("shapes", "layout"),
    [
        ([(1, 1, 200, 7)], "ssd"),
        ([(1, 25200, 85)], "yolo"),
        ([(1, 84, 8400)], "yolo"),
        ([(1, 300, 6)], "yolo"),
        ([(1, 56, 8400)], "yolo"),
        ([(1, 116, 8400), (1, 32, 160, 160)], "yolo"),
        ([(1, 300, 57)], "yolo"),
        ([(1, 300, 84)], "yolo"),
        ([(100, 5), (100,)], "boxes"),
        ([(1, 1000)], None),
        ([(1, 256, 14, 14)], None),
        ([(1, 3, 4)], None),
    ],
)
def test_a_layout_is_told_by_its_shapes(shapes, layout) -> None:
    assert layout_of(shapes, 1) == layout


def head(columns: int, rows: int = 200) -> np.ndarray:
    """Rows of a head without objectness; two of them, apart from each other, have a score."""
    table = np.zeros((1, rows, columns), dtype=np.float32)
    table[0, :, :4] = (320, 320, 64, 64)
    table[0, 0, :4] = (128, 192, 128, 128)
    table[0, 1, :4] = (448, 448, 256, 256)
    return table


TWO = [[pytest.approx((0.1, 0.2, 0.3, 0.4)), pytest.approx((0.5, 0.5, 0.9, 0.9))]]


@pytest.mark.parametrize("classes", [None, 1])
def test_key_points_are_no_scores(classes) -> None:
    """A pose head: one class, then 17 points of x, y in pixels and whether they are seen."""
    table = head(4 + 1 + 51)
    table[0, :2, 4] = 0.9
    table[0, :, 5:] = np.tile((300.0, 200.0, 0.99), 17)
    decoder = decoder_for("yolo", (), classes)
    assert decoder is not None
    assert decoder([table.transpose(0, 2, 1)], (640, 640), 1) == TWO


@pytest.mark.parametrize("classes", [None, 80])
@pytest.mark.parametrize("transposed", [True, False])
def test_weights_of_masks_are_no_scores(classes, transposed) -> None:
    """A segmentation head: 80 classes, 32 weights of any size, and prototypes beside."""
    objectness = 0 if transposed else 1
    table = head(4 + objectness + 80 + 32)
    table[0, :2, 4 : 5 + objectness] = 0.9
    if objectness:
        table[0, :2, 4] = 1.0
    table[0, :, 4 + objectness + 80 :] = 0.8  # all of them could be scores
    prototypes = np.zeros((1, 32, 160, 160), dtype=np.float32)
    rows = table.transpose(0, 2, 1) if transposed else table
    assert decode_yolo([prototypes, rows], (640, 640), 1, classes=classes) == TWO


@pytest.mark.parametrize("more", [0, 32, 51])
def test_rows_after_suppression_may_carry_more(more) -> None:
    table = np.zeros((1, 300, 6 + more), dtype=np.float32)
    table[0, 0, :6] = (64, 128, 192, 256, 0.9, 0)
    table[0, 1, :6] = (320, 320, 576, 576, 0.8, 3)
    table[0, :2, 6:] = 77.0
    assert decode_yolo([table], (640, 640), 1) == TWO


def test_queries_have_no_objectness() -> None:
    table = head(4 + 80, rows=300)
    table[0, :, :4] /= 640.0
    table[0, 0, 4 + 7] = table[0, 1, 4 + 9] = 0.9
    assert decode_yolo([table], (640, 640), 1) == TWO


def test_scores_before_the_sigmoid_are_still_scores() -> None:
    table = head(4 + 3)
    table[0, :, 4:] = -5.0
    table[0, :2, 5] = 4.0
    assert decode_yolo([table.transpose(0, 2, 1)], (640, 640), 1) == TWO
