import numpy as np
import pytest

from advisor.perfmodel.analytic.clock import sustained_clock
from advisor.perfmodel.analytic.machine import machine_arrays, made_by_amd, usual_boost_hz
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


def test_wide_arithmetic_lowers_the_clock_of_intel_alone() -> None:
    wide = {"simd_level": "avx512_vnni", "fma_bits_per_core": 1024.0, "tdp_w": 400.0}
    intel, amd = machine(**wide), machine(vendor="AMD", **wide)
    clocks = [float(sustained_clock(PRIOR, machine_arrays([spec]), np.array([4.0]))[0]) for spec in (intel, amd)]
    assert np.isclose(clocks[0] / clocks[1], PRIOR.factor("clock_avx512"))
