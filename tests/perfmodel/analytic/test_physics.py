import numpy as np
import pytest

from advisor.perfmodel.analytic.clock import sustained_clock
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import BOUNDS, HIGHEST, INDEX, LOWEST, MEAN, Parameters
from advisor.perfmodel.analytic.physics import Runs, attainable_bandwidth, flop_per_cycle, pass_time
from advisor.perfmodel.analytic.work_table import CLASSES
from tests.perfmodel.makers import machine

PRIOR = Parameters(MEAN)


def runs(precision: int = 0, batch: float = 1, streams: float = 1, threads: float = 4) -> Runs:
    return Runs(np.array([precision]), np.array([batch]), np.array([streams]), np.array([threads]), np.zeros(1))


def table(flop: float, activation: float = 1e3, weights: float = 1e3, kernels: float = 1.0, row: int = 0) -> np.ndarray:
    out = np.zeros((1, len(CLASSES), 5))
    out[0, row] = (flop, activation, weights, kernels, activation**2 / kernels)
    return out


def total(spec, work, run) -> float:
    return float(pass_time(PRIOR, machine_arrays([spec]), work, np.array([1e4]), run).total[0])


def test_a_large_convolution_on_one_thread_takes_arithmetic_over_rate() -> None:
    arrays, one = machine_arrays([machine()]), runs(threads=1)
    clock = float(sustained_clock(PRIOR, arrays, np.ones(1))[0])
    rate = float(flop_per_cycle(PRIOR, arrays, one.precision)[0, 0])
    expected = 1e12 / (rate * clock)
    assert np.isclose(total(machine(), table(1e12), one), expected, rtol=0.01)


def test_rate_never_exceeds_what_the_pipes_can_do() -> None:
    arrays = machine_arrays([machine()])
    lanes = 512 / 32 * 2
    assert np.all(flop_per_cycle(PRIOR, arrays, np.array([0])) <= lanes)


def test_threads_follow_amdahl_for_a_large_kernel() -> None:
    serial = PRIOR.factor("serial_conv")
    spec = machine(all_core_turbo_hz=4e9, tdp_w=400.0)
    one, four = total(spec, table(1e12), runs(threads=1)), total(spec, table(1e12), runs(threads=4))
    assert np.isclose(one / four, 1.0 / (serial + (1 - serial) / 4), rtol=0.02)


def test_many_small_kernels_gain_less_from_threads_than_a_large_one() -> None:
    small, large = table(1e8, kernels=200.0), table(1e11, kernels=1.0)
    gain = [total(machine(), w, runs(threads=1)) / total(machine(), w, runs(threads=4)) for w in (small, large)]
    assert gain[0] < gain[1]


def test_activations_come_from_the_level_that_a_kernel_fits_into() -> None:
    """A hundred kernels of 100 kB hand each other what lies in the caches; one of 10 MB on four streams does not."""
    spec, run = machine(), runs(streams=4)
    parts = [
        pass_time(PRIOR, machine_arrays([spec]), table(0.0, 1e7, 0.0, kernels, row=3), np.array([1e6]), run)
        for kernels in (100.0, 1.0)
    ]
    assert parts[0].traffic[0] < 0.1 * 1e7 < 0.5 * 1e7 < parts[1].traffic[0]


def test_weights_from_memory_bind_when_nothing_is_reused() -> None:
    """A batch-1 matrix product of 1 GB weights takes at least traffic over bandwidth."""
    spec = machine()
    seconds = total(spec, table(5e8, weights=1e9, row=2), runs())
    assert seconds > 1e9 * 0.98 / (37.5e9 * PRIOR.factor("bandwidth"))


def test_a_second_unit_speeds_up_what_uses_its_values_more_than_once() -> None:
    two, one = (machine(simd_level="avx512_vnni", fma_bits_per_core=bits) for bits in (1024.0, 512.0))
    rates = [flop_per_cycle(PRIOR, machine_arrays([spec]), np.array([0]))[0] for spec in (two, one)]
    gains = dict(zip(CLASSES, rates[0] / rates[1], strict=True))
    assert gains["conv"] == gains["gemm"] == pytest.approx(2 * PRIOR.factor("pipe_extra"))
    assert gains["dwconv"] == gains["memory"] == gains["serial"] == 1.0
    narrow = machine(fma_bits_per_core=256.0)
    half = flop_per_cycle(PRIOR, machine_arrays([narrow]), np.array([0]))[0, 1]
    assert flop_per_cycle(PRIOR, machine_arrays([machine()]), np.array([0]))[0, 1] == pytest.approx(2 * half)


def test_int8_gains_more_with_vnni_than_without() -> None:
    gain = {}
    for level in ("avx2", "avx2_vnni"):
        spec = machine(simd_level=level)
        gain[level] = total(spec, table(1e12), runs(0)) / total(spec, table(1e12), runs(2))
    assert gain["avx2_vnni"] > 1.3 * gain["avx2"] > 1.3


