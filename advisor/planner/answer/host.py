"""What is asked of the operating system of a box: cores, memory nodes, quota, threads of OpenMP."""

from __future__ import annotations

import math

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.setup import Setup
from advisor.records.config import RunConfig
from advisor.records.host_settings import HostSettings
from advisor.records.machine import MachineSpec
from advisor.records.plan import PredictedLoad
from advisor.runtimes.registry import OPENMP


def host_settings(candidate: Candidate, setup: Setup, predicted: PredictedLoad) -> HostSettings:
    """Ask for what the figures of the box count with, and for nothing where that is the whole box.

    OpenMP: as many threads as a pass of its widest stage that uses it has, so that no library takes a core per thread
    of its own beside the planned ones; one where no stage does.
    """
    threads = [_per_pass(config) for config in setup.configs.values() if config.runtime in OPENMP]
    return HostSettings(
        cpu_limit=candidate.machine.quota_cores,
        cpuset=candidate.granted_cpus,
        numa_nodes=numa_nodes(candidate.machine, _threads(setup), predicted),
        omp_threads=max(threads, default=1),
    )


def numa_nodes(machine: MachineSpec, threads: int, predicted: PredictedLoad) -> tuple[int, ...]:
    """The fewest NUMA nodes that give every thread a core and carry the memory traffic; empty on a box with one node.

    Threads: those of all stages and of decoding, or the cores that are busy at P90 where the application adds to them.
    Traffic: that at P90, of which each node has an equal share. No pass then reads another node's memory.
    """
    nodes = machine.numa_nodes
    if nodes == 1:
        return ()
    busy = sum(load.p90 for load in predicted.stage_load.values())
    by_cores = math.ceil(max(float(threads), busy) * nodes / machine.inference_cores)
    traffic = predicted.utilisation.get("memory_bandwidth")
    by_traffic = nodes if traffic is None else math.ceil(traffic.p90 * nodes)
    return tuple(range(min(nodes, max(1, by_cores, by_traffic))))


def _threads(setup: Setup) -> int:
    """Threads of all stages on the cores, and of decoding."""
    on_cores = (setup.configs[name] for name, option in setup.choice.items() if option.busy is None)
    return setup.decode_workers + sum(config.threads or config.streams or 1 for config in on_cores)


def _per_pass(config: RunConfig) -> int:
    return max(1, (config.threads or 1) // (config.streams or 1))
