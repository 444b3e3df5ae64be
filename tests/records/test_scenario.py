from __future__ import annotations

import pytest

from advisor.records.scenario import Stage


@pytest.mark.parametrize(
    ("written", "means"),
    [("3 frame", "3 frames"), ("3 frames", "3 frames"), ("1 frames", "1 frame"), ("2/s", "2/s"), (None, None)],
)
def test_singular_and_plural_of_an_interval_mean_the_same(written: str | None, means: str | None) -> None:
    assert Stage(id="s", model="m", every=written).every == means
