"""What a second thread on the same core adds."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from advisor.errors import RuntimeRefusal
from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.micro_record import figure
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime

from . import networks


def siblings(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Throughput of two threads on one core over that of one: two models of one stream each, at the same time.

    Raises
    ------
    RuntimeRefusal
        No core has two threads that this process may use.
    """
    pair = usable_pair()
    if pair is None:
        raise RuntimeRefusal("no core has two threads that this process may run on")
    os.sched_setaffinity(0, pair)
    path = folder / "net.onnx"
    networks.conv_chain(path, "f32", channels=128, size=56, layers=2)
    runtime = get_runtime(payload["runtime"])
    config = RunConfig(runtime=payload["runtime"], streams=1, threads=1, requests=1)
    models = [runtime.compile(path, config) for _ in pair]
    try:
        alone, together = _rates(models[:1], payload["duration_s"] / 2), _rates(models, payload["duration_s"] / 2)
    finally:
        for model in models:
            model.close()
    return figure(
        payload["name"], [b / a for a, b in zip(alone, together, strict=True)], "1",
        version=runtime.version(), threads=f"{pair[0]} and {pair[1]}", net="conv3x3x128",
    )  # fmt: skip


def usable_pair() -> tuple[int, int] | None:
    """Two threads of one core that this process may run on; None if no core has two, or none can be told."""
    from advisor.host.cpuinfo import architecture, read_cpuinfo
    from advisor.host.lscpu import read_lscpu
    from advisor.host.topology import read_topology, sibling_pair
    from advisor.host.tree import Tree

    tree = Tree()
    info = read_cpuinfo(tree)
    allowed = os.sched_getaffinity(0)
    topology = read_topology(tree, info, read_lscpu(tree), architecture(info, None), allowed)
    return None if topology.renumbered else sibling_pair(topology.siblings, allowed)


def _rates(models: Sequence[Any], duration_s: float, blocks: int = 5) -> list[float]:
    """Passes per second of all models together, each on a caller of its own, block by block."""
    inputs = benchmark_inputs(models[0].inputs, np.random.default_rng(0))

    def passes(model: Any, end_s: float) -> int:
        count = 0
        while time.perf_counter() < end_s or count < 1:
            model.infer(inputs)
            count += 1
        return count

    rates = []
    with ThreadPoolExecutor(len(models)) as callers:
        for block in range(blocks + 1):
            start_s = time.perf_counter()
            counts = list(callers.map(lambda model: passes(model, start_s + duration_s / blocks), models))  # noqa: B023
            if block:  # the first one warms up
                rates.append(sum(counts) / (time.perf_counter() - start_s))
    return rates
