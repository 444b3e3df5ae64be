import numpy as np

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.bottleneck import bottleneck, costliest_kernels, fits_l2
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.physics import PassTime, Runs
from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.analytic.work_table import table_of
from advisor.perfmodel.here.kernels import KernelTime
from advisor.records.config import RunConfig
from tests.perfmodel.makers import kernel, machine, work

ONE_THREAD = ResolvedConfig(streams=1, threads=1, performance_only=False, latency_share=0.0)


def small_runs(precision: int = 0, threads: float = 1.0) -> Runs:
    one = np.ones(1)
    return Runs(np.array([precision]), one, one, one * threads, np.zeros(1))


def in_l2(moved: float, runs: Runs) -> bool:
    table = table_of(work([kernel(0, moved=moved, weights=0.0)])).table[None]
    return bool(fits_l2(machine_arrays([machine()]), table, runs)[0])


def test_small_tensors_stay_in_l2_and_narrow_ones_longer() -> None:
    assert in_l2(200e3, small_runs())
    assert not in_l2(400e3, small_runs())
    assert in_l2(400e3, small_runs(threads=2.0))
    assert in_l2(400e3, small_runs(precision=2))


def parts(**changes: float) -> PassTime:
    zero = np.zeros(1)
    facts = dict.fromkeys(PassTime.__dataclass_fields__, zero) | {"memory": np.zeros((1, 5))}
    return PassTime(**(facts | {name: np.array([value]) for name, value in changes.items()}))


def test_cached_traffic_is_told_by_its_level() -> None:
    busy = parts(cache_part=2.0, flop_part=1.0)
    assert bottleneck(busy, 0, in_l2=True) == "l2_bandwidth"
    assert bottleneck(busy, 0, in_l2=False) == "l3_bandwidth"
    assert bottleneck(parts(synchronisation=3.0, flop_part=1.0), 0, in_l2=True) == "synchronisation"


def test_measured_kernels_are_told_from_predicted_ones() -> None:
    rows = [kernel(i, flop=1e8 * (i + 1)) for i in range(4)]
    times = [KernelTime(4e-3, True), KernelTime(1e-3, False), KernelTime(2e-3, True), KernelTime(3e-3, False)]
    found = costliest_kernels(
        Predictor.load().transfer.parameters,
        machine(),
        work(rows),
        RunConfig(),
        ONE_THREAD,
        20e-3,
        measured=times,
        count=3,
    )
    assert [item.name for item in found] == ["k0", "k3", "k2"]
    assert [item.basis for item in found] == ["measured", "predicted", "measured"]
    assert np.allclose([item.time_s for item in found], [8e-3, 6e-3, 4e-3])
