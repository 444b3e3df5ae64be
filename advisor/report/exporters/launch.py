"""A shell script that starts any program with the planned cores, memory nodes and OpenMP threads."""

from __future__ import annotations

import shlex

from advisor.records.host_settings import OMP_VARIABLE, HostSettings, as_list

from .boxes import Boxes, ExportFormat, joined_with_comments


def numactl(host: HostSettings) -> list[str]:
    """``numactl`` with the nodes whose cores and memory are used; empty where no node is named."""
    if not host.numa_nodes:
        return []
    nodes = as_list(host.numa_nodes)
    return ["numactl", f"--cpunodebind={nodes}", f"--membind={nodes}"]


def launcher(host: HostSettings) -> list[str]:
    """What stands before the program's own command; empty where the operating system is asked for nothing.

    Source: manual pages of systemd-run(1) and systemd.resource-control(5) (CPUQuota in percent of one CPU),
    numactl(8), taskset(1), env(1).
    """
    words = []
    if host.cpu_limit is not None:
        words += ["systemd-run", "--scope", f"--property=CPUQuota={100.0 * host.cpu_limit:.0f}%"]
    words += numactl(host)
    if host.cpuset:
        words += ["taskset", "--cpu-list", as_list(host.cpuset)]
    if host.omp_threads is not None:
        words += ["env", f"{OMP_VARIABLE}={host.omp_threads}"]
    return words


def _render(boxes: Boxes) -> str:
    """One script per kind of box: ``sh launch.sh COMMAND [ARGUMENT]...``.

    It serves whatever has no place for such settings in its own configuration, as OpenVINO Model Server has none.
    """
    lead = [] if boxes.cameras else [f"# {'each ' if boxes.count > 1 else ''}on {boxes.title}"]
    return "\n".join(["#!/bin/sh", *lead, shlex.join(["exec", *launcher(boxes.config.host)]) + ' "$@"'])


FORMAT = ExportFormat("launch", _render, joined_with_comments("\n\n"))