def test_clock_is_the_turbo_with_power_to_spare_and_power_limited_without() -> None:
    rich, poor = machine(all_core_turbo_hz=3.9e9, tdp_w=300.0), machine(all_core_turbo_hz=3.9e9, tdp_w=8.0)
    all_cores = np.array([4.0])
    assert np.isclose(sustained_clock(PRIOR, machine_arrays([rich]), all_cores)[0], 3.9e9, rtol=0.02)
    power = 8.0 * PRIOR.factor("power_low")
    held = (power - 0.1 * power - min(2.0, 0.2 * power)) / 4.0
    expected = 1.2e9 * np.exp(PRIOR["clock_power_year"]) * held ** PRIOR["clock_power_exponent"]
    assert np.isclose(sustained_clock(PRIOR, machine_arrays([poor]), all_cores)[0], expected, rtol=0.02)


def test_power_goes_to_the_cores_that_work() -> None:
    """On its performance cores alone a hybrid chip has as many watts per core as one without small cores."""
    hybrid = machine(performance_cores=4, efficiency_cores=8, threads=16, tdp_w=15.0, simd_level="avx2_vnni")
    alone = machine(performance_cores=4, threads=8, tdp_w=15.0, simd_level="avx2_vnni")
    clocks = [float(sustained_clock(PRIOR, machine_arrays([spec]), np.array([4.0]))[0]) for spec in (hybrid, alone)]
    assert np.isclose(clocks[0], clocks[1], rtol=0.02)
    every = float(sustained_clock(PRIOR, machine_arrays([hybrid]), np.array([12.0]))[0])
    assert every < 0.85 * clocks[0]


def test_a_box_that_states_its_power_limit_is_believed() -> None:
    free, held = machine(simd_level="avx2"), machine(simd_level="avx2", sustained_power_w=15.0)
    assert total(held, table(1e12), runs()) > 1.1 * total(free, table(1e12), runs())


def test_streams_that_wait_for_memory_fill_the_attainable_bandwidth() -> None:
    spec = machine(memory_bandwidth_bytes_per_s=10e9)
    attainable = float(attainable_bandwidth(PRIOR, machine_arrays([spec]))[0])
    assert attainable == pytest.approx(PRIOR.factor("bandwidth") * 10e9)
    moved = table(0.0, activation=1e9, row=3)
    found = pass_time(PRIOR, machine_arrays([spec]), moved, np.array([1e9]), runs(streams=4.0, threads=4.0))
    assert 4.0 * found.traffic[0] / found.total[0] == pytest.approx(attainable, rel=0.05)


def clock_of_all_cores(**changes):
    spec = machine(simd_level="avx2", **changes)
    return float(sustained_clock(PRIOR, machine_arrays([spec]), np.array([4.0]))[0])


def test_a_box_that_states_just_its_chips_tdp_is_believed_too() -> None:
    """Stated or not is a fact, not an equality of two figures: 15.0 and 15.1 W differ by what 0.1 W differ."""
    facts = {"tdp_w": 15.0}
    unstated, exact, near = (clock_of_all_cores(**facts, sustained_power_w=w) for w in (None, 15.0, 15.1))
    assert exact < unstated
    assert np.isclose(exact, near, rtol=0.01)
    held = clock_of_all_cores(**facts, sustained_power_w=15.0 * PRIOR.factor("power_low"))
    assert np.isclose(unstated, held)


def test_no_box_holds_more_than_its_chips_turbo_power() -> None:
    """A desktop board that states nothing is taken to hold the TDP times a factor, at most the turbo power."""
    facts = {"tdp_w": 20.0 + 15.0}  # a desktop socket
    held_w = 35.0 * PRIOR.factor("power_small_desktop")
    free, high, low = (clock_of_all_cores(**facts, turbo_power_w=w) for w in (None, 2 * held_w, 37.0))
    assert free == high
    assert np.isclose(low, clock_of_all_cores(**facts, sustained_power_w=37.0))
    assert low < free


def test_every_parameter_has_a_finite_prior() -> None:
    assert np.all(np.isfinite(MEAN))
    assert len(INDEX) == len(MEAN)


def test_every_prior_lies_inside_its_range_and_ranges_name_parameters() -> None:
    assert set(BOUNDS) <= set(INDEX)
    assert np.all((LOWEST < MEAN) & (MEAN < HIGHEST))


def test_ten_cores_of_35_w_clock_far_below_six_of_65() -> None:
    """A small desktop part has few watts for each of its cores: its turbo clock says little of what it holds."""
    small = machine(performance_cores=10, threads=20, tdp_w=35.0, boost_hz=4.5e9)
    large = machine(performance_cores=6, threads=12, tdp_w=65.0, boost_hz=4.5e9)
    clocks = [
        float(sustained_clock(PRIOR, machine_arrays([spec]), np.array([cores]))[0])
        for spec, cores in ((small, 10.0), (large, 6.0))
    ]
    assert clocks[0] < 0.65 * clocks[1]
