from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from advisor.planner.answer.host import host_settings, numa_nodes
from advisor.planner.plan import plan
from advisor.planner.search.setup import Setup
from advisor.records.base import Interval, RuntimeName
from advisor.records.config import RunConfig
from advisor.records.host_settings import HostSettings
from tests.planner.fakes import best_of, candidate, inputs


def test_a_whole_box_is_asked_for_nothing_but_still_libraries() -> None:
    best = best_of(plan(inputs([candidate("box", 8, 300.0)])))
    assert best.config.host == HostSettings(omp_threads=1)


def test_what_this_machine_grants_is_asked_for_again() -> None:
    box = candidate("this", 8, 300.0)
    machine = box.machine.model_copy(update={"quota_cores": 6.5})
    best = best_of(plan(inputs([replace(box, machine=machine, granted_cpus=(0, 1, 2, 3, 4, 5, 6))])))
    assert (best.config.host.cpu_limit, best.config.host.cpuset) == (6.5, (0, 1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(("runtime", "threads"), [("torch", 3), ("ncnn", 3), ("openvino", 1), ("onnxruntime", 1)])
def test_openmp_has_the_threads_of_a_pass_where_a_stage_uses_it(runtime: RuntimeName, threads: int) -> None:
    setup = SimpleNamespace(
        choice={"person": SimpleNamespace(busy=None)}, decode_workers=1,
        configs={"person": RunConfig(runtime=runtime, threads=6, streams=2)},
    )  # fmt: skip
    predicted = best_of(plan(inputs([candidate("box", 8, 300.0)]))).predicted
    assert host_settings(candidate("box", 8, 300.0), cast(Setup, setup), predicted).omp_threads == threads


@pytest.mark.parametrize(
    ("threads", "busy", "traffic", "nodes"),
    [
        (4, 3.0, 0.1, (0,)),  # all threads have a core on one of four nodes of eight
        (8, 8.0, 0.25, (0,)),
        (9, 3.0, 0.1, (0, 1)),
        (4, 9.5, 0.1, (0, 1)),  # the application's threads are none of the plan's
        (4, 3.0, 0.6, (0, 1, 2)),  # each node has a quarter of the bandwidth
        (64, 60.0, 1.2, (0, 1, 2, 3)),
    ],
)
def test_as_many_nodes_are_taken_as_threads_and_traffic_need(
    threads: int, busy: float, traffic: float, nodes: tuple[int, ...]
) -> None:
    box = candidate("server", 32, 3000.0).machine.model_copy(update={"numa_nodes": 4})
    predicted = best_of(plan(inputs([candidate("box", 8, 300.0)]))).predicted.model_copy(
        update={
            "stage_load": {"person": Interval(p10=busy, p50=busy, p90=busy)},
            "utilisation": {"memory_bandwidth": Interval(p10=traffic, p50=traffic, p90=traffic)},
        }
    )
    assert numa_nodes(box, threads, predicted) == nodes
    assert numa_nodes(box.model_copy(update={"numa_nodes": 1}), threads, predicted) == ()
