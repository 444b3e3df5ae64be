"""A chip that is better in every field of its data sheet is never predicted slower."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import MEAN, Parameters
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.elsewhere.order import ChipOrder, at_least_as_good, in_order
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.store.catalogue import Catalogue
from tests.perfmodel.makers import kernel, machine, work

PRIOR = Parameters(MEAN)
TOLERANCE = 0.01
ALONE_TOLERANCE = 0.015
"""Passes by themselves are ordered ones times a ratio of each chip's own, which no order binds."""


def better_than(one: dict[str, object], other: dict[str, object]) -> tuple[bool, bool]:
    found = at_least_as_good(PRIOR, machine_arrays([machine(**one), machine(**other)]))
    return bool(found[0, 1]), bool(found[1, 0])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"boost_hz": 4.2e9}, {}, (True, False)),
        ({"boost_hz": 4.2e9}, {"l3_bytes": 12e6}, (False, False)),
        ({}, {}, (True, True)),
        ({"simd_level": "avx2_vnni"}, {"simd_level": "avx2"}, (True, False)),
        ({"simd_level": "avx512_vnni"}, {"simd_level": "avx2_vnni"}, (False, False)),
        ({"simd_level": "amx"}, {"simd_level": "avx2_vnni"}, (True, False)),
        ({"vendor": "AMD", "boost_hz": 5e9}, {}, (False, False)),
        ({"sockets": 2, "performance_cores": 8, "threads": 8}, {}, (False, False)),
        # Small cores and their clock count where the lesser chip has some.
        ({"efficiency_cores": 4, "threads": 8, "e_core_turbo_hz": 2e9}, {}, (True, False)),
        (
            {"efficiency_cores": 4, "threads": 8, "e_core_turbo_hz": 2e9},
            {"efficiency_cores": 4, "threads": 8, "e_core_turbo_hz": 3e9},
            (False, True),
        ),
        # A pair of low-power cores that do not infer makes no better chip.
        (
            {"efficiency_cores": 4, "low_power_cores": 2, "threads": 10},
            {"efficiency_cores": 4, "threads": 8},
            (True, True),
        ),
        ({"turbo_power_w": 90.0}, {}, (True, False)),
    ],
)
def test_better_means_in_every_field(one: dict, other: dict, expected: tuple[bool, bool]) -> None:
    assert better_than(one, other) == expected


