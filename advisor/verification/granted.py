"""Whether the operating system granted the run what the plan counts with."""

from __future__ import annotations

from advisor.records.host_settings import NOTHING_ASKED, EffectiveHost, HostSettings, as_list
from advisor.records.verdict import Check

from .checks import Case


def host_settings(case: Case, usable_cores: float | None) -> Check | None:
    """Cores, memory and OpenMP threads must be those that were planned; None where nothing was requested of them.

    A run that was given less fails: it is no run of the plan. One that was given more proves nothing of the plan, and
    leaves the question open: a quota can only be set from outside.
    """
    asked, granted = case.host, case.seen.host
    if asked == NOTHING_ASKED:
        return None
    required = asked.words
    if granted is None:
        return Check(name="host_settings", required=required, measured="not read back", ok=None)
    less, more = _host_differences(asked, granted, usable_cores)
    ok = None if more and not less else not less
    if less and case.other_box is not None:
        ok = None
    advice = ""
    if less or more:
        advice = "start it with these settings (sizer plan --export compose or launch), or plan again with --on this"
    return Check(
        name="host_settings", required=required, measured="; ".join((*less, *more)) or granted.words, ok=ok,
        met=not less, advice=advice,
    )  # fmt: skip


def _host_differences(
    asked: HostSettings, granted: EffectiveHost, usable_cores: float | None
) -> tuple[list[str], list[str]]:
    """Settings that were granted in part or not at all, and those that left the run more than was planned."""
    less, more = [], []
    if asked.cpuset and granted.cpuset is not None and set(granted.cpuset) != set(asked.cpuset):
        missing = not set(asked.cpuset) <= set(granted.cpuset)
        # The cores of the nodes that were asked for are fewer than the CPUs named beside them, on purpose.
        if missing and not asked.numa_nodes:
            less.append(f"CPUs {as_list(asked.cpuset)} -> {as_list(granted.cpuset)}")
        elif not missing:
            more.append(f"CPUs {as_list(asked.cpuset)} -> {as_list(granted.cpuset)}")
    if asked.numa_nodes and granted.numa_nodes is not None and set(granted.numa_nodes) != set(asked.numa_nodes):
        words = f"NUMA nodes {as_list(asked.numa_nodes)} -> {as_list(granted.numa_nodes)}"
        (more if set(asked.numa_nodes) < set(granted.numa_nodes) else less).append(words)
    limits = [limit for limit in (granted.cpu_limit, usable_cores) if limit is not None]
    if asked.cpu_limit is not None and limits and min(limits) != asked.cpu_limit:
        words = f"{asked.cpu_limit:g} cores -> {min(limits):g}"
        (more if min(limits) > asked.cpu_limit else less).append(words)
    if asked.omp_threads is not None and granted.omp_threads != asked.omp_threads:
        less.append(f"OMP_NUM_THREADS {asked.omp_threads} -> {granted.omp_threads or 'not set'}")
    return less, more
