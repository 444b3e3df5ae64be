"""Shapes of all inputs from what a file declares and a user gives; nothing is read here."""

from pathlib import Path

import pytest

from advisor.errors import ModelError
from advisor.graph.inputs import DeclaredInput, GivenShapes, main_input, static_inputs
from advisor.records.model import parse_named_shapes

PATH = Path("m.onnx")


def one(*dimensions, **given):
    return static_inputs([DeclaredInput("x", dimensions)], PATH, GivenShapes(**given))


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (("N", 3, "H", "W"), (1, 3, 480, 640)),
        (("N", "H", "W", 3), (1, 480, 640, 3)),
        ((1, None, None, 3), (1, 480, 640, 3)),
        ((1, 320, 320, 3), (1, 480, 640, 3)),
        ((1, 1, None, None), (1, 1, 480, 640)),
        ((None, None, None, 1), (1, 480, 640, 1)),
        ((None, None, None, None), (1, 3, 480, 640)),
    ],
)
def test_width_and_height_are_the_pictures_whatever_the_order(declared, found) -> None:
    assert one(*declared, picture=(640, 480)).shapes == (found,)


def test_width_and_height_fit_no_other_input() -> None:
    with pytest.raises(ModelError, match=r"640x480 does not fit.*\[1, 128\]"):
        one("N", "tokens", picture=(640, 480))


@pytest.mark.parametrize(
    ("declared", "given", "shape", "batch"),
    [
        ((8, 3, 32, 32), None, (1, 3, 32, 32), 8),
        ((8, 32, 32, 3), None, (1, 32, 32, 3), 8),
        ((8, 3, 32, 32), (1, 3, 64, 64), (1, 3, 64, 64), 8),
        (("N", 3, 32, 32), (4, 3, 32, 32), (1, 3, 32, 32), 4),
        (("N", 3, 32, 32), None, (1, 3, 32, 32), 1),
        ((5, 1, 8), None, (5, 1, 8), 1),  # steps of a recurrence
    ],
)
def test_a_fixed_batch_of_pictures_is_no_part_of_the_shape_at_batch_1(declared, given, shape, batch) -> None:
    found = one(*declared, shape=given)
    assert (found.shapes, found.file_batch) == ((shape,), batch)


SIZES = DeclaredInput("im_shape", ("N", 2))
PICTURE = DeclaredInput("image", ("N", 3, "H", "W"))


def test_the_picture_is_the_main_input_wherever_it_stands() -> None:
    assert main_input([SIZES, PICTURE]) == 1
    assert main_input([PICTURE, SIZES]) == 0
    assert main_input([SIZES, DeclaredInput("x", (None, None, None, None))]) == 1
    assert main_input([DeclaredInput("ids", ("N", "S")), DeclaredInput("mask", ("N", "S"))]) == 0
    found = static_inputs([SIZES, PICTURE], PATH, GivenShapes(picture=(640, 480)))
    assert (found.shapes, found.main) == (((1, 2), (1, 3, 480, 640)), 1)


def test_dimensions_of_one_name_have_one_length() -> None:
    mask = DeclaredInput("pixel_mask", ("N", "H", "W"))
    found = static_inputs([PICTURE, mask], PATH, GivenShapes(shape=(1, 3, 480, 640)))
    assert found.shapes == ((1, 3, 480, 640), (1, 480, 640))
    assert found.symbols == {"H": 480, "W": 640}
    assert found.batch_symbols == {"N"}


def test_inputs_alike_the_main_one_follow_it_without_names() -> None:
    ids, mask = DeclaredInput("ids", (None, None)), DeclaredInput("mask", (None, None))
    assert static_inputs([ids, mask], PATH, GivenShapes(shape=(1, 128))).shapes == ((1, 128), (1, 128))


def test_a_second_fixed_input_keeps_its_own_size() -> None:
    other = DeclaredInput("past", (1, 3, 16, 16))
    assert static_inputs([PICTURE, other], PATH, GivenShapes(picture=(64, 48))).shapes[1] == (1, 3, 16, 16)


@pytest.mark.parametrize("given", [GivenShapes(), GivenShapes(picture=(640, 480)), GivenShapes(shape=(1, 3, 480, 640))])
def test_what_the_message_advises_is_taken(given) -> None:
    """An open dimension that follows from nothing: whatever form was tried, the advised one works."""
    inputs = [PICTURE, DeclaredInput("boxes", ("N", "boxes", 4))]
    for _ in range(2):
        with pytest.raises(ModelError) as refused:
            static_inputs(inputs, PATH, given)
        given = GivenShapes(named=parse_named_shapes(str(refused.value).split("'")[1]))
        if len(given.named) == len(inputs):
            break
    assert static_inputs(inputs, PATH, given).shapes[1] == (1, 1, 4)


def test_names_are_those_of_the_model() -> None:
    with pytest.raises(ModelError, match="input: names images; the model's inputs are im_shape, image"):
        static_inputs([SIZES, PICTURE], PATH, GivenShapes(named={"images": (1, 3, 8, 8)}))


@pytest.mark.parametrize("text", ["images", "images[1,3", "images[1;3]", "[1,3]", "a[1],,b[2]", "a[]", "a[1] b[2]"])
def test_shapes_by_name_are_read_strictly(text) -> None:
    assert parse_named_shapes("images[1, 3,8,8], im_shape[1,2]") == {"images": (1, 3, 8, 8), "im_shape": (1, 2)}
    with pytest.raises(ValueError, match="shapes by name"):
        parse_named_shapes(text)
