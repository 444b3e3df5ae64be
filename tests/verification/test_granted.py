from __future__ import annotations

from typing import Any

import pytest

from advisor.records.host_settings import NOTHING_ASKED, EffectiveHost, HostSettings
from advisor.verification.checks import Case
from advisor.verification.granted import host_settings
from advisor.verification.statistics import figures
from advisor.verification.usage import usage

from .support import configs, observe, scenario

ASKED = HostSettings(cpuset=(0, 1), omp_threads=2)


def case(asked: HostSettings, granted: EffectiveHost | None, **changes: Any) -> Case:
    plan = scenario()
    seen = observe(plan, 10.0)
    seen.host = granted
    return Case(plan, seen, figures(seen), usage(seen, 2.0), configs(plan), host=asked, **changes)


def test_where_nothing_was_asked_nothing_is_judged() -> None:
    assert host_settings(case(NOTHING_ASKED, EffectiveHost(cpuset=(0,))), 2.0) is None


def test_what_was_granted_is_said_with_the_libraries_that_it_reaches() -> None:
    granted = EffectiveHost(cpuset=(0, 1), numa_nodes=(0,), omp_threads=2, openmp_libraries={"libgomp.so.1": 2})
    found = host_settings(case(ASKED, granted), 2.0)
    assert found is not None
    assert (found.ok, found.required) == (True, "CPUs 0-1, OMP_NUM_THREADS=2")
    assert found.measured == (
        "CPUs 0-1, memory of NUMA nodes 0, no quota, OMP_NUM_THREADS=2, libgomp.so.1 with 2 threads"
    )


@pytest.mark.parametrize(
    ("asked", "granted", "ok", "says"),
    [
        (ASKED, EffectiveHost(cpuset=(0,), omp_threads=2), False, "CPUs 0-1 -> 0"),
        (ASKED, EffectiveHost(cpuset=(0, 1)), False, "OMP_NUM_THREADS 2 -> not set"),
        (ASKED, EffectiveHost(cpuset=(0, 1, 2), omp_threads=2), None, "CPUs 0-1 -> 0-2"),
        (HostSettings(numa_nodes=(0,)), EffectiveHost(numa_nodes=(0, 1)), None, "NUMA nodes 0 -> 0-1"),
        (HostSettings(numa_nodes=(0, 1)), EffectiveHost(numa_nodes=(0,)), False, "NUMA nodes 0-1 -> 0"),
        (HostSettings(cpu_limit=1.5), EffectiveHost(), None, "1.5 cores -> 2"),
        (HostSettings(cpu_limit=1.5), EffectiveHost(cpu_limit=1.0), False, "1.5 cores -> 1"),
        (HostSettings(cpu_limit=1.5), EffectiveHost(cpu_limit=1.5), True, "quota of 1.5 cores"),
        # Of the CPUs asked for those of the nodes: fewer on purpose.
        (HostSettings(cpuset=(0, 1), numa_nodes=(0,)), EffectiveHost(cpuset=(0,), numa_nodes=(0,)), True, "CPUs 0"),
        (ASKED, None, None, "not read back"),
    ],
)
def test_less_than_planned_fails_and_more_leaves_it_open(
    asked: HostSettings, granted: EffectiveHost | None, ok: bool | None, says: str
) -> None:
    found = host_settings(case(asked, granted), 2.0)
    assert found is not None
    assert found.ok is ok
    assert says in found.measured


def test_on_another_box_than_the_planned_one_nothing_is_proved_by_less() -> None:
    found = host_settings(case(ASKED, EffectiveHost(cpuset=(0,), omp_threads=2), other_box="another"), 2.0)
    assert found is not None
    assert found.ok is None
