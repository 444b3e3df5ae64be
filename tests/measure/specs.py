"""How long tests measure that look at the way of a measurement, not at what it says."""

from importlib import import_module

import pytest

from advisor.measure.timing.harness import MeasureSpec

SHORT = MeasureSpec(
    min_duration_s=0.05, min_samples=3, min_blocks=3, max_duration_s=0.5, block_s=0.01, warmup_max_s=0.05,
    max_dirty_blocks=0,
)  # fmt: skip
"""As short as it can be: of a disturbed machine, too, where the usual one repeats what was disturbed."""


def time_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `sizer bench` time what it is given for as long as :data:`SHORT` says."""
    for name in ("matrix", "quick"):  # they make records of the class itself as they are imported
        import_module(f"advisor.measure.campaign.{name}")
    monkeypatch.setattr("advisor.measure.timing.harness.MeasureSpec", lambda: SHORT)
