"""What ships and no test changes, read once by each process."""

from __future__ import annotations

from functools import cache

from advisor.calibration.dataset import Dataset, load_dataset


@cache
def dataset() -> Dataset:
    """Published figures with the tables of their models: the better part of a second."""
    return load_dataset()
