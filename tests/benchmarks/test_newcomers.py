"""Tables of figures that were not fitted, from rows made up here."""

import numpy as np

from advisor.calibration.published import Row
from advisor.records.base import Evidence
from benchmarks.newcomers import Judged, page


def judged(machine: str, evidence: Evidence, error: float, inside: bool) -> Judged:
    row = Row("openvino-2024", machine, "resnet-50", 0, 0, 1, None, None, 0.0)
    return Judged(row, "avx2", evidence, error, inside)


def test_unknown_and_known_machines_are_told_apart() -> None:
    text = page(
        [
            judged("new-a", Evidence.SPEC, -np.log(1.1), True),
            judged("new-b", Evidence.SPEC, np.log(1.5), False),
            judged("old", Evidence.PUBLISHED, np.log(1.02), True),
        ],
        3,
        ["net"],
    )
    assert "| unknown machines | f32 | throughput | 2 | 2 | 21.7 % | 50 % | 50 % (± 50) |" in text
    assert "| known chip and model | f32 | throughput | 1 | 1 | 2.0 % | 100 % | 100 % |" in text
    assert "| new-b | f32 | throughput | 1 | +50 % |" in text
    assert "3 more are of models without a work table (net)" in text
