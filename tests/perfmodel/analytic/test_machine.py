import numpy as np
import pytest

from advisor.perfmodel.analytic.clock import sustained_clock
from advisor.perfmodel.analytic.machine import (
    core_class,
    error_class,
    filled_fields,
    machine_arrays,
    made_by_amd,
    usual_boost_hz,
)
from advisor.perfmodel.analytic.parameters import MEAN, Parameters
from tests.perfmodel.makers import machine

PRIOR = Parameters(MEAN)


@pytest.mark.parametrize("vendor", ["AMD", "AuthenticAMD"])
def test_amd_is_known_by_its_name_and_by_what_the_processor_says(vendor) -> None:
    assert made_by_amd(machine(vendor=vendor))
    assert machine_arrays([machine(vendor=vendor)]).amd[0] == 1.0


def test_other_makers_are_not_amd() -> None:
    assert not made_by_amd(machine(vendor="GenuineIntel"))


def test_a_guest_without_clock_gets_the_usual_one_of_its_class() -> None:
    guest = machine(base_hz=None, boost_hz=None, tdp_w=None, simd_level="avx512_bf16")
    assert usual_boost_hz(guest) > 3.5e9


def test_fields_that_are_filled_are_named() -> None:
    full = machine(all_core_turbo_hz=3.5e9)
    assert filled_fields(full) == ()
    hybrid = full.model_copy(update={"efficiency_cores": 8, "low_power_cores": 2, "l3_bytes": None})
    assert filled_fields(hybrid) == ("e_core_turbo_hz", "fma_bits_per_e_core", "l3_bytes")
    island = full.model_copy(update={"low_power_cores": 4})
    assert filled_fields(island) == ("fma_bits_per_low_power_core", "low_power_core_turbo_hz")


def test_small_cores_share_their_second_level_cache() -> None:
    """A Core Ultra 7 255H: six caches of 3 MB and two of 4 MB; the island's 2 MB serve cores that do not infer."""
    mib = 2.0**20
    facts = {"l2_bytes_per_core": 3 * mib, "l2_bytes_per_e_cluster": 4 * mib, "e_cores_per_cluster": 4}
    facts |= {"performance_cores": 6, "efficiency_cores": 8, "threads": 16, "simd_level": "avx2_vnni"}
    island = {"low_power_cores": 2, "l2_bytes_per_low_power_cluster": 2 * mib}
    lunar = facts | {"performance_cores": 4, "efficiency_cores": 0, "low_power_cores": 4}
    specs = [
        machine(**facts),
        machine(**facts, **island),
        machine(**lunar, l2_bytes_per_low_power_cluster=4 * mib),
        machine(**{k: v for k, v in facts.items() if "cluster" not in k}),
    ]
    assert (machine_arrays(specs).l2_bytes / mib).tolist() == [26.0, 26.0, 16.0, 42.0]


def test_small_cores_are_described_by_those_that_infer() -> None:
    facts = {"performance_cores": 4, "threads": 16, "simd_level": "avx2_vnni", "fma_bits_per_e_core": 512.0}
    facts |= {"fma_bits_per_low_power_core": 256.0, "e_core_turbo_hz": 4.0e9, "low_power_core_turbo_hz": 2.0e9}
    pair = machine(**facts, efficiency_cores=8, low_power_cores=2)
    four = machine(**facts, efficiency_cores=4, low_power_cores=4)
    alone = machine(**facts, efficiency_cores=0, low_power_cores=4)
    arrays = machine_arrays([pair, four, alone])
    assert arrays.efficiency_cores.tolist() == [8, 8, 4]
    assert arrays.fma_bits_e.tolist() == [512, 384, 256]
    assert arrays.e_core_hz.tolist() == [4.0e9, 3.0e9, 2.0e9]


def test_wide_arithmetic_lowers_the_clock_of_intel_alone() -> None:
    wide = {"simd_level": "avx512_vnni", "fma_bits_per_core": 1024.0, "tdp_w": 400.0}
    intel, amd = machine(**wide), machine(vendor="AMD", **wide)
    clocks = [float(sustained_clock(PRIOR, machine_arrays([spec]), np.array([4.0]))[0]) for spec in (intel, amd)]
    assert np.isclose(clocks[0] / clocks[1], PRIOR.factor("clock_avx512"))


def test_errors_are_learned_from_machines_whose_power_is_as_much_the_box_makers_choice() -> None:
    small = machine("n100", simd_level="avx2_vnni", fma_bits_per_core=256.0, tdp_w=6.0)
    soldered = machine("soldered", simd_level="avx512_vnni", tdp_w=45.0)
    thrifty, desktop = machine("35 W", tdp_w=35.0), machine("65 W", simd_level="avx2_vnni", tdp_w=65.0)
    found = [error_class(spec) for spec in (small, soldered, thrifty, desktop)]
    assert found == ["small_cores", "avx512_vnni_low_power", "avx2_low_power", "avx2_vnni_high_power"]
    assert error_class(machine("guest", tdp_w=None)) == "avx2_high_power", "nothing is known of a guest's power"
    assert [core_class(spec) for spec in (small, soldered, thrifty)] == ["small_cores", "avx512_vnni", "avx2"]
    rare = [machine("old", simd_level="sse42", tdp_w=6.0), machine("tiles", simd_level="amx", tdp_w=350.0)]
    assert [error_class(spec) for spec in rare] == ["sse42", "amx"]


def test_a_changed_data_sheet_is_read_anew() -> None:
    before = machine(boost_hz=4e9)
    assert machine_arrays([before]).boost_hz[0] == 4e9
    assert machine_arrays([before.model_copy(update={"boost_hz": 3e9}), before]).boost_hz.tolist() == [3e9, 4e9]
