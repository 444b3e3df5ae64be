"""What must hold for machines that nobody measured: a better machine is not predicted slower."""

import numpy as np
import pytest

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.physics import Runs, pass_time
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.store.catalogue import Catalogue

from .makers import kernel, machine, work

NETWORK = work(
    [
        *(kernel(i, flop=4e8) for i in range(20)),
        *(kernel(50 + i, type="dwconv", flop=2e7, weights=1e4) for i in range(5)),
        kernel(90, type="fc", flop=8e6, moved=1e4, weights=1.6e7),
    ]
)
BETTER = {
    "clock": {"boost_hz": 1.2},
    # Cores with their power: more of them on the same watts can cost a hybrid chip its efficient ones.
    "cores": {"performance_cores": 2, "sustained_power_w": 2},
    "width": {"fma_bits_per_core": 2},
    "bandwidth": {"memory_bandwidth_bytes_per_s": 2},
    "power": {"sustained_power_w": 1.5},
    "cache": {"l3_bytes": 4},
}


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


def drawn(rng: np.random.Generator) -> MachineSpec:
    cores = int(rng.choice([2, 4, 6, 8, 16, 32]))
    small = int(rng.choice([0, 0, 4, 8])) if cores <= 8 else 0
    return machine(
        simd_level=str(rng.choice(["sse42", "avx2", "avx2_vnni", "avx512_vnni", "amx"])) if not small else "avx2_vnni",
        performance_cores=cores,
        efficiency_cores=small,
        threads=2 * cores + small,
        release_year=int(rng.integers(2016, 2026)),
        boost_hz=float(rng.uniform(2e9, 5.5e9)),
        base_hz=None,
        fma_bits_per_core=float(rng.choice([256, 512])),
        fma_bits_per_e_core=256.0,
        memory_bandwidth_bytes_per_s=float(rng.uniform(10e9, 200e9)),
        tdp_w=float(rng.uniform(6, 30) * cores / 2),
        sustained_power_w=float(rng.uniform(3, 15) * cores),
    )


@pytest.mark.parametrize("what", BETTER)
def test_physics_never_makes_a_better_machine_slower(shipped, what) -> None:
    """All cores busy with one stream each; 200 machines drawn at random, one of their facts bettered at a time."""
    rng = np.random.default_rng(7)
    before = [drawn(rng) for _ in range(200)]
    after = [
        spec.model_copy(update={name: getattr(spec, name) * k for name, k in BETTER[what].items()}) for spec in before
    ]
    table = shipped.table(NETWORK)
    speed = []
    for specs in (before, after):
        arrays = machine_arrays(specs)
        streams = arrays.cores
        runs = Runs(np.zeros(200, dtype=np.int64), np.ones(200), streams, arrays.cores, np.zeros(200))
        tables = np.repeat(table.table[None], 200, axis=0)
        peak = np.full(200, table.peak_activation_bytes)
        speed.append(streams / pass_time(shipped.transfer.parameters, arrays, tables, peak, runs).total)
    assert np.all(speed[1] >= 0.995 * speed[0])


def test_int8_is_never_predicted_slower_than_f32_where_there_is_evidence(shipped) -> None:
    catalogue = Catalogue.load()
    specs = [catalogue.resolve(name) for name in catalogue.processor_ids()]
    for hint in ("throughput", "latency"):
        found = {
            precision: shipped.service_many(
                [(spec, NETWORK, RunConfig(precision=precision, hint=hint)) for spec in specs]
            )
            for precision in ("f32", "int8")
        }
        for wide, narrow in zip(found["f32"], found["int8"], strict=True):
            assert narrow.throughput_per_s.p50 >= wide.throughput_per_s.p50, wide.platform


@pytest.mark.parametrize(
    "sparse",
    [
        {"simd_level": "avx2_vnni", "performance_cores": 12, "threads": 24},
        {"simd_level": "avx512_vnni", "performance_cores": 32, "threads": 64},
    ],
)
def test_a_sheet_without_memory_is_not_starved_of_it_and_is_doubted(shipped, sparse) -> None:
    """Of a new chip a buyer knows cores and clock: the figure stays near the full sheet's, its interval widens."""
    whole = machine(**sparse, memory_bandwidth_bytes_per_s=8e9 * sparse["performance_cores"], tdp_w=250.0)
    bare = whole.model_copy(update={"memory_bandwidth_bytes_per_s": None})
    asked = RunConfig(hint="throughput")
    known, guessed = shipped.service_many([(whole, NETWORK, asked), (bare, NETWORK, asked)])
    assert guessed.throughput_per_s.p50 > 0.7 * known.throughput_per_s.p50
    assert guessed.throughput_per_s.p90 / guessed.throughput_per_s.p10 > (
        known.throughput_per_s.p90 / known.throughput_per_s.p10
    )


@pytest.mark.parametrize("change", [{"architecture": "riscv64", "simd_level": "scalar"}, {"simd_level": "scalar"}])
def test_a_machine_without_any_published_relative_is_unknown(shipped, change) -> None:
    assert shipped.service(machine(**change), NETWORK, RunConfig()).evidence is Evidence.UNKNOWN


def test_compact_cores_of_amd_work_in_latency_mode_too() -> None:
    """OpenVINO tells kinds of cores by Intel's processor leaf."""
    hybrid = {"performance_cores": 4, "efficiency_cores": 6, "threads": 20, "simd_level": "avx2_vnni"}
    kinds = [resolve(machine(vendor=vendor, **hybrid), RunConfig(hint="latency")) for vendor in ("Intel", "AMD")]
    assert [(found.threads, found.performance_only) for found in kinds] == [(4, True), (10, False)]
