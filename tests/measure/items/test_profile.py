from pathlib import Path
from typing import cast

import pytest

from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.profile import ProfileItem
from advisor.records.config import RunConfig
from advisor.records.measurement import Interference
from advisor.records.model import Kernel
from advisor.runtimes import CompiledModel
from tests.measure.measuring import measured
from tests.measure.models import small_conv


@pytest.mark.runtime
def test_kernels_have_times(tmp_path: Path) -> None:
    model = small_conv(tmp_path, size=64)
    config = RunConfig(streams=1, threads=1, requests=1)
    (record,) = measured([ProfileItem(model, config)])
    assert record.status == "done", record.failure
    # The counters are parts of a pass; what lies between them and what interrupts them is not a multiple of it.
    assert record.pass_s is not None
    assert 0.01 < sum(kernel.time_s or 0.0 for kernel in record.kernels) / record.pass_s < 5.0
    convolutions = [kernel for kernel in record.kernels if kernel.type == "conv"]
    assert len(convolutions) == 3
    for kernel in convolutions:
        assert kernel.time_s is not None
        # 19 MFLOP each: between 1 GFLOP/s and 10 TFLOP/s on any machine.
        assert 1e-6 < kernel.time_s < 2e-2


def test_kinds_of_one_configuration_have_different_keys(tmp_path: Path) -> None:
    from advisor.measure.items.throughput import TimingItem
    from advisor.measure.timing.harness import QUICK, MeasureSpec
    from advisor.records.config import LoadMode

    model, config = small_conv(tmp_path), RunConfig(threads=1)
    keys = [TimingItem(model, config, LoadMode(), spec).key("h") for spec in (MeasureSpec(), QUICK)]
    keys += [ProfileItem(model, config).key("h"), FootprintItem(model, config).key("h")]
    assert len(set(keys)) == 4


def test_the_keys_of_0_1_are_recognised(tmp_path: Path) -> None:
    """It stored profiles and footprints as timings of a length that no timing has."""
    from advisor.measure.items.throughput import TimingItem
    from advisor.measure.timing.harness import MeasureSpec
    from advisor.records.config import LoadMode

    model, config = small_conv(tmp_path), RunConfig(threads=1, batch=2)
    profile, footprint = ProfileItem(model, config), FootprintItem(model, config)
    for item, spec in (
        (profile, MeasureSpec(min_duration_s=1e-6, min_samples=2)),
        (footprint, MeasureSpec(min_duration_s=2e-6, min_samples=1)),
    ):
        former = TimingItem(model, config, LoadMode(), spec).key("h")
        assert {key: new for key, (new, _) in item.former_keys("h").items()} == {former: item.key("h")}


def test_passes_are_timed_around_the_counting() -> None:
    from advisor.measure.items.profile import _counted_and_timed

    class Counted:
        """Passes get longer as they go: those before the counting and those after it must both count."""

        inputs = ()
        calls = 0

        def infer(self, _inputs: object) -> None:
            self.calls += 1

        def profile(self, passes: int) -> tuple[Kernel, ...]:
            self.calls += 100
            return ()

    model = Counted()
    kernels, times_s = _counted_and_timed(cast(CompiledModel, model), 4)
    assert kernels == ()
    assert len(times_s) == 4 + 4
    assert min(times_s) > 0
    assert model.calls == 2 + 4 + 100 + 4  # warm, before, counted, after


@pytest.mark.parametrize(
    ("slowdowns", "taken", "kept", "dirty"),
    [
        ([1.0, 1.05], 1, 1, False),
        ([1.0, 1.9, 1.0, 1.0], 2, 2, False),  # the second was undisturbed
        ([1.3, 1.0, 1.0, 1.9], 2, 1, True),  # neither was: the better of the two, marked
    ],
)
def test_a_profile_during_which_fixed_work_was_slow_is_taken_again(
    slowdowns: list[float], taken: int, kept: int, dirty: bool
) -> None:
    from advisor.measure.items.profile import _at_full_speed

    class Check:
        def slowdown(self) -> float:
            return slowdowns.pop(0)

    calls = []

    def take() -> tuple[int, Interference]:
        calls.append(1)
        return len(calls), Interference()

    found, seen = _at_full_speed(take, Check())
    assert (len(calls), found, seen.dirty) == (taken, kept, dirty)
    assert not slowdowns
