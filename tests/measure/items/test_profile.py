from pathlib import Path
from typing import cast

import pytest

from advisor.measure.items.profile import ProfileItem, profile_kernels
from advisor.records.config import RunConfig
from advisor.records.measurement import Interference
from advisor.records.model import Kernel
from advisor.runtimes import CompiledModel
from advisor.store.measurements import MeasurementStore
from tests.measure.models import small_conv


@pytest.mark.runtime
def test_kernels_have_times_that_are_kept(tmp_path: Path) -> None:
    model = small_conv(tmp_path, size=64)
    config = RunConfig(streams=1, threads=1, requests=1)
    with MeasurementStore(tmp_path / "s.db") as store:
        (record,) = profile_kernels(model, [config], store, "host")
        assert record.status == "done", record.failure
        assert record.timing is None
        # The counters are parts of a pass; what lies between them and what interrupts them is not a multiple of it.
        assert record.pass_s is not None
        assert 0.01 < sum(kernel.time_s or 0.0 for kernel in record.kernels) / record.pass_s < 5.0
        convolutions = [kernel for kernel in record.kernels if kernel.type == "conv"]
        assert len(convolutions) == 3
        for kernel in convolutions:
            assert kernel.time_s is not None
            # 19 MFLOP each: between 1 GFLOP/s and 10 TFLOP/s on any machine.
            assert 1e-6 < kernel.time_s < 2e-2
        assert profile_kernels(model, [config], store, "host") == [record]


def test_a_profile_is_not_taken_for_a_timing(tmp_path: Path) -> None:
    from advisor.measure.items.throughput import MeasureItem
    from advisor.measure.timing.harness import QUICK, MeasureSpec
    from advisor.records.config import LoadMode

    model, config = small_conv(tmp_path), RunConfig(threads=1)
    keys = {MeasureItem(model, config, LoadMode(), spec).key("h") for spec in (MeasureSpec(), QUICK)}
    assert ProfileItem(model, config).key("h") not in keys


def test_passes_are_timed_around_the_counting() -> None:
    from advisor.measure.items.profile import _counted_and_timed

    class Counted:
        """Passes get longer as they go: those before the counting and those after it must both be heard."""

        inputs = ()
        calls = 0

        def infer(self, _inputs: object) -> None:
            self.calls += 1

        def profile(self, passes: int) -> tuple[Kernel, ...]:
            self.calls += 100
            return ()

    model = Counted()
    kernels, pass_s = _counted_and_timed(cast(CompiledModel, model), 4)
    assert kernels == ()
    assert pass_s > 0
    assert model.calls == 2 + 4 + 100 + 4  # warm, before, counted, after


@pytest.mark.parametrize(
    ("slowdowns", "taken", "kept", "dirty"),
    [
        ([1.0, 1.05], 1, 1, False),
        ([1.0, 1.9, 1.0, 1.0], 2, 2, False),  # the second was undisturbed
        ([1.3, 1.0, 1.0, 1.9], 2, 1, True),  # neither was: the better of the two, marked
    ],
)
def test_a_profile_beside_slow_fixed_work_is_taken_again(
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
