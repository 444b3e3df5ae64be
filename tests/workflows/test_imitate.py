from __future__ import annotations

import os

import pytest

from advisor.errors import InputError
from advisor.host import host_facts
from advisor.records.host import HostFacts
from advisor.records.machine import MachineSpec
from advisor.workflows.imitate import imitating, imitation


def machine(cores: int, level: str) -> MachineSpec:
    return MachineSpec(id="small", name="small", performance_cores=cores, threads=cores, simd_level=level)


def facts(level: str, usable: float) -> HostFacts:
    here = host_facts()
    cpu = here.cpu.model_copy(update={"simd_level": level})
    return here.model_copy(update={"cpu": cpu, "limits": here.limits.model_copy(update={"usable_cores": usable})})


@pytest.mark.parametrize(
    ("target", "own", "cap"),
    [("sse42", "avx2", "sse42"), ("avx", "avx2", "sse42"), ("avx2", "avx512_vnni", "avx2"), ("avx2", "avx2", None),
     ("avx512_bf16", "amx", "avx512_bf16"), ("amx", "avx2", None)],
)  # fmt: skip
def test_the_cap_is_the_highest_that_the_target_has(target: str, own: str, cap: str | None) -> None:
    wanted = imitation(machine(1, target), facts(own, 2))
    assert wanted.simd_cap == cap
    assert any("not imitated: clock" in note for note in wanted.notes)


def test_a_wider_target_is_said_not_to_be_imitated() -> None:
    assert any("amx there and avx2 here" in note for note in imitation(machine(1, "amx"), facts("avx2", 2)).notes)


def test_more_cores_or_another_architecture_are_refused() -> None:
    with pytest.raises(InputError, match="on 4 cores, this machine may use 2"):
        imitation(machine(4, "avx2"), facts("avx2", 2))
    with pytest.raises(InputError, match="neon"):
        imitation(machine(1, "neon"), facts("avx2", 2))


def test_a_core_ultra_is_imitated_with_the_cores_that_inference_is_given() -> None:
    """The runtime there leaves two low-power cores out, so a plan asks for 14 streams and not for 16."""
    facts_of = {"performance_cores": 6, "efficiency_cores": 8, "low_power_cores": 2, "threads": 22}
    ultra = MachineSpec(id="ultra", name="ultra", simd_level="avx2", **facts_of)
    wanted = imitation(ultra, facts("avx2", 14))
    assert wanted.cores == 14
    assert any("2 low-power cores" in note for note in wanted.notes)
    with pytest.raises(InputError, match="infers on 14 cores, this machine may use 13"):
        imitation(ultra, facts("avx2", 13))
    assert not any("low-power" in note for note in imitation(machine(1, "avx2"), facts("avx2", 2)).notes)


def test_limits_hold_inside_and_are_lifted_after() -> None:
    affinity = os.sched_getaffinity(0)
    wanted = imitation(machine(1, "sse42"), facts("avx2", 2))
    with imitating(wanted):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == affinity
