"""Who is left out together with a model."""

from __future__ import annotations

import numpy as np

from advisor.calibration.unpublished import relatives, words_before_number
from advisor.perfmodel.analytic.work_table import WorkTable


def _works(**families: str) -> dict[str, WorkTable]:
    return {name.replace("_", "-"): WorkTable(name, family, np.zeros((5, 4)), 0.0) for name, family in families.items()}


def test_the_words_before_the_number_name_relatives() -> None:
    names = ("densenet-161", "yolo-v3-tiny", "yolo_v8n", "vgg16", "se-resnet-50", "unet")
    assert [words_before_number(name) for name in names] == ["densenet", "yolo", "yolo", "vgg", "se-resnet", "unet"]


def test_family_or_name_is_enough_to_be_left_out_together() -> None:
    works = _works(densenet_121="densenet", densenet_161="densenet-161", other_net="densenet", unet="unet")
    found = [set(part.tolist()) for part in relatives(list(works), works)]
    assert found == [{0, 1, 2}, {0, 1}, {0, 2}, {3}]


def test_a_name_that_begins_with_a_number_has_no_relatives_by_name() -> None:
    works = _works(**{"3d_unet": "a", "3d_net": "b"})
    assert [part.tolist() for part in relatives(list(works), works)] == [[0], [1]]
