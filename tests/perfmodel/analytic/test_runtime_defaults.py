"""Cores that a runtime takes where it is left to choose."""

import pytest

from advisor.perfmodel.analytic import runtime_defaults
from advisor.perfmodel.analytic.runtime_defaults import latency_threads, resolve
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.store.catalogue import Catalogue
from tests.perfmodel.makers import machine

F32, INT8 = 0, 2


def hybrid(performance: int, efficiency: int, low_power: int) -> MachineSpec:
    """A chip with the three kinds of Intel's cores, two threads per performance core."""
    return machine(
        simd_level="avx2_vnni",
        performance_cores=performance,
        efficiency_cores=efficiency,
        low_power_cores=low_power,
        threads=2 * performance + efficiency + low_power,
    )


@pytest.mark.parametrize(
    ("cores", "granted"),
    [((6, 8, 2), 14), ((2, 8, 2), 10), ((4, 0, 4), 8), ((4, 8, 4), 16), ((8, 16, 0), 24), ((4, 0, 2), 6)],
)
def test_a_pair_of_low_power_cores_beside_efficiency_cores_gets_no_inference(
    cores: tuple[int, int, int], granted: int
) -> None:
    """As parse_cache_info_linux of OpenVINO reads them: a pair outside the L3 is left out, a cluster of four is not."""
    spec = hybrid(*cores)
    assert spec.inference_cores == granted
    asked = resolve(spec, RunConfig(streams=spec.cores, threads=spec.cores))
    assert (asked.streams, asked.threads) == (granted, granted)
    assert resolve(spec, RunConfig(hint="throughput")).threads == granted


@pytest.mark.parametrize(
    ("cores", "f32", "int8"),
    [
        ((4, 8, 2), (12, False), (4, True)),  # E/P of 2: all cores in f32; low-power cores count for nothing
        ((6, 8, 2), (6, True), (6, True)),
        ((2, 8, 2), (10, False), (10, False)),
        ((4, 0, 4), (4, True), (4, True)),  # a Core Ultra 2xxV infers on its performance cores where latency counts
        ((8, 0, 0), (8, False), (8, False)),
    ],
)
def test_latency_mode_counts_efficiency_cores_that_share_the_third_level(
    cores: tuple[int, int, int], f32: tuple[int, bool], int8: tuple[int, bool]
) -> None:
    assert latency_threads(hybrid(*cores), F32) == f32
    assert latency_threads(hybrid(*cores), INT8) == int8


@pytest.mark.parametrize(
    ("name", "granted"),
    [("intel-core-ultra-7-155h", 14), ("intel-core-ultra-7-255h", 14), ("intel-core-ultra-7-258v", 8)],
)
def test_catalogue_chips(name: str, granted: int) -> None:
    assert resolve(Catalogue.load().resolve(name), RunConfig(hint="throughput")).threads == granted


def test_what_is_kept_answers_for_no_other_machine_or_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [hybrid(4, 8, 2), hybrid(8, 16, 0), machine(performance_cores=4, threads=4)]
    configs = [
        RunConfig(**asked)
        for asked in (
            {}, {"batch": 4}, {"hint": "throughput"}, {"hint": "throughput", "hint_requests": 3}, {"precision": "int8"},
            {"streams": 4, "threads": 4}, {"streams": 1, "threads": 2}, {"core_type": "performance"},
            {"runtime": "onnxruntime", "streams": 8, "threads": 4}, {"streams": 8, "threads": 4},
        )
    ]  # fmt: skip
    monkeypatch.setattr(runtime_defaults, "_RESOLVED", {})
    monkeypatch.setattr(runtime_defaults, "_MOST_KEPT", 20)
    for _ in range(2):  # the second time from what is kept
        for spec in specs:
            for config in configs:
                assert resolve(spec, config) == runtime_defaults._resolve(spec, config)
    assert 9 <= len(runtime_defaults._RESOLVED) <= 20