@st.composite
def graded(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of chips of three grades each, who is better in all of them, and who has figures."""
    count = draw(st.integers(1, 12))
    grades = np.array(draw(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=count, max_size=count)))
    better = (grades[:, None] >= grades[None]).all(2)
    better &= ~better.T
    times = np.array(draw(st.lists(st.floats(-1, 1), min_size=count, max_size=count)))
    fitted = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    return times, better, fitted


@given(graded())
def test_moved_times_keep_the_order(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    times, better, fitted = drawn
    moved = in_order(times[None], better[None], fitted)[0]
    for i, j in np.argwhere(better):
        assert moved[i] <= moved[j] + 1e-12
    assert times.min() <= moved.min()
    assert moved.max() <= times.max()


@given(graded())
def test_times_in_order_stay(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    times, better, fitted = drawn
    once = in_order(times[None], better[None], fitted)
    np.testing.assert_allclose(in_order(once, better[None], fitted), once, atol=1e-12)


def test_a_chip_without_figures_gives_way_to_one_with_them() -> None:
    """The better chip, 1.2 slower by its figures, stays; the lesser one, predicted at 1.0, follows."""
    better = np.array([[[False, True], [False, False]]])
    times = np.array([[1.2, 1.0]])
    assert in_order(times, better, np.array([True, False])).tolist() == [[1.2, 1.2]]
    assert in_order(times, better, np.array([True, True])).tolist() == [[1.1, 1.1]]


NETWORKS = [
    work([kernel(i, flop=4.1e8) for i in range(20)], model="resnet-50"),
    work(
        [
            *(kernel(i, flop=2.6e7, moved=2e6) for i in range(20)),
            *(kernel(50 + i, type="dwconv", flop=4e6, moved=2e6, weights=1e4) for i in range(17)),
        ],
        model="nobody-has-published-this",
    ),
]
SETTINGS = [{"hint": "throughput"}, {"streams": 1, "threads": 1}, {"streams": 1, "threads": 4}, {"hint": "latency"}]


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


@pytest.fixture(scope="module")
def chips() -> list[MachineSpec]:
    catalogue = Catalogue.load()
    every = [catalogue.resolve(name) for name in catalogue.processor_ids()]
    return [chip for chip in every if chip.architecture == "x86_64"]


def slower_though_better(shipped: Predictor, machines: list[MachineSpec], better: np.ndarray) -> list[str]:
    """Ordered pairs of which the better one is predicted slower, in words."""
    cases = [
        (network, RunConfig(precision=precision, **setting))
        for network in NETWORKS
        for precision in ("f32", "int8")
        for setting in SETTINGS
    ]
    # All at once: the predictor looks at each chip's place in the order once and not once per case.
    services = iter(shipped.service_many([(item, network, config) for network, config in cases for item in machines]))
    found = []
    first, second = np.argwhere(better & ~better.T).T
    for network, config in cases:
        settings = [resolve(item, config) for item in machines]
        streams, threads = (np.array([getattr(item, name) for item in settings]) for name in ("streams", "threads"))
        per_input_s = np.array([1.0 / next(services).throughput_per_s.p50 for _ in machines])
        # One stream over more threads, or many streams against one, is the runtime's choice.
        alike = (threads[first] == threads[second]) & (streams[first] == streams[second])
        compared = alike | (np.minimum(streams[first], streams[second]) > 1)
        excess = per_input_s[first] / per_input_s[second] - 1.0
        found += [
            f"{machines[first[k]].id} {excess[k]:.1%} slower than {machines[second[k]].id}: {network.model} {config}"
            for k in np.flatnonzero(compared & (excess > TOLERANCE))
        ]
    return found


def test_a_better_chip_is_never_predicted_slower(shipped: Predictor, chips: list[MachineSpec]) -> None:
    """Every ordered pair of catalogue chips, with and without published figures, by the predicted service."""
    better = at_least_as_good(shipped.transfer.parameters, machine_arrays(chips))
    assert (better & ~better.T).sum() > 700
    assert slower_though_better(shipped, chips, better) == []


def test_nor_in_the_same_box(shipped: Predictor, chips: list[MachineSpec]) -> None:
    """Small chips at one power limit and with one kind of memory, as plans compare them."""
    small = [chip for chip in chips if chip.tdp_w is not None and chip.tdp_w <= 60]
    better = at_least_as_good(shipped.transfer.parameters, machine_arrays(small))
    assert (better & ~better.T).sum() > 100
    box = {"sustained_power_w": 45.0, "memory_bandwidth_bytes_per_s": 89.6e9, "memory_channels": 2}
    boxed = [chip.model_copy(update={**box, "id": f"box-{chip.id}"}) for chip in small]
    assert slower_though_better(shipped, boxed, better) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_nor_by_itself_on_an_idle_machine(shipped: Predictor, chips: list[MachineSpec], threads: int) -> None:
    """The pass of one stream with all other cores idle, of configurations that fill each chip as plans do."""
    large = [chip for chip in chips if chip.inference_cores > threads]
    better = at_least_as_good(shipped.transfer.parameters, machine_arrays(large))
    streams = [chip.inference_cores // threads for chip in large]
    cases = [(network, precision) for network in NETWORKS for precision in ("f32", "int8")]
    requests = [
        (chip, network, RunConfig(precision=precision, streams=count, threads=count * threads))
        for network, precision in cases
        for chip, count in zip(large, streams, strict=True)
    ]
    services = iter(shipped.service_many(requests))
    found = []
    for network, precision in cases:
        mine = [next(services) for _ in large]
        full_s = np.array([service.latency_s.p50 for service in mine])
        alone_s = np.array([(service.alone_s or service.latency_s).p50 for service in mine])
        assert np.all(alone_s <= 1.0001 * full_s)
        found += [
            f"{large[i].id} {alone_s[i] / alone_s[j] - 1.0:.1%} slower than {large[j].id}: {network.model} {precision}"
            for i, j in np.argwhere(better & ~better.T)
            if alone_s[i] > (1.0 + ALONE_TOLERANCE) * alone_s[j]
        ]
    assert found == []


def test_near_twins_are_near_in_time(shipped: Predictor) -> None:
    """One die, 200 MHz apart: the one has published figures, the other has none."""
    catalogue = Catalogue.load()
    for precision in ("f32", "int8"):
        config = RunConfig(precision=precision, streams=14, threads=14)
        measured, twin = (
            shipped.service(catalogue.resolve(f"mini-pc-core-ultra-7-{name}-32-gb"), NETWORKS[0], config)
            for name in ("165h", "155h")
        )
        assert 1.0 - TOLERANCE < twin.latency_s.p50 / measured.latency_s.p50 < 1.06


def test_chips_that_nobody_knows_are_left_alone(shipped: Predictor) -> None:
    order, table = ChipOrder(shipped.transfer, shipped.transfer.calibration.ordered), shipped.table(NETWORKS[0])
    assert order.shift(machine(boost_hz=4.123e9), table, RunConfig(hint="throughput")) == 0.0
