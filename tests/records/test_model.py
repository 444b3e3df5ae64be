from __future__ import annotations

import pytest

from advisor.records.model import image_layout, image_size


@pytest.mark.parametrize(
    ("shape", "layout", "size"),
    [
        ((1, 3, 320, 544), "NCHW", (544, 320)),
        ((1, 224, 200, 3), "NHWC", (200, 224)),
        ((1, 4, 5, 3), "NCHW", (3, 5)),  # both could be channels: the first is taken
        ((1, 7, 5, 9), None, None),
        ((1, 128), None, None),
        ((1, 3, 16, 112, 112), None, None),
    ],
)
def test_an_image_is_told_by_its_channel_count(
    shape: tuple[int, ...], layout: str | None, size: tuple[int, int] | None
) -> None:
    assert image_layout(shape) == layout
    assert image_size(shape) == size
